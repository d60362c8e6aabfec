"""A trained search for thin things: which pixels belong to a wire, a mast or a hair that moves on its own.

What is thin is lost by the flow, and by itself a pixel that differs from its surroundings is no proof: textures do as well,
and half of a line is as bright as what it crosses. Along its whole length a line can be seen. So a small network is shown
what the known motions leave unexplained and says what is thin; `core.sdl.methods.thin_structures.hough_voting` then finds where it has gone.

Source: masks of a moving layer beside the flow, as in Wang and Adelson 1994, "Representing Moving Images with Layers"; the
network is that of `core.sdl.paper.gridnet`. An extension of ours, not the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.ops.warp import backward_warp
from core.sdl.paper.gridnet import GridNet

# Pixels of the frames become channels; of what is seen there are so many before that, see `ThinSearch.logits`.
FOLD, SEEN = 2, 15
# Motions are about as large as colours in these units.
UNIT_PX = 16.0
# Of lines, few pixels are thin: the untrained search takes hardly anything for it.
UNLIKELY = -4.0


class ThinSearch(nn.Module):
    """What is thin and moves on its own, in both frames of a pair.

    Args:
        widths: channels of the rows, finest first.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.grid = GridNet(SEEN * FOLD**2, FOLD**2, widths, 2)
        self.multiple = FOLD * 2 ** (len(widths) - 1)

    def forward(self, frames: Tensor, dense: Tensor, ground: Tensor, unlike: Tensor) -> Tensor:
        """How much each pixel is thin, (B, 2, H, W) in [0, 1], in the first frame and in the second; arguments as for `logits`."""
        return self.logits(frames, dense, ground, unlike).sigmoid()

    def logits(self, frames: Tensor, dense: Tensor, ground: Tensor, unlike: Tensor) -> Tensor:
        """The logits of being thin, (B, 2, H, W).

        Args:
            frames: (B, 6, H, W) in [0, 1].
            dense: both flows and their trust, (B, 6, H, W) of `core.sdl.methods.flow_hypotheses.optical_flow.dense_motion`.
            ground: motion of the background from the first frame to the second, (B, 2, H, W) pixels.
            unlike: where that does not explain either frame, (B, 2, H, W) in [0, 1].
        """
        source, target = frames.float().split(3, 1)
        there, back, trusted, trusted_back = dense.float().split((2, 2, 1, 1), 1)
        ground, (first, second) = ground.float(), unlike.float().split(1, 1)
        # The same network looks from either frame at the other.
        both = torch.cat(
            [
                self.seen(source, target, there, ground, torch.cat([trusted, first], 1)),
                self.seen(target, source, back, -ground, torch.cat([trusted_back, second], 1)),
            ]
        )
        return torch.cat(self.answer(both).chunk(2), 1)

    @staticmethod
    def seen(source: Tensor, target: Tensor, flow: Tensor, ground: Tensor, known: Tensor) -> Tensor:
        """The frame, the other fetched along either motion, what that misses, and how the motions differ: (B, `SEEN`, H, W)."""
        fetched = [backward_warp(target, way) for way in (flow, ground)]
        missed = [(source - other).abs().mean(1, keepdim=True) for other in fetched]
        return torch.cat([source, *fetched, *missed, known, (flow - ground) / UNIT_PX], 1)

    def answer(self, seen: Tensor) -> Tensor:
        """The network's logits (B, 1, H, W) at the size of `seen`, whose sides need not fit it."""
        height, width = seen.shape[2:]
        below, beside = (-side % self.multiple for side in (height, width))
        if below or beside:
            seen = F.pad(seen, (0, beside, 0, below), mode="replicate")
        logits = F.pixel_shuffle(self.grid(F.pixel_unshuffle(seen, FOLD)).float(), FOLD)
        return logits[..., :height, :width] + UNLIKELY
