"""Where the coarse structure of one thing lies in another of its kind: what a morph starts from without landmarks.

Source: block matching over all shifts within a radius, as in Bierling 1988, here with a soft minimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class BlockMatching:
    """Constants of the search."""

    scale: int = 4  # how many times smaller the pictures are searched: of two faces only the coarse shape is alike
    radius_px: int = 4  # of the search, in pixels of that scale
    block_px: int = 9  # side of a block, in pixels of that scale
    temperature: float = 0.02  # mean difference (of 1) that makes a shift e times less likely
    displacement_penalty: float = 0.002  # the same per pixel away from no motion: flat areas stand still


MATCHING = BlockMatching()


def describe_structure(pictures: Tensor, window: int = 9) -> Tensor:
    """What two faces share and two colours do not: lightness beside its local contrast, (B, 3, H, W)."""
    lightness = pictures.mean(1, keepdim=True)

    def local(maps: Tensor) -> Tensor:
        return F.avg_pool2d(F.pad(maps, (window // 2,) * 4, mode="replicate"), window, 1)

    relief = lightness - local(lightness)
    contrast = relief / (local(relief**2).sqrt() + 0.05) / 4
    return torch.cat([contrast, lightness, lightness], 1)


def match_structure(inputs: Tensor) -> Tensor:
    """The motion between two pictures (B, 6, H, W), sides multiples of 8, both ways.

    Returns:
        (B, 6, H / 2, W / 2): there and back, x before y, in pixels of that size, and two maps of ones.
    """
    source, target = (describe_structure(picture) for picture in inputs.split(3, 1))
    flows = [match_blocks(*pair) / 2 for pair in ((source, target), (target, source))]
    return torch.cat([*flows, torch.ones_like(flows[0])], 1)


def match_blocks(source: Tensor, target: Tensor) -> Tensor:
    """For every pixel of the source (B, C, H, W), how far its content has moved in the target.

    Returns:
        (B, 2, H / 2, W / 2), x before y, in pixels of the full size.
    """
    near, far = F.avg_pool2d(source, MATCHING.scale), F.avg_pool2d(target, MATCHING.scale)
    flow = find_shifts(near, far)
    flow = F.avg_pool2d(F.pad(flow, (1, 1, 1, 1), mode="replicate"), 3, 1)
    half = (source.shape[2] // 2, source.shape[3] // 2)
    return F.interpolate(flow, half, mode="bilinear", align_corners=False) * MATCHING.scale


def find_shifts(near: Tensor, far: Tensor) -> Tensor:
    """The shift under which blocks of `far` look like `near`: (B, 2, H, W), a soft minimum."""
    radius, block = MATCHING.radius_px, MATCHING.block_px
    height, width = near.shape[2:]
    padded = F.pad(far, (radius,) * 4, mode="replicate")
    shifts = list(product(range(-radius, radius + 1), repeat=2))
    costs = []
    for down, right in shifts:
        moved = padded[..., radius + down : radius + down + height, radius + right : radius + right + width]
        penalty = MATCHING.displacement_penalty * (down**2 + right**2) ** 0.5
        costs.append((near - moved).abs().mean(1) + penalty)
    cost = F.avg_pool2d(F.pad(torch.stack(costs, 1), (block // 2,) * 4, mode="replicate"), block, 1)
    likely = torch.softmax(-cost / MATCHING.temperature, 1)
    steps = near.new_tensor([(right, down) for down, right in shifts])
    return torch.einsum("bnhw,nc->bchw", likely, steps)
