"""The fast warp: a flow that carries every landmark along the straight line to its partner.

At each time the velocity is the thin-plate spline that moves all landmarks, where they are at that time, with their
own constant velocity. Following it is a diffeomorphism: its inverse is the same flow run backwards, it cannot fold,
and landmarks are met exactly at every time. One small linear system per time replaces the training of a network.

Arrays are numpy's: it keeps to one thread here, while torch would wake a second one for every small product.

Source: landmark matching by flows, Joshi and Miller 2000; thin plates, Bookstein 1989. The use for face morphs instead
of a trained network: section 3 of Schardong et al. 2024 states the properties that the warp has to have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg.lapack import dgesv
from scipy.sparse.csgraph import connected_components

from core.errors import InputError
from core.implicit.methods.landmark_flow.warp import check_pairs


@dataclass(frozen=True)
class FlowConstants:
    """What the flow is tuned by. Lengths are in halves of the frame's longer side."""

    # Landmarks that come closer than this (0.04 px of 512) become one: parting them would need a fold.
    merge_distance: float = 1.5e-4
    # On the system's diagonal: the least that keeps it solvable where landmarks nearly touch.
    nugget: float = 3e-8
    # Keeps the affine part finite for landmarks on one line, where it is not determined.
    affine_nugget: float = 1e-9
    # Runge-Kutta steps over the whole time, and the miss of there and back at which more stop to help the eye.
    min_steps: int = 8
    max_steps: int = 64
    inverse_tolerance: float = 4e-7
    # Misses above this need four times the steps at once; twice below.
    steep: float = 1e-4
    # A miss that more steps do not mend: landmarks contradict each other.
    hopeless: float = 3e-3
    # Landmarks on the very edge would ask for infinite velocity beside it.
    edge_floor: float = 0.02
    # Points per side of the grid on which there and back is measured.
    probes: int = 14
    # Numbers per operation; as many fit into a core's cache.
    chunk: int = 1 << 15


CONSTANTS = FlowConstants()


