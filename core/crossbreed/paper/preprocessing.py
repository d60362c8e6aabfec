"""Pictures to network input and back, as the official script does it.

The app crops heads first (`core.animals.head_alignment.detector`); this is the road for pictures that are crops already.
"""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from core.image import to_tensor


def centre_square(picture: Image.Image, size_px: int) -> Image.Image:
    """The shorter side brought to `size_px` (bilinear, antialiased), then the middle square.

    Whole-number rules as released: the longer side is cut down to whole pixels, half offsets round to even.
    """
    width, height = picture.size
    if min(width, height) != size_px:
        scaled = (
            (size_px, int(size_px * height / width)) if width <= height else (int(size_px * width / height), size_px)
        )
        picture = picture.resize(scaled, Image.Resampling.BILINEAR)
    left, top = round((picture.width - size_px) / 2), round((picture.height - size_px) / 2)
    return picture.crop((left, top, left + size_px, top + size_px))


def to_network(picture: Image.Image) -> Tensor:
    """(1, 3, H, W) in [-1, 1]; an alpha channel is dropped, not laid over a background (as released)."""
    return (to_tensor(picture) - 0.5) / 0.5


def from_network(y: Tensor) -> Tensor:
    """(B, 3, H, W) in [-1, 1] to [0, 1], clipped."""
    return ((y + 1) / 2).clamp(0, 1)


def resize_generated(x: Tensor, size_px: int) -> Tensor:
    """A teacher's pictures (B, 3, H, W) at another training size: 8 bits by truncation, bilinear, back to [-1, 1]."""
    if x.shape[-1] == size_px:
        return x
    values = ((x + 1) / 2 * 255).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    pictures = [Image.fromarray(item).resize((size_px, size_px), Image.Resampling.BILINEAR) for item in values]
    return torch.cat([to_network(picture) for picture in pictures]).to(x.device)
