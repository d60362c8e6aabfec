"""When each place of a film changes over from the first picture to the second: evenly, place after place.

Written for films that are the first person's half way: what is behind changes over before, from the frame's rim inwards; then the
people, behind a narrow front (`front.py`). Where half way is the second person's, the same runs backwards. Each half runs slower
where much changes, so that its steps are even.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from core.implicit.methods.layers.face import Picture
from core.implicit.methods.layers.front import arrivals, away_from, order, passing
from core.ops.smoothstep import smoothstep


@dataclass(frozen=True)
class ScheduleConstants:
    """What it is tuned by, in appearance, which runs from 0 to 1."""

    # Nothing changes over so close to both ends.
    ends: float = 0.03
    # How long one place takes of the background, and the face.
    behind: float = 0.2
    face: float = 0.12
    # How long a place takes of a picture whose person is not told from its background, and how long before half way the frame's rim,
    # where nobody stands, begins: one half alone would move twice as fast as the mean.
    swept: float = 0.25
    early: float = 0.08
    # Times at which the evenness of a film is measured.
    bins: int = 64
    # How much changes is measured at one in so many pixels; tones and faces, which are mixed all along, count as this share of it.
    every: int = 4
    always: float = 0.25


SCHEDULE = ScheduleConstants()


@dataclass(frozen=True)
class Turn:
    """When something changes over.

    Attributes:
        start: (H, W, 1) float32, the appearance from which on each place changes over; a number where all do at once.
        end: the same, until which.
        backwards: whether it is written for the film that runs backwards.
        clock: (N,) increasing, the time that it is at evenly spaced appearances from 0 to 1: slow where much changes.
    """

    start: Picture | float
    end: Picture | float
    backwards: bool = False
    clock: np.ndarray = field(default_factory=lambda: np.array((0.0, 1.0)))

    def share(self, appearance: float) -> Picture:
        """The second picture's share of each place, nearly even in time."""
        onward = 1 - appearance if self.backwards else appearance
        at = float(np.interp(onward, np.linspace(0, 1, len(self.clock)), self.clock))
        along = np.clip((at - self.start) / (self.end - self.start), 0, 1)
        share = 0.8 * along + 0.2 * smoothstep(along)
        return np.asarray(1 - share if self.backwards else share, np.float32)

    def looked_up(self, places: np.ndarray) -> Turn:
        """The turn of a frame whose pixels lie at places (H, W, 2), (x, y) pixels of the frame that this one is of."""
        if isinstance(self.start, float) or isinstance(self.end, float):
            return self
        start, end = (
            cv2.remap(
                one, places[..., 0] - 0.5, places[..., 1] - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            for one in (self.start, self.end)
        )
        return replace(self, start=start[..., None], end=end[..., None])


@dataclass(frozen=True)
class Schedule:
    """When background, people and faces change over.

    Attributes:
        behind: the backgrounds.
        person: the people.
        head: the faces' light.
        bends: from which until which time heads change over, faces, hair and hats.
    """

    behind: Turn
    person: Turn
    head: Turn
    bends: tuple[float, float]

    @property
    def window(self) -> tuple[float, float]:
        """From which and until which appearance heads change over."""
        clock = self.head.clock
        start, end = np.interp(self.bends, clock, np.linspace(0, 1, len(clock)))
        return (1 - end, 1 - start) if self.head.backwards else (start, end)

    def looked_up(self, places: np.ndarray) -> Schedule:
        """That of a frame whose pixels lie at places (H, W, 2), (x, y) pixels of the frame that this one is of."""
        return replace(self, behind=self.behind.looked_up(places), person=self.person.looked_up(places))


def all_at_once(owner: int) -> Schedule:
    """Of pictures without a face: a quarter of the film, so that most frames show one of them."""
    turn = Turn(0.5, 0.75, owner == 1)
    return Schedule(turn, turn, turn, (0.5, 0.75))


def sweep(change: np.ndarray, face: np.ndarray, owner: int) -> Schedule:
    """The schedule of people that are not told from their backgrounds: one half of the film, from the frame's rim inwards.

    Args:
        change: (H, W), how much each place changes, half way.
        face: (H, W), 1 in the middle of the face, else 0.
        owner: whose half way is, 0 or 1.
    """
    away, near = away_from(face)
    first, last = 0.5 - SCHEDULE.early, 1 - SCHEDULE.swept
    start = first + (near + (1 - near) * order(-away, change * (1 - near))) * (last - first)
    end = start + SCHEDULE.swept
    clock = _clock(((start, end),), (change,))
    whole = Turn(start[..., None].astype(np.float32), end[..., None].astype(np.float32), owner == 1, clock)
    times = last, last + SCHEDULE.swept
    return Schedule(whole, whole, Turn(*times, owner == 1, clock), times)


def plan(
    change: np.ndarray, people: tuple[np.ndarray, np.ndarray], face: np.ndarray, chin: float, owner: int
) -> Schedule:
    """The schedule of two people.

    Args:
        change: (H, W), how much each place changes, half way.
        people: (H, W) in [0, 1], where both are.
        face: (H, W), 1 in the middle of the face, else 0.
        chin: y of the lower one of both chins at both ends, in pixels.
        owner: whose half way is, 0 or 1.
    """
    person, last = np.maximum(*people), 1 - SCHEDULE.ends
    comes, near, heads = arrivals(change, people, face, chin, owner)
    starts = (0.5 + (1 - comes) * (last - 0.5)).astype(np.float32)
    takes = passing(starts)
    early = last - SCHEDULE.face
    start, end = starts - takes, starts
    start, end = np.maximum(start + near * (early - start), 0.5), end + near * (last - end)
    away, _ = away_from(face)
    outer = SCHEDULE.ends + order(-away, change * (1 - person)) * (0.5 - SCHEDULE.ends - SCHEDULE.behind)
    behind, passes = (outer, outer + SCHEDULE.behind), (start, np.maximum(end, start + 1e-3))
    clock = _clock((behind, passes), (change * (1 - person), change * person))
    around, person_turn = (
        Turn(one[..., None].astype(np.float32), other[..., None].astype(np.float32), owner == 1, clock)
        for one, other in (behind, passes)
    )
    bends = (last - heads * (last - 0.5), last)
    return Schedule(around, person_turn, Turn(early, last, owner == 1, clock), bends)


def _clock(turns: Sequence[tuple[np.ndarray, np.ndarray]], changes: Sequence[np.ndarray]) -> np.ndarray:
    """(2 bins + 1,): the times at evenly spaced appearances with which each half of a film changes evenly; half way stays.

    Args:
        turns: from and until when each place of the background and of the people changes over, (H, W) each.
        changes: by how much, (H, W) each.
    """
    few, whole = (slice(None, None, SCHEDULE.every),) * 2, max(float(sum(map(np.sum, changes))), 1e-6)
    times = np.linspace(0, 1, 2 * SCHEDULE.bins + 1)
    moved = SCHEDULE.always * times
    for (start, end), change in zip(turns, changes, strict=True):
        turn, weight = Turn(start[few], end[few]), change[few] * (change.size / change[few].size / whole)
        moved += [float((weight * turn.share(float(t))).sum()) for t in times]
    first, middle, last = moved[0], moved[SCHEDULE.bins], moved[-1]
    even = np.interp(times, (0, 0.5, 1), (first, middle, last))
    return np.interp(even, moved, times)
