"""Our own losses: pictures at several sizes, and a flow with its silhouette."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.warp import backward_warp, sample_at
from core.ripple.methods.head_turn.pre_aligner import FLOW_UNIT, fitted


def pyramid_l1(image: Tensor, target: Tensor, weight: Tensor | None = None, levels: int = 4) -> Tensor:
    """Mean absolute difference of pictures and of their edges, at full, half, quarter ... size.

    Small sizes settle place and colour early, edges keep the picture from blurring. It needs no
    pretrained network, which is why the preview weights are trained with it.

    Args:
        image: (B, 3, H, W).
        target: the same shape.
        weight: (B, 1, H, W), what a pixel counts; one everywhere otherwise.
        levels: how many sizes.

    Source: own; the pyramid follows Burt & Adelson 1983.
    """
    weight = torch.ones_like(target[:, :1]) if weight is None else weight
    total = image.new_zeros(())
    for level in range(levels):
        if level:
            image, target, weight = (F.avg_pool2d(x, 2) for x in (image, target, weight))
        difference = image - target
        edges_x, edges_y = difference.diff(dim=3), difference.diff(dim=2)
        total = total + (weight * difference.abs()).mean()
        total = total + (weight[..., 1:] * edges_x.abs()).mean() + (weight[..., 1:, :] * edges_y.abs()).mean()
    return total / levels


def flow_loss(made: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """Known points must be found, known background must stay, the warped source and the silhouette must fit.

    Args:
        made: (B, 3, S, S) what `PreAligner.estimate` answered.
        batch: of `HeadPairs`; `picture_known` (B,) where some targets have points only.
    """
    size = made.shape[-1]
    flow, person_logit = made[:, :2], made[:, 2:]
    scale = size / batch["source"].shape[-1]
    then, here = batch["source_points"] * scale, batch["target_points"] * scale
    found = sample_at(flow, here).transpose(1, 2)
    wanted = (then - here) / (FLOW_UNIT * size)
    at_points = (F.smooth_l1_loss(found, wanted, reduction="none", beta=0.1).sum(2) * batch["points_seen"]).mean()
    person = fitted(batch["target_mask"], size)
    known = batch["mask_known"].float().view(-1, 1, 1, 1)
    at_rest = (flow.abs() * (1 - person) * known).mean()
    there = F.binary_cross_entropy_with_logits(person_logit, person, reduction="none")
    warped = backward_warp(fitted(batch["source"], size), flow * (FLOW_UNIT * size))
    comparable = person * batch["picture_known"].view(-1, 1, 1, 1) if "picture_known" in batch else person
    fit = ((warped - fitted(batch["target"], size)).abs() * comparable).mean()
    smooth = flow.diff(dim=2).abs().mean() + flow.diff(dim=3).abs().mean()
    return at_points + at_rest + 0.3 * fit + 0.1 * smooth + 0.3 * (there * known).mean()
