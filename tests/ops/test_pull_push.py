"""Filling from coarser scales."""

import torch

from core.ops.pull_push import filled


def test_what_is_known_stays_and_spreads_to_what_is_near():
    picture = torch.zeros(1, 1, 33, 20)
    picture[..., :10] = 1
    weight = torch.zeros_like(picture)
    weight[..., 2], weight[..., 17] = 1, 1
    full = filled(picture * weight, weight)
    assert (full[0, 0, :, 2] - 1).abs().max() < 1e-5
    assert full[0, 0, :, 17].abs().max() < 1e-5
    assert full[0, 0, 16, 0] > 0.7
    assert full[0, 0, 16, 19] < 0.3
    assert full.isfinite().all()
