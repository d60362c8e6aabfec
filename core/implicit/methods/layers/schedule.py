"""When each place of a film changes over from the first picture to the second: evenly, place after place.

Written for films that are the first person's half way: what is behind changes over before, from the frame's rim inwards; then the
head, from its outline inwards, last the clothes, downwards. Where half way is the second person's, the same runs backwards. Each half
runs slower where much changes, so that its steps are even.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from core.implicit.methods.layers.face import Picture
from core.ops.smoothstep import smoothstep


@dataclass(frozen=True)
class ScheduleConstants:
    """What it is tuned by, in appearance, which runs from 0 to 1."""

    # Nothing changes over so close to both ends.
    ends: float = 0.03
    # How long one place takes of the background, of the head, and at least of the clothes.
    behind: float = 0.2
    place: float = 0.12
    # The head's share of what is left for the person, and how long a place of the clothes takes of the rest.
    head: tuple[float, float] = (0.3, 0.9)
    clothes: float = 0.3
    # How long a place takes of a picture whose person is not told from its background, and how long before half way the frame's rim,
    # where nobody stands, begins: one half alone would move twice as fast as the mean.
    swept: float = 0.25
    early: float = 0.09
    # The head ends below the chin, over this much of the face's diameter.
    neck: float = 0.7
    # So far around the face, as a share of its diameter, all changes over as it does, and how soft that ends.
    around: float = 0.08
    soft: float = 0.15
    # People who come into one outline: how long colours of a place take, and how much less time its details.
    colours: float = 0.24
    sharper: float = 4.0
    # This share of it lies before half way, and people are done so long before the end.
    sooner: float = 0.33
    rest: float = 0.2
    # How far head and clothes overlap, as a share of the time that both take, and how much of it a head's outline is before the face.
    overlap: float = 0.15
    ahead: float = 0.8
    # What is bent counts so much more than what changes, by its share.
    bent: float = 15.0
    # Steps in which the order of places is measured.
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

    def detail(self, appearance: float) -> Picture:
        """The second picture's share of the details of each place, which change over in the middle of its time."""
        return smoothstep((self.share(appearance) - 0.5) * SCHEDULE.sharper + 0.5)

    def lefts(self, appearance: float) -> tuple[Picture, Picture]:
        """How much the first and the second still or already have of their own outline at each place, in [0, 1], (H, W)."""
        onward = 1 - appearance if self.backwards else appearance
        start, end = (np.asarray(one, np.float32).squeeze(-1) for one in (self.start, self.end))
        middle, half = (start + end) / 2, (end - start) / 2 / SCHEDULE.sharper
        # Outlines move on whether much or little changes inside.
        start, end = (
            np.interp(one, self.clock, np.linspace(0, 1, len(self.clock))) for one in (middle - half, middle + half)
        )
        going, coming = (1 - onward / np.maximum(start, 1e-3)), (onward - end) / np.maximum(1 - end, 1e-3)
        going, coming = ((np.clip(one, 0, 1) + smoothstep(one)) / 2 for one in (going, coming))
        return (coming, going) if self.backwards else (going, coming)


@dataclass(frozen=True)
class Schedule:
    """When background, people and heads change over."""

    behind: Turn
    person: Turn
    head: Turn

    @property
    def window(self) -> tuple[float, float]:
        """From which and until which appearance the head changes over."""
        clock = self.head.clock
        start, end = np.interp((float(self.head.start), float(self.head.end)), clock, np.linspace(0, 1, len(clock)))
        return (1 - end, 1 - start) if self.head.backwards else (start, end)


def all_at_once(owner: int) -> Schedule:
    """Of pictures without a face: a quarter of the film, so that most frames show one of them."""
    turn = Turn(0.5, 0.75, owner == 1)
    return Schedule(turn, turn, turn)


def sweep(change: np.ndarray, face: np.ndarray, owner: int) -> Schedule:
    """The schedule of people that are not told from their backgrounds: one half of the film, from the frame's rim inwards.

    Args:
        change: (H, W), how much each place changes, half way.
        face: (H, W), 1 in the middle of the face, else 0.
        owner: whose half way is, 0 or 1.
    """
    away, near = _away(face)
    first, last = 0.5 - SCHEDULE.early, 1 - SCHEDULE.swept
    start = first + (near + (1 - near) * _order(-away, change * (1 - near))) * (last - first)
    end = start + SCHEDULE.swept
    clock = _clock(((start, end),), (change,), SCHEDULE.always)
    whole = Turn(start[..., None].astype(np.float32), end[..., None].astype(np.float32), owner == 1, clock)
    return Schedule(whole, whole, Turn(last, last + SCHEDULE.swept, owner == 1, clock))


def plan(change: np.ndarray, person: np.ndarray, face: np.ndarray, chin: float, owner: int) -> Schedule:
    """The schedule of two people.

    Args:
        change: (H, W), how much each place changes, half way.
        person: (H, W) in [0, 1], where one of the people is.
        face: (H, W), 1 in the middle of the face, else 0.
        chin: y of the lower one of both chins at both ends, in pixels.
        owner: whose half way is, 0 or 1.
    """
    y, diameter = np.arange(len(face))[:, None] + 0.5, max(1.0, float(np.sqrt(face.sum())))
    away, near = _away(face)
    head = smoothstep(1 - (y - chin) / (SCHEDULE.neck * diameter)) + 0 * person
    above = person * head
    below = person - above
    share = float((change * above).sum() / max((change * (above + below)).sum(), 1e-6))
    last, ends = 1 - SCHEDULE.ends, SCHEDULE.head
    neck = 0.5 + (last - 0.5) * min(max(share, ends[0]), ends[1])
    place, longer = SCHEDULE.place, max(SCHEDULE.place, SCHEDULE.clothes * (last - neck))
    outer = SCHEDULE.ends + _order(-away, change * (1 - person)) * (0.5 - SCHEDULE.ends - SCHEDULE.behind)
    inner = 0.5 + _order(-away, change * above * (1 - near)) * (neck - 0.5 - place)
    early = max(0.5, min(neck - place / 2, last - longer))
    lower = early + _order(y + 0 * away, change * below) * (last - early - longer)
    start, end = lower + head * (inner - lower), lower + longer + head * (inner + place - lower - longer)
    behind = outer, outer + SCHEDULE.behind
    people = start + near * (0.5 - start), end + near * (neck - end)
    clock = _clock((behind, people), (change * (1 - person), change * person), SCHEDULE.always)
    around, person_turn = (
        Turn(first[..., None].astype(np.float32), last[..., None].astype(np.float32), owner == 1, clock)
        for first, last in (behind, people)
    )
    return Schedule(around, person_turn, Turn(0.5, neck, owner == 1, clock))


