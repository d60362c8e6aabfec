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

from core.sdl.methods.small_network.network import enlarge, fold_pixels
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
        kind = autocast_dtype(made)
        pictures, size = [*warped, weights, made], [height, width]
        if max(size) > SIDE_PX:
            size = [max(1, round(side * SIDE_PX / max(size))) for side in size]
            # Before they are converted: torch has this filter in single precision alone on a processor.
            pictures = [
                F.interpolate(maps.float(), size, mode="bilinear", align_corners=False, antialias=True)
                for maps in pictures
            ]
        seen = torch.cat([maps.to(kind) for maps in pictures], 1)
        below, beside = (-side % self.multiple for side in size)
        half = [side // FOLD for side in (size[0] + below, size[1] + beside)]
        if below or beside:
            seen = F.pad(seen, (0, beside, 0, below), mode="replicate")
        known = F.interpolate(known, half, mode="bilinear", align_corners=False).to(kind)
        seen = torch.cat([fold_pixels(seen, FOLD), known], 1)
        # As the weights are laid out: else every convolution turns it around for itself.
        changes = self.grid(seen.contiguous(memory_format=torch.channels_last)).float()
        changes = enlarge(F.pixel_shuffle(changes, FOLD)[..., : size[0], : size[1]], made)
        more, colours, displacements = changes.split((self.pictures, 3, self.pictures), 1)
        return more, colours, displacements * width / size[1]


def autocast_dtype(maps: Tensor) -> torch.dtype:
    """What convolutions of these maps compute in here: converted early, less has to be moved."""
    kind = maps.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else maps.dtype
