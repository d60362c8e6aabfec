"""Flat colours and drawn lines by filters, as tensors: what the small toon network starts from.

The teacher's abstraction (`core.sdl.data.toons`) with the self-guided filter in place of the bilateral one, which on a
processor costs a twentieth. Nothing here is learned.

Source: Winnemoeller, Olsen and Gooch 2006, "Real-Time Video Abstraction", section 3; He, Sun and Tang 2010, "Guided Image
Filtering", section 3.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from core.sdl.data.toons import BINS, EDGE_SIGMA_PX, EDGE_SLOPE, EDGE_TAU, SATURATION, strengths

PASSES, RADIUS_PX, EPSILON = 3, 2, 16.0
# CIE 1931 XYZ of linear sRGB, by the white point D65.
TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
WHITE = (0.950456, 1.0, 1.088754)
KNEE, SLOPE = 216 / 24389, 24389 / 27


def lab_of(rgb: Tensor) -> Tensor:
    """CIE L*a*b* (B, 3, H, W), L from 0 to 100, of sRGB in [0, 1]."""
    rgb = rgb.clamp(0, 1)
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    matrix = linear.new_tensor(TO_XYZ) / linear.new_tensor(WHITE)[:, None]
    xyz = torch.einsum("ij,bjhw->bihw", matrix, linear)
    root = torch.where(xyz > KNEE, xyz.clamp(min=KNEE) ** (1 / 3), (SLOPE * xyz + 16) / 116)
    x, y, z = root.split(1, 1)
    return torch.cat([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def rgb_of(lab: Tensor) -> Tensor:
    """The inverse of `lab_of`, clipped to [0, 1]."""
    y = (lab[:, :1] + 16) / 116
    root = torch.cat([y + lab[:, 1:2] / 500, y, y - lab[:, 2:] / 200], 1)
    cube = root.clamp(min=0) ** 3
    xyz = torch.where(cube > KNEE, cube, (116 * root - 16) / SLOPE) * root.new_tensor(WHITE).reshape(1, 3, 1, 1)
    linear = torch.einsum("ij,bjhw->bihw", torch.linalg.inv(xyz.new_tensor(TO_XYZ)), xyz).clamp(0, 1)
    return torch.where(linear > 0.0031308, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055, 12.92 * linear)


def box(maps: Tensor, radius_px: int) -> Tensor:
    """Mean over a square window, (B, C, H, W); beyond the edge its pixels repeat."""
    side = 2 * radius_px + 1
    maps = F.avg_pool2d(F.pad(maps, (radius_px,) * 4, mode="replicate"), (side, 1), 1)
    return F.avg_pool2d(maps, (1, side), 1)


def flattened(lab: Tensor) -> Tensor:
    """Smoothed where little happens, kept at edges: guided by its own lightness."""
    guide = lab[:, :1]
    means = box(torch.cat([lab, guide * lab], 1), RADIUS_PX)
    mean, products = means[:, :3], means[:, 3:]
    variance = products[:, :1] - mean[:, :1] ** 2
    slope = (products - mean[:, :1] * mean) / (variance + EPSILON)
    both = box(torch.cat([slope, mean - slope * mean[:, :1]], 1), RADIUS_PX)
    return both[:, :3] * guide + both[:, 3:]


def gaussian(maps: Tensor, sigma_px: float) -> Tensor:
    """Blurred, (B, 1, H, W); beyond the edge the picture is mirrored."""
    radius = math.ceil(4 * sigma_px)
    place = torch.arange(-radius, radius + 1, dtype=maps.dtype, device=maps.device)
    bell = torch.exp(-place.square() / (2 * sigma_px**2))
    bell = bell / bell.sum()
    maps = F.conv2d(F.pad(maps, (0, 0, radius, radius), mode="reflect"), bell.reshape(1, 1, -1, 1))
    return F.conv2d(F.pad(maps, (radius, radius, 0, 0), mode="reflect"), bell.reshape(1, 1, 1, -1))


def abstracted(pictures: Tensor) -> Tensor:
    """The abstraction (B, 3, H, W) in [0, 1] of pictures in [0, 1], by filters alone."""
    return drawn(pictures)[0]


def between(source: Tensor, drawing: Tensor, smooth: Tensor, t: Tensor) -> Tensor:
    """From the source (t = 0) to the drawing (t = 1), both (B, 3, H, W): lines come before texture leaves.

    A plain mix of two things that have nothing in common is weaker than both. Beyond 0 and 1 the difference goes on evenly.

    Args:
        source: what it starts from.
        drawing: what it ends at.
        smooth: what both have in common: the source without its texture.
        t: (B, 1, 1, 1).
    """
    inside = t.clamp(0, 1)
    texture, lines = strengths(inside)
    made = smooth + texture * (source - smooth) + lines * (drawing - smooth)
    return made + (t - inside) * (drawing - source)


def drawn(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """The abstraction, and what it is drawn on: the pictures without their texture; (B, 3, H, W) each, in [0, 1]."""
    with torch.autocast(pictures.device.type, enabled=False):
        lab = lab_of(pictures.float())
        smooth, paper = lab, torch.ones_like(lab[:, :1])
        for number in range(PASSES):
            smooth = flattened(smooth)
            if number == 0:
                near = gaussian(smooth[:, :1], EDGE_SIGMA_PX)
                difference = near - EDGE_TAU * gaussian(smooth[:, :1], EDGE_SIGMA_PX * math.sqrt(1.6))
                paper = 1 + torch.tanh(EDGE_SLOPE * difference.clamp(max=0))
        lightness, width = smooth[:, :1], 100.0 / BINS
        nearest = torch.floor(lightness / width) * width + width / 2
        around = F.pad(lightness, (1, 1, 1, 1), mode="replicate")
        slope = torch.hypot(
            around[..., 1:-1, 2:] - around[..., 1:-1, :-2], around[..., 2:, 1:-1] - around[..., :-2, 1:-1]
        )
        sharpness = 0.4 + (slope / 2).clamp(0, 2) / 2
        lightness = (nearest + width / 2 * torch.tanh(sharpness * (lightness - nearest))) * paper
        return rgb_of(torch.cat([lightness, SATURATION * smooth[:, 1:]], 1)), rgb_of(smooth)
