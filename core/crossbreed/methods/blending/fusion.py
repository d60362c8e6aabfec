"""Several aligned pictures as one: colours are mixed, details come from the picture that has more of them there.

A plain mean of two furs has half the contrast of either and shows both at once; choosing keeps one fur in each place.
Source: choice by local energy after Burt and Kolczynski, "Enhanced Image Capture through Fusion", 1993; two bands.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.metrics import LUMA
from core.ops.filters import gaussian_blur


@dataclass(frozen=True)
class BlendSettings:
    """What tunes the blending; lengths are shares of the side.

    Attributes:
        base_sigma: standard deviation of what counts as colour rather than detail.
        window_sigma: of the neighbourhood that decides together.
        selection_power: 1 would mix details by their energy, more lets the stronger one win.
        rim: width of a silhouette's soft rim.
        ear_depth: an ear is at most so deep, and shrinks altogether.
        body_depth: a body is at least so deep, and is left as it is: too thick to shrink from sight.
        min_share: of animals, or of what is around them, that shows its colours.
    """

    base_sigma: float = 1 / 40
    window_sigma: float = 1 / 40
    selection_power: float = 2.0
    rim: float = 1 / 40
    ear_depth: float = 1 / 16
    body_depth: float = 1 / 9
    min_share: float = 0.05


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


def blend_silhouettes(pictures: Tensor, weights: Tensor, alone: Tensor, distances: Tensor) -> Tensor:
    """Mixtures (T, 3, H, W) whose ears have one outline, in between, and not all outlines faintly over one another.

    A pricked ear shrinks into the head while a hanging one grows out of it. Where the mixture shows too much or too
    little of the animals, the difference between them and what is around them makes up for it.

    Args:
        pictures: mixtures that show every animal as far as its shape counts.
        weights: (T, N) how much of each picture's shape.
        alone: (T, N, 3, H, W) the pictures, aligned with each mixture and in its colours.
        distances: (T, N, 1, H, W) how deep inside their animals a place lies, in pixels, negative outside.
    """
    own, thick = SETTINGS, SETTINGS.body_depth
    shares, depths = weights[:, :, None, None, None], distances / pictures.shape[-1]
    animals = (depths / own.rim + 0.5).clamp(0, 1)
    shown, between = (shares * animals).sum(1), (shares * depths.clamp(-thick, thick)).sum(1)
    wanted = (between / own.rim + 0.5).clamp(0, 1)
    inside = (shares * animals * alone).sum(1) / shown.clamp(min=own.min_share)
    around = (shares * (1 - animals) * alone).sum(1) / (1 - shown).clamp(min=own.min_share)
    thin = ((thick - depths.amax(1)) / (thick - own.ear_depth)).clamp(0, 1)
    return pictures + thin * (wanted - shown) * (inside - around)


def restore_details(pictures: Tensor, crops: Tensor, copies: Tensor, shape: Tensor, nearness: Tensor) -> Tensor:
    """Mixtures (T, 3, H, W) with what the network misses of the photographs put back.

    The grey detail of a photograph belongs to its shape: it comes back as far as the mixture has that shape, from one
    photograph in each place. The rest (colour, broad light) comes back near the photograph itself only.

    Args:
        pictures: the network's mixtures.
        crops: (T, N, 3, H, W) the photographs, aligned with each mixture.
        copies: (T, N, 3, H, W) the network's reconstructions of them, likewise.
        shape: (T, N) how much of each photograph's shape is in the mixture.
        nearness: (T, N) how near the mixture is to each photograph, 1 at the photograph itself.
    """
    luma = pictures.new_tensor(LUMA).view(1, 1, 3, 1, 1)
    grey, made = ((x * luma).sum(2) for x in (crops, copies))
    detail, own = split_bands(torch.cat([grey, made], 1))[1].split(grey.shape[1], 1)
    share = select_details(detail[:, :, None], shape)
    missing, fine = crops - copies, (detail - own)[:, :, None]
    return pictures + (share * fine).sum(1) + (nearness[:, :, None, None, None] * (missing - fine)).sum(1)


def fade_in(nearness: Tensor) -> Tensor:
    """How much of a picture's missing detail a mixture gets: all at 1, none below a half.

    Two photographs' details over one another look like a double exposure, so they never overlap.
    """
    x = (2 * nearness - 1).clamp(0, 1)
    return (x * x * (3 - 2 * x)).to(torch.float32)
