"""Losses of the ripple system's trainers, each a function of tensors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


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
