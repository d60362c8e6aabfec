"""The 18-point skeleton of pose transfer: limbs, heatmaps, drawing, augmentation.

Keypoints are (18, 2) float arrays, x before y, in pixels of their frame, (-1, -1) where a point is missing. Heatmaps
and drawings follow the published preprocessing to the number (golden `preprocess`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from skimage.draw import disk, line_aa
from torch import Tensor

from core.detect.body import LIMBS, MISSING, NAMES
from core.errors import InputError

SIGMA_PX = 6.0
COLOURS = np.array(
    [
        (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0),
        (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255),
        (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85),
    ],
    dtype=np.uint8,
)  # fmt: skip


def present(points: np.ndarray) -> np.ndarray:
    """Which points are known: neither coordinate is -1. (N, 2) to (N,) bool."""
    return ~(np.asarray(points) == MISSING).any(axis=-1)


def checked(points: np.ndarray, count: int = len(NAMES)) -> np.ndarray:
    """The points as (count, 2) float64.

    Raises:
        InputError: another shape, or values that are not finite.
    """
    array = np.asarray(points, dtype=np.float64)
    if array.shape != (count, 2) or not np.isfinite(array).all():
        raise InputError(
            f"keypoints are {array.shape}, ({count}, 2) finite numbers fit: x, y in pixels, -1 where missing"
        )
    return array


def scaled(points: np.ndarray, size_hw: Sequence[int], old_size_hw: Sequence[int]) -> np.ndarray:
    """Points of a frame of `old_size_hw` in one of `size_hw`; missing ones stay missing."""
    points = np.asarray(points, dtype=np.float64)
    moved = points / (old_size_hw[1], old_size_hw[0]) * (size_hw[1], size_hw[0])
    return np.where(present(points)[:, None], moved, MISSING)


def affine_matrix(
    size_hw: Sequence[int], angle_deg: float = 0.0, shift_px: Sequence[float] = (0.0, 0.0), scale: float = 1.0
) -> np.ndarray:
    """The 3 x 3 matrix (on x, y, 1) that turns, scales about the frame's middle and shifts, as in training."""
    centre = np.array([size_hw[1] / 2 + 0.5, size_hw[0] / 2 + 0.5])
    angle = np.deg2rad(angle_deg)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    matrix[:2, 2] = centre + np.asarray(shift_px) - turn @ centre
    return matrix


def transformed(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Points moved by a 3 x 3 matrix; missing ones stay missing."""
    moved = np.asarray(points) @ matrix[:2, :2].T + matrix[:2, 2]
    return np.where(present(points)[:, None], moved, MISSING)


def transformed_picture(
    picture: Image.Image,
    matrix: np.ndarray,
    fill: tuple[int, ...] | int = 0,
    method: Image.Resampling = Image.Resampling.NEAREST,
) -> Image.Image:
    """A picture moved as `transformed` moves its points; `fill` comes in from outside."""
    inverse = np.linalg.inv(matrix)[:2].ravel().tolist()
    return picture.transform(picture.size, Image.Transform.AFFINE, inverse, method, fillcolor=fill)


def gaussian_maps(points: Tensor, size_hw: Sequence[int], sigma_px: float = SIGMA_PX) -> Tensor:
    """One Gaussian of peak 1 per point, zeros where it is missing: (..., N, 2) to (..., N, H, W)."""
    x = torch.arange(size_hw[1], device=points.device) - points[..., 0, None]
    y = torch.arange(size_hw[0], device=points.device) - points[..., 1, None]
    spread = 2 * sigma_px**2
    maps = torch.exp(-(y**2) / spread)[..., :, None] * torch.exp(-(x**2) / spread)[..., None, :]
    return maps * (points != MISSING).all(-1)[..., None, None]


def heatmaps(points: Tensor, size_hw: Sequence[int], sigma_px: float = SIGMA_PX) -> Tensor:
    """The structure that the pose networks read: a heatmap per joint, (B, 18, 2) to (B, 18, H, W).

    Args:
        points: in pixels of the network's picture, -1 where missing.
        size_hw: (H, W) of that picture.
        sigma_px: 6 at every size, as published.
    """
    # Published maps are centred on the truncated, not the rounded position.
    return gaussian_maps(points.trunc(), size_hw, sigma_px)


def draw(
    points: np.ndarray,
    size_hw: Sequence[int],
    limbs: Sequence[tuple[int, int]] = LIMBS,
    colours: np.ndarray = COLOURS,
    radius_px: float = 2,
    under: Image.Image | None = None,
    clamp: bool = False,
) -> Image.Image:
    """The skeleton as published previews draw it: white antialiased limbs below coloured discs.

    Args:
        points: (N, 2), truncated to whole pixels here.
        size_hw: (H, W) of the picture.
        limbs: pairs of joints.
        colours: (N, 3) uint8.
        radius_px: of the discs.
        under: picture to draw on, black otherwise.
        clamp: press pixels of limbs beyond the picture onto its edge (published for dance) instead of dropping them.
    """
    height, width = size_hw
    canvas = np.zeros((height, width, 3), np.uint8) if under is None else np.array(under.resize((width, height)))
    known, whole = present(points), np.trunc(points).astype(int)
    for a, b in limbs:
        if known[a] and known[b]:
            rows, columns, value = line_aa(whole[a, 1], whole[a, 0], whole[b, 1], whole[b, 0])
            if clamp:
                rows, columns = rows.clip(0, height - 1), columns.clip(0, width - 1)
            inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
            rows, columns, value = rows[inside], columns[inside], value[inside][:, None]
            # On black this is the published assignment; over a picture the line blends.
            background = 0 if under is None else canvas[rows, columns] * (1 - value)
            canvas[rows, columns] = value * 255 + background
    for joint in np.flatnonzero(known):
        canvas[disk(whole[joint, ::-1], radius_px, shape=(height, width))] = colours[joint]
    return Image.fromarray(canvas)
