"""Wrinkles and folds where faces get them, laid along the face mesh, as a relief that is lit like the face.

The lines follow the landmarks, so they turn and foreshorten with the head.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial import KDTree

from core.face_ageing.head import Head
from core.face_ageing.places import CHIN, FOREHEAD, down_of, face_axes
from core.face_ageing.shapes import fade
from core.face_ageing.wrinkles import crease_relief

# Vertices of the mesh for the left and the right half of the picture, from the nose outwards or downwards.
NASOLABIAL = ((129, 203, 206, 216, 212), (358, 423, 426, 436, 432))
MARIONETTE = ((57, 43, 202), (287, 273, 422))  # corner, below it, chin
LID_RINGS = (
    ((112, 26, 22, 23, 24, 110, 25), (233, 232, 231, 230, 229, 228, 31), (128, 121, 120, 119, 118, 117, 111)),
    ((341, 256, 252, 253, 254, 339, 255), (453, 452, 451, 450, 449, 448, 261), (357, 350, 349, 348, 347, 346, 340)),
)
EYE_CORNERS = ((133, 33), (362, 263))
GLABELLA = ((107, 9, 55, 8), (336, 9, 285, 8))
# Columns of the forehead, from brow to hairline.
FOREHEAD_COLUMNS = (
    (63, 68, 54), (105, 104, 103), (66, 69, 67), (107, 108, 109), (9, 151, 10), (336, 337, 338), (296, 299, 297),
    (334, 333, 332), (293, 298, 284),
)  # fmt: skip
UPPER_LIP, CHIN_CREASE = (40, 39, 37, 0, 267, 269, 270), (182, 83, 18, 313, 406)
CHEEK_WAYS = (
    ((117, 50, 187, 192, 138), (346, 280, 411, 416, 367)), ((116, 123, 147, 213, 135), (345, 352, 376, 433, 364)),
    ((118, 101, 205, 207, 214), (347, 330, 425, 427, 434)),
)  # fmt: skip
JAW = (172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397)


@dataclass(frozen=True)
class Relief:
    """Constants of the folds; lengths in pixels of the view, whose faces are 400 high."""

    seed: int = 7  # of the irregularities: the same for all faces
    waviness: float = 1.4  # how far lines stray
    uneven: float = 0.6  # how much their depth changes along them
    least_width: float = 0.55  # of a fold, pixels of the photo: narrower ones become dots
    wider_deeper: float = 0.3  # power of its width with which a widened fold is deeper
    most_width: float = 3.0  # pixels of the view: where folds have to be wider they are shallower, or would be bands
    least_length: float = 6.0  # of a fold by its width: shorter ones would be dots, too
    light_up: float = 0.8  # slope of the light from above, which nearly all pictures have
    most_side: float = 0.7  # and at most from a side
    shade: float = 0.54  # lightness by slope, natural logarithm
    occlusion: float = 0.10  # how much darker a groove is by its depth
    reach: float = 5.0  # widths beyond which a fold is flat


RELIEF = Relief()


@dataclass(frozen=True)
class Fold:
    """One line on the skin."""

    places: np.ndarray  # (n, 2) it runs through, pixels
    depth: float  # pixels
    width: float  # pixels
    bulge: float = 0.0  # height of the skin beside it by its depth
    side: int = 1  # on which side it bulges: 1 right of its way, -1 left, as seen
    soft: float = 2.5  # width of the bulge by the groove's


def shade_folds(head: Head) -> np.ndarray:
    """Natural logarithm of what the folds of old age do to the lightness, (h, w)."""
    random = np.random.default_rng(RELIEF.seed)
    shape = (head.skin.shape[0], head.skin.shape[1])
    height, groove = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    folds = [
        *lines_of_eyes(head.points, random), *lines_of_forehead(head.points), *lines_of_mouth(head.points, random),
        *lines_of_neck(head.points),
    ]  # fmt: skip
    for fold in filter(None, (fitted(fold, head) for fold in folds)):
        press(height, groove, fold, random)
    creases = crease_relief([*((fold.places, fold.depth) for fold in folds), *cheek_ways(head.points)], shape)
    down, across = np.gradient(height + creases)
    side, up = light_of(head)
    return (RELIEF.shade * (up * down - side * across) - RELIEF.occlusion * (groove - creases)).astype(np.float32)


def fitted(fold: Fold, head: Head) -> Fold | None:
    """A fold as wide as the photo's pixels can show; None if it would be a dot."""
    least = RELIEF.least_width * head.view.shape[1] / max(1.0, head.box.width)
    wide = max(1.0, least / fold.width)
    if float(np.hypot(*np.diff(fold.places, axis=0).T).sum()) <= RELIEF.least_length * wide * fold.width:
        return None
    deep = wide**RELIEF.wider_deeper * min(1.0, RELIEF.most_width / least) * fold.depth
    return replace(fold, width=wide * fold.width, depth=deep)


