"""HFGI's distortion of the residual map in training: a small random perspective."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Corners = list[tuple[int, int]]


def random_corners(width: int, height: int, strength: float, rng: np.random.Generator) -> Corners:
    """Corners moved inward by up to int(strength * half a side) px per axis, both ends included.

    Order: top-left, top-right, bottom-right, bottom-left, each (x, y).
    """
    reach_x, reach_y = int(strength * (width // 2)), int(strength * (height // 2))
    x, y = rng.integers(0, reach_x + 1, 4), rng.integers(0, reach_y + 1, 4)
    right, bottom = width - 1, height - 1
    return [
        (int(x[0]), int(y[0])),
        (right - int(x[1]), int(y[1])),
        (right - int(x[2]), bottom - int(y[2])),
        (int(x[3]), bottom - int(y[3])),
    ]


def perspective(image: Tensor, start: Corners, end: Corners) -> Tensor:
    """Move the points `start` of a picture to `end`; zeros outside, bilinear.

    Args:
        image: (B, C, H, W).
        start: four points (x, y), counted from the first pixel.
        end: where they go.

    Source: the homography of four points, Hartley and Zisserman 2003, section 4.1.
    """
    rows, values = [], []
    for (x, y), (u, v) in zip(end, start, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    a, b, c, d, e, f, g, h = np.linalg.solve(np.array(rows, np.float64), np.array(values, np.float64))
    height, width = image.shape[2:]
    down, right = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    below = g * right + h * down + 1
    across, along = (a * right + b * down + c) / below, (d * right + e * down + f) / below
    grid = torch.stack([across / (width / 2), along / (height / 2)], -1) - 1
    grid = grid.to(image).expand(len(image), -1, -1, -1)
    inside = F.grid_sample(torch.ones_like(image[:, :1]), grid, align_corners=False)
    # as published, the rim fades twice: once by sampling zeros, once by its coverage
    return F.grid_sample(image, grid, align_corners=False) * inside


def random_perspective(
    image: Tensor, rng: np.random.Generator, strength: float = 0.15, probability: float = 0.9
) -> Tensor:
    """One draw for the whole batch. Source: Wang et al. 2022 (HFGI), section 3.4."""
    if rng.random() >= probability:
        return image
    height, width = image.shape[2:]
    right, bottom = width - 1, height - 1
    start = [(0, 0), (right, 0), (right, bottom), (0, bottom)]
    return perspective(image, start, random_corners(width, height, strength, rng))
