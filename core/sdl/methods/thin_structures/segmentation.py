"""A trained segmentation of thin structures: which pixels belong to a wire, a mast or a hair that moves on its own.

What is thin is lost by the flow, and by itself a pixel that differs from its surroundings is no proof: textures do as well,
and half of a line is as bright as what it crosses. Along its whole length a line can be seen. So a small network is shown
what the known motions leave unexplained and says what is thin; Hough voting then finds where it has gone.

Source: masks of a moving layer beside the flow, as in Wang and Adelson 1994, "Representing Moving Images with Layers".
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.ops.warp import backward_warp
from core.sdl.methods.small_network.network import fold_pixels
from core.sdl.paper.gridnet import GridNet

# Pixels of the frames become channels; of what is seen there are so many before that, see `describe`.
FOLD, SEEN_CHANNELS = 2, 15
# Motions are about as large as colours in these units.
UNIT_PX = 16.0
# Of lines, few pixels are thin: untrained, it takes hardly anything for it.
FIRST_LOGIT = -4.0


class ThinSegmentation(nn.Module):
    """What is thin and moves on its own, in both frames of a pair.

    Args:
        widths: channels of the GridNet's rows, finest first.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.grid = GridNet(SEEN_CHANNELS * FOLD**2, FOLD**2, widths, 2)
        self.multiple = FOLD * 2 ** (len(widths) - 1)

    def forward(self, frames: Tensor, dense: Tensor, background: Tensor, unexplained: Tensor) -> Tensor:
        """How much each pixel is thin, (B, 2, H, W) in [0, 1], in either frame; arguments as for `logits`."""
        return self.logits(frames, dense, background, unexplained).sigmoid()

    def logits(self, frames: Tensor, dense: Tensor, background: Tensor, unexplained: Tensor) -> Tensor:
        """The logits of being thin, (B, 2, H, W).

        Args:
            frames: (B, 6, H, W) in [0, 1].
            dense: both flows and their confidence, (B, 6, H, W) of `optical_flow.estimate_motion`.
            background: its motion from the first frame to the second, (B, 2, H, W) pixels.
            unexplained: where that does not explain either frame, (B, 2, H, W) in [0, 1].
        """
        source, target = frames.float().split(3, 1)
        there, back, confident, confident_back = dense.float().split((2, 2, 1, 1), 1)
        background, (first, second) = background.float(), unexplained.float().split(1, 1)
        # The same network looks from either frame at the other.
        both = torch.cat(
            [
                self.describe(source, target, there, background, torch.cat([confident, first], 1)),
                self.describe(target, source, back, -background, torch.cat([confident_back, second], 1)),
            ]
        )
        return torch.cat(self.predict(both).chunk(2), 1)

    @staticmethod
    def describe(source: Tensor, target: Tensor, flow: Tensor, background: Tensor, known: Tensor) -> Tensor:
        """The frame, the other along either motion, what that misses, and how the motions differ: (B, `SEEN_CHANNELS`, H, W)."""
        warped = [backward_warp(target, motion) for motion in (flow, background)]
        missed = [(source - other).abs().mean(1, keepdim=True) for other in warped]
        return torch.cat([source, *warped, *missed, known, (flow - background) / UNIT_PX], 1)

    def predict(self, described: Tensor) -> Tensor:
        """Logits (B, 1, H, W) at the size of `described`, whose sides need not fit the network."""
        height, width = described.shape[2:]
        below, beside = (-side % self.multiple for side in (height, width))
        if below or beside:
            described = F.pad(described, (0, beside, 0, below), mode="replicate")
        logits = F.pixel_shuffle(self.grid(fold_pixels(described, FOLD)).float(), FOLD)
        return logits[..., :height, :width] + FIRST_LOGIT
