"""Brush strokes of a chosen size: the painter's are fixed in pixels, so the picture it sees is larger or smaller.

What is larger than the painter's own size is painted in a smaller picture, and comes back with the photo's edges by the
finishing's guide.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def canvas_of(joined: Tensor, strokes: float) -> Tensor:
    """Pictures (1, C, H, W) at the size at which strokes come out `strokes` times as large as the painter's own."""
    if strokes == 1:
        return joined
    size = [max(32, round(side / strokes)) for side in joined.shape[-2:]]
    return F.interpolate(joined, size, mode="bilinear", align_corners=False, antialias=True)


def off_canvas(made: Tensor, canvas: Tensor, photo: Tensor, share: Tensor) -> Tensor:
    """Pictures (T, 3, h, w) at the photo's size.

    Args:
        made: mixtures of the photo on the canvas and its painting.
        canvas: (1, 3, h, w) the photo as it was painted.
        photo: (1, 3, H, W) the photo at its own size, whose part of the mixture stays sharp.
        share: (T,) of painting.
    """
    size = photo.shape[-2:]
    if made.shape[-2:] == size:
        return made
    larger = [F.interpolate(one, size, mode="bicubic", align_corners=False) for one in (made, canvas)]
    return torch.clamp(larger[0] + (1 - share.reshape(-1, 1, 1, 1)) * (photo - larger[1]), 0, 1)
