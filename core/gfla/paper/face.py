"""Structures of the face network: edges, distances to strokes and part labels, from 68 landmarks.

16 channels: the drawn edges of 8 parts (with the picture's own edges outside the face); 14 distance maps, one per
stroke; a map of part labels 0..6.

Source: Ren et al. 2020, section 4.4; facts of the published preprocessing.
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image
from scipy import optimize
from skimage import feature

from core.errors import InputError

# Strokes by part: face outline (jaw 0..16 closed over the forehead 68..82), brows, nose, eyes, mouth, inner mouth.
PARTS: tuple[tuple[tuple[int, ...], ...], ...] = (
    ((*range(17), *range(68, 83), 0),),
    (tuple(range(17, 22)),),
    (tuple(range(22, 27)),),
    ((28, 31), tuple(range(31, 36)), (35, 28)),
    ((36, 37, 38, 39), (39, 40, 41, 36)),
    ((42, 43, 44, 45), (45, 46, 47, 42)),
    (tuple(range(48, 55)), (54, 55, 56, 57, 58, 59, 48)),
    (tuple(range(60, 65)), (64, 65, 66, 67, 60)),
)
# Label of each part in the last channel.
LABELS = (1, 2, 2, 3, 4, 4, 5, 6)
POINTS_PER_CURVE = 3


def with_forehead(landmarks: np.ndarray) -> np.ndarray:
    """68 landmarks and 15 forehead points: the jaw mirrored about the mean height of its ends, at two thirds, (83, 2).

    Raises:
        InputError: not 68 finite points.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (68, 2) or not np.isfinite(points).all():
        raise InputError(f"landmarks are {points.shape}, (68, 2) finite numbers fit: x, y in pixels")
    jaw = points[:17].astype(np.int32)
    level = (jaw[0, 1] + jaw[-1, 1]) / 2
    forehead = jaw[1:-1].copy()
    forehead[:, 1] = level + (level - forehead[:, 1]) * 2 // 3
    return np.concatenate([points, forehead[::-1]]).astype(np.float32)


def curve(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Whole pixels (x, y) of a parabola (a line for two points) through points, along their longer axis.

    None where the parabola bends too much (leading coefficient beyond 1), as published.
    """
    if np.abs(np.diff(x)).max() < np.abs(np.diff(y)).max():
        turned = curve(y, x)
        return None if turned is None else turned[::-1]
    shape, start = (_line, np.ones(2)) if len(x) < 3 else (_parabola, np.ones(3))
    # Not polyfit: its last digits differ, and the truncation below shows them. This is what curve_fit asks, without the
    # covariance, of which it would warn.
    along_x, along_y = x.astype(np.float64), y.astype(np.float64)
    fit = optimize.leastsq(lambda values: shape(along_x, *values) - along_y, start, full_output=True)[0]
    if len(x) >= 3 and abs(fit[0]) > 1:
        return None
    first, last = min(x[0], x[-1]), max(x[0], x[-1])
    along = np.linspace(first, last, int(last - first))
    return along.astype(int), shape(along, *fit).astype(int)


def _line(x: np.ndarray, a: float, b: float) -> np.ndarray:
    return a * x + b


def _parabola(x: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
    return a * x**2 + b * x + c


def stroke_picture(points: np.ndarray, stroke: tuple[int, ...], size_hw: tuple[int, int]) -> np.ndarray:
    """One stroke drawn in curves of three points, (H, W) uint8."""
    canvas = np.zeros(size_hw, np.uint8)
    for start in range(0, max(1, len(stroke) - 1), POINTS_PER_CURVE - 1):
        piece = points[list(stroke[start : start + POINTS_PER_CURVE])]
        found = curve(piece[:, 0], piece[:, 1])
        if found is not None:
            columns, rows = (axis.clip(0, side - 1) for axis, side in zip(found, size_hw[::-1], strict=True))
            canvas[rows, columns] = 255
    return canvas


def part_labels(points: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Filled parts by label, later parts over earlier ones, (H, W) uint8."""
    labels = np.zeros(size_hw, np.uint8)
    for part, label in zip(PARTS, LABELS, strict=True):
        outline = points[[index for stroke in part for index in stroke]].astype(np.int32)
        cv2.fillPoly(labels, [outline], int(label))
    return labels


def structure(landmarks: np.ndarray, picture: Image.Image, side_px: int, background_edges: bool = True) -> np.ndarray:
    """The 16-channel structure of one frame, (16, side, side) float32.

    Args:
        landmarks: (68, 2) x, y in pixels of `picture`.
        picture: the frame.
        side_px: side of the network's square frame.
        background_edges: whether edges of the picture outside the face are drawn too.
    """
    points = with_forehead(landmarks)
    frame = (side_px, side_px)
    labels = part_labels(points, (picture.height, picture.width))
    labels = np.asarray(Image.fromarray(labels).resize(frame, Image.Resampling.NEAREST))
    points = (points * (side_px / picture.width, side_px / picture.height)).astype(np.int32)
    edges = np.zeros(frame, np.uint8)
    distances = []
    for part in PARTS:
        for stroke in part:
            drawn = stroke_picture(points, stroke, frame)
            edges = np.maximum(edges, drawn)
            steps = cv2.distanceTransform(255 - drawn, cv2.DIST_L1, 3)
            distances.append(np.clip(steps / 3, 0, 255).astype(np.uint8))
    if background_edges:
        grey = picture.convert("RGB").resize(frame, Image.Resampling.BILINEAR).convert("L")
        outside = feature.canny(np.asarray(grey), sigma=1) & (labels == 0)
        # The byte sum wraps where both draw (255 + 255 = 254), as published.
        edges = edges + outside.astype(np.uint8) * 255
    return np.stack([edges / 255, *(item / 255 for item in distances), labels]).astype(np.float32)
