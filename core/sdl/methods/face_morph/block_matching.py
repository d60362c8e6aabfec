"""Where the blocks of one picture lie in another: a coarse motion that small networks start from.

Nothing here is learned. The published network has no such start; it is an extension of ours, off by default.

Source: hierarchical block matching, Bierling 1988, here with a soft minimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.warp import backward_warp

MATCHINGS = ("none", "colour", "structure", "dense", "landmarks", "face")
DENSE = ("dense", "landmarks")


@dataclass(frozen=True)
class Search:
    """How blocks are looked for.

    Attributes:
        levels: scale and search radius per level, coarse first.
        block: side of a block, in pixels of the level.
        temperature: mean difference, of 1, that makes a place e times less likely.
        shyness: the same for a step of one pixel away from no motion: flat areas stand still.
    """

    levels: tuple[tuple[int, int], ...]
    block: int
    temperature: float
    shyness: float


# Two frames of a scene: 32 pixels in all directions, then refinement. Two faces: only the coarse shape is alike.
SEARCHES = {
    "colour": Search(((8, 4), (4, 2), (2, 2)), 5, 0.002, 0.006),
    "structure": Search(((4, 4),), 9, 0.02, 0.002),
}


def structure(pictures: Tensor, window: int = 9) -> Tensor:
    """What two faces share and two colours do not: lightness beside its local contrast, (B, 3, H, W)."""
    lightness = pictures.mean(1, keepdim=True)

    def local(maps: Tensor) -> Tensor:
        return F.avg_pool2d(F.pad(maps, (window // 2,) * 4, mode="replicate"), window, 1)

    relief = lightness - local(lightness)
    contrast = relief / (local(relief**2).sqrt() + 0.05) / 4
    return torch.cat([contrast, lightness, lightness], 1)


def block_motion(source: Tensor, target: Tensor, matching: str = "colour") -> Tensor:
    """For every pixel of the source, how far its content has moved in the target.

    Args:
        source: (B, 3, H, W) in [0, 1]; sides multiples of 8.
        target: the same.
        matching: colour, for two frames of one scene; structure, for two things of one kind.

    Returns:
        (B, 2, H / 2, W / 2), x before y, in pixels of the full size.
    """
    search = SEARCHES[matching]
    if matching == "structure":
        source, target = structure(source), structure(target)
    flow = source.new_zeros(len(source), 2, 1, 1)
    before = search.levels[0][0]
    for scale, radius in search.levels:
        near, far = F.avg_pool2d(source, scale), F.avg_pool2d(target, scale)
        flow = resized(flow, near.shape[2:]) * (before / scale)
        flow = flow + best_shift(near, backward_warp(far, flow), radius, search)
        flow = F.avg_pool2d(F.pad(flow, (1, 1, 1, 1), mode="replicate"), 3, 1)
        before = scale
    return resized(flow, (source.shape[2] // 2, source.shape[3] // 2)) * before


def coarse_motion(inputs: Tensor) -> Tensor:
    """Both ways of `block_motion` on structure, in the form of `core.sdl.methods.flow_hypotheses.optical_flow.dense_motion`: (B, 6, H / 2, W / 2).

    What a morph starts from where no landmarks are known. Inputs (B, 6, H, W), sides multiples of 8.
    """
    source, target = inputs.split(3, 1)
    flows = [block_motion(*pair, "structure") / 2 for pair in ((source, target), (target, source))]
    return torch.cat([*flows, torch.ones_like(flows[0])], 1)


def resized(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Maps at (height, width), bilinear."""
    if maps.shape[2:] == torch.Size(size):
        return maps
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def best_shift(near: Tensor, far: Tensor, radius: int, search: Search) -> Tensor:
    """The shift within `radius` under which blocks of `far` look like `near`: (B, 2, H, W), a soft minimum."""
    height, width = near.shape[2:]
    padded = F.pad(far, (radius,) * 4, mode="replicate")
    shifts = list(product(range(-radius, radius + 1), repeat=2))
    costs = []
    for down, right in shifts:
        moved = padded[..., radius + down : radius + down + height, radius + right : radius + right + width]
        costs.append((near - moved).abs().mean(1) + search.shyness * (down**2 + right**2) ** 0.5)
    cost = F.avg_pool2d(F.pad(torch.stack(costs, 1), (search.block // 2,) * 4, mode="replicate"), search.block, 1)
    likely = torch.softmax(-cost / search.temperature, 1)
    steps = near.new_tensor([(right, down) for down, right in shifts])
    return torch.einsum("bnhw,nc->bchw", likely, steps)