class FlowWarp:
    """A `Warp` through landmark pairs.

    Attributes:
        size_px: (width, height) of the frame.
        merged: pairs that became one with a neighbour because they touch on their way.
    """

    def __init__(
        self,
        points_a: np.ndarray,
        points_b: np.ndarray,
        size_px: tuple[int, int],
        smoothing: float = 0.0,
        edges_stay: bool = True,
        slack: np.ndarray | None = None,
    ) -> None:
        """Make the warp; this is all the fitting there is.

        Args:
            points_a: (N, 2) landmarks in the first picture, (x, y) pixels of the frame; at least three.
            points_b: (N, 2) their partners in the second picture.
            size_px: (width, height) of the frame.
            smoothing: 0 meets every landmark; up to 1 lets the plate stay stiff and miss them.
            edges_stay: the frame's edges slide along themselves, so nothing outside the pictures is ever seen.
            slack: (N,) what `smoothing` is to each pair, where that is more.

        Raises:
            InputError: points that do not pair up, or a smoothing outside [0, 1].
        """
        if not 0 <= smoothing <= 1:
            raise InputError(f"smoothing is {smoothing}, it fits between 0 and 1")
        self.size_px = size_px
        self.edges_stay = edges_stay
        self.scale = max(size_px) / 2
        self.half = np.array(size_px) / (2 * self.scale)
        a, b = (self._to_unit(points) for points in check_pairs(points_a, points_b))
        looseness = np.maximum(smoothing, np.zeros(len(a)) if slack is None else slack) ** 3
        share = _merge_touching(a, b)
        self.source, self.target = share @ a, share @ b
        self.nugget = CONSTANTS.nugget + share @ looseness
        self.merged = len(a) - len(self.source)
        self._solved: dict[float, np.ndarray] = {}

    @property
    def steps(self) -> int:
        """Runge-Kutta steps over the whole time, chosen so that there and back misses by less than 4e-7."""
        return self._measured[0]

    @property
    def inverse_error(self) -> float:
        """What there and back still misses by; larger only where landmarks contradict each other."""
        return self._measured[1]

    def carry(self, points: np.ndarray, start: float, end: float, steps: int | None = None) -> np.ndarray:
        """See `Warp.carry`; classical Runge-Kutta of order 4."""
        steps = steps or max(1, math.ceil(abs(end - start) * self.steps - 1e-9))
        dt = (end - start) / steps
        at = self._to_unit(points)
        for step in range(steps):
            t = start + step * dt
            k1 = self.velocity(at, t)
            k2 = self.velocity(at + dt / 2 * k1, t + dt / 2)
            k3 = self.velocity(at + dt / 2 * k2, t + dt / 2)
            k4 = self.velocity(at + dt * k3, t + dt)
            at = at + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return (at + self.half) * self.scale

    def velocity(self, at: np.ndarray, t: float) -> np.ndarray:
        """Velocity (N, 2) at time t, per unit of time; places and velocity in halves of the frame's longer side."""
        weights, centres = self._weights(t), self._centres(t)
        free = _affine(at) @ weights[-3:]
        chunk = max(1, CONSTANTS.chunk // len(centres))
        for first in range(0, len(at), chunk):
            free[first : first + chunk] += _plate(at[first : first + chunk], centres) @ weights[:-3]
        return self._edge(at) * free

    def strain(self, near_px: float, least_px: float) -> float:
        """The largest strain (see `strain_of`) between centres as they move half way: what slack has left of it."""
        middle = self._centres(0.5)
        moved = self.velocity(middle, 0.5) * self.scale / 2
        middle = middle * self.scale
        return float(strain_of(middle - moved, middle + moved, near_px, least_px).max(initial=0.0))

    def _centres(self, t: float) -> np.ndarray:
        return self.source + t * (self.target - self.source)

    def _edge(self, at: np.ndarray) -> np.ndarray:
        """(N, 2): 1 in the middle, 0 where an edge stops the motion across it."""
        return np.maximum(1 - np.square(at / self.half), 0) if self.edges_stay else np.ones_like(at)

    def _weights(self, t: float) -> np.ndarray:
        """(K + 3, 2): the spline's weights at time t, found once."""
        key = round(t, 9)
        if key not in self._solved:
            centres = self._centres(t)
            count = len(centres)
            system = np.zeros((count + 3, count + 3))
            system[:count, :count] = _plate(centres, centres)
            system[:count, count:] = _affine(centres)
            system[count:, :count] = system[:count, count:].T
            diagonal = np.append(self.nugget, np.full(3, -CONSTANTS.affine_nugget))
            wanted = np.zeros((count + 3, 2))
            wanted[:count] = (self.target - self.source) / np.maximum(self._edge(centres), CONSTANTS.edge_floor)
            *_, solution, fault = dgesv(system + np.diag(diagonal), wanted)
            if fault:
                raise InputError("no warp goes through these landmarks: remove those that lie on top of each other")
            self._solved[key] = solution
        return self._solved[key]

    @cached_property
    def _measured(self) -> tuple[int, float]:
        """The fewest steps with which going there and back ends where it began, over the frame and around landmarks.

        Returns:
            Steps, and the largest miss in halves of the frame's longer side.
        """
        share = (np.arange(CONSTANTS.probes) + 0.5) / CONSTANTS.probes * 2 - 1
        frame = np.stack(np.meshgrid(share, share, indexing="ij"), -1).reshape(-1, 2) * self.half
        near = [self.source + offset * self.half for offset in (0.006, -0.012)]
        probes = (np.concatenate((self.source, *near, frame)) + self.half) * self.scale
        steps = CONSTANTS.min_steps
        while True:
            back = self.carry(self.carry(probes, 0, 1, steps), 1, 0, steps)
            error = float(np.abs(back - probes).max()) / self.scale
            hopeless = steps > CONSTANTS.min_steps and error > CONSTANTS.hopeless
            if error < CONSTANTS.inverse_tolerance or hopeless or steps >= CONSTANTS.max_steps:
                return steps, error
            steps = min(CONSTANTS.max_steps, steps * (4 if error > CONSTANTS.steep else 2))

    def _to_unit(self, points: np.ndarray) -> np.ndarray:
        return np.asarray(points, dtype=np.float64) / self.scale - self.half

    def __getstate__(self) -> dict[str, Any]:
        """Without the solved weights, which are found again where they are needed."""
        return {**self.__dict__, "_solved": {}}


def _affine(at: np.ndarray) -> np.ndarray:
    """(N, 3): 1, x, y."""
    return np.concatenate((np.ones_like(at[:, :1]), at), 1)


def _plate(at: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(N, K): r^2 log r between places and centres."""
    squared = np.square(at[:, :1] - centres[:, 0])
    squared += np.square(at[:, 1:] - centres[:, 1])
    plate = np.log(np.maximum(squared, 1e-40))
    plate *= squared
    plate *= 0.5
    return plate


def strain_of(points_a: np.ndarray, points_b: np.ndarray, near_px: float, least_px: float = 0.0) -> np.ndarray:
    """(N,): how much each pair contradicts one beside it: their relative motion by their distance where they are closest.

    Args:
        points_a: (N, 2), (x, y) pixels.
        points_b: (N, 2) their partners.
        near_px: pairs further apart than this at both ends do not count.
        least_px: pairs closer than this count as this far apart.
    """
    begin, end = (points[:, None] - points for points in (points_a, points_b))
    apart = np.minimum(np.linalg.norm(begin, axis=-1), np.linalg.norm(end, axis=-1))
    strain = np.linalg.norm(end - begin, axis=-1) / np.maximum(apart, max(least_px, 1e-6))
    strain[(apart > near_px) | np.eye(len(apart), dtype=bool)] = 0
    return strain.max(1)


def _merge_touching(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(K, N): the shares of the pairs in those that are left when pairs that meet at some time are replaced by their mean.

    No map without folds can bring two points together or part them, so the pairs in question become one.
    """
    begin = a[:, None] - a
    change = (b[:, None] - b) - begin
    nearest = (-(begin * change).sum(-1) / np.maximum(np.square(change).sum(-1), 1e-30)).clip(0, 1)
    distance = np.linalg.norm(begin + nearest[..., None] * change, axis=-1)
    count, label = connected_components(distance < CONSTANTS.merge_distance)
    share = np.eye(count)[:, label]
    return share / share.sum(1, keepdims=True)
