"""Several aligned pictures as one: colours are mixed, details come from the picture that has more of them there.

A plain mean of two furs has half the contrast of either and shows both at once; choosing keeps one fur in each place.
Source: choice by local energy after Burt and Kolczynski, "Enhanced Image Capture through Fusion", 1993; two bands.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.ops.filters import gaussian_blur


@dataclass(frozen=True)
class BlendSettings:
    """What tunes the blending; lengths are shares of the side.

    Attributes:
        base_sigma: standard deviation of what counts as colour rather than detail.
        window_sigma: of the neighbourhood that decides together.
        selection_power: 1 would mix details by their energy, more lets the stronger one win.
    """

    base_sigma: float = 1 / 40
    window_sigma: float = 1 / 40
    selection_power: float = 2.0


SETTINGS = BlendSettings()


def split_bands(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """(base, detail) of pictures (B, C, H, W), which sum to them."""
    base = gaussian_blur(pictures, SETTINGS.base_sigma * pictures.shape[-1])
    return base, pictures - base


def select_details(details: Tensor, weights: Tensor) -> Tensor:
    """How much of each detail is taken: (B, N, 1, H, W), summing to 1.

    Args:
        details: (B, N, C, H, W).
        weights: (B, N), how much of each picture is wanted; a picture with weight 1 is taken alone.
    """
    batch, count, _, height, width = details.shape
    energy = details.square().mean(2).flatten(0, 1)[:, None]
    energy = gaussian_blur(energy, SETTINGS.window_sigma * width).reshape(batch, count, 1, height, width) + 1e-5
    wanted = (weights[:, :, None, None, None].clamp(min=0) * energy.sqrt()) ** SETTINGS.selection_power
    return wanted / wanted.sum(1, keepdim=True).clamp(min=1e-12)


def blend(pictures: Tensor, weights: Tensor) -> Tensor:
    """One picture (B, C, H, W) of several aligned ones (B, N, C, H, W) with weights (B, N) that sum to 1."""
    base, details = (band.reshape(pictures.shape) for band in split_bands(pictures.flatten(0, 1)))
    mixed = (base * weights[:, :, None, None, None]).sum(1)
    return mixed + (details * select_details(details, weights)).sum(1)


def fade_in(nearness: Tensor) -> Tensor:
    """How much of a picture's missing detail a mixture gets: all at 1, none below a half.

    Two photographs' details over one another look like a double exposure, so they never overlap.
    """
    x = (2 * nearness - 1).clamp(0, 1)
    return (x * x * (3 - 2 * x)).to(torch.float32)
