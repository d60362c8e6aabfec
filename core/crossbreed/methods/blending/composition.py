"""From the network's mixture to the finished picture: shape, details, colours, silhouette and exact ends."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from core.animals.blending.pictures import AnimalPictures
from core.animals.colour_transfer.palette import Palette
from core.animals.head_alignment.alignment import HeadAlignment, warp
from core.crossbreed.methods.blending.fusion import fade_in
from core.image import Box
from core.pipeline import Prepared
from core.timeline import Chain


@dataclass(frozen=True)
class CrossbreedPrepared(Prepared):
    """N pictures as codes.

    Attributes:
        content: (N, C, h, w) shape codes, of the crops in their mean shape where they are aligned.
        style: (N, S) appearance codes, likewise.
        crops: (N, 3, size, size) the pictures, in [0, 1].
        exact: ends are the photographs themselves.
        boxes: the crop of each picture, in its pixels; None is the middle square.
        tau: contraction of shape and appearance when they are set apart.
        closed: the chain returns to its first picture.
        pace: positions at equal steps of visible change, None for the plain pace.
        alignment: of the heads, None where they are not aligned.
        palette: the colours of the pictures, None where they are left to the network.
        animals: the photographs in layers, None where the network's pictures are shown.
        notes: what a person should know of these pictures, in sentences.
    """

    content: Tensor
    style: Tensor
    crops: Tensor
    exact: bool
    boxes: tuple[Box | None, ...]
    tau: float
    closed: bool
    pace: tuple[float, ...] | None = None
    alignment: HeadAlignment | None = None
    palette: Palette | None = None
    animals: AnimalPictures | None = None
    notes: tuple[str, ...] = ()

    @property
    def chain(self) -> Chain:
        """The order of the pictures."""
        return Chain(len(self.style), self.closed)


def enlarge(pictures: Tensor, size_px: int) -> Tensor:
    """Square pictures (B, C, S, S) at another size."""
    if pictures.shape[-1] == size_px:
        return pictures
    return F.interpolate(pictures, (size_px, size_px), mode="bicubic", align_corners=False, antialias=True)


def compose(prepared: CrossbreedPrepared, decoded: Tensor, shape: Tensor, appearance: Tensor) -> Tensor:
    """Finished mixtures (T, 3, size, size) in [0, 1] of what the network decoded.

    With exact ends a mixture becomes the photograph of picture i as far as it is picture i in shape and appearance.

    Args:
        prepared: N pictures.
        decoded: (T, 3, size, size) what the network makes of the mixed codes.
        shape: (T, N), how much of each picture's shape; rows sum to 1.
        appearance: (T, N), how much of each picture's appearance.
    """
    pictures, palette, alignment = decoded, prepared.palette, prepared.alignment
    if alignment is not None:
        pictures = warp(pictures, alignment.from_mean_shape(shape))
    if palette is not None:
        masks = _mixed(prepared, palette.masks, shape, shape).clamp(0, 1)
        pictures = palette.transfer(pictures, masks, appearance)
    if prepared.exact:
        near = fade_in(torch.minimum(shape, appearance))
        rest = 1 - near.sum(1)[:, None, None, None]
        pictures = rest * pictures + _mixed(prepared, prepared.crops, near, shape)
    return exact_ends(prepared, pictures, shape, appearance)


def _mixed(prepared: CrossbreedPrepared, pictures: Tensor, weights: Tensor, shape: Tensor) -> Tensor:
    """Mixtures (T, C, S, S) of pictures (N, C, S, S) with weights (T, N), brought to the shapes (T, N) where they are aligned."""
    if prepared.alignment is None:
        return torch.tensordot(weights, pictures, dims=1)
    used = (weights != 0).any(0).nonzero()[:, 0]
    total = torch.zeros(len(shape), *pictures.shape[1:])
    for index, way in zip(used, prepared.alignment.from_pictures(shape, used), strict=True):
        total += weights[:, index, None, None, None] * warp(pictures[index].expand(len(way), -1, -1, -1), way)
    return total


def exact_ends(prepared: CrossbreedPrepared, pictures: Tensor, shape: Tensor, appearance: Tensor) -> Tensor:
    """Mixtures (T, 3, size, size) in [0, 1], those that are one picture in all respects replaced by its photograph."""
    if prepared.exact:
        # The photograph itself: a sum would keep the rounding of half precision.
        end = (shape == 1) & (appearance == 1)
        photographs = torch.tensordot(end.to(pictures.dtype), prepared.crops, dims=1)
        pictures = torch.where(end.any(1)[:, None, None, None], photographs, pictures)
    return pictures.clamp(0, 1)
