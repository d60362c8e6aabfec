"""Pictures as the networks read them and as published files hold them."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def as_network_picture(picture: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 to (3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1).float() / 127.5 - 1


def resized(picture: Image.Image, size_hw: tuple[int, int], method: str = "bilinear") -> Image.Image:
    """The picture at (H, W) as published loaders resize it: bilinear for people, bicubic for faces and dance."""
    return picture.convert("RGB").resize(size_hw[::-1], Image.Resampling[method.upper()])


def published_bytes(picture: Tensor) -> np.ndarray:
    """The first three channels of (1, C, H, W) in [-1, 1] as (H, W, 3) uint8, truncated as the published files are."""
    array = picture[0, :3].detach().cpu().float().numpy().transpose(1, 2, 0)
    return ((array + 1) / 2 * 255).astype(np.uint8)
