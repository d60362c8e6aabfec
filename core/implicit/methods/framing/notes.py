"""What a person should know of a pair of portraits, said beside the picture: one sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.detect import faces
from core.detect.faces import TURN
from core.implicit.methods.framing.framing import choose_turn, find_anchor
from core.implicit.methods.landmark_flow.warp import Warp, in_frame
from core.implicit.paper.landmarks import (
    LEFT_BROW,
    LEFT_EYE,
    LIPS,
    MESH_VERTICES,
    NOSE_AND_CHEEKS,
    OVAL,
    RIGHT_BROW,
    RIGHT_EYE,
)

WHICH = ("first", "second")
# The detector's points in their order, and what a person calls them.
PARTS = (
    (len(OVAL), "face outline"), (len(LIPS), "mouth"), (len(RIGHT_EYE), "right eye"), (len(RIGHT_BROW), "right brow"),
    (len(LEFT_EYE), "left eye"), (len(LEFT_BROW), "left brow"), (len(NOSE_AND_CHEEKS), "nose and cheeks"),
)  # fmt: skip
OWN_TURN = [MESH_VERTICES.index(vertex) for vertex in TURN]


@dataclass(frozen=True)
class NoteLimits:
    """From when on something is said."""

    # Landmarks missed, in pixels of a frame of 512.
    missed_px: float = 2.0
    # Turned upright by more than this, in degrees.
    upright_deg: float = 30.0
    # Made up by more than this share of the frame.
    made_up: float = 0.2


LIMITS = NoteLimits()


def notes_before(points: Sequence[np.ndarray]) -> list[str]:
    """What is known from both lists of landmarks (N, 2), before the warp is fitted."""
    said: list[str] = []
    if min(len(own) for own in points) < len(MESH_VERTICES):
        return said
    turns = [float(np.degrees(choose_turn(find_anchor(own).tilt))) for own in points]
    said += [
        f"The {which} picture was turned by {-turn:.0f} degrees, so that its face stands upright."
        for which, turn in zip(WHICH, turns, strict=True)
        if abs(turn) > LIMITS.upright_deg
    ]
    if look_apart(*points):
        said.append(
            "The faces look in different directions (one from the side, one from the front): the half that one of them hides "
            "has no partner, so they cannot meet there. Take two faces that look the same way."
        )
    return said


def look_apart(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two faces with detected landmarks (N, 2) look in different directions; of others it is not known."""
    return min(len(a), len(b)) >= len(MESH_VERTICES) and faces.look_apart(a[OWN_TURN], b[OWN_TURN])


def nose_place(points: np.ndarray) -> float:
    """Where the tip of the nose stands between the sides of a face with detected landmarks (N, 2)."""
    return faces.nose_place(points[OWN_TURN])


def notes_on_misses(a: np.ndarray, b: np.ndarray, warp: Warp) -> list[str]:
    """Which landmarks (N, 2) in the frame the warp does not carry onto each other, and the worst one."""
    miss = np.linalg.norm(warp.carry(a, 0.0, 0.5) - warp.carry(b, 1.0, 0.5), axis=1) * 512 / max(warp.size_px)
    miss[~in_frame(a, b, warp.size_px)] = 0
    count, worst = int((miss > LIMITS.missed_px).sum()), int(miss.argmax())
    if not count:
        return []
    return [
        f"{count} of {len(miss)} landmarks contradict each other and are missed by more than {LIMITS.missed_px:g} px, the worst by "
        f"{miss[worst]:.0f} px of 512 ({_part(worst, len(miss))}, point {worst + 1}): move or remove it, or take two faces that "
        "look and smile alike."
    ]


def notes_on_gaps(made_up: Sequence[float]) -> list[str]:
    """Where much of the frame is made up; `made_up` has the share of it that each picture does not show."""
    return [
        f"The {which} picture shows {1 - share:.0%} of the frame, the rest is made up: take one that shows more around the "
        "face, or framing whole."
        for which, share in zip(WHICH, made_up, strict=True)
        if share > LIMITS.made_up
    ]


def notes_on_people(found: Sequence[bool], faces: bool, background: str) -> list[str]:
    """Where a picture shows nobody to tell apart, and what that changes.

    Args:
        found: whether each picture shows a person.
        faces: whether both have a face's landmarks.
        background: the one asked for.
    """
    if faces and background == "crossfade":
        return []
    so = "its background changes over with the person" if faces else "the two pictures are crossfaded without layers"
    return [
        f"Nobody was found in the {which} picture, so {so}."
        for which, there in zip(WHICH, found, strict=True)
        if not there
    ]


def _part(index: int, count: int) -> str:
    if count < len(MESH_VERTICES):
        return "set by hand"
    for length, name in PARTS:
        if index < length:
            return name
        index -= length
    return "outline of head and shoulders"
