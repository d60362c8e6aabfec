"""Places of a face's mesh, its axes, and the constants of the search on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
        136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
EYES = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
NOSTRILS = (98, 97, 2, 326, 327, 294, 278, 344, 440, 275, 4, 45, 220, 115, 48, 64)
FOREHEAD, CHIN, BRIDGE, NOSE_BASE = 10, 152, 168, 2


@dataclass(frozen=True)
class HeadSearch:
    """Constants of the search; lengths in face heights (top of the mesh to chin) unless they say otherwise."""

    face_px: int = 400  # height of the face in the view: a crow's foot is then 2 pixels wide
    above: float = 1.4  # how far the view reaches above the middle of the face
    beside: float = 1.05  # and to each side
    below: float = 1.35  # and below: long hair and the neck
    skin_reach: float = 1.0  # colour distance (see `colour_distance`) to the face's own up to which skin is sure
    skin_fade: float = 0.9  # and over which it ends
    hair_contrast: float = 0.9  # the same, from which on what lies above the forehead is no skin
    least_natural: float = 0.7  # of the colours above the forehead that hair can have: with less it is a hat
    clear_contrast: tuple[float, float] = (0.95, 0.7)  # lightness of hair by the skin's: told roughly, and surely
    hairline: tuple[float, float] = (0.6, 1.3)  # the same, from none to sure hair beside the face
    long_hair: float = 0.5  # of what is beside the jaw: with more of it hair hangs down there
    least_hair: float = 0.02  # of the face's height squared: with less of such pixels a head is bald
    neck: float = 0.42  # below the chin: how far the neck goes
    hair_beside: float = 0.7  # away from the face: how far hair changes, less and less
    hair_ends: float = 0.45  # below the chin: from where on hair changes less and less
    hair_below: float = 0.85  # and how far at all
    hair_like: tuple[float, float] = (
        -0.8,
        0.0,
    )  # how much nearer a colour is to hair than to skin: from where on it is
    ear_strict: float = 0.5  # more of it beside the face
    sure_hair: float = 0.6  # of the matte by colours: with less of it the cut counts as much less
    hole: float = 0.03  # of the face's height squared: smaller gaps amid hair are its highlights
    known_hair: float = 0.3  # of the matte: with less nothing is known
    fringe: float = -0.06  # below the eyes' height: down to where hair hangs in front of the face
    lock: float = 0.09  # how far it does so from the sides, at any height
    far_lock: float = 0.22  # and where its colour is clearly another than the skin's
    lit_skin: tuple[float, float] = (0.45, 0.65)  # lightness by the skin's: darker above the eyes it is a fringe's
    high_front: float = 0.12  # how much higher than its mesh a forehead is
    arms: float = 0.14  # above and below the eyes, where spectacles have theirs
    matte_px: int = 9  # radius of the filter that draws mattes to the picture's edges, pixels of the view
    matte_variance: float = 4e-4  # of colours in [0, 1], below which an edge does not count


SEARCH = HeadSearch()


def draw_to_edges(view: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """A rough matte drawn to the picture's edges (He, Sun and Tang 2010, guided filter with a colour guide)."""
    # Its 3 x 3 systems are solved to an absolute precision: colours in [0, 1] would count as singular, and be blurred.
    made = cv2.ximgproc.guidedFilter(
        255 * view, matte.astype(np.float32), SEARCH.matte_px, SEARCH.matte_variance * 255**2
    )
    return np.clip(1.25 * made - 0.125, 0, 1)


def face_axes(shape: tuple[int, int], points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Right of the middle line, and down along it from the forehead, of every pixel, in face heights."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32) + 0.5
    axis = (points[CHIN] - points[FOREHEAD]) / SEARCH.face_px
    axis = axis / max(1e-6, float(np.hypot(*axis)))
    x, y = x - points[FOREHEAD, 0], y - points[FOREHEAD, 1]
    return ((axis[1] * x - axis[0] * y) / SEARCH.face_px).astype(np.float32), (
        (axis[0] * x + axis[1] * y) / SEARCH.face_px
    ).astype(np.float32)


def down_of(points: np.ndarray, index: int) -> float:
    """Where a landmark lies along the middle line, in face heights below the forehead."""
    axis = points[CHIN] - points[FOREHEAD]
    return float((points[index] - points[FOREHEAD]) @ axis / max(1e-6, np.hypot(*axis)) / SEARCH.face_px)
