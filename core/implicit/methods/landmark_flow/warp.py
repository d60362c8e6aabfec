"""What every warp of this system can do, and the points it is made from."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from core.errors import InputError

MIN_PAIRS = 3


class Warp(Protocol):
    """A motion of the frame over time: at t = 0 it shows the first picture's geometry, at t = 1 the second's.

    Convention: points are (x, y) in pixels of the frame, the centre of its top-left pixel at (0.5, 0.5).
    """

    size_px: tuple[int, int]

    def carry(self, points: np.ndarray, start: float, end: float) -> np.ndarray:
        """Where points (N, 2), seen at time `start`, are at time `end`, float64.

        In the paper's notation T(p, t) is `carry(p, 0, t)`; the first picture is looked up at `carry(x, t, 0)`, the
        second at `carry(x, t, 1)`.
        """


def check_pairs(points_a: np.ndarray, points_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both point lists as (N, 2) float64.

    Raises:
        InputError: different counts, fewer than three pairs, or numbers that are not finite.
    """
    a, b = (np.asarray(points, dtype=np.float64) for points in (points_a, points_b))
    for points, which in ((a, "first"), (b, "second")):
        if points.size and (points.ndim != 2 or points.shape[-1] != 2):
            raise InputError(f"the {which} picture's landmarks are {points.shape}, (N, 2) with x before y fits")
        if not np.isfinite(points).all():
            raise InputError(f"the {which} picture has a landmark that is not a finite number: remove it")
    if len(a) != len(b):
        raise InputError(
            f"the first picture has {len(a)} landmarks, the second {len(b)}: every point needs its partner, add or remove points"
        )
    if len(a) < MIN_PAIRS:
        raise InputError(f"{len(a)} landmark pairs came, at least {MIN_PAIRS} are needed: add points to both pictures")
    return a, b


def in_frame(a: np.ndarray, b: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """(N,) bool: which pairs of landmarks (N, 2) the frame shows in both pictures; beyond its edges, which stay, none can meet.

    All, where it shows hardly any.
    """
    seen = np.logical_and(*(((points >= 0) & (points <= size_px)).all(1) for points in (a, b)))
    return seen if seen.sum() > 2 else np.ones(len(a), bool)
