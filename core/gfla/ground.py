"""People apart from the plain ground behind them: their share of each pixel, and their colours without the ground's.

A limb cut out of a picture brings a rim of ground along, which shows as a halo wherever it lands. Colours that go on
beyond the person's outline leave none, and the outline is then a choice of its own (`PoseGenerator`, `ground_choice`).
The filling is the pull-push of Gortler et al. 1996, "The Lumigraph", section 3.4.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Distance from the ground's grey, of 2, at which a pixel begins to be the person's and is wholly so.
NOISE, APART = 0.03, 0.12
# How much the outermost pixels, which are part ground, count where a limb is too thin to have others.
RIM = 1e-3
# A picture of so many rows has a rim of one pixel.
ROWS_A_RIM = 192


def person_share(picture: Tensor, grey: float) -> Tensor:
    """How surely each pixel of (B, 3, H, W) in [-1, 1] is not the ground's `grey` (0..1); (B, 1, H, W) in [0, 1]."""
    return ((_apart(picture, grey) - NOISE) / (APART - NOISE)).clamp(0, 1)


def cut_out(picture: Tensor, grey: float) -> Tensor:
    """The person's colours, going on beyond the outline, and its share: (B, 3, H, W) in [-1, 1] to (B, 4, H, W)."""
    share = person_share(picture, grey)
    # The rim is a pixel wide in small pictures and more in photos that were cut out and enlarged.
    rim = max(1, round(picture.shape[2] / ROWS_A_RIM))
    inner = -F.max_pool2d(-F.pad(share, (rim, rim, rim, rim), mode="replicate"), 2 * rim + 1, 1)
    colours = filled(picture, torch.maximum(inner, RIM * share))
    # Along the outline: how far a pixel is from the ground, by how far the person's colour is there.
    mixed = _apart(picture, grey) / _apart(colours, grey).clamp_min(APART)
    return torch.cat([colours, torch.minimum(share, torch.maximum(mixed, inner))], 1)


def _apart(picture: Tensor, grey: float) -> Tensor:
    return (picture - (2 * grey - 1)).abs().amax(1, keepdim=True)


def filled(picture: Tensor, weight: Tensor) -> Tensor:
    """A picture whose pixels of little weight are filled in smoothly from those of much.

    Args:
        picture: (B, C, H, W).
        weight: (B, 1, H, W) in [0, 1].
    """
    summed, weights = [picture * weight], [weight]
    while max(summed[-1].shape[2:]) > 1:
        summed.append(F.avg_pool2d(summed[-1], 2, ceil_mode=True, count_include_pad=False))
        weights.append(F.avg_pool2d(weights[-1], 2, ceil_mode=True, count_include_pad=False))
    result = summed[-1] / weights[-1].clamp_min(1e-8)
    for colour, known in zip(summed[-2::-1], weights[-2::-1], strict=True):
        size = (colour.shape[2], colour.shape[3])
        below = F.interpolate(result, size, mode="bilinear", align_corners=False)
        sure = (2 * known).clamp_max(1)
        result = sure * colour / known.clamp_min(1e-8) + (1 - sure) * below
    return result
