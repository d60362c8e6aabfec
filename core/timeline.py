"""Timelines: which position t each frame of a video shows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import InputError, OptionError
from core.options import check, option

EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda x: x,
    "smooth": lambda x: x * x * (3 - 2 * x),
    "ease-in": lambda x: x * x,
    "ease-out": lambda x: x * (2 - x),
    "sine": lambda x: (1 - math.cos(math.pi * x)) / 2,
}
MAX_FRAMES = 2000


@dataclass(frozen=True)
class Timeline:
    """A morph laid out in time; `positions()` is the list of t, one per frame of the video."""

    frames: int = option(48, "frames from the first to the last picture, both included", low=2, high=600, step=1)
    fps: int = option(24, "frames per second of the video", low=1, high=60, step=1)
    easing: str = option("smooth", "how the speed changes along the way", choices=tuple(EASINGS))
    hold_start_s: float = option(0.0, "seconds that the first picture stands still", low=0, high=10, step=0.1)
    hold_end_s: float = option(0.0, "seconds that the last picture stands still", low=0, high=10, step=0.1)
    ping_pong: bool = option(False, "play forth and back, so that the video loops without a jump")
    t_start: float = option(0.0, "position of the first frame", low=-2, high=3, step=0.01)
    t_end: float = option(1.0, "position of the last frame", low=-2, high=3, step=0.01)

    def positions(self) -> list[float]:
        """The position t of every frame; the ends are met exactly.

        Raises:
            OptionError: a value out of its range, or more than 2000 frames.
        """
        check(self)
        ease = EASINGS[self.easing]
        forth = []
        for index in range(self.frames):
            x = ease(index / (self.frames - 1))
            forth.append(self.t_start * (1 - x) + self.t_end * x)
        forth[0], forth[-1] = self.t_start, self.t_end
        start = [forth[0]] * round(self.hold_start_s * self.fps)
        end = [forth[-1]] * round(self.hold_end_s * self.fps)
        back = forth[-2:0:-1] if self.ping_pong else []
        whole = start + forth + end + back
        if len(whole) > MAX_FRAMES:
            raise OptionError(
                f"the timeline has {len(whole)} frames, {MAX_FRAMES} fit: use fewer frames or shorter holds"
            )
        return whole

    @property
    def duration_s(self) -> float:
        """Length of the video in seconds."""
        return len(self.positions()) / self.fps


@dataclass(frozen=True)
class Chain:
    """Several pictures in a row, A-B-C or A-B-C-A: a position in [0, 1] falls into one pair.

    Attributes:
        count: number of pictures, at least 2.
        closed: go back to the first picture at the end.
    """

    count: int
    closed: bool = False

    def __post_init__(self) -> None:
        """Refuse a chain of fewer than two pictures."""
        if self.count < 2:
            raise InputError(f"a chain of {self.count} picture: at least 2 are needed")

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The pictures at the ends of each segment, by index."""
        last = self.count if self.closed else self.count - 1
        return [(index, (index + 1) % self.count) for index in range(last)]

    def at(self, position: float) -> tuple[int, float]:
        """(segment, t within it) at `position` in [0, 1] along the whole chain."""
        along = min(max(position, 0.0), 1.0) * len(self.pairs)
        segment = min(int(along), len(self.pairs) - 1)
        return segment, along - segment
