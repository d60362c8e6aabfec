"""How a face's shape ages: a smooth displacement that the landmarks steer, still at the head's outline and beyond."""

from __future__ import annotations

import cv2
import numpy as np

from core.face_ageing.glasses import hold_still
from core.face_ageing.head import Head
from core.face_ageing.places import CHIN, FOREHEAD, SEARCH
from core.ops.masks import disc
from core.ops.thin_plate import spline_grid

# Vertices of the mesh, left half, its partner in the right half, and where they go by t = 1: outwards and down, in
# thousandths of the face's height. Flesh sinks, lips thin, lids and brows droop, nose and jaw grow heavier.
PAIRS = (
    (172, 397, 6, 6), (136, 365, 9, 13), (150, 379, 7, 16), (149, 378, 3, 12), (205, 425, 1, 12), (187, 411, 3, 13),
    (50, 280, -2, 6), (61, 291, -1, 9), (37, 267, 0, 6), (39, 269, 0, 6), (84, 314, 0, -5), (129, 358, 4, 3),
    (105, 334, 0, 7), (70, 300, 0, 11), (107, 336, 0, 4), (159, 386, 0, 7), (160, 387, 0, 6), (158, 385, 0, 6),
    (33, 263, -1, 6), (133, 362, 0, 1), (145, 374, 0, 2), (127, 356, -3, 0), (109, 338, 0, -12), (67, 297, 0, -16),
    (103, 332, 0, -20), (54, 284, 0, -14),
)  # fmt: skip
MIDDLE = ((0, 6), (17, -5), (13, 3), (14, 2), (4, 8), (2, 5), (168, 2), (152, 5), (10, -12))
# The same for t = -1: larger eyes and higher brows, fuller cheeks and lips, a smaller nose, a tighter and shorter jaw.
YOUNG_PAIRS = (
    (172, 397, -9, -8), (136, 365, -12, -15), (150, 379, -11, -14), (149, 378, -6, -14), (205, 425, 4, -12),
    (187, 411, 3, -12), (50, 280, 5, -8), (61, 291, 0, -13), (37, 267, 0, -13), (39, 269, 0, -12), (84, 314, 0, -5),
    (129, 358, -8, -7), (105, 334, 0, -9), (70, 300, 1, -12), (107, 336, 0, -6), (159, 386, 0, -10), (160, 387, 2, -9),
    (158, 385, -1, -8), (33, 263, 5, 1), (133, 362, -2, 1), (145, 374, 0, 4), (144, 373, 2, 4), (153, 380, -1, 4),
    (127, 356, 2, 0), (109, 338, 0, 6), (67, 297, 0, 8), (103, 332, 0, 10), (54, 284, 0, 7),
)  # fmt: skip
YOUNG_MIDDLE = ((0, -13), (17, -4), (13, -9), (14, -8), (4, -11), (2, -10), (168, -2), (152, -14), (10, 6))
# How much of the moves are made, for older and for younger years.
OLD_SHAPE, YOUNG_SHAPE = 1.6, 1.35
# Lids above and below the eyes, and how much of an eye's opening it gains or loses at most: more tears lashes apart.
LIDS = (((159, 160, 158), (145, 144, 153)), ((386, 387, 385), (374, 373, 380)))
LID_SHARE = 0.23
# The jaw, and how far a place moves at most by how far the zone reaches beyond it: more leaves a kink in the outline.
JAW = frozenset((172, 136, 150, 149, 152, 397, 365, 379, 378))
ROOM = 0.22
# Rings around the face that stay, by its size.
STILL = (1.7, 2.3)
CELLS = 56


def ageing_shift(head: Head) -> np.ndarray:
    """(h, w, 2) float32: from where t = 1 fetches each pixel of the view, as an offset (x, y) in its pixels."""
    return np.float32(OLD_SHAPE) * shift_by(head, PAIRS, MIDDLE, 0.03)


def youth_shift(head: Head) -> np.ndarray:
    """The same for t = -1."""
    return np.float32(YOUNG_SHAPE) * shift_by(head, YOUNG_PAIRS, YOUNG_MIDDLE, 0.05)


def shift_by(
    head: Head, pairs: tuple[tuple[int, int, int, int], ...], middle_moves: tuple[tuple[int, int], ...], rim: float
) -> np.ndarray:
    """Displacement by the moves of landmarks, that ends within `rim` face heights of the zone's edge."""
    points = head.points
    down = points[CHIN] - points[FOREHEAD]
    down = down / max(1e-6, float(np.hypot(*down)))
    right = np.array((down[1], -down[0]))
    places, moves = [], []
    for index, move in bounded_moves(head, pairs, middle_moves, down, right).items():
        places.append(points[index])
        moves.append(move)
    middle = (points[FOREHEAD] + points[CHIN]) / 2
    for ring in STILL:
        for angle in np.arange(16) * np.pi / 8:
            away = np.cos(angle) * right * 0.42 + np.sin(angle) * down * 0.5
            places.append(middle + away * ring * SEARCH.face_px)
            moves.append(np.zeros(2))
    size = head.skin.shape[::-1]
    values = -np.array(moves) * SEARCH.face_px / 1000
    coarse = spline_grid(np.array(places), values, 1.0, (size[0], size[1]), CELLS)
    shift = cv2.resize(coarse.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    inner = cv2.erode(head.zone, disc(rim * SEARCH.face_px))
    inner = cv2.GaussianBlur(inner, (0, 0), 0.4 * rim * SEARCH.face_px)
    return shift * (inner * hold_still(head.rims) * (head.zone > 0))[..., None]


def bounded_moves(
    head: Head, pairs: tuple[tuple[int, int, int, int], ...], middle_moves: tuple[tuple[int, int], ...], down: np.ndarray,
    right: np.ndarray,
) -> dict[int, np.ndarray]:  # fmt: skip
    """Where each landmark goes, thousandths of the face's height: eyes no wider, and the jaw no farther, than looks whole."""
    moves: dict[int, np.ndarray] = {index: sink * down for index, sink in middle_moves}
    for left_index, right_index, out, sink in pairs:
        moves |= {left_index: -out * right + sink * down, right_index: out * right + sink * down}
    unit = SEARCH.face_px / 1000
    for upper, lower in LIDS:
        opening = float(np.hypot(*(head.points[upper[0]] - head.points[lower[0]])))
        wider = unit * abs(float((moves[lower[0]] - moves[upper[0]]) @ down))
        share = min(1.0, LID_SHARE * opening / max(1e-6, wider))
        moves |= {index: share * moves[index] for index in (*upper, *lower) if index in moves}
    room = cv2.distanceTransform((head.zone > 0).astype(np.uint8), cv2.DIST_L2, 5)
    for index in JAW & moves.keys():
        x, y = head.points[index].astype(int).clip(0, np.array(room.shape[::-1]) - 1)
        moves[index] = moves[index] * min(
            1.0, ROOM * float(room[y, x]) / (unit * float(np.hypot(*moves[index])) + 1e-6)
        )
    return moves
