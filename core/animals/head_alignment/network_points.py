"""A small network that finds nine points on the head of a cat or dog.

Source: own; the mean place of a probability map after Sun, Xiao, Wei, Liang, Wei, "Integral Human Pose Regression", 2018.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional as F

from core.animals.head_alignment.network_heads import unit

# Left and right are the viewer's. The crown is the top of the skull between the ears, the chin the jaw's lowest point,
# the cheeks the outline of the face at the height of the nose.
POINT_NAMES = ("eye_l", "eye_r", "nose", "chin", "cheek_l", "cheek_r", "crown", "ear_l", "ear_r")
MIRRORED = (1, 0, 2, 3, 5, 4, 6, 8, 7)
EYES, NOSE, CHIN, CHEEKS, CROWN, EARS = (0, 1), 2, 3, (4, 5), 6, (7, 8)
FEATURES = (*EYES, NOSE)
CELL_PX = 4


class PetPoints(NamedTuple):
    """Points of B heads.

    Attributes:
        places: (B, 9, 2) x and y in pixels of the network's input.
        spread: (B, 9) standard deviation of each place in pixels: how unsure the network is.
        logits: (B, 9, h, w) the maps that both are read from.
    """

    places: Tensor
    spread: Tensor
    logits: Tensor


class HeadMapNetwork(ModelMixin, ConfigMixin):
    """Crops of heads to maps of a quarter of their sides: down to a thirty-second and up again, sums across."""

    def build(self, width: int, maps: int) -> None:
        """Make the layers; `width` is that of the first convolution."""
        self.stem = nn.Sequential(unit(3, width, 2), unit(width, 2 * width, 2), unit(2 * width, 2 * width))
        self.at_8 = nn.Sequential(unit(2 * width, 4 * width, 2), unit(4 * width, 4 * width))
        self.at_16 = nn.Sequential(unit(4 * width, 4 * width, 2), unit(4 * width, 4 * width))
        self.at_32 = nn.Sequential(
            unit(4 * width, 6 * width, 2), unit(6 * width, 6 * width), unit(6 * width, 4 * width)
        )
        self.join_16 = unit(4 * width, 4 * width)
        self.join_8 = unit(4 * width, 2 * width)
        self.join_4 = unit(2 * width, 2 * width)
        self.head = nn.Sequential(unit(2 * width, 2 * width), nn.Conv2d(2 * width, maps, 1))

    def maps(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1], S a multiple of 32, to (B, maps, S / 4, S / 4) float32 logits."""
        stem = self.stem(x * 2 - 1)
        half = self.at_8(stem)
        quarter = self.at_16(half)
        y = self.join_16(quarter + _twice(self.at_32(quarter)))
        y = self.join_8(half + _twice(y))
        return self.head(self.join_4(stem + _twice(y))).float()


class PetPointNetwork(HeadMapNetwork):
    """Crops of heads to points.

    Args:
        img_size: side of the square input in pixels.
        width: channels after the first convolution.
    """

    @register_to_config
    def __init__(self, *, img_size: int = 128, width: int = 24) -> None:
        super().__init__()
        self.build(width, len(POINT_NAMES))

    def forward(self, x: Tensor) -> PetPoints:
        """(B, 3, S, S) in [0, 1], S a multiple of 32."""
        logits = self.maps(x)
        share = logits.flatten(2).softmax(2)
        cells = cell_centres(logits.shape[-2], logits.shape[-1]).to(share)
        places = share @ cells
        variance = (share @ cells.square() - places.square()).clamp(min=0).sum(2)
        return PetPoints(places, variance.sqrt(), logits)


class PetMaskNetwork(HeadMapNetwork):
    """Crops of heads to what is animal in them; arguments as above."""

    @register_to_config
    def __init__(self, *, img_size: int = 128, width: int = 24) -> None:
        super().__init__()
        self.build(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1], S a multiple of 32, to (B, 1, S, S) logits that a pixel is animal."""
        return F.interpolate(self.maps(x), scale_factor=CELL_PX, mode="bilinear", align_corners=False)


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def cell_centres(height: int, width: int) -> Tensor:
    """(height * width, 2): x and y of the map's cells, in pixels of the input."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (torch.stack([x, y], 2).reshape(-1, 2) + 0.5) * CELL_PX


def ear_roots(points: np.ndarray) -> np.ndarray:
    """(..., 2, 2): where the ears of heads (..., 9, 2) are rooted, left and right: above the eyes, outward."""
    middle = points[..., EYES, :].mean(-2)
    root = 0.6 * points[..., CROWN, :] + 0.4 * middle
    return np.stack([root + 1.5 * (points[..., eye, :] - middle) for eye in EYES], -2)
