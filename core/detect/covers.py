"""Whether something lies before a face that its landmarks do not know of: a mask over mouth and chin, dark glasses.

Source: own; a mouth differs from the skin around it, and the skin around it hardly from that of the nose and the forehead; the lids
and the skin below an eye are about as light as the cheek.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from core.detect.faces import Face
from core.image import crop_box

LIPS = (0, 11, 12, 13, 14, 15, 16, 17, 37, 267, 39, 269, 84, 314, 181, 405, 72, 302, 85, 315)
AROUND = (164, 167, 393, 165, 391, 18, 83, 313, 200, 199, 421, 201, 208, 428, 204, 424, 186, 410, 212, 432)
# The fold above each eye, and the skin below its lower lid.
LIDS = (
    (247, 30, 29, 27, 28, 56, 190, 110, 24, 23, 22, 26, 112),
    (467, 260, 259, 257, 258, 286, 414, 339, 254, 253, 252, 256, 341),
)
SKIN = (50, 280, 205, 425, 151, 9, 197, 195, 5)
ABOVE = (151, 108, 337, 9, 8, 6, 197, 195, 5, 50, 280, 101, 330)


@dataclass(frozen=True)
class CoverConstants:
    """When a mouth is covered; CIELab unless it says otherwise."""

    view_px: int = 256  # side of the face that is looked at
    blur_px: float = 1.2  # of it
    alike: float = 6.0  # lips and what is around them ...
    plain: float = 11.0  # ... whose light hardly varies: no line between lips, no teeth
    hue: float = 10.0  # of what is around them beside the face above, at least ...
    light: float = 25.0  # ... or this
    lids: float = 0.4  # of the skin's light: darker lids on both sides are behind glasses
    lid: float = 0.15  # and one so dark


COVER = CoverConstants()


def mouth_covered(picture: Image.Image, face: Face) -> bool:
    """Whether a mask or a cloth covers the mouth of a face in its picture (RGB); a beard or a hand does not count."""
    lips, around, above = (_colours(picture, face, part) for part in (LIPS, AROUND, ABOVE))
    light, *hue = np.median(around, 0) - np.median(above, 0)
    alike = np.linalg.norm(np.median(lips, 0) - np.median(around, 0)) < COVER.alike
    plain = np.ptp(np.percentile(lips[:, 0], [10, 90])) < COVER.plain
    return bool(alike and plain and (np.hypot(*hue) > COVER.hue or abs(light) > COVER.light))


def eyes_covered(picture: Image.Image, face: Face) -> bool:
    """Whether dark glasses hide the eyes of a face in its picture (RGB); lightly tinted ones do not count."""
    skin = float(np.median(_colours(picture, face, SKIN)[:, 0]))
    lids = [float(np.percentile(_colours(picture, face, part)[:, 0], 80)) for part in LIDS]
    return max(lids) < COVER.lids * skin or min(lids) < COVER.lid * skin


def _colours(picture: Image.Image, face: Face, part: tuple[int, ...]) -> np.ndarray:
    """(N, 3) CIELab, a little blurred, at some points of a face's mesh."""
    box = face.box.squared(0.05)
    view = np.asarray(crop_box(picture, box, (COVER.view_px, COVER.view_px)))
    lab = cv2.cvtColor(cv2.GaussianBlur(view, (0, 0), COVER.blur_px), cv2.COLOR_RGB2LAB).astype(np.float64)
    places = (face.points[list(part)] - (box.left, box.top)) * COVER.view_px / box.width
    columns, rows = np.rint(places - 0.5).astype(int).clip(0, COVER.view_px - 1).T
    return lab[rows, columns] * (100 / 255, 1, 1)
