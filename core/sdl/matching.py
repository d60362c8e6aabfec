"""Where the blocks of one picture lie in another: a coarse motion that the small interpolation network starts from.

Nothing here is learned. The published network has no such start; it is an extension of ours, off by default.

Source: hierarchical block matching, Bierling 1988, here with a soft minimum.
"""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.warp import backward_warp

# Scale and search radius per level, coarse first: 32 pixels in all directions, then refinement.
LEVELS = ((8, 4), (4, 2), (2, 2))
BLOCK = 5
# Mean colour difference, of 1, that makes a place e times less likely.
TEMPERATURE = 0.008
# The same for a step of one pixel away from no motion: flat areas stand still.
SHYNESS = 0.0005


def block_motion(source: Tensor, target: Tensor) -> Tensor:
    """For every pixel of the source, how far its content has moved in the target.

    Args:
        source: (B, 3, H, W) in [0, 1]; sides multiples of 8.
        target: the same.

    Returns:
        (B, 2, H / 2, W / 2), x before y, in pixels of the full size.
    """
    flow = source.new_zeros(len(source), 2, source.shape[2] // LEVELS[0][0], source.shape[3] // LEVELS[0][0])
    for scale, radius in LEVELS:
        size = (source.shape[2] // scale, source.shape[3] // scale)
        if flow.shape[2:] != size:
            flow = 2 * F.interpolate(flow, size=size, mode="bilinear", align_corners=False)
        near, far = F.avg_pool2d(source, scale), F.avg_pool2d(target, scale)
        flow = flow + best_shift(near, backward_warp(far, flow), radius)
        flow = F.avg_pool2d(F.pad(flow, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return flow * LEVELS[-1][0]


def best_shift(near: Tensor, far: Tensor, radius: int) -> Tensor:
    """The shift within `radius` under which blocks of `far` look like `near`: (B, 2, H, W), a soft minimum."""
    height, width = near.shape[2:]
    padded = F.pad(far, (radius,) * 4, mode="replicate")
    shifts = list(product(range(-radius, radius + 1), repeat=2))
    costs = []
    for down, right in shifts:
        moved = padded[..., radius + down : radius + down + height, radius + right : radius + right + width]
        costs.append((near - moved).abs().mean(1) + SHYNESS * (down**2 + right**2) ** 0.5)
    cost = F.avg_pool2d(F.pad(torch.stack(costs, 1), (BLOCK // 2,) * 4, mode="replicate"), BLOCK, 1)
    likely = torch.softmax(-cost / TEMPERATURE, 1)
    steps = near.new_tensor([(right, down) for down, right in shifts])
    return torch.einsum("bnhw,nc->bchw", likely, steps)
