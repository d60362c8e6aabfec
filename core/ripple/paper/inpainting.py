"""Filling a hole with LaMa: the published prediction path."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.errors import ShapeError
from core.memory import within_memory
from core.progress import Progress, silent
from core.ripple.paper.lama import Lama

Inpainter = Callable[[Image.Image, np.ndarray, Progress], Image.Image]


def padded(array: np.ndarray, multiple: int = 8) -> np.ndarray:
    """(C, H, W) mirrored at the bottom and right up to a multiple; the rim pixel is repeated (symmetric)."""
    height, width = array.shape[1:]
    return np.pad(array, ((0, 0), (0, -height % multiple), (0, -width % multiple)), mode="symmetric")


def prepared(picture: Image.Image, mask: np.ndarray) -> tuple[Tensor, Tensor]:
    """What LaMa gets: image (1, 3, H', W') in [0, 1] and mask (1, 1, H', W'), where any grey is hole."""
    if mask.shape != (picture.height, picture.width):
        raise ShapeError(f"the mask is {mask.shape[::-1]}, the picture {picture.size}: give both one size")
    image = padded(np.asarray(picture.convert("RGB")).transpose(2, 0, 1).astype(np.float32) / 255)
    hole = padded((mask > 0).astype(np.float32)[None])
    return torch.from_numpy(image)[None], torch.from_numpy(hole)[None]


@within_memory()
@torch.no_grad()
def lama_fill(network: Lama, picture: Image.Image, mask: np.ndarray) -> np.ndarray:
    """The published prediction path: pad, fill, composite, crop; (H, W, 3) float32 in [0, 1]."""
    image, hole = prepared(picture, mask)
    device = next(network.parameters()).device
    filled = network(image.to(device), hole.to(device))[0].permute(1, 2, 0).cpu().numpy()
    return filled[: picture.height, : picture.width]


def lama_inpainter(network: Lama) -> Inpainter:
    """LaMa as published: result x 255, clipped, truncated."""

    def fill(picture: Image.Image, mask: np.ndarray, progress: Progress = silent) -> Image.Image:
        progress(0.0, "repainting")
        return Image.fromarray(np.clip(lama_fill(network, picture, mask) * 255, 0, 255).astype(np.uint8))

    return fill
