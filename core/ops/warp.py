"""Sampling pictures at moved places. All coordinates are (x, y) pixels, the centre of the top-left pixel at (0.5, 0.5)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from core.devices import full_precision
from core.errors import ShapeError, unknown_name

MODES = ("bilinear", "bicubic", "nearest")
# Of the filter that puts samples half way, on each side.
HALF_TAPS = 6
# On a processor each picture is sampled by one thread; so a lone one is sampled as so many strips, without gradients, which
# would be those of as many pictures.
STRIPS = 64


def pixel_centres(height: int, width: int, like: Tensor | None = None) -> Tensor:
    """The centres of all pixels: (H, W, 2), x before y, with dtype and device of `like` (float32, CPU without it)."""
    kind = {"dtype": torch.float32} if like is None else {"dtype": like.dtype, "device": like.device}
    y, x = torch.meshgrid(torch.arange(height, **kind) + 0.5, torch.arange(width, **kind) + 0.5, indexing="ij")
    return torch.stack((x, y), dim=-1)


def sample_at(image: Tensor, points_px: Tensor, mode: str = "bilinear") -> Tensor:
    """The picture's values at any places; beyond it the edge pixel repeats.

    Args:
        image: (B, C, H, W), any range.
        points_px: (B, ..., 2) or (1, ..., 2), (x, y) pixels.
        mode: bilinear, bicubic or nearest.

    Returns:
        (B, C, ...): channels first, then the points' own axes.

    Source: bilinear sampling, Jaderberg et al. 2015, section 3.3.
    """
    batch, _, height, width = image.shape
    if points_px.shape[-1] != 2 or points_px.ndim < 3 or points_px.shape[0] not in (1, batch):
        raise ShapeError(f"points are {tuple(points_px.shape)}, the picture needs ({batch}, ..., 2) with x before y")
    # With align_corners=False -1 and 1 are the outer edges, so pixel p lies at 2 p / size - 1.
    grid = points_px * (2 / points_px.new_tensor((width, height))) - 1
    return _sample(image, grid.to(image.dtype), mode)


def _sample(image: Tensor, grid: Tensor, mode: str) -> Tensor:
    """`sample_at` the places of a grid in [-1, 1]."""
    if mode not in MODES:
        raise unknown_name("mode", mode, MODES)
    batch, channels, middle = image.shape[0], image.shape[1], grid.shape[1:-1]
    whole = torch.is_grad_enabled() or batch > 1 or torch.compiler.is_compiling()
    strips = 1 if whole else math.gcd(middle.numel(), STRIPS)
    grid = grid.reshape(grid.shape[0] * strips, 1, -1, 2).expand(batch * strips, -1, -1, -1)
    pictures = image.expand(batch * strips, -1, -1, -1)
    values = F.grid_sample(pictures, grid, mode=mode, padding_mode="border", align_corners=False)
    return values.reshape(batch, strips, channels, -1).transpose(1, 2).reshape(batch, channels, *middle)


def backward_warp(image: Tensor, flow_px: Tensor, mode: str = "bilinear") -> Tensor:
    """Fetch every output pixel from the place in `image` that its flow points at.

    Args:
        image: (B, C, H, W), any range.
        flow_px: (B, 2, h, w) or (1, 2, h, w), x before y, from the output pixel's centre to the source, in pixels.
            With (h, w) = (H, W) zero flow returns the picture.
        mode: bilinear, bicubic or nearest.

    Returns:
        (B, C, h, w).
    """
    if flow_px.ndim != 4 or flow_px.shape[1] != 2 or flow_px.shape[0] not in (1, image.shape[0]):
        raise ShapeError(
            f"flow is {tuple(flow_px.shape)}, a picture {tuple(image.shape)} needs ({image.shape[0]}, 2, h, w): "
            "after resizing a flow multiply it by the same factor"
        )
    # Plane by plane, as the flow lies: turning it around takes longer than the sampling.
    right, down = 2 / image.shape[3], 2 / image.shape[2]
    x, y = (
        (torch.arange(side, dtype=flow_px.dtype, device=flow_px.device) + 0.5) * step - 1
        for side, step in ((flow_px.shape[3], right), (flow_px.shape[2], down))
    )
    across, along = flow_px.split(1, 1)
    grid = torch.cat([torch.add(x, across, alpha=right), torch.add(y[:, None], along, alpha=down)], 1)
    return _sample(image, grid.permute(0, 2, 3, 1).to(image.dtype), mode)


def twice(image: Tensor) -> Tensor:
    """The picture (B, C, H, W) with a sample put half way between every two: (B, C, 2 H, 2 W), the even ones its own.

    Source: Lanczos windowed sinc, as in Turkowski 1990, "Filters for Common Resampling Tasks", 12 taps.
    """
    away = torch.arange(HALF_TAPS, device=image.device, dtype=torch.float32) + 0.5
    half = torch.sinc(away) * torch.sinc(away / HALF_TAPS)
    taps = torch.cat([half.flip(0), half])
    taps, channels = (taps / taps.sum()).to(image.dtype), image.shape[1]
    for dim, pads in ((3, (HALF_TAPS - 1, HALF_TAPS, 0, 0)), (2, (0, 0, HALF_TAPS - 1, HALF_TAPS))):
        shape = (1, 1, 1, 2 * HALF_TAPS) if dim == 3 else (1, 1, 2 * HALF_TAPS, 1)
        kernel = taps.reshape(shape).repeat(channels, 1, 1, 1)
        between = F.conv2d(F.pad(image, pads, mode="replicate"), kernel, groups=channels)
        image = torch.stack((image, between), dim + 1).flatten(dim, dim + 1)
    return image


def fine_warp(image: Tensor, flow_px: Tensor) -> Tensor:
    """`backward_warp` that keeps fine detail: bilinear and bicubic sampling alone dull what moves by half a pixel.

    Args:
        image: (B, C, H, W), any range; float32 whatever autocast wants, since a kernel in half precision would grain it.
        flow_px: (B, 2, h, w), as for `backward_warp`; zero flow returns the picture.

    Returns:
        (B, C, h, w).
    """
    height, width = flow_px.shape[-2:]
    with full_precision(image):
        places = pixel_centres(height, width, flow_px) + flow_px.permute(0, 2, 3, 1)
        return sample_at(twice(image.float()), 2 * places.float() - 0.5, "bicubic")
