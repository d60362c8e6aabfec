"""Filters over neighbourhoods: box, maximum, Gaussian and guided. Maps are (B, C, H, W), every channel is filtered by itself."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def box_filter(maps: Tensor, radius_px: int) -> Tensor:
    """Mean over a square window of 2 radius + 1 pixels; beyond the edge its pixels repeat."""
    side = 2 * radius_px + 1
    # Sums in half precision would lose what pooling keeps.
    wide = F.pad(maps, (radius_px,) * 4, mode="replicate").to(torch.promote_types(maps.dtype, torch.float32))
    return (_windows(_windows(wide, side, 2, torch.add), side, 3, torch.add) / side**2).to(maps.dtype)


def max_filter(maps: Tensor, radius_px: int) -> Tensor:
    """Largest value of a square window of 2 radius + 1 pixels; beyond the edge there is nothing."""
    side, wide = 2 * radius_px + 1, F.pad(maps, (radius_px,) * 4, value=-torch.inf)
    return _windows(_windows(wide, side, 2, torch.maximum), side, 3, torch.maximum)


def _windows(maps: Tensor, side: int, dim: int, join: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """All of every window of `side` along `dim` joined, in about 2 log2(side) steps: pooling takes as many as pixels."""
    if side == 1:
        return maps
    half, count = _windows(maps, side // 2, dim, join), maps.shape[dim] - side + 1
    both = join(half.narrow(dim, 0, count), half.narrow(dim, side // 2, count))
    return join(both, maps.narrow(dim, side - 1, count)) if side % 2 else both


def gaussian_kernel(sigma_px: float, radius_px: int, like: Tensor) -> Tensor:
    """(2 radius + 1,) weights that sum to 1, with dtype and device of `like`."""
    place = torch.arange(-radius_px, radius_px + 1, dtype=like.dtype, device=like.device)
    weights = torch.exp(-place.square() / (2 * sigma_px**2))
    return weights / weights.sum()


def convolve_separable(maps: Tensor, taps: Tensor) -> Tensor:
    """(B, C, H, W) under taps (K,) along x and then along y: (B, C, H - K + 1, W - K + 1)."""
    channels = maps.shape[1]
    maps = F.conv2d(maps, taps.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(maps, taps.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)


def gaussian_blur(maps: Tensor, sigma_px: float, radius_px: int | None = None, padding: str = "replicate") -> Tensor:
    """Blurred at the same size.

    Args:
        maps: (B, C, H, W).
        sigma_px: standard deviation.
        radius_px: how far the kernel reaches; 2.5 sigma by default.
        padding: what lies beyond the edge: replicate (its pixels repeat) or reflect.
    """
    radius = max(1, round(2.5 * sigma_px)) if radius_px is None else radius_px
    return convolve_separable(F.pad(maps, (radius,) * 4, mode=padding), gaussian_kernel(sigma_px, radius, maps))


def guided_coefficients(
    guide: Tensor, maps: Tensor, local_mean: Callable[[Tensor], Tensor], edge_variance: float
) -> tuple[Tensor, Tensor]:
    """Slope and offset (B, C, H, W) of the guided filter, whose result is slope * guide + offset.

    Computed on small maps and enlarged, they make the fast guided filter.

    Args:
        guide: (B, 1, H, W), whose edges stay.
        maps: (B, C, H, W) to be filtered.
        local_mean: the mean over a window, same size; `box_filter` as published.
        edge_variance: variance of the guide in a window below which an edge does not count.

    Source: He, Sun, Tang, "Guided Image Filtering", 2010, equations 5, 6 and 8; He and Sun, "Fast Guided Filter", 2015.
    """
    count = maps.shape[1]
    means = local_mean(torch.cat([guide, guide * guide, maps, guide * maps], 1))
    mean, square, level, product = means.split((1, 1, count, count), 1)
    slope = (product - mean * level) / (square - mean * mean + edge_variance)
    slope, offset = local_mean(torch.cat([slope, level - slope * mean], 1)).split(count, 1)
    return slope, offset


def guided_filter(guide: Tensor, maps: Tensor, local_mean: Callable[[Tensor], Tensor], edge_variance: float) -> Tensor:
    """Maps smoothed except at the guide's edges; see `guided_coefficients`."""
    slope, offset = guided_coefficients(guide, maps, local_mean, edge_variance)
    return slope * guide + offset
