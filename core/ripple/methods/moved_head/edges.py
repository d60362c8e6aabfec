"""What a face bears that the photograph's edge cuts: moved towards the edge it is crushed there, away from it nothing can follow.

Source: own; limits by looking at cropped portraits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.ripple.methods.moved_head.expressions import (
    EYE_PARTS,
    LOWER_LIP,
    MOUTH_CORNERS,
    UPPER_LIP,
    lips,
)
from core.ripple.methods.moved_head.frame import Head


@dataclass(frozen=True)
class EdgeConstants:
    """When an edge cuts a face, and how far that still moves."""

    aside: float = 0.02  # of the crop's side, beyond the edge: the face itself, not only its hair
    upright: float = -0.06  # the same above and below: chin and forehead need room to nod
    chin: float = -0.12  # and a mouth to open
    turn_deg: float = 4.0
    nod_deg: float = 3.0
    nod_aside_deg: float = 6.0  # where it is cut aside only
    tilt_deg: float = 4.0
    mouth: float = 1.5
    around: float = 0.08  # of the crop's side: so far around what stays a film moves little


EDGE = EdgeConstants()
MOUTH = (*lips(UPPER_LIP), *lips(LOWER_LIP), *MOUTH_CORNERS)
EYES = tuple(index for corners, upper, lower, *_ in EYE_PARTS for index in (*corners, *upper, *lower))
CHIN = 152
WITH_MOUTH, WITH_EYES = ("smile", "mouth", "lip", "beard"), ("eyes", "gaze")


def held_by_edges(
    points: np.ndarray, size: tuple[int, int], unit_px: float
) -> tuple[dict[str, tuple[float, float]], tuple[str, ...]]:
    """The degrees by name of the edits that a cut face bears less of, and why, a sentence each; nothing where none is cut.

    Args:
        points: (478, 2) px of the face's mesh, beyond the photograph too.
        size: (W, H) px of the photograph.
        unit_px: side of the face's crop.
    """
    beyond = np.maximum(-points, points - np.array(size)) / unit_px
    aside, upright = (beyond.max(0) > (EDGE.aside, EDGE.upright)).tolist()
    held, notes = dict[str, tuple[float, float]](), list[str]()
    limits = {"pose": EDGE.turn_deg} if aside else {}
    if aside or upright:
        limits |= {"nod": EDGE.nod_deg if upright else EDGE.nod_aside_deg, "tilt": EDGE.tilt_deg}
        held |= {name: (-most, most) for name, most in limits.items()}
        said = ", ".join(f"{name} {most:g}" for name, most in limits.items())
        notes.append(f"the photograph's edge cuts the face itself, which hardly moves there: at most {said} degrees")
    if beyond[CHIN].max() > EDGE.chin:
        held["mouth"] = (0.0, EDGE.mouth)
        notes.append("the chin is so near the photograph's edge that the mouth opens a little only")
    if (beyond[list(MOUTH)] > 0).any():
        held |= dict.fromkeys(WITH_MOUTH, (0.0, 0.0))
        notes.append("the photograph's edge cuts the mouth, which stays as it is, without a beard")
    if (beyond[list(EYES)] > 0).any():
        held |= dict.fromkeys(WITH_EYES, (0.0, 0.0))
        notes.append("the photograph's edge cuts an eye: both stay as they are")
    return held, tuple(notes)


def kept(head: Head, held: dict[str, tuple[float, float]]) -> np.ndarray:
    """(478,) in [0, 1]: how far each point of a head's mesh may go along with a film, where mouth or eyes stay as they are."""
    keep, points = np.ones(len(head.mesh)), head.mesh[:, :2]
    for part, edit in ((MOUTH, "smile"), (EYES, "eyes")):
        if held.get(edit) == (0.0, 0.0):
            apart = np.hypot(*(points[:, None] - points[list(part)]).transpose(2, 0, 1)).min(1)
            keep *= 1 - np.exp(-np.square(apart / EDGE.around))
    return keep
