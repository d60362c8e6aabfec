"""Fine wrinkles and the softer forms of an old face: a dense relief that runs along its folds, and hollows.

A few lines alone look painted. Old skin is creased all over, in the direction of its folds, unevenly; and most of a
face's age is in soft shadows: hollows under eyes and cheeks, jowls, temples. Both are laid along the face mesh.

Source: line integral convolution, Cabral and Leedom 1993, for creases that follow a field of directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from core.face_ageing.head import Head
from core.face_ageing.places import EYES, SEARCH
from core.face_ageing.shapes import fade, fill, grow
from core.face_ageing.strength import STRENGTH
from core.ops.masks import disc
from core.ops.tangents import average_along

# Paths over vertices of the mesh, left half, its partner in the right half; depth of the hollow in natural logarithm of
# lightness (below 0 is darker), and its sigma in face heights. Light comes from above: what swells is bright above its shadow.
HOLLOWS = (
    ((243, 233, 232, 231), (463, 453, 452, 451), -0.11, 0.013),  # tear trough
    ((128, 121, 120, 119, 118), (357, 350, 349, 348, 347), -0.14, 0.016),  # below the bag
    ((22, 23, 24), (252, 253, 254), 0.06, 0.010),  # the bag itself
    ((56, 28, 27, 29, 30, 247), (286, 258, 257, 259, 260, 467), -0.11, 0.014),  # hooded lid
    ((55, 193, 122), (285, 417, 351), -0.08, 0.014),  # root of the nose
    ((50, 205, 207, 214), (280, 425, 427, 434), -0.06, 0.034),  # cheek
    ((101, 36), (330, 266), 0.06, 0.022),  # flesh above the fold
    ((129, 203, 206, 216), (358, 423, 426, 436), -0.055, 0.022),  # beside the nose
    ((57, 43, 202, 210), (287, 273, 422, 430), -0.08, 0.020),  # below the mouth's corners
    ((210, 169, 170), (430, 394, 395), -0.11, 0.024),  # before the jowl
    ((192, 135, 136), (416, 364, 365), 0.06, 0.022),  # the jowl
    ((54, 68, 71), (284, 298, 301), -0.10, 0.036),  # temple
)


@dataclass(frozen=True)
class Creases:
    """Constants of the fine wrinkles; lengths in pixels of the view, whose faces are 400 high."""

    seed: int = 19
    widths: tuple[float, ...] = (0.9, 1.9)  # sigma of fine and of coarser creases
    lengths: tuple[int, ...] = (9, 17)  # half of how far they run
    weights: tuple[float, ...] = (0.3, 0.32)  # depth, pixels
    starts: tuple[float, float] = (0.3, 2.0)  # deviations of the noise, from where a crease begins, and is wholly deep
    spread: float = 0.05  # sigma over which directions spread from the folds, face heights
    reach: float = 0.04  # and the strength
    full: float = 0.55  # depth of folds around a place, pixels, from where on it is wholly creased
    everywhere: float = 0.08  # least strength on the face


CREASES = Creases()


def hollow_shade(head: Head) -> np.ndarray:
    """Natural logarithm of what the soft forms do to the lightness, (h, w)."""
    points, total = head.points, np.zeros_like(head.skin)
    for left, right, depth, sigma in HOLLOWS:
        width = sigma * SEARCH.face_px
        for path in (left, right):
            pen = np.zeros_like(total)
            cv2.polylines(
                pen,
                [np.rint(points[list(path)] * 16).astype(np.int32)],
                False,
                1.0,
                max(1, round(width)),
                cv2.LINE_8,
                4,
            )
            pen = cv2.GaussianBlur(pen, (0, 0), width)
            total += depth * pen / max(1e-6, float(pen.max()))
    return total


def crease_relief(lines: Sequence[tuple[np.ndarray, float]], shape: tuple[int, int]) -> np.ndarray:
    """Height of the fine wrinkles, at most 0, pixels, (h, w).

    Args:
        lines: places (n, 2) that folds run through, and how deep each is, pixels.
        shape: of the view.
    """
    doubled, depth = np.zeros((2, *shape), np.float32), np.zeros(shape, np.float32)
    for places, deep in lines:
        for start, end in zip(places, places[1:], strict=False):
            angle = 2 * np.arctan2(*(end - start)[::-1])
            first, last = (tuple(int(round(v * 16)) for v in place) for place in (start, end))
            for part, value in ((doubled[0], np.cos(angle)), (doubled[1], np.sin(angle)), (depth, 1.0)):
                cv2.line(part, first, last, float(value * deep), 1, cv2.LINE_8, 4)
    spread, reach = CREASES.spread * SEARCH.face_px, CREASES.reach * SEARCH.face_px
    cosine, sine = (cv2.GaussianBlur(part, (0, 0), spread) for part in doubled)
    angle = np.arctan2(sine, cosine) / 2
    field = np.dstack([np.cos(angle), np.sin(angle)]).astype(np.float32)
    # A line of depth d gives d / (sigma sqrt(2 pi)) at its place.
    around = cv2.GaussianBlur(depth, (0, 0), reach) * reach * np.float32(np.sqrt(2 * np.pi))
    strength = np.maximum(fade(around, 0, CREASES.full * 2), CREASES.everywhere)
    random, height = np.random.default_rng(CREASES.seed), np.zeros(shape, np.float32)
    for width, long, weight in zip(CREASES.widths, CREASES.lengths, CREASES.weights, strict=True):
        noise = cv2.GaussianBlur(random.standard_normal(shape).astype(np.float32), (0, 0), width)
        streaks = average_along(noise, field, np.hanning(2 * long + 1)[long:].tolist())
        height -= weight * fade(streaks / streaks.std(), *CREASES.starts)
    return height * strength


def find_contours(head: Head) -> np.ndarray:
    """Edges of nose, jaw and spectacles, (h, w) in [0, 1]: half gone they would be ghosts."""
    luma = np.log(cv2.cvtColor(head.view, cv2.COLOR_RGB2GRAY).clip(0.05))
    down, across = np.gradient(cv2.GaussianBlur(luma, (0, 0), STRENGTH.contour_px))
    wide = cv2.dilate(fade(np.hypot(down, across), *STRENGTH.contour), disc(STRENGTH.contour_soft_px))
    # Bags below the eyes have edges, too, and go.
    eyes = np.maximum(*(fill(luma.shape, grow(head.points[list(ring)], STRENGTH.around_eyes)) for ring in EYES))
    wide = wide * (1 - eyes)
    return np.maximum(cv2.GaussianBlur(wide, (0, 0), STRENGTH.contour_soft_px), cv2.dilate(head.rims, disc(2)))
