"""Thin-plate splines: the smoothest map through given places, solved for many sets of places at once.

For a single set of numpy points SciPy's `RBFInterpolator` does the same (`spline_grid`).
Source: Bookstein, "Principal Warps: Thin-Plate Splines and the Decomposition of Deformations", 1989; smoothing: Wahba 1990.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.interpolate import RBFInterpolator
from torch import Tensor


def thin_plate_kernel(at: Tensor, centres: Tensor) -> Tensor:
    """(..., N, K): r^2 log r between places (..., N, 2) and centres (..., K, 2)."""
    squared = (at[..., :1] - centres[..., None, :, 0]).square_()
    squared.add_((at[..., 1:] - centres[..., None, :, 1]).square_())
    return torch.log(squared.clamp_min(1e-40)).mul_(squared).mul_(0.5)


def affine_terms(at: Tensor) -> Tensor:
    """(..., N, 3): 1, x, y."""
    return torch.cat((torch.ones_like(at[..., :1]), at), -1)


def solve_thin_plate(centres: Tensor, values: Tensor, smoothing: Tensor | float, affine_ridge: float = 0.0) -> Tensor:
    """Weights (B, K + 3, C) of the splines that take `values` at `centres`; the last three are those of `affine_terms`.

    Args:
        centres: (B, K, 2) float64.
        values: (B, K, C).
        smoothing: 0 meets every value, more stays stiffer and misses some; one for all, or (B, K).
        affine_ridge: keeps the affine part finite for centres on one line, where it is not determined.
    """
    batch, count, _ = centres.shape
    system = centres.new_zeros(batch, count + 3, count + 3)
    diagonal = torch.as_tensor(smoothing, dtype=centres.dtype).expand(batch, count)
    system[:, :count, :count] = thin_plate_kernel(centres, centres) + torch.diag_embed(diagonal)
    system[:, :count, count:] = affine_terms(centres)
    system[:, count:, :count] = system[:, :count, count:].mT
    system[:, count:, count:] = -affine_ridge * torch.eye(3, dtype=centres.dtype)
    wanted = torch.cat([values, values.new_zeros(batch, 3, values.shape[2])], 1)
    return torch.linalg.solve(system, wanted)


def evaluate_thin_plate(weights: Tensor, centres: Tensor, at: Tensor) -> Tensor:
    """(..., N, C): the splines' values at places (..., N, 2); weights and centres as for `solve_thin_plate`."""
    return torch.cat([thin_plate_kernel(at, centres), affine_terms(at)], -1) @ weights


def spline_grid(
    points_px: np.ndarray, values: np.ndarray, smoothing: float | np.ndarray, size_px: tuple[int, int], cells: int
) -> np.ndarray:
    """(cells, cells, C): the spline through `values` (N, C) at `points_px` (N, 2), at the centres of a grid of cells.

    Args:
        points_px: (x, y).
        values: at the points.
        smoothing: 0 meets every value; one for all, or (N,).
        size_px: width and height of what the grid covers.
        cells: along each side.
    """
    across, down = ((np.arange(cells) + 0.5) * side / cells for side in size_px)
    at = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2)
    return RBFInterpolator(points_px, values, smoothing=smoothing)(at).reshape(cells, cells, -1)
