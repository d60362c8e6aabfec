"""A person apart from the plain background behind it: alpha, and colours without the background's.

A limb cut out of a picture brings a rim of background along, which shows as a halo wherever it lands. Colours that go on
beyond the person's outline leave none, and the outline is then decided apart (`LayerBlend`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.gfla.methods.limb_layers.settings import SETTINGS
from core.ops.pull_push import filled


def person_alpha(picture: Tensor, grey: float) -> Tensor:
    """How surely each pixel of (B, 3, H, W) in [-1, 1] is not the background's `grey` (0..1); (B, 1, H, W) in [0, 1]."""
    return ((_distance(picture, grey) - SETTINGS.noise) / (SETTINGS.apart - SETTINGS.noise)).clamp(0, 1)


def foreground(picture: Tensor, grey: float) -> Tensor:
    """The person's colours, going on beyond the outline, and its alpha: (B, 3, H, W) in [-1, 1] to (B, 4, H, W)."""
    alpha = person_alpha(picture, grey)
    rim = max(1, round(picture.shape[2] / SETTINGS.rows_a_rim))
    inner = -F.max_pool2d(-F.pad(alpha, (rim, rim, rim, rim), mode="replicate"), 2 * rim + 1, 1)
    weight = torch.maximum(inner, SETTINGS.rim_weight * alpha)
    colours = filled(picture * weight, weight, SETTINGS.known_alpha)
    # Along the outline: how far a pixel is from the background, by how far the person's colour is there.
    mixed = _distance(picture, grey) / _distance(colours, grey).clamp_min(SETTINGS.apart)
    return torch.cat([colours, torch.minimum(alpha, torch.maximum(mixed, inner))], 1)


def _distance(picture: Tensor, grey: float) -> Tensor:
    return (picture - (2 * grey - 1)).abs().amax(1, keepdim=True)
