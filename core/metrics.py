"""Measures of pictures, transitions and maps. Pictures are (B, 3, H, W) in [0, 1]; all results are plain floats."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import ShapeError

LUMA = (0.299, 0.587, 0.114)


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in dB over the whole batch; infinite for equal pictures."""
    _same(a, b)
    error = (a.double() - b.double()).square().mean().item()
    return math.inf if error == 0 else -10 * math.log10(error)


def ssim(a: Tensor, b: Tensor, window: int = 11, sigma: float = 1.5) -> float:
    """Structural similarity, mean over channels, places and batch; 1 for equal pictures.

    A Gaussian window, places whose window would leave the picture left out, constants 0.01 and 0.03.

    Source: Wang et al. 2004, equation 13.
    """
    _same(a, b)
    if min(a.shape[-2:]) < window:
        raise ShapeError(f"pictures are {tuple(a.shape[-2:])}, the window of {window} pixels needs larger ones")
    a, b = a.double(), b.double()
    place = torch.arange(window, dtype=a.dtype, device=a.device) - (window - 1) / 2
    bell = torch.exp(-place.square() / (2 * sigma**2))
    bell = bell / bell.sum()

    def mean(x: Tensor) -> Tensor:
        channels = x.shape[1]
        x = F.conv2d(x, bell.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
        return F.conv2d(x, bell.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)

    mean_a, mean_b = mean(a), mean(b)
    variance_a, variance_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
    structure = (2 * covariance + 0.03**2) / (variance_a + variance_b + 0.03**2)
    return (luminance * structure).mean().item()


def sharpness(pictures: Tensor) -> float:
    """Gradient energy: the mean square of the luma's steps along x and along y. Blur and double edges lower it."""
    luma = (pictures.double() * pictures.new_tensor(LUMA, dtype=torch.double).view(3, 1, 1)).sum(-3)
    return (luma.diff(dim=-1).square().mean() + luma.diff(dim=-2).square().mean()).item()


def step_sizes(frames: Tensor) -> list[float]:
    """Root mean square change from each of T frames (T, 3, H, W) to the next: T - 1 numbers."""
    if frames.ndim != 4 or len(frames) < 2:
        raise ShapeError(f"frames are {tuple(frames.shape)}, at least two of (T, 3, H, W) are needed")
    return [(b.double() - a.double()).square().mean().sqrt().item() for a, b in zip(frames, frames[1:], strict=False)]


def evenness(frames: Tensor) -> float:
    """Smallest step between frames by the largest: 1 = even, 0 = it stands still and jumps; 1 for a still."""
    steps = step_sizes(frames)
    return min(steps) / max(steps) if max(steps) > 0 else 1.0


def mean_landmark_error(points: Tensor, wanted: Tensor) -> float:
    """Mean distance of two point sets (..., N, 2), in their own unit."""
    _same(points, wanted)
    return (points.double() - wanted.double()).norm(dim=-1).mean().item()


def folded_share(places: Tensor) -> float:
    """Share of grid cells that a map turns inside out.

    Args:
        places: (H, W, 2) or (B, H, W, 2): where each point of a regular grid goes, (x, y); right along W, down along H.

    Returns:
        The share, in [0, 1], of the triangles (two per cell, both ways of cutting it) with no or negative area.
    """
    if places.shape[-1] != 2 or places.ndim not in (3, 4) or min(places.shape[-3:-1]) < 2:
        raise ShapeError(f"places are {tuple(places.shape)}, (H, W, 2) with at least 2 x 2 points is needed")
    places = places.double()
    a, b = places[..., :-1, :-1, :], places[..., :-1, 1:, :]
    c, d = places[..., 1:, :-1, :], places[..., 1:, 1:, :]

    def area(origin: Tensor, right: Tensor, down: Tensor) -> Tensor:
        (ux, uy), (vx, vy) = (right - origin).unbind(-1), (down - origin).unbind(-1)
        return ux * vy - uy * vx

    triangles = torch.stack((area(a, b, c), area(d, c, b), area(b, d, a), area(c, a, d)))
    return (triangles <= 0).double().mean().item()


def _same(a: Tensor, b: Tensor) -> None:
    if a.shape != b.shape:
        raise ShapeError(f"{tuple(a.shape)} and {tuple(b.shape)} cannot be compared: give both one size")
