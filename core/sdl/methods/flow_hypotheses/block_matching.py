"""Motion of what moves further than its own size, by an exhaustive search in tiny frames.

The flow's pyramid begins with a few pixels per side, where a hand has vanished into what is behind it; so it stays behind.

Source: full-search block matching, Jain and Jain 1981, "Displacement Measurement and Its Application in Interframe Image
Coding".
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.filters import box_filter


@dataclass(frozen=True)
class BlockMatching:
    """Constants of the search. Pixels are those of the tiny frames."""

    side_px: int = 80  # longer side
    reach_px: int = 8  # a tenth of the picture
    window_radius_px: int = 2  # of a block
    shift_cost: float = 0.002  # of colours (of 1) per pixel: of equal matches the nearest
    median_px: int = 5  # lone matches are chance


MATCHING = BlockMatching()


def match_blocks(source: Tensor, target: Tensor) -> Tensor:
    """For every pixel of the source (B, 3, H, W), roughly how far its block has moved in the target: (B, 2, H, W) pixels."""
    height, width = source.shape[-2:]
    scale, reach = MATCHING.side_px / max(height, width), MATCHING.reach_px
    down, across = size = [max(8, round(side * scale)) for side in (height, width)]
    here, there = (F.interpolate(frames.float(), size, mode="area") for frames in (source, target))
    wide = F.pad(there, (reach,) * 4, mode="replicate").unfold(2, down, 1).unfold(3, across, 1)
    missed = (here[:, :, None, None] - wide).abs_().mean(1)
    around = torch.arange(-reach, reach + 1, device=source.device)
    far = torch.cartesian_prod(around, around).to(missed)
    # The nearest first, for of equal costs one of the first is taken.
    nearest = far.square().sum(1).argsort(stable=True)
    far = far[nearest]
    costs = (
        box_filter(missed.flatten(1, 2)[:, nearest], MATCHING.window_radius_px)
        + MATCHING.shift_cost * far.norm(dim=1)[:, None, None]
    )
    best = far.flip(1)[costs.argmin(1)].cpu().numpy()
    smooth = np.stack([cv2.medianBlur(np.ascontiguousarray(one), MATCHING.median_px) for one in best])
    motion = torch.from_numpy(smooth).to(source).permute(0, 3, 1, 2)
    motion = F.interpolate(motion, (height, width), mode="bilinear", align_corners=False)
    return motion * motion.new_tensor([width / across, height / down]).reshape(1, 2, 1, 1)
