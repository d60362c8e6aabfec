"""Structural similarity, as a figure and as a loss.

Source: Wang et al. 2004, "Image Quality Assessment: From Error Visibility to Structural Similarity", equation 13, with the
constants 0.01 and 0.03.
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from core.errors import ShapeError
from core.metrics.fidelity import check_same_shape
from core.ops.filters import convolve_separable, gaussian_kernel


def ssim_map(a: Tensor, b: Tensor, local_mean: Callable[[Tensor], Tensor], data_range: float = 1.0) -> Tensor:
    """The similarity (B, C, h, w) of two pictures (B, C, H, W) in each window.

    Args:
        a: of any range.
        b: the same.
        local_mean: the mean over each window, (B, C, H, W) to (B, C, h, w).
        data_range: the largest value that can be less the smallest.
    """
    check_same_shape(a, b)
    mean_a, mean_b = local_mean(a), local_mean(b)
    variance_a, variance_b = local_mean(a * a) - mean_a * mean_a, local_mean(b * b) - mean_b * mean_b
    covariance = local_mean(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a * mean_a + mean_b * mean_b + c1)
    return luminance * (2 * covariance + c2) / (variance_a + variance_b + c2)


def ssim(a: Tensor, b: Tensor, window: int = 11, sigma: float = 1.5) -> float:
    """Mean similarity over channels, places and batch; 1 for equal pictures.

    A Gaussian window; places whose window would leave the picture are left out.
    """
    if min(a.shape[-2:]) < window:
        raise ShapeError(f"pictures are {tuple(a.shape[-2:])}, the window of {window} pixels needs larger ones")
    a, b = a.double(), b.double()
    taps = gaussian_kernel(sigma, (window - 1) // 2, a)
    return ssim_map(a, b, lambda x: convolve_separable(x, taps)).mean().item()


def ssim_loss(generated: Tensor, real: Tensor, window: int = 7, stride: int = 1, data_range: float = 1.0) -> Tensor:
    """1 - mean similarity, differentiable: uniform windows at every `stride`-th pixel."""
    return 1 - ssim_map(generated, real, lambda x: F.avg_pool2d(x, window, stride), data_range).mean()
