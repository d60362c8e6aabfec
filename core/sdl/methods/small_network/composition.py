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
from core.metrics import LUMA
from core.ops.warp import backward_warp, fine_warp
from core.sdl.methods.face_morph.fusion import fused
from core.sdl.methods.toon.abstraction import between, box, drawn
from core.sdl.paper.blocks import over_batch

FORMS = ("direct", "residual", "recolour", "motion", "candidates", "abstraction", "retouch")
# Maps are trained around 1; a motion of one unit is this many pixels of what the network sees.
MOTION_UNIT_PX = 8.0
# A motion and a 3 x 4 colour change per place.
RETOUCH = 14
# Shares of six warped frames and three changes of their motion, see `core.sdl.methods.flow_hypotheses.hypotheses`.
CHOICE = 12
# How far around a person a change may reach, as a share of the picture's longer side.
AROUND = 0.003
# Below the middle of the face, in face heights: from here on what is worn keeps its shape more and more, then wholly.
NECK, BODY = 0.55, 0.95


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
    if form == "retouch":
        return RETOUCH + colours
    if form == "candidates":
        return colours + CHOICE
    return colours + {1: 2, 2: 5}[pictures] if form == "motion" else colours


def compose(
    form: str, maps: Tensor, inputs: Tensor, t: Tensor, reduction: int = 1, guide: Tensor | None = None
) -> Tensor:
    """The picture at t.

    Args:
        form: `direct`: the maps are the picture. `residual`: the source plus t times the maps. `recolour`: the same on
            a source whose colour statistics move to the target's. `motion`: source and target, each moved towards t,
            mixed by a predicted mask, plus a residual that vanishes at the ends. `retouch`: see `retouched`.
        maps: (B, map_channels(...), h, w); the network saw the inputs at h * reduction x w * reduction, which may be
            smaller than they are: motion and residual are then enlarged, the inputs keep their detail.
        inputs: (B, 3 or 6, H, W), in [0, 1], source first.
        t: (B,).
        reduction: as in `map_channels`.
        guide: for `retouch`, (B, 4, h', w') of `core.sdl.methods.face_morph.correspondence.face_guide`: only head and neck of a person change.

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
    if form == "retouch":
        if guide is None:
            return retouched(maps, source, t, reduction)
        head = ((BODY - enlarged(guide[:, 1:2], source)) / (BODY - NECK)).clamp(0, 1)
        return on_person(retouched(maps, source, t, reduction, head), source, guide[:, 2:3])
    if form == "abstraction":
        drawing, smooth = drawn(source)
        return between(source, drawing + residual, smooth, t)
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


def retouched(maps: Tensor, source: Tensor, t: Tensor, reduction: int, head: Tensor | float = 1.0) -> Tensor:
    """One picture, moved, its colours changed by an affine map of their own at every place, plus a residual; all times t.

    Grey hair is brown hair with other colours and the same strands: an affine change keeps them, a residual blurs them.

    Args:
        maps: (B, 14 + colours, h, w): motion, 3 x 4 colour change, residual.
        source: (B, 3, H, W).
        t: (B, 1, 1, 1).
        reduction: as in `map_channels`.
        head: (B, 1, H, W) in [0, 1], where shape changes, and not the colours alone.

    Source: colour maps per place, drawn to the picture's edges, after Gharbi et al. 2017, "Deep Bilateral Learning for
    Real-Time Image Enhancement".
    """
    maps = maps.float()
    seen = maps.new_tensor([maps.shape[3], maps.shape[2]]) * reduction
    unit_px = (MOTION_UNIT_PX * maps.new_tensor([source.shape[3], source.shape[2]]) / seen).reshape(1, 2, 1, 1)
    rest = enlarged(maps[:, :2], source)
    residual = enlarged(F.pixel_shuffle(maps[:, RETOUCH:], reduction), source)
    moved = fine_warp(source, t * head * rest * unit_px)
    change = along_edges(maps[:, 2:RETOUCH], moved.detach()).unflatten(1, (3, 4))
    recoloured = (change[:, :, :3] * moved[:, None]).sum(2) + change[:, :, 3]
    return moved + t * (recoloured + head * residual)


# Of `along_edges`: radius in cells of the small maps, and the variance of the luma below which an edge does not count.
EDGE_RADIUS, EDGE_VARIANCE = 2, 1e-3


def along_edges(maps: Tensor, picture: Tensor) -> Tensor:
    """Small maps (B, C, h, w) at the size of a picture (B, 3, H, W), changing where it does: grey hair ends where hair ends.

    Source: He and Sun 2015, "Fast Guided Filter", with the luma as guide.
    """
    luma = (picture * picture.new_tensor(LUMA).reshape(1, 3, 1, 1)).sum(1, keepdim=True)
    guide = F.interpolate(luma, maps.shape[2:], mode="bilinear", align_corners=False, antialias=True)
    count = maps.shape[1]
    means = box(torch.cat([guide, guide * guide, maps, guide * maps], 1), EDGE_RADIUS)
    mean, square, level, product = means.split((1, 1, count, count), 1)
    slope = (product - mean * level) / (square - mean * mean + EDGE_VARIANCE)
    slope, offset = enlarged(box(torch.cat([slope, level - slope * mean], 1), EDGE_RADIUS), picture).split(count, 1)
    return slope * luma + offset


def on_person(made: Tensor, source: Tensor, person: Tensor) -> Tensor:
    """`made` on and just around the person (B, 1, h, w), the source elsewhere."""
    radius = max(1, round(AROUND * max(person.shape[-2:])))
    near = box(F.max_pool2d(person.float(), 2 * radius + 1, 1, radius), radius)
    return torch.lerp(source, made, enlarged(near, source))


def compose_dense(
    maps: Tensor, moment: Tensor, inputs: Tensor, t: Tensor, reduction: int, depths: Tensor | None = None
) -> Tensor:
    """`motion` counted from a dense motion between two things that differ: one of them in each place.

    Args:
        maps: as for `motion` with two pictures.
        moment: (B, 4, h', w') from `core.sdl.methods.flow_hypotheses.optical_flow.at_moment`.
        inputs: (B, 6, H, W).
        t: (B,).
        reduction: as in `map_channels`.
        depths: how deep inside a person each pixel of the two inputs lies, (B, 2, h', w').
    """
    t, colours = over_batch(t, inputs), 3 * reduction**2
    maps, moment = maps.float(), enlarged(moment, inputs) * flow_scale(moment, inputs)
    residual = enlarged(F.pixel_shuffle(maps[:, :colours], reduction), inputs)
    rest = enlarged(maps[:, colours:], inputs)
    seen = maps.new_tensor([maps.shape[3], maps.shape[2]]) * reduction
    unit_px = (MOTION_UNIT_PX * maps.new_tensor([inputs.shape[3], inputs.shape[2]]) / seen).reshape(1, 2, 1, 1)
    velocity = moment[:, :2]
    source, target = inputs.split(3, 1)
    away, home = t * (rest[:, :2] * unit_px - velocity), (1 - t) * (rest[:, 2:4] * unit_px + velocity)
    forth, back = fine_warp(source, away), fine_warp(target, home)
    inside, share = t.clamp(0, 1), torch.sigmoid(rest[:, 4:5])
    weight = inside * share / (inside * share + (1 - inside) * (1 - share))
    people = None
    if depths is not None:
        first, second = (enlarged(depths, inputs) * (inputs.shape[3] / depths.shape[3])).split(1, 1)
        first, second = backward_warp(first, away), backward_warp(second, home)
        people = first, second, torch.lerp(first, second, inside)
    return fused(forth, back, weight, people) + 4 * t * (1 - t) * residual


def flow_scale(moment: Tensor, inputs: Tensor) -> Tensor:
    """Factors (1, 4, 1, 1) that bring the velocity of `moment` to pixels of `inputs` and leave its other maps."""
    across, down = inputs.shape[3] / moment.shape[3], inputs.shape[2] / moment.shape[2]
    return moment.new_tensor([across, down, 1.0, 1.0]).reshape(1, 4, 1, 1)


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
