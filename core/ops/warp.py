"""Sampling pictures at moved places. All coordinates are (x, y) pixels, the centre of the top-left pixel at (0.5, 0.5)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.devices import full_precision
from core.errors import InputError, ShapeError

MODES = ("bilinear", "bicubic", "nearest")
PADDINGS = ("border", "zeros", "reflection")
# Of the filter that puts samples half way, on each side.
HALF_TAPS = 6


def pixel_centres(height: int, width: int, like: Tensor | None = None) -> Tensor:
    """The centres of all pixels: (H, W, 2), x before y, with dtype and device of `like` (float32, CPU without it)."""
    kind = {"dtype": torch.float32} if like is None else {"dtype": like.dtype, "device": like.device}
    y, x = torch.meshgrid(torch.arange(height, **kind) + 0.5, torch.arange(width, **kind) + 0.5, indexing="ij")
    return torch.stack((x, y), dim=-1)


def sample_at(image: Tensor, points_px: Tensor, mode: str = "bilinear", padding: str = "border") -> Tensor:
    """The picture's values at any places.

    Args:
        image: (B, C, H, W), any range.
        points_px: (B, ..., 2) or (1, ..., 2), (x, y) pixels.
        mode: bilinear, bicubic or nearest.
        padding: what lies beyond: border (the edge pixel repeats), zeros or reflection.

    Returns:
        (B, C, ...): channels first, then the points' own axes.

    Source: bilinear sampling, Jaderberg et al. 2015, section 3.3.
    """
    batch, channels, height, width = image.shape
    if points_px.shape[-1] != 2 or points_px.ndim < 3 or points_px.shape[0] not in (1, batch):
        raise ShapeError(f"points are {tuple(points_px.shape)}, the picture needs ({batch}, ..., 2) with x before y")
    if mode not in MODES or padding not in PADDINGS:
        raise InputError(f"mode {mode!r} with padding {padding!r}: known are {MODES} and {PADDINGS}")
    size = points_px.new_tensor((width, height))
    # With align_corners=False -1 and 1 are the outer edges, so pixel p lies at 2 p / size - 1.
    grid = (points_px * (2 / size) - 1).to(image.dtype)
    middle = grid.shape[1:-1]
    grid = grid.reshape(grid.shape[0], 1, -1, 2).expand(batch, -1, -1, -1)
    values = F.grid_sample(image, grid, mode=mode, padding_mode=padding, align_corners=False)
    return values.reshape(batch, channels, *middle)


def backward_warp(image: Tensor, flow_px: Tensor, mode: str = "bilinear", padding: str = "border") -> Tensor:
    """Fetch every output pixel from the place in `image` that its flow points at.

    Args:
        image: (B, C, H, W), any range.
        flow_px: (B, 2, h, w) or (1, 2, h, w), x before y, from the output pixel's centre to the source, in pixels.
            With (h, w) = (H, W) zero flow returns the picture.
        mode: bilinear, bicubic or nearest.
        padding: border, zeros or reflection.

    Returns:
        (B, C, h, w).
    """
    if flow_px.ndim != 4 or flow_px.shape[1] != 2 or flow_px.shape[0] not in (1, image.shape[0]):
        raise ShapeError(
            f"flow is {tuple(flow_px.shape)}, a picture {tuple(image.shape)} needs ({image.shape[0]}, 2, h, w): "
            "after resizing a flow multiply it by the same factor"
        )
    height, width = flow_px.shape[-2:]
    places = pixel_centres(height, width, flow_px) + flow_px.permute(0, 2, 3, 1)
    return sample_at(image, places, mode, padding)


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
