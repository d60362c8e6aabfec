"""The head laid whole: one copy of the source's head with its own outline, in place of a mixture. Own addition.

Faces suffer from what clothes forgive: half a profile beside half a front view is nobody. So one of the head's layers
(upright, mirrored, or leaning with the neck) is chosen for the whole head, the one whose joints lie best, and it brings its
outline, hair and all. What hides the head, an arm before it, stays in front.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.gfla.methods.limb_layers.layers import HEAD_PART, LAYERS
from core.gfla.methods.limb_layers.skeleton import HEAD, MIDDLE_OF_HEAD, body_unit, completed, with_head
from core.gfla.paper.pose import MISSING

HEAD_LAYERS = [index for index, layer in enumerate(LAYERS) if layer.target == HEAD_PART]
# Arms may be in front of the head.
BEFORE = [index for index, layer in enumerate(LAYERS) if 2 <= layer.target <= 5]
OTHER_SIDE = {0: 0, 14: 15, 15: 14, 16: 17, 17: 16}
# The head's surroundings, in torso lengths from its middle: to the side and upwards, where hair reaches; and downwards.
AROUND, BELOW = 0.6, 0.18
# How much further down a head may reach in its own picture.
NECK = 0.1
# A mirrored head jumps in a video and changes sides: it must fit so much better than an upright one.
FLIP_AGAINST = 1.25


def best_head(places: Tensor, source_points: Tensor, target_points: Tensor, size_hw: tuple[int, int]) -> int | None:
    """The head's layer under which the joints of both heads lie best on each other; None without common joints.

    Args:
        places: (1, K, h, w, 2), of `LimbLayers`.
        source_points: (18, 2) in pixels of the network's frame, -1 where missing.
        target_points: like `source_points`.
        size_hw: of that frame.
    """
    extent = places.new_tensor((size_hw[1], size_hw[0]))
    errors = []
    for index in HEAD_LAYERS:
        found = []
        for joint in HEAD:
            own = source_points[OTHER_SIDE[joint] if LAYERS[index].side == "flipped" else joint]
            wanted = target_points[joint]
            if (own == MISSING).all() or (wanted == MISSING).all():
                continue
            at = ((wanted.float() + 0.5) * 2 / extent - 1).view(1, 1, 1, 2)
            grid = places[:, index].permute(0, 3, 1, 2)
            there = F.grid_sample(grid, at, mode="bilinear", padding_mode="border", align_corners=False)[0, :, 0, 0]
            found.append((((there + 1) * extent / 2 - 0.5) - own).norm())
        strictness = FLIP_AGAINST if LAYERS[index].side == "flipped" else 1.0
        errors.append(strictness * float(torch.stack(found).mean()) if found else float("inf"))
    best = min(range(len(errors)), key=errors.__getitem__)
    return HEAD_LAYERS[best] if errors[best] < float("inf") else None


def surroundings(
    points: Tensor, frame_hw: tuple[int, int], size_hw: tuple[int, int], lean: bool, below: float = BELOW
) -> Tensor:
    """How surely each pixel of (h, w) is the head's place or ground beside it, in [0, 1], by a skeleton (18, 2).

    Args:
        points: in pixels of a frame, -1 where missing.
        frame_hw: that frame.
        size_hw: (h, w) of the result.
        lean: whether down is towards the neck, as for a layer that leans, and not the picture's down.
        below: how far down it reaches, in torso lengths from the head's middle.
    """
    points = points[None].float()
    known = (points != MISSING).all(-1)
    points, known = completed(points, known)
    unit = float(body_unit(points, known)[0])
    points, known = with_head(points, known, known)
    x, y = points[0, MIDDLE_OF_HEAD]
    up = points.new_tensor((0.0, -1.0))
    if lean and known[0, 1] and known[0, MIDDLE_OF_HEAD]:
        up = F.normalize(points[0, MIDDLE_OF_HEAD] - points[0, 1], dim=0)
    columns = (torch.arange(size_hw[1]) + 0.5) * frame_hw[1] / size_hw[1] - x
    rows = (torch.arange(size_hw[0]) + 0.5) * frame_hw[0] / size_hw[0] - y
    along = (columns[None] * up[0] + rows[:, None] * up[1]) / unit
    away = (columns[None] ** 2 + rows[:, None] ** 2).sqrt() / unit
    softly = 0.04
    return ((AROUND - away) / softly + 0.5).clamp(0, 1) * ((along + below) / softly + 0.5).clamp(0, 1)


def whole_head(share: Tensor, layer: int, person: Tensor, outline: Tensor, place: Tensor) -> Tensor:
    """Shares with one head in place of a mixture.

    Args:
        share: (2 + K + 1, h, w) of painted, flow, layers, ground; sum 1.
        layer: which of the layers shows the head.
        person: (h, w) in [0, 1], the person in that layer.
        outline: like `person`, its head alone.
        place: (h, w), from `surroundings`.
    """
    share = share.clone()
    heads, arms = ([2 + index for index in which] for which in (HEAD_LAYERS, BEFORE))
    mixture = share[heads].sum(0)
    share[heads] = 0
    # Round the head everything but arms gives way to it and to ground.
    others = [index for index in range(len(share)) if index not in arms]
    around = place * (mixture + share[others].sum(0))
    share[others] *= 1 - place
    # Below it only the mixture does, neck and long hair; where the one head shows nothing, other pieces of the person.
    below = (1 - place) * mixture
    body = share[:-1] + 1e-3 * (torch.arange(len(share) - 1) == 0)[:, None, None]
    share[:-1] += below * (1 - person) * body / body.sum(0)
    share[2 + layer] += around * outline + below * person
    share[-1] += around * (1 - outline)
    return share
