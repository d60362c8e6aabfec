"""The paper's coordinates: (y, x) in [-1, 1], rows first, pixel i of n at -1 + (2 i + 1) / n; ours are (x, y) pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


def pixel_grid(sizes: Sequence[int]) -> Tensor:
    """Pixel centres of a grid in [-1, 1], row-major: (prod(sizes), len(sizes)), first coordinate slowest (y, x)."""
    import torch

    axes = [torch.linspace(-1 + 1 / n, 1 - 1 / n, n) for n in sizes]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(sizes))


def to_published(points: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """(N, 2) pixels (x, y) of a picture (width, height) as (y, x) in [-1, 1], each axis spanning the picture; float64."""
    return np.ascontiguousarray((2 * np.asarray(points, dtype=np.float64) / size_px - 1)[:, ::-1])


def from_published(points: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """(N, 2) published (y, x) in [-1, 1] as pixels (x, y); float64."""
    return (np.asarray(points, dtype=np.float64).reshape(-1, 2)[:, ::-1] + 1) / 2 * np.array(size_px)
