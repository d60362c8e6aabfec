"""How the network's last maps become a picture: directly, as published, or as a change of the inputs.

The published networks paint every pixel anew (`direct`). The forms below start from the inputs, so that t = 0 (and
with two pictures t = 1) returns them exactly, and a small network spends its weights on the change alone. They are
an extension of ours, not part of the paper.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import unknown_name
from core.ops.warp import backward_warp
from core.sdl.blocks import over_batch

FORMS = ("direct", "residual", "recolour", "motion")
# Maps are trained around 1; a motion of one unit is this many pixels of what the network sees.
MOTION_UNIT_PX = 8.0


def map_channels(form: str, pictures: int, reduction: int) -> int:
    """Channels that the network must return for `form`.

    Args:
        form: one of `FORMS`.
        pictures: how many pictures go in, 1 or 2.
        reduction: how many times smaller than the picture the maps are; colours are folded into channels.
    """
    colours = 3 * reduction**2
    if form not in FORMS:
        raise unknown_name("form of the output", form, FORMS)
    return colours + {1: 2, 2: 5}[pictures] if form == "motion" else colours


def compose(form: str, maps: Tensor, inputs: Tensor, t: Tensor, reduction: int = 1) -> Tensor:
    """The picture at t.

    Args:
        form: `direct`: the maps are the picture. `residual`: the source plus t times the maps. `recolour`: the same on
            a source whose colour statistics move to the target's. `motion`: source and target, each moved towards t,
            mixed by a predicted mask, plus a residual that vanishes at the ends.
        maps: (B, map_channels(...), h, w); the network saw the inputs at h * reduction x w * reduction, which may be
            smaller than they are: motion and residual are then enlarged, the inputs keep their detail.
        inputs: (B, 3 or 6, H, W), in [0, 1], source first.
        t: (B,).
        reduction: as in `map_channels`.

    Returns:
        (B, 3, H, W), around [0, 1], not clipped.
    """
    if form == "direct":
        return F.pixel_shuffle(maps, reduction)
    t = over_batch(t, maps)
    source, colours = inputs[:, :3], 3 * reduction**2
    residual = enlarged(F.pixel_shuffle(maps[:, :colours], reduction), inputs)
    if form == "residual":
        return source + t * residual
    if form == "recolour":
        return source + t * (recoloured(source, inputs[:, 3:]) - source + residual)
    seen = maps.new_tensor([maps.shape[3], maps.shape[2]]) * reduction
    unit_px = (MOTION_UNIT_PX * maps.new_tensor([inputs.shape[3], inputs.shape[2]]) / seen).reshape(1, 2, 1, 1)
    rest = enlarged(maps[:, colours:], inputs)
    forth = backward_warp(source, t * rest[:, :2] * unit_px)
    if inputs.shape[1] == 3:
        return forth + t * residual
    back = backward_warp(inputs[:, 3:], (1 - t) * rest[:, 2:4] * unit_px)
    inside = t.clamp(0, 1)
    share = torch.sigmoid(rest[:, 4:5])
    weight = inside * share / (inside * share + (1 - inside) * (1 - share))
    return (1 - weight) * forth + weight * back + 4 * t * (1 - t) * residual


def enlarged(maps: Tensor, inputs: Tensor) -> Tensor:
    """Maps at the size of the inputs, bilinear, corners not aligned."""
    if maps.shape[2:] == inputs.shape[2:]:
        return maps
    return F.interpolate(maps, size=inputs.shape[2:], mode="bilinear", align_corners=False)


def recoloured(source: Tensor, target: Tensor, eps: float = 1e-3) -> Tensor:
    """The source with the target's mean and deviation in every colour channel.

    Source: Reinhard et al. 2001, "Color Transfer between Images", here in RGB.
    """
    mean, deviation = source.mean((2, 3), keepdim=True), source.std((2, 3), keepdim=True)
    wanted_mean, wanted = target.mean((2, 3), keepdim=True), target.std((2, 3), keepdim=True)
    return (source - mean) * (wanted / (deviation + eps)) + wanted_mean
