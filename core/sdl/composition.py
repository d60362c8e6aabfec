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
from core.sdl.abstraction import abstracted, box
from core.sdl.blocks import over_batch

FORMS = ("direct", "residual", "recolour", "motion", "abstraction", "retouch")
# Maps are trained around 1; a motion of one unit is this many pixels of what the network sees.
MOTION_UNIT_PX = 8.0
# A motion and a 3 x 4 colour change per place.
RETOUCH = 14
# How far around a person a change may reach, as a share of the picture's longer side.
AROUND = 0.02


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
    return colours + {1: 2, 2: 5}[pictures] if form == "motion" else colours


def compose(form: str, maps: Tensor, inputs: Tensor, t: Tensor, reduction: int = 1) -> Tensor:
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
        return retouched(maps, source, t, reduction)
    if form == "abstraction":
        return source + t * (abstracted(source) - source + residual)
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


def retouched(maps: Tensor, source: Tensor, t: Tensor, reduction: int) -> Tensor:
    """One picture, moved, its colours changed by an affine map of their own at every place, plus a residual; all times t.

    Grey hair is brown hair with other colours and the same strands: an affine change keeps them, a residual blurs them.

    Args:
        maps: (B, 14 + colours, h, w): motion, 3 x 4 colour change, residual.
        source: (B, 3, H, W).
        t: (B, 1, 1, 1).
        reduction: as in `map_channels`.

    Source: colour maps per place after Gharbi et al. 2017, "Deep Bilateral Learning for Real-Time Image Enhancement".
    """
    maps = maps.float()
    seen = maps.new_tensor([maps.shape[3], maps.shape[2]]) * reduction
    unit_px = (MOTION_UNIT_PX * maps.new_tensor([source.shape[3], source.shape[2]]) / seen).reshape(1, 2, 1, 1)
    rest, residual = (
        enlarged(maps[:, :RETOUCH], source),
        enlarged(F.pixel_shuffle(maps[:, RETOUCH:], reduction), source),
    )
    moved = backward_warp(source, t * rest[:, :2] * unit_px)
    change = rest[:, 2:].unflatten(1, (3, 4))
    recoloured = (change[:, :, :3] * moved[:, None]).sum(2) + change[:, :, 3]
    return moved + t * (recoloured + residual)


def on_person(made: Tensor, source: Tensor, person: Tensor) -> Tensor:
    """`made` on and just around the person (B, 1, h, w), the source elsewhere."""
    radius = max(1, round(AROUND * max(person.shape[-2:])))
    near = box(F.max_pool2d(person.float(), 2 * radius + 1, 1, radius), radius)
    return torch.lerp(source, made, enlarged(near, source))


# Radii of what counts as detail, as shares of the longer side, and how much each may be strengthened.
DETAIL_SHARES, MOST_GAIN = (0.012, 0.003), 2.0


def with_contrast(mixed: Tensor, first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """A mix of two pictures with its fine detail as strong as theirs is on average; where they agree it stays.

    Mixing halves the energy of two textures that have nothing in common, which looks like blur.

    Args:
        mixed: (B, 3, H, W).
        first: what was mixed, of the same shape.
        second: the same.
        weight: share of `second`, (B, 1, H, W).
    """
    for share in DETAIL_SHARES:
        radius = max(1, round(share * max(mixed.shape[-2:])))
        detail, *parts = (pictures - box(pictures, radius) for pictures in (mixed, first, second))
        now, *wanted = (box(part.square().mean(1, keepdim=True), 2 * radius) for part in (detail, *parts))
        gain = (((1 - weight) * wanted[0] + weight * wanted[1] + 1e-6) / (now + 1e-6)).sqrt().clamp(1, MOST_GAIN)
        mixed = mixed + (gain - 1) * detail
    return mixed


def compose_dense(
    maps: Tensor, moment: Tensor, inputs: Tensor, t: Tensor, reduction: int, keep_contrast: bool = False
) -> Tensor:
    """`motion` counted from a dense flow at its own resolution; where nothing moves, the plain blend of both frames.

    Args:
        maps: as for `motion` with two pictures.
        moment: (B, 4, h', w') from `core.sdl.dense.at_moment`.
        inputs: (B, 6, H, W).
        t: (B,).
        reduction: as in `map_channels`.
        keep_contrast: for two things that differ: give the mix the detail of its parts, everywhere; see `with_contrast`.
    """
    t, colours = over_batch(t, inputs), 3 * reduction**2
    maps, moment = maps.float(), enlarged(moment, inputs) * flow_scale(moment, inputs)
    residual = enlarged(F.pixel_shuffle(maps[:, :colours], reduction), inputs)
    rest = enlarged(maps[:, colours:], inputs)
    seen = maps.new_tensor([maps.shape[3], maps.shape[2]]) * reduction
    unit_px = (MOTION_UNIT_PX * maps.new_tensor([inputs.shape[3], inputs.shape[2]]) / seen).reshape(1, 2, 1, 1)
    velocity, logit, moving = moment[:, :2], moment[:, 2:3], moment[:, 3:]
    source, target = inputs.split(3, 1)
    forth = backward_warp(source, t * (rest[:, :2] * unit_px - velocity))
    back = backward_warp(target, (1 - t) * (rest[:, 2:4] * unit_px + velocity))
    # Two different things hide nothing of each other: what is missing in one is not hidden but elsewhere.
    inside, share = t.clamp(0, 1), torch.sigmoid(rest[:, 4:5] + (0 if keep_contrast else logit))
    weight = inside * share / (inside * share + (1 - inside) * (1 - share))
    made = (1 - weight) * forth + weight * back + 4 * t * (1 - t) * residual
    if keep_contrast:
        return with_contrast(made, forth, back, weight)
    blend = (1 - t) * source + t * target
    return blend + moving * (made - blend)


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
