"""Filling of what is not known from coarser scales of what is."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST_PX = 4


def filled(total: Tensor, weight: Tensor, enough: float = 0.05) -> Tensor:
    """`total` / `weight`, and where there is little weight, the same from coarser scales.

    Args:
        total: values times their weight, (B, C, H, W).
        weight: (B, 1, H, W), 0 or more.
        enough: the weight from which on a place is known by itself.

    Returns:
        (B, C, H, W).

    Source: pull-push, Gortler et al. 1996, "The Lumigraph", section 3.4.
    """
    fine = total / weight.clamp(min=1e-9)
    if min(weight.shape[-2:]) < SMALLEST_PX:
        return fine
    coarse = filled(F.avg_pool2d(total, 2), F.avg_pool2d(weight, 2), enough)
    coarse = F.interpolate(coarse, weight.shape[-2:], mode="bilinear", align_corners=False)
    return torch.lerp(coarse, fine, (weight / enough).clamp(0, 1))
