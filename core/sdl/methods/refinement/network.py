"""Refinement of the frame at t: the first choice among the warped frames, judged at full size.

The interpolation network sees reduced frames, so a wire or an outline is a fraction of one of its pixels when it chooses.
Here a small network sees the six warped frames, their weights and the picture they make as large as they are, and corrects
all three.

Source: a refinement of the blended frame from all that was warped, as in Niklaus and Liu 2020, "Softmax Splatting for Video
Frame Interpolation", section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.sdl.methods.small_network.network import enlarge
from core.sdl.paper.gridnet import GridNet

# Pixels of the picture become channels, as in the network itself; larger pictures are looked at reduced.
FOLD, SIDE_PX = 2, 1024


class RefinementNet(nn.Module):
    """Changes of the weights' logits, of the colours and of the flows, from what was warped and what was made of it.

    Args:
        pictures: how many warped frames there are, and how many numbers their flows have to be changed by.
        maps: channels of what else is known of the moment.
        widths: channels of the GridNet's rows, finest first.
    """

    def __init__(self, pictures: int, maps: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.pictures = pictures
        # Every warped frame and its weight, and what they make together.
        seen = 4 * pictures + 3
        self.grid = GridNet(seen * FOLD**2 + maps, (2 * pictures + 3) * FOLD**2, widths, 2)
        self.multiple = FOLD * 2 ** (len(widths) - 1)

    def forward(self, warped: Sequence[Tensor], weights: Tensor, made: Tensor, known: Tensor) -> tuple[Tensor, ...]:
        """Changes of the logits (B, pictures, H, W), of the colours (B, 3, H, W) and of the displacements (B, pictures, H, W).

        Args:
            warped: (B, 3, H, W) each.
            weights: (B, pictures, H, W), sum 1.
            made: (B, 3, H, W), the warped frames weighted by their weights.
            known: (B, maps, h, w) about [-1, 1], of any size.
        """
        height, width = made.shape[2:]
        scale = min(1.0, SIDE_PX / max(height, width))
        size = [max(1, round(scale * side / self.multiple)) * self.multiple for side in (height, width)]
        seen = torch.cat([*warped, weights, made], 1)
        if size != [height, width]:
            seen = F.interpolate(seen, size, mode="bilinear", align_corners=False, antialias=True)
        half = [side // FOLD for side in size]
        known = F.interpolate(known, half, mode="bilinear", align_corners=False)
        changes = self.grid(torch.cat([F.pixel_unshuffle(seen, FOLD), known], 1)).float()
        changes = enlarge(F.pixel_shuffle(changes, FOLD), made)
        more, colours, displacements = changes.split((self.pictures, 3, self.pictures), 1)
        return more, colours, displacements * width / size[1]
