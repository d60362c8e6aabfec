"""Thin-plate splines against SciPy's."""

import numpy as np
import torch
from scipy.interpolate import RBFInterpolator

from core.ops.thin_plate import evaluate_thin_plate, solve_thin_plate, spline_grid


def test_batches_of_splines_are_scipys():
    random = torch.Generator().manual_seed(0)
    centres, values, at = (torch.rand(3, n, 2, generator=random, dtype=torch.double) for n in (9, 9, 20))
    for smoothing in (0.0, 0.02):
        found = evaluate_thin_plate(solve_thin_plate(centres, values, smoothing), centres, at)
        for row in range(3):
            spline = RBFInterpolator(centres[row].numpy(), values[row].numpy(), smoothing=smoothing)
            assert np.allclose(found[row].numpy(), spline(at[row].numpy()), atol=1e-8)


def test_a_place_with_smoothing_of_its_own_is_missed():
    centres = torch.tensor([[[0.0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.5]]], dtype=torch.double)
    values = torch.tensor([[[0.0], [0], [0], [0], [1]]], dtype=torch.double)
    free = solve_thin_plate(centres, values, torch.tensor([[0.0, 0, 0, 0, 1e4]]))
    assert evaluate_thin_plate(free, centres, centres).abs().max() < 1e-3
    line = torch.tensor([[[0.0, 0], [1, 1], [2, 2]]], dtype=torch.double)
    assert solve_thin_plate(line, line, 1e-8, affine_ridge=1e-9).isfinite().all()


def test_grid_lies_at_the_cells_centres():
    points = np.array([[0.0, 0.0], [8, 0], [0, 4], [8, 4]])
    grid = spline_grid(points, points, 0.0, (8, 4), 4)
    assert grid.shape == (4, 4, 2) and np.allclose(grid[0, 0], [1, 0.5]) and np.allclose(grid[-1, -1], [7, 3.5])