def cheek_ways(points: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Where cheeks crease without a fold of their own: outside the mouth, parallel to the fold beside it."""
    return [(points[list(path)], 0.2) for pair in CHEEK_WAYS for path in pair]


def lines_of_eyes(points: np.ndarray, random: np.random.Generator) -> Iterator[Fold]:
    """Crow's feet, bags and fine lines below the lids."""
    for half, (inner, outer) in enumerate(EYE_CORNERS):
        width = points[outer] - points[inner]
        below = points[CHIN] - points[FOREHEAD]
        below = below / np.hypot(*below) * np.hypot(*width)
        for slope, long in ((-0.5, 0.42), (-0.22, 0.55), (0.06, 0.62), (0.33, 0.6), (0.62, 0.5)):
            way = width + slope * below
            start = points[outer] + width * 0.2 + 0.12 * slope * below
            bend = 0.12 * below * (0.5 + slope)
            share = np.linspace(0, 1, 4)[:, None]
            yield Fold(start + way * long * share + bend * share**2, 1.5 * random.uniform(0.7, 1.0), 1.9, 0.35)
        lid, ring, cheek = (points[list(row)] for row in LID_RINGS[half])
        side = 1 if half else -1
        yield Fold((ring + 0.5 * (cheek - ring))[:-1], 2.3, 3.8, 0.5, side, 2.2)
        yield Fold((ring + 0.05 * (lid - ring))[1:-1], 1.1, 2.0, 0.4, side)
        yield Fold((ring + 0.5 * (lid - ring))[2:], 0.8, 1.5, 0.3, side)


def lines_of_forehead(points: np.ndarray) -> Iterator[Fold]:
    """Long lines across, and those between the brows."""
    columns = points[np.array(FOREHEAD_COLUMNS)]
    for share, depth, span in (
        (0.5, 1.3, slice(1, 8)),
        (0.85, 1.9, slice(0, 9)),
        (1.2, 1.7, slice(1, 9)),
        (1.55, 1.2, slice(1, 8)),
    ):
        low, high = (columns[span, 0], columns[span, 1]) if share < 1 else (columns[span, 1], columns[span, 2])
        yield Fold(low + (high - low) * (share % 1), 0.85 * depth, 2.3, 0.3, -1)
    for brow, middle, under, bridge in GLABELLA:
        start, end = (
            points[brow] + 0.35 * (points[middle] - points[brow]),
            points[under] + 0.3 * (points[bridge] - points[under]),
        )
        yield Fold(np.stack([start, (start + end) / 2, end]), 1.7, 2.4, 0.4)


def lines_of_mouth(points: np.ndarray, random: np.random.Generator) -> Iterator[Fold]:
    """From the nose to the mouth's corners and on to the chin, above the lip, below it."""
    for half in (0, 1):
        side = 1 if half == 0 else -1
        yield Fold(points[list(NASOLABIAL[half])], 0.85, 5.4, 0.8, side, 2.8)
        corner, below, chin = points[list(MARIONETTE[half])]
        start, end = corner + 0.6 * (below - corner), chin + 0.1 * (below - chin)
        yield Fold(np.stack([start, (start + end) / 2, end]), 1.1, 4.0, 0.5, side, 2.2)
    yield Fold(points[list(CHIN_CREASE)], 1.4, 3.4, 0.3)
    rim = CubicSpline(np.arange(len(UPPER_LIP)), points[list(UPPER_LIP)])
    up = (points[FOREHEAD] - points[CHIN]) * 0.032
    for place in np.linspace(0.4, len(UPPER_LIP) - 1.4, 9) + random.uniform(-0.15, 0.15, 9):
        start = rim(place) + 0.15 * up
        yield Fold(np.stack([start, start + 0.5 * up, start + up * random.uniform(0.8, 1.2)]), 0.7, 1.4)


def lines_of_neck(points: np.ndarray) -> Iterator[Fold]:
    """Rings across the neck."""
    jaw, down = points[list(JAW)], points[CHIN] - points[FOREHEAD]
    middle = jaw.mean(0)
    for far, narrow in ((0.15, 0.7), (0.27, 0.6)):
        yield Fold(middle + (jaw - middle) * (narrow, 0.35) + down * (far + 0.06), 0.9, 3.6, 0.5)


def press(height: np.ndarray, groove: np.ndarray, fold: Fold, random: np.random.Generator) -> None:
    """Press one fold into the height map, and note how deep it is."""
    steps = max(12, int(np.hypot(*np.diff(fold.places, axis=0).T).sum() / 1.5))
    along = np.linspace(0, 1, steps)
    line = CubicSpline(np.linspace(0, 1, len(fold.places)), fold.places)(along)
    way = np.gradient(line, axis=0)
    way /= np.maximum(1e-6, np.hypot(*way.T))[:, None]
    right = np.stack([-way[:, 1], way[:, 0]], 1)
    line = line + right * (smooth_noise(steps, random) * RELIEF.waviness * (steps > 20))[:, None]
    depth = (
        fold.depth
        * np.sin(np.pi * np.clip(along, 0.001, 0.999)) ** 0.6
        * (1 + RELIEF.uneven * smooth_noise(steps, random)).clip(0.1, 1.6)
    )
    reach = RELIEF.reach * fold.width * max(1.0, fold.soft / 2)
    left, top = np.maximum(0, np.floor(line.min(0) - reach)).astype(int)
    end, bottom = np.minimum(height.shape[::-1], np.ceil(line.max(0) + reach)).astype(int)
    if end <= left or bottom <= top:
        return
    y, x = np.mgrid[top:bottom, left:end] + 0.5
    nearest = KDTree(line).query(np.stack([x.ravel(), y.ravel()], 1))[1].reshape(x.shape)
    away = np.hypot(x - line[nearest, 0], y - line[nearest, 1])
    beside = (x - line[nearest, 0]) * right[nearest, 0] + (y - line[nearest, 1]) * right[nearest, 1]
    beyond = np.sqrt(np.maximum(0, away**2 - beside**2))
    here = depth[nearest] * np.exp(-((beyond / (2 * fold.width)) ** 2))
    cut = here * np.exp(-((away / fold.width) ** 2))
    wide = fold.soft * fold.width
    swell = fold.bulge * here * np.exp(-(((beside * fold.side - 0.9 * wide) / wide) ** 2)) * (away < reach)
    height[top:bottom, left:end] += (swell - cut).astype(np.float32)
    groove[top:bottom, left:end] = np.maximum(groove[top:bottom, left:end], cut)


def smooth_noise(count: int, random: np.random.Generator) -> np.ndarray:
    """(count,) about in [-1, 1], changing over some 15 steps."""
    knots = max(4, count // 15)
    return CubicSpline(np.linspace(0, 1, knots), random.uniform(-1, 1, knots))(np.linspace(0, 1, count))


def light_of(head: Head) -> tuple[float, float]:
    """Slope of the light from the picture's right, read off the two halves of the skin, and from above."""
    across, down = face_axes((head.view.shape[0], head.view.shape[1]), head.points)
    face = (head.skin > 0.6) & (down < down_of(head.points, CHIN)) & (down > 0)
    if face.sum() < 200:
        return 0.0, RELIEF.light_up
    luma = cv2.cvtColor(head.view, cv2.COLOR_RGB2GRAY)[face]
    slope = np.polyfit(across[face], luma, 1)[0] / max(0.05, float(luma.mean()))
    return float(np.clip(slope, -RELIEF.most_side, RELIEF.most_side)), RELIEF.light_up


def mottle(head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Uneven colour of old skin: cloudiness in about [-1, 1], and spots in [0, 1], (h, w) each, fixed to the face."""
    random = np.random.default_rng(RELIEF.seed + 1)
    shape = head.skin.shape
    cloud = sum(
        weight * cv2.GaussianBlur(random.standard_normal(shape).astype(np.float32), (0, 0), sigma) * sigma * 3.5
        for sigma, weight in ((1.2, 0.25), (4.0, 0.4), (11.0, 0.5))
    )
    ragged = cv2.GaussianBlur(random.standard_normal(shape).astype(np.float32), (0, 0), 1.5) * 5.0
    across, down = face_axes((shape[0], shape[1]), head.points)
    spots = np.zeros(shape, np.float32)
    for _ in range(18):
        side, place = random.choice([-1, 1]) * random.uniform(0.14, 0.38), random.uniform(0.02, 0.75)
        radius = random.uniform(0.005, 0.014)
        away = np.hypot(across - side, (down - place) * random.uniform(0.8, 1.25)) / radius
        spots = np.maximum(spots, random.uniform(0.4, 1.0) * fade(away + 0.35 * ragged, 1.2, 0.6))
    return np.clip(cloud, -1.5, 1.5), cv2.GaussianBlur(spots, (0, 0), 0.8)
