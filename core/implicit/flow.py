"""The fast warp: a flow that carries every landmark along the straight line to its partner.

At each time the velocity is the thin-plate spline that moves all landmarks, where they are at that time, with their
own constant velocity. Following it is a diffeomorphism: its inverse is the same flow run backwards, it cannot fold,
and landmarks are met exactly at every time. One small linear system per time replaces the training of a network.

Source: landmark matching by flows, Joshi and Miller 2000; thin plates, Bookstein 1989. The use for face morphs instead
of a trained network: section 3 of Schardong et al. 2024 states the properties that the warp has to have.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from core.errors import InputError
from core.implicit.warp import check_pairs

MERGE_DISTANCE = 1.5e-4
NUGGET = 3e-8
MIN_STEPS, MAX_STEPS = 8, 64
INVERSE_TOLERANCE = 4e-7
STEEP = 1e-4
EDGE_FLOOR = 0.02
PROBES = 14
CHUNK = 1 << 22


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: these products are so small that waking a second one takes longer, many times so on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class FlowWarp:
    """A `Warp` through landmark pairs.

    Attributes:
        size_px: (width, height) of the frame.
        steps: Runge-Kutta steps over the whole time, chosen so that there and back misses by less than 4e-7.
        inverse_error: what it still misses by; larger only where landmarks contradict each other.
        merged: pairs that became one with a neighbour because they touch on their way.
    """

    def __init__(
        self,
        points_a: np.ndarray | Tensor,
        points_b: np.ndarray | Tensor,
        size_px: tuple[int, int],
        smoothing: float = 0.0,
        edges_stay: bool = True,
    ) -> None:
        """Make the warp; this is all the fitting there is.

        Args:
            points_a: (N, 2) landmarks in the first picture, (x, y) pixels of the frame; at least three.
            points_b: (N, 2) their partners in the second picture.
            size_px: (width, height) of the frame.
            smoothing: 0 meets every landmark; up to 1 lets the plate stay stiff and miss them.
            edges_stay: the frame's edges slide along themselves, so nothing outside the pictures is ever seen.

        Raises:
            InputError: points that do not pair up, or a smoothing outside [0, 1].
        """
        if not 0 <= smoothing <= 1:
            raise InputError(f"smoothing is {smoothing}, it fits between 0 and 1")
        self.size_px = size_px
        self.edges_stay = edges_stay
        self.nugget = NUGGET + smoothing**3
        self.scale = max(size_px) / 2
        self.half = torch.tensor(size_px, dtype=torch.float64) / (2 * self.scale)
        a, b = (self._to_unit(points) for points in check_pairs(points_a, points_b))
        self.source, self.target = _merge_touching(a, b)
        self.merged = len(a) - len(self.source)
        self._solved: dict[float, Tensor] = {}
        self.steps, self.inverse_error = self._choose_steps()

    @one_thread()
    def carry(self, points: Tensor, start: float, end: float, steps: int | None = None) -> Tensor:
        """See `Warp.carry`; classical Runge-Kutta of order 4 in float64."""
        steps = steps or max(1, math.ceil(abs(end - start) * self.steps - 1e-9))
        dt = (end - start) / steps
        self._solve([start + k * dt / 2 for k in range(2 * steps + 1)])
        at = self._to_unit(points)
        for step in range(steps):
            t = start + step * dt
            k1 = self.velocity(at, t)
            k2 = self.velocity(at + dt / 2 * k1, t + dt / 2)
            k3 = self.velocity(at + dt / 2 * k2, t + dt / 2)
            k4 = self.velocity(at + dt * k3, t + dt)
            at = at + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return (at + self.half) * self.scale

    def velocity(self, at: Tensor, t: float) -> Tensor:
        """Velocity (N, 2) at time t, per unit of time; places and velocity in halves of the frame's longer side."""
        self._solve([t])
        weights, centres = self._solved[_key(t)], self._centres(t)
        chunk = max(1, CHUNK // len(centres))
        plates = [_plate(part, centres) @ weights[:-3] for part in at.split(chunk)]
        free = torch.cat(plates) + _affine(at) @ weights[-3:]
        return self._edge(at) * free

    def _centres(self, t: float) -> Tensor:
        return self.source + t * (self.target - self.source)

    def _edge(self, at: Tensor) -> Tensor:
        """(N, 2): 1 in the middle, 0 where an edge stops the motion across it."""
        if not self.edges_stay:
            return torch.ones_like(at)
        return (1 - (at / self.half).square()).clamp_min(0)

    def _solve(self, times: list[float]) -> None:
        """Find the spline's weights for these times, all in one batch."""
        missing = list(dict.fromkeys(t for t in times if _key(t) not in self._solved))
        if not missing:
            return
        count = len(self.source)
        system = torch.zeros(len(missing), count + 3, count + 3, dtype=torch.float64)
        wanted = torch.zeros(len(missing), count + 3, 2, dtype=torch.float64)
        for row, t in enumerate(missing):
            centres = self._centres(t)
            system[row, :count, :count] = _plate(centres, centres)
            system[row, :count, count:] = _affine(centres)
            wanted[row, :count] = (self.target - self.source) / self._edge(centres).clamp_min(EDGE_FLOOR)
        system[:, count:, :count] = system[:, :count, count:].mT
        diagonal = torch.full((count + 3,), self.nugget, dtype=torch.float64)
        # Keeps the affine part finite for landmarks on one line, where it is not determined.
        diagonal[count:] = -1e-9
        weights = torch.linalg.solve(system + torch.diag(diagonal), wanted)
        self._solved.update({_key(t): item for t, item in zip(missing, weights, strict=True)})

    def _choose_steps(self) -> tuple[int, float]:
        """The fewest steps with which going there and back ends where it began, over the frame and around landmarks.

        Returns:
            Steps, and the largest miss in halves of the frame's longer side.
        """
        share = (torch.arange(PROBES, dtype=torch.float64) + 0.5) / PROBES * 2 - 1
        frame = torch.cartesian_prod(share, share) * self.half
        near = torch.cat([self.source + offset * self.half for offset in (0.006, -0.012)])
        probes = (torch.cat((self.source, near, frame)) + self.half) * self.scale
        steps = MIN_STEPS
        while True:
            back = self.carry(self.carry(probes, 0, 1, steps), 1, 0, steps)
            error = (back - probes).abs().max().item() / self.scale
            if error < INVERSE_TOLERANCE or steps >= MAX_STEPS:
                return steps, error
            steps = min(MAX_STEPS, steps * (4 if error > STEEP else 2))

    def _to_unit(self, points: Tensor) -> Tensor:
        return points.double() / self.scale - self.half

    def __getstate__(self) -> dict[str, Any]:
        """Without the solved weights, which are found again where they are needed."""
        return {**self.__dict__, "_solved": {}}


def _key(t: float) -> float:
    return round(t, 9)


def _affine(at: Tensor) -> Tensor:
    """(N, 3): 1, x, y."""
    return torch.cat((torch.ones_like(at[:, :1]), at), 1)


def _plate(at: Tensor, centres: Tensor) -> Tensor:
    """(N, K): r^2 log r between places and centres."""
    squared = (at[:, :1] - centres[:, 0]).square_().add_((at[:, 1:] - centres[:, 1]).square_())
    return torch.log(squared.clamp_min(1e-40)).mul_(squared).mul_(0.5)


def _merge_touching(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The pairs, with those that meet another pair at some time replaced by their mean.

    No map without folds can bring two points together or part them, so the pairs in question become one.
    """
    begin = a[:, None] - a
    change = (b[:, None] - b) - begin
    nearest = (-(begin * change).sum(-1) / change.square().sum(-1).clamp_min(1e-30)).clamp(0, 1)
    distance = (begin + nearest[..., None] * change).norm(dim=-1)
    count, label = connected_components((distance < MERGE_DISTANCE).numpy())
    member = torch.nn.functional.one_hot(torch.from_numpy(label).long(), count).double()
    share = (member / member.sum(0)).T
    return share @ a, share @ b
