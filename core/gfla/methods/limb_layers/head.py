"""The head laid whole: one copy of the source's head with its own outline, in place of a mixture.

Faces suffer from what clothes forgive: half a profile beside half a front view is nobody. So one of the head's layers
(upright, mirrored, or leaning with the neck) is chosen for the whole head, the one whose joints lie best, and it brings its
outline, hair and all. What hides the head, an arm before it, stays in front.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from core.gfla.methods.limb_layers.layers import ARMS, HEAD_PART, LAYERS, warp_layers
from core.gfla.methods.limb_layers.settings import SETTINGS
from core.gfla.methods.limb_layers.skeleton import HEAD, HEAD_CENTRE, append_centres, complete_torso, torso_length
from core.gfla.paper.pose import MISSING

if TYPE_CHECKING:
    from core.gfla.methods.limb_layers.network import LayeredPainting

HEAD_LAYERS = [index for index, layer in enumerate(LAYERS) if layer.target == HEAD_PART]
# Arms may be in front of the head.
ARM_LAYERS = [index for index, layer in enumerate(LAYERS) if layer.target in ARMS]
MIRRORED_JOINT = {0: 0, 14: 15, 15: 14, 16: 17, 17: 16}
# Width of the soft edge of the head's surroundings, in torso lengths.
SOFTNESS = 0.04


def show_one_head(weights: Tensor, painted: LayeredPainting, item: int, alpha: Tensor) -> Tensor:
    """The weights (2 + K + 1, h, w) of one item with the head laid whole, where both skeletons have one.

    Args:
        weights: of the blend at the result's size.
        painted: the pictures.
        item: which of them.
        alpha: the person's share of the source at that size, (1, 1, h, w).
    """
    guide, size = painted.guide, (weights.shape[1], weights.shape[2])
    frame_hw = (painted.image.shape[2], painted.image.shape[3])
    grids, own, wanted = guide.layers.grids[item : item + 1], guide.source_points[item], guide.target_points[item]
    layer = best_head(grids, own, wanted, frame_hw)
    if layer is None:
        return weights
    lean = LAYERS[layer].lean
    # Of the source no more than its head: with a turned layer its shoulders would come along.
    own_head = surroundings(own, frame_hw, size, lean, SETTINGS.head_below + SETTINGS.neck)
    outlines = torch.cat([alpha, alpha * own_head], 1)
    person, head = warp_layers(outlines, grids[:, layer : layer + 1], size)[0, 0]
    # A copy that leans leaves the upright head's neck beside it: that goes too.
    leans = (False, True) if lean else (False,)
    region = torch.stack([surroundings(wanted, frame_hw, size, leaning) for leaning in leans]).amax(0)
    return lay_head(weights, layer, person, head, region)


def best_head(grids: Tensor, source_points: Tensor, target_points: Tensor, size_hw: tuple[int, int]) -> int | None:
    """The head's layer under which the joints of both heads lie best on each other; None without common joints.

    Args:
        grids: (1, K, h, w, 2), of `LimbLayers`.
        source_points: (18, 2) in pixels of the network's frame, -1 where missing.
        target_points: like `source_points`.
        size_hw: of that frame.
    """
    extent = grids.new_tensor((size_hw[1], size_hw[0]))
    errors = {}
    for index in HEAD_LAYERS:
        flipped, found = LAYERS[index].side == "flipped", []
        for joint in HEAD:
            own, wanted = source_points[MIRRORED_JOINT[joint] if flipped else joint], target_points[joint]
            if (own == MISSING).all() or (wanted == MISSING).all():
                continue
            at = ((wanted.float() + 0.5) * 2 / extent - 1).view(1, 1, 1, 2)
            grid = grids[:, index].permute(0, 3, 1, 2)
            there = F.grid_sample(grid, at, mode="bilinear", padding_mode="border", align_corners=False)[0, :, 0, 0]
            found.append((((there + 1) * extent / 2 - 0.5) - own).norm())
        if found:
            errors[index] = (SETTINGS.flip_penalty if flipped else 1.0) * float(torch.stack(found).mean())
    return min(errors, key=errors.__getitem__) if errors else None


def surroundings(
    points: Tensor,
    frame_hw: tuple[int, int],
    size_hw: tuple[int, int],
    lean: bool,
    below: float = SETTINGS.head_below,
) -> Tensor:
    """How surely each pixel of (h, w) is the head's or beside it, in [0, 1], by a skeleton (18, 2).

    Args:
        points: in pixels of a frame, -1 where missing.
        frame_hw: that frame.
        size_hw: (h, w) of the result.
        lean: whether down is towards the neck, as for a layer that leans, and not the picture's down.
        below: how far down it reaches, in torso lengths from the head's middle.
    """
    points, known = complete_torso(points[None])
    unit = float(torso_length(points, known)[0])
    points, known = append_centres(points, known, known)
    x, y = points[0, HEAD_CENTRE]
    up = points.new_tensor((0.0, -1.0))
    if lean and known[0, 1] and known[0, HEAD_CENTRE]:
        up = F.normalize(points[0, HEAD_CENTRE] - points[0, 1], dim=0)
    columns = (torch.arange(size_hw[1]) + 0.5) * frame_hw[1] / size_hw[1] - x
    rows = (torch.arange(size_hw[0]) + 0.5) * frame_hw[0] / size_hw[0] - y
    along = (columns[None] * up[0] + rows[:, None] * up[1]) / unit
    away = (columns[None] ** 2 + rows[:, None] ** 2).sqrt() / unit
    near = ((SETTINGS.head_reach - away) / SOFTNESS + 0.5).clamp(0, 1)
    return near * ((along + below) / SOFTNESS + 0.5).clamp(0, 1)


def lay_head(weights: Tensor, layer: int, person: Tensor, outline: Tensor, region: Tensor) -> Tensor:
    """Weights with one head in place of a mixture.

    Args:
        weights: (2 + K + 1, h, w) of decoded, flow, layers, background; sum 1.
        layer: which of the layers shows the head.
        person: (h, w) in [0, 1], the person in that layer.
        outline: like `person`, its head alone.
        region: (h, w), from `surroundings`.
    """
    weights = weights.clone()
    heads, arms = ([2 + index for index in which] for which in (HEAD_LAYERS, ARM_LAYERS))
    mixture = weights[heads].sum(0)
    weights[heads] = 0
    # Round the head everything but arms gives way to it and to the background.
    others = [index for index in range(len(weights)) if index not in arms]
    around = region * (mixture + weights[others].sum(0))
    weights[others] *= 1 - region
    # Below it only the mixture does, neck and long hair; where the one head shows nothing, other pieces of the person.
    below = (1 - region) * mixture
    body = weights[:-1] + 1e-3 * (torch.arange(len(weights) - 1) == 0)[:, None, None]
    weights[:-1] += below * (1 - person) * body / body.sum(0)
    weights[2 + layer] += around * outline + below * person
    weights[-1] += around * (1 - outline)
    return weights
