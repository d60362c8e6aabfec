"""Pictures as tensors and back, and padding to what a network needs. Torch is imported when the first tensor is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from core.errors import ShapeError
from core.image.deep import deep_codes, levels_of, picture_like

if TYPE_CHECKING:
    from torch import Tensor


def to_tensor(picture: Image.Image) -> Tensor:
    """(1, 3, H, W) float32 in [0, 1]."""
    import torch

    return torch.from_numpy(levels_of(picture)).permute(2, 0, 1)[None] / 255


def to_pil(pictures: Tensor, like: Image.Image | None = None) -> list[Image.Image]:
    """One RGB picture per item of (B, 3, H, W) or (3, H, W) in [0, 1], of the depth of `like`; values beyond are clipped."""
    import torch

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

    def undo(self, pictures: Tensor) -> Tensor:
        """(B, C, H, W) cut back to the original size."""
        return pictures[..., : self.height, : self.width]


def pad_to_multiple(pictures: Tensor, multiple: int) -> tuple[Tensor, Crop]:
    """Pictures (B, C, H, W) padded at the bottom and the right until both sides are multiples, and how to undo it.

    What is added mirrors the picture, the edge pixel repeated, as often as needed.
    """
    height, width = pictures.shape[-2:]
    down, right = -height % multiple, -width % multiple
    crop = Crop(height, width)
    if not (down or right):
        return pictures, crop
    rows = _mirrored(height, height + down)
    columns = _mirrored(width, width + right)
    return pictures[..., rows, :][..., columns], crop


def _mirrored(size: int, wanted: int) -> Tensor:
    """Indices 0, 1, ..., size-1, size-1, ..., 1, 0, 0, 1, ... up to `wanted` of them."""
    import torch

    index = torch.arange(wanted) % (2 * size)
    return torch.where(index < size, index, 2 * size - 1 - index)
