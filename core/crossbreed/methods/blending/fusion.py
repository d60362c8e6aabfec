"""Several pictures in line as one: colours are mixed, details come from the picture that has more of them there.

A plain mean of two furs has half the contrast of either and shows both at once; choosing keeps one fur in each place.
Source: choice by local energy after Burt and Kolczynski, "Enhanced Image Capture through Fusion", 1993; two bands.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from core.metrics import LUMA

# Standard deviation of what counts as colour rather than detail, and of the neighbourhood, as shares of the side.
BASE = 1 / 40
AREA = 1 / 40
POWER = 2.0
# Of outlines, as shares of the side: their width, and how deep an ear is at most and a body at least.
RIM, THIN, THICK = 1 / 40, 1 / 16, 1 / 9
# The least share of animals, or of what is around them, that shows its colours.
LEAST = 0.05
# Variance of the luma below which an edge does not count.
GUIDE = 1e-3


def blurred(x: Tensor, sigma_px: float) -> Tensor:
    """(B, C, H, W) under a bell; the rim repeats."""
    reach = max(1, round(2.5 * sigma_px))
    place = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    bell = torch.exp(-place.square() / (2 * sigma_px**2))
    bell, channels = (bell / bell.sum()), x.shape[1]
    x = F.pad(x, (reach,) * 4, mode="replicate")
    x = F.conv2d(x, bell.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(x, bell.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)


def refined(masks: Tensor, pictures: Tensor) -> Tensor:
    """Rough masks (N, 1, H, W) drawn to the edges of the pictures (N, 3, H, W) in [0, 1].

    Source: He, Sun, Tang, "Guided Image Filtering", 2010, equations 5 and 6, with a bell in place of the box.
    """
    sigma = AREA * pictures.shape[-1]
    grey = (pictures * pictures.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    mean_i, mean_p, mean_ip, mean_ii = blurred(torch.cat([grey, masks, grey * masks, grey * grey], 1), sigma).split(
        1, 1
    )
    slope = (mean_ip - mean_i * mean_p) / (mean_ii - mean_i * mean_i + GUIDE)
    slope, offset = blurred(torch.cat([slope, mean_p - slope * mean_i], 1), sigma).split(1, 1)
    return (slope * grey + offset).clamp(0, 1)


def choice(details: Tensor, weights: Tensor) -> Tensor:
    """How much of each detail is taken: (B, N, 1, H, W), summing to 1.

    Args:
        details: (B, N, C, H, W).
        weights: (B, N), how much of each picture is wanted; a picture with weight 1 is taken alone.
    """
    batch, count, _, height, width = details.shape
    energy = details.square().mean(2).flatten(0, 1)[:, None]
    energy = blurred(energy, AREA * width).reshape(batch, count, 1, height, width) + 1e-5
    wanted = (weights[:, :, None, None, None].clamp(min=0) * energy.sqrt()) ** POWER
    return wanted / wanted.sum(1, keepdim=True).clamp(min=1e-12)


def blended(pictures: Tensor, weights: Tensor) -> Tensor:
    """One picture (B, C, H, W) of several in line (B, N, C, H, W) with weights (B, N) that sum to 1."""
    batch, count = pictures.shape[:2]
    base = blurred(pictures.flatten(0, 1), BASE * pictures.shape[-1]).reshape(pictures.shape)
    details = pictures - base
    mixed = (base * weights[:, :, None, None, None]).sum(1)
    return mixed + (details * choice(details, weights)).sum(1)


def one_outline(pictures: Tensor, weights: Tensor, alone: Tensor, depths: Tensor) -> Tensor:
    """Mixtures (T, 3, H, W) whose ears have one outline, in between, and not all outlines faintly over one another.

    A pricked ear shrinks into the head while a hanging one grows out of it. Where the mixture shows too much or too
    little of the animals, the difference between them and what is around them makes up for it. Bodies are left as they
    are: they are too thick to shrink from sight.

    Args:
        pictures: mixtures that show every animal as far as its shape counts.
        weights: (T, N) how much of each picture's shape.
        alone: (T, N, 3, H, W) the pictures, in line with each mixture and in its colours.
        depths: (T, N, 1, H, W) how deep inside their animals a place lies, in pixels, negative outside.
    """
    shares, depths = weights[:, :, None, None, None], depths / pictures.shape[-1]
    animals = (depths / RIM + 0.5).clamp(0, 1)
    shown, between = (shares * animals).sum(1), (shares * depths.clamp(-THICK, THICK)).sum(1)
    wanted = (between / RIM + 0.5).clamp(0, 1)
    inside = (shares * animals * alone).sum(1) / shown.clamp(min=LEAST)
    around = (shares * (1 - animals) * alone).sum(1) / (1 - shown).clamp(min=LEAST)
    thin = ((THICK - depths.amax(1)) / (THICK - THIN)).clamp(0, 1)
    return pictures + thin * (wanted - shown) * (inside - around)


def with_details(pictures: Tensor, crops: Tensor, copies: Tensor, shape: Tensor, nearness: Tensor) -> Tensor:
    """Mixtures (T, 3, H, W) with what the network misses of the photographs put back.

    The grey detail of a photograph belongs to its shape: it comes back as far as the mixture has that shape, from one
    photograph in each place. The rest (colour, broad light) comes back near the photograph itself only.

    Args:
        pictures: the network's mixtures.
        crops: (T, N, 3, H, W) the photographs, in line with each mixture.
        copies: (T, N, 3, H, W) the network's copies of them, likewise.
        shape: (T, N) how much of each photograph's shape is in the mixture.
        nearness: (T, N) how near the mixture is to each photograph, 1 at the photograph itself.
    """
    luma = pictures.new_tensor(LUMA).view(1, 1, 3, 1, 1)
    grey, made = ((x * luma).sum(2) for x in (crops, copies))
    both = torch.cat([grey, made], 1)
    both = both - blurred(both, BASE * pictures.shape[-1])
    detail, own = both.split(grey.shape[1], 1)
    share = choice(detail[:, :, None], shape)
    missing, fine = crops - copies, (detail - own)[:, :, None]
    return pictures + (share * fine).sum(1) + (nearness[:, :, None, None, None] * (missing - fine)).sum(1)
