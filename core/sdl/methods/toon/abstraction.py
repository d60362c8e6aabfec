"""Flat colours and drawn lines by filters, as tensors: what the toon network starts from. Nothing here is learned.

The teacher's abstraction (`core.sdl.data.toons`) with the self-guided filter in place of the bilateral one, which on a
processor costs a twentieth.

Source: Winnemoeller, Olsen and Gooch 2006, "Real-Time Video Abstraction", section 3; He, Sun and Tang 2010, "Guided Image
Filtering", section 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.devices import full_precision
from core.ops.colour_lab import lab_of, rgb_of
from core.ops.filters import box_filter, gaussian_kernel, guided_filter


@dataclass(frozen=True)
class Abstraction:
    """Constants of the drawing, which the teacher shares from `edge_sigma_px` on. Lightness and colour are of L*a*b*."""

    passes: int = 3  # of the smoothing filter
    radius_px: int = 2  # of its window
    edge_variance: float = 16.0  # of lightness, below which an edge does not count
    edge_sigma_px: float = 1.0  # of the finer Gaussian, whose difference to the coarser one draws lines
    wide: float = math.sqrt(1.6)  # sigma of the coarser one by that: their difference is nearly a Laplacian
    edge_tau: float = 0.98  # weight of the coarser one: below 1, so that noise draws nothing
    edge_slope: float = 2.5  # how suddenly lines turn black
    bins: int = 8  # steps of lightness from 0 to 100
    saturation: float = 1.25  # factor of a* and b*: drawings are more colourful than photos
    lead: float = 0.15  # how much lines run ahead of t, so that they come before texture leaves

    @property
    def bin_width(self) -> float:
        """Of lightness."""
        return 100.0 / self.bins


ABSTRACTION = Abstraction()


def blur(lightness: Tensor, sigma_px: float) -> Tensor:
    """(B, 1, H, W) under a Gaussian; beyond the edge the picture is mirrored, as OpenCV does for the teacher."""
    radius = math.ceil(4 * sigma_px)
    bell = gaussian_kernel(sigma_px, radius, lightness)
    lightness = F.conv2d(F.pad(lightness, (0, 0, radius, radius), mode="reflect"), bell.reshape(1, 1, -1, 1))
    return F.conv2d(F.pad(lightness, (radius, radius, 0, 0), mode="reflect"), bell.reshape(1, 1, 1, -1))


def abstract_picture(pictures: Tensor) -> Tensor:
    """The abstraction (B, 3, H, W) in [0, 1] of pictures in [0, 1], by filters alone."""
    return draw_abstraction(pictures)[0]


def fade_strengths(t: Any) -> tuple[Any, Any]:
    """How much of the photo's texture and of the drawing there is at t in [0, 1], for numbers and tensors alike."""
    return 1 - t * t, t + ABSTRACTION.lead * t * (1 - t)


def interpolate_abstraction(source: Tensor, drawing: Tensor, smooth: Tensor, t: Tensor) -> Tensor:
    """From the source (t = 0) to the drawing (t = 1), both (B, 3, H, W): lines come before texture leaves.

    A plain mix of two things that have nothing in common is weaker than both. Beyond 0 and 1 the difference goes on evenly.

    Args:
        source: what it starts from.
        drawing: what it ends at.
        smooth: what both have in common: the source without its texture.
        t: (B, 1, 1, 1).
    """
    inside = t.clamp(0, 1)
    texture, lines = fade_strengths(inside)
    made = smooth + texture * (source - smooth) + lines * (drawing - smooth)
    return made + (t - inside) * (drawing - source)


def draw_abstraction(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """The abstraction, and what it is drawn on: the pictures without their texture; (B, 3, H, W) each, in [0, 1]."""
    with full_precision(pictures):
        smooth = lab_of(pictures.float())
        paper = torch.ones_like(smooth[:, :1])
        for number in range(ABSTRACTION.passes):
            smooth = guided_filter(
                smooth[:, :1], smooth, lambda x: box_filter(x, ABSTRACTION.radius_px), ABSTRACTION.edge_variance
            )
            if number == 0:
                paper = draw_lines(smooth[:, :1])
        lightness = quantise_lightness(smooth[:, :1]) * paper
        return rgb_of(torch.cat([lightness, ABSTRACTION.saturation * smooth[:, 1:]], 1)), rgb_of(smooth)


def draw_lines(lightness: Tensor) -> Tensor:
    """How much paper each pixel keeps, (B, 1, H, W): 1 = no line, 0 = a black one."""
    near = blur(lightness, ABSTRACTION.edge_sigma_px)
    difference = near - ABSTRACTION.edge_tau * blur(lightness, ABSTRACTION.edge_sigma_px * ABSTRACTION.wide)
    return 1 + torch.tanh(ABSTRACTION.edge_slope * difference.clamp(max=0))


def quantise_lightness(lightness: Tensor) -> Tensor:
    """Lightness (B, 1, H, W) in soft steps, which are sharper where the picture itself changes faster."""
    width = ABSTRACTION.bin_width
    nearest = torch.floor(lightness / width) * width + width / 2
    around = F.pad(lightness, (1, 1, 1, 1), mode="replicate")
    slope = torch.hypot(around[..., 1:-1, 2:] - around[..., 1:-1, :-2], around[..., 2:, 1:-1] - around[..., :-2, 1:-1])
    sharpness = 0.4 + (slope / 2).clamp(0, 2) / 2
    return nearest + width / 2 * torch.tanh(sharpness * (lightness - nearest))
