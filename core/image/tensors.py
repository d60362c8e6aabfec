"""Pictures as tensors and back, and padding to what a network needs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from core.errors import InputError, ShapeError
from core.image.deep import deep_codes, levels_of, picture_like


def to_tensor(picture: Image.Image) -> Tensor:
    """(1, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(levels_of(picture)).permute(2, 0, 1)[None] / 255


def to_pil(pictures: Tensor, like: Image.Image | None = None) -> list[Image.Image]:
    """One RGB picture per item of (B, 3, H, W) or (3, H, W) in [0, 1], of the depth of `like`; values beyond are clipped."""
    batch = pictures[None] if pictures.ndim == 3 else pictures
    if batch.ndim != 4 or batch.shape[1] != 3:
        raise ShapeError(f"pictures are {tuple(pictures.shape)}, (B, 3, H, W) fits")
    if like is not None and deep_codes(like) is not None:
        return [
            picture_like(levels, like) for levels in batch.detach().float().mul(255).permute(0, 2, 3, 1).cpu().numpy()
        ]
    array = batch.detach().float().clamp(0, 1).mul(255).add(0.5).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(item) for item in array]


@dataclass(frozen=True)
class Crop:
    """How to undo a padding: keep the top-left `height` x `width`."""

    height: int
    width: int

    def undo(self, pictures: Tensor, scale: int = 1) -> Tensor:
        """(B, C, H, W) cut back to the original size (times `scale` if the network enlarged it)."""
        return pictures[..., : self.height * scale, : self.width * scale]


def pad_to_multiple(pictures: Tensor, multiple: int, mode: str = "symmetric") -> tuple[Tensor, Crop]:
    """Pictures padded at the bottom and the right to the next multiple, and how to undo it.

    Args:
        pictures: (B, C, H, W).
        multiple: both sides become multiples of this.
        mode: "symmetric" mirrors with the edge pixel repeated, folding as often as needed; "replicate" repeats the edge.
    """
    height, width = pictures.shape[-2:]
    down, right = -height % multiple, -width % multiple
    crop = Crop(height, width)
    if mode == "replicate":
        return F.pad(pictures, (0, right, 0, down), mode="replicate"), crop
    if mode != "symmetric":
        raise InputError(f"unknown padding {mode!r}: symmetric and replicate are known")
    rows = _mirrored(height, height + down)
    columns = _mirrored(width, width + right)
    return pictures[..., rows, :][..., columns], crop


def _mirrored(size: int, wanted: int) -> Tensor:
    """Indices 0, 1, ..., size-1, size-1, ..., 1, 0, 0, 1, ... up to `wanted` of them."""
    index = torch.arange(wanted) % (2 * size)
    return torch.where(index < size, index, 2 * size - 1 - index)
