"""Resizing as the original command line does it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from core.image import to_tensor


def square_pictures(pictures: list[Image.Image], side_px: int) -> Tensor:
    """(1, 3 or 6, S, S), S a multiple of 32, resized as the original does."""
    side = max(32, side_px // 32 * 32)
    return torch.cat([resize_bilinear(to_tensor(picture), side, side) for picture in pictures], 1)


def resize_bilinear(pictures: Tensor, height: int, width: int) -> Tensor:
    """(B, C, height, width), half-pixel centres, no antialiasing: what OpenCV's default does."""
    return F.interpolate(pictures, size=(height, width), mode="bilinear", align_corners=False)
