"""A small network that finds the heads of cats and dogs: a map of head centres, sizes and species.

Source: own; centres as peaks after Zhou, Wang, Krähenbühl, "Objects as Points", 2019.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

SPECIES = ("cat", "dog")
CELL_PX = 8


class HeadMaps(NamedTuple):
    """What the network says about each cell of its map, an eighth of the picture's sides.

    Attributes:
        centre: (B, 2, h, w) logits that a cat's (dog's) head has its centre in the cell.
        offset: (B, 2, h, w) place of the centre within the cell, (x, y), in cells.
        log_size: (B, 2, h, w) natural logarithm of the box's width and height, in cells.
    """

    centre: Tensor
    offset: Tensor
    log_size: Tensor


def unit(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, group norm, SiLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.GroupNorm(8, outputs), nn.SiLU())


class PetHeadNetwork(ModelMixin, ConfigMixin):
    """Pictures to head maps.

    Args:
        img_size: side of the square input in pixels.
        width: channels after the first convolution.
    """

    @register_to_config
    def __init__(self, *, img_size: int = 128, width: int = 24) -> None:
        super().__init__()
        self.stem = nn.Sequential(unit(3, width, 2), unit(width, 2 * width, 2), unit(2 * width, 2 * width))
        self.fine = nn.Sequential(unit(2 * width, 4 * width, 2), unit(4 * width, 4 * width))
        self.coarse = nn.Sequential(
            unit(4 * width, 4 * width, 2),
            unit(4 * width, 4 * width),
            unit(4 * width, 4 * width, 2),
            unit(4 * width, 4 * width),
            nn.Upsample(scale_factor=4, mode="bilinear", align_corners=False),
        )
        last = nn.Conv2d(4 * width, 6, 1)
        # Heads are rare: starting from a low probability keeps the first steps quiet.
        nn.init.constant_(cast(Tensor, last.bias)[:2], -4.0)
        self.head = nn.Sequential(unit(4 * width, 4 * width), last)

    def forward(self, x: Tensor) -> HeadMaps:
        """(B, 3, S, S) in [0, 1], S a multiple of 32."""
        fine = self.fine(self.stem(x * 2 - 1))
        centre, offset, log_size = self.head(fine + self.coarse(fine)).split(2, dim=1)
        return HeadMaps(centre, torch.sigmoid(offset), log_size)


def letterbox(picture: Image.Image, size_px: int) -> tuple[Image.Image, float, tuple[int, int]]:
    """The picture in the middle of a grey square, the factor by which it was scaled, and its corner (left, top)."""
    scale = size_px / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    corner = ((size_px - width) // 2, (size_px - height) // 2)
    square = Image.new("RGB", (size_px, size_px), (128, 128, 128))
    square.paste(picture.resize((width, height), Image.Resampling.BILINEAR), corner)
    return square, scale, corner


def read_maps(maps: HeadMaps, count: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """The surest heads per picture, surest first: boxes (B, count, 4) in pixels, scores and species (B, count).

    A head is a cell that is no less sure than its eight neighbours.
    """
    centre = torch.sigmoid(maps.centre)
    sure = centre.sum(1, keepdim=True)
    peaks = torch.where(sure == F.max_pool2d(sure, 3, 1, 1), sure, torch.zeros_like(sure))
    best = peaks.flatten(1).topk(count, dim=1).indices
    row, column = best // centre.shape[-1], best % centre.shape[-1]
    at = (torch.arange(len(centre))[:, None], slice(None), row, column)
    place = maps.offset[at] + torch.stack([column, row], 2)
    half = maps.log_size[at].exp() / 2
    scores = centre[at]
    return torch.cat([place - half, place + half], 2) * CELL_PX, scores.sum(2).clamp(max=1), scores.argmax(2)
