"""A picture of which layer shows where."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.gfla.methods.limb_layers.network import LayeredPainting


def layers_picture(painted: LayeredPainting, item: int, size_hw: tuple[int, int]) -> Tensor:
    """Which candidate shows where, (3, H, W) in [0, 1]: decoded white, each layer a hue, flow and background black."""
    flow, layers, background = painted.rest[item, :1], painted.rest[item, 1:-1], painted.rest[item, -1:]
    # A golden angle apart, so that neighbours in the list differ.
    hue = torch.arange(len(layers)) * 0.618 % 1
    wheel = (hue[:, None] * 6 + torch.tensor((0.0, 4.0, 2.0))) % 6
    colours = 0.25 + 0.75 * ((wheel - 3).abs() - 1).clamp(0, 1)
    decoded = (1 - (flow + background) - layers.sum(0, keepdim=True)).clamp(0, 1)
    mixed = decoded + (layers[:, None] * colours[:, :, None, None]).sum(0)
    return F.interpolate(mixed[None], size_hw, mode="bilinear", align_corners=False)[0].clamp(0, 1)