def plan_together(
    change: np.ndarray, person: np.ndarray, face: np.ndarray, chin: float, owner: int, beyond: float
) -> Schedule:
    """The schedule of two people who come into one outline: colours change over slowly, details in the middle of their time.

    Args:
        change: (H, W), how much each place changes, half way.
        person: (H, W) in [0, 1], where one of the people is.
        face: (H, W), 1 in the middle of the face, else 0.
        chin: y of the lower one of both chins at both ends, in pixels.
        owner: whose half way is, 0 or 1.
        beyond: the share of what the people cover that only one of them does: so much is bent.
    """
    y, diameter = np.arange(len(face))[:, None] + 0.5, max(1.0, float(np.sqrt(face.sum())))
    away, near = _away(face)
    head = smoothstep(1 - (y - chin) / (SCHEDULE.neck * diameter)) + 0 * person
    above = person * head
    below = person - above
    share = float((change * above).sum() / max((change * (above + below)).sum(), 1e-6))
    share, place = min(max(share, SCHEDULE.head[0]), SCHEDULE.head[1]), SCHEDULE.colours
    first, last = 0.5 - SCHEDULE.sooner * place, 1 - SCHEDULE.rest
    neck, lowest = (first + (last - first - place) * min(max(share + way * SCHEDULE.overlap, 0), 1) for way in (1, -1))
    outer = SCHEDULE.ends + _order(-away, change * (1 - person)) * (0.5 - SCHEDULE.ends - SCHEDULE.behind)
    # In time, a head always changes over from its outline inwards, and the face with what is around it last.
    sign, ahead, meets = (
        (-1, SCHEDULE.ahead * (neck - first), neck) if owner == 0 else (1, SCHEDULE.ahead * (neck - first), first)
    )
    inner = (meets - ahead if owner == 0 else meets) + _order(sign * away, change * above * (1 - near)) * ahead
    lower = lowest + _order(y + 0 * away, change * below) * (last - lowest - place)
    start = lower + head * (inner - lower)
    start += near * (meets - start)
    end = start + place
    around = outer, outer + SCHEDULE.behind
    # The middle of the face is mixed all along.
    clock = _clock(
        (around, (start, end)),
        (change * (1 - person), change * person * (1 - face)),
        SCHEDULE.always + SCHEDULE.bent * beyond,
        True,
    )
    around_turn, person_turn = (
        Turn(first[..., None].astype(np.float32), last[..., None].astype(np.float32), owner == 1, clock)
        for first, last in (around, (start, end))
    )
    return Schedule(around_turn, person_turn, Turn(meets, meets + place, owner == 1, clock))


def _away(face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each place is from a face (H, W), in its diameters, and how much it changes over with it, in [0, 1]."""
    away = cv2.distanceTransform(1 - face.astype(np.uint8), cv2.DIST_L2, 5) / max(1.0, float(np.sqrt(face.sum())))
    return away, smoothstep(1 - (away - SCHEDULE.around) / SCHEDULE.soft)


def _clock(
    turns: Sequence[tuple[np.ndarray, np.ndarray]], changes: Sequence[np.ndarray], always: float, details: bool = False
) -> np.ndarray:
    """(2 bins + 1,): the times at evenly spaced appearances with which each half of a film changes evenly; half way stays.

    Args:
        turns: from and until when each place of the background and of the people changes over, (H, W) each.
        changes: by how much, (H, W) each.
        always: what changes all along after half way, as a share of all that.
        details: whether half of the people's change is that of details.
    """
    few, whole = (slice(None, None, SCHEDULE.every),) * 2, max(float(sum(map(np.sum, changes))), 1e-6)
    times = np.linspace(0, 1, 2 * SCHEDULE.bins + 1)
    moved = always * np.maximum(times - 0.5, 0) + SCHEDULE.always * np.minimum(times, 0.5)
    for index, ((start, end), change) in enumerate(zip(turns, changes, strict=True)):
        turn, weight = Turn(start[few], end[few]), change[few] * (change.size / change[few].size / whole)
        ways = (turn.share, turn.detail) if details and index else (turn.share,)
        moved += [float(sum((weight * way(float(t))).sum() for way in ways)) / len(ways) for t in times]
    first, middle, last = moved[0], moved[SCHEDULE.bins], moved[-1]
    even = np.interp(times, (0, 0.5, 1), (first, middle, last))
    return np.interp(even, moved, times)


def _order(key: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(H, W) in [0, 1]: the share of all weight that lies where the key is smaller."""
    sums, edges = np.histogram(key, SCHEDULE.bins, weights=weight + 1e-9)
    return np.interp(key, edges, np.concatenate(([0.0], np.cumsum(sums) / sums.sum())))
