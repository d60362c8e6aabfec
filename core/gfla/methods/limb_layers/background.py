"""People apart from the plain ground behind them: their share of each pixel, and their colours without the ground's.

A limb cut out of a picture brings a rim of ground along, which shows as a halo wherever it lands. Colours that go on
beyond the person's outline leave none, and the outline is then a choice of its own (`PoseGenerator`, `ground_choice`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.pull_push import filled

# Distance from the ground's grey, of 2, at which a pixel begins to be the person's and is wholly so.
NOISE, APART = 0.03, 0.12
# How much the outermost pixels, which are part ground, count where a limb is too thin to have others.
RIM = 1e-3
# Share of a pixel that must be the person's to give its colour by itself.
KNOWN = 0.5
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
    weight = torch.maximum(inner, RIM * share)
    colours = filled(picture * weight, weight, KNOWN)
    # Along the outline: how far a pixel is from the ground, by how far the person's colour is there.
    mixed = _apart(picture, grey) / _apart(colours, grey).clamp_min(APART)
    return torch.cat([colours, torch.minimum(share, torch.maximum(mixed, inner))], 1)


def _apart(picture: Tensor, grey: float) -> Tensor:
    return (picture - (2 * grey - 1)).abs().amax(1, keepdim=True)
