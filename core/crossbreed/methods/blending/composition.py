"""From the network's mixture to the finished picture: shape, details, colours, silhouette and exact ends."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from core.crossbreed.methods.blending.fusion import blend_silhouettes, fade_in, restore_details
from core.crossbreed.methods.colour_transfer.palette import Palette
from core.crossbreed.methods.head_alignment.alignment import HeadAlignment, warp
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
        copies: (N, 3, size, size) the network's reconstructions of what was encoded; None where ends need not be exact.
        boxes: the crop of each picture, in its pixels; None is the middle square.
        tau: contraction of shape and appearance when they are set apart.
        closed: the chain returns to its first picture.
        pace: positions at equal steps of visible change, None for the plain pace.
        alignment: of the heads, None where they are not aligned.
        palette: the colours of the pictures, None where they are left to the network.
    """

    content: Tensor
    style: Tensor
    crops: Tensor
    copies: Tensor | None
    boxes: tuple[Box | None, ...]
    tau: float
    closed: bool
    pace: tuple[float, ...] | None = None
    alignment: HeadAlignment | None = None
    palette: Palette | None = None

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
    """Finished mixtures (T, 3, size, size) in [0, 1].

    What the network misses of picture i returns as far as a mixture is picture i in shape and appearance. Of aligned heads,
    fine detail returns as far as the shape is picture i's.

    Args:
        prepared: N pictures.
        decoded: (T, 3, size, size) what the network makes of the mixed codes.
        shape: (T, N), how much of each picture's shape; rows sum to 1.
        appearance: (T, N), how much of each picture's appearance.
    """
    palette = prepared.palette
    # With colours carried over afterwards, a photograph may return in full as soon as the shape is its own.
    nearness = fade_in(shape if palette is not None else torch.minimum(shape, appearance))
    used = (shape != 0).any(0).nonzero()[:, 0]
    layers = prepared.crops if palette is None else torch.cat([prepared.crops, palette.masks, palette.distances], 1)
    if prepared.alignment is None:
        layers = layers[used].expand(len(decoded), -1, -1, -1, -1)
    else:
        displacements = prepared.alignment.from_pictures(shape, used)
        layers = torch.stack([warp_each(one, by) for one, by in zip(layers[used], displacements, strict=True)], 1)
    pictures = with_details(prepared, decoded, shape, nearness, used, layers[:, :, :3])
    if palette is not None:
        pictures = in_colours(palette, pictures, shape[:, used], appearance, layers)
    if prepared.copies is not None:
        # The photograph itself: a sum would keep the rounding of half precision.
        end = (shape == 1) & (appearance == 1)
        photographs = torch.tensordot(end.to(pictures.dtype), prepared.crops, dims=1)
        pictures = torch.where(end.any(1)[:, None, None, None], photographs, pictures)
    return pictures.clamp(0, 1)


def with_details(
    prepared: CrossbreedPrepared, pictures: Tensor, shape: Tensor, nearness: Tensor, used: Tensor, crops: Tensor
) -> Tensor:
    """Decoded mixtures (T, 3, size, size) in their own shape, with what is missing of the photographs `used`.

    `crops` (T, n, 3, size, size) are these photographs, aligned with each mixture.
    """
    copies = prepared.copies
    if prepared.alignment is None:
        if copies is None:
            return pictures
        return pictures + torch.tensordot(nearness, prepared.crops - copies, dims=1)
    displacement = prepared.alignment.from_mean_shape(shape)
    pictures = warp(pictures, displacement)
    if copies is None:
        return pictures
    warped = torch.stack([warp_each(copies[index], displacement) for index in used], 1)
    return restore_details(pictures, crops, warped, shape[:, used], nearness[:, used])


def in_colours(palette: Palette, pictures: Tensor, shape: Tensor, appearance: Tensor, layers: Tensor) -> Tensor:
    """Mixtures (T, 3, size, size) with the colours carried over, and with one silhouette.

    Args:
        palette: of all pictures.
        pictures: the mixtures.
        shape: (T, n), of those pictures alone that are in a mixture.
        appearance: (T, N).
        layers: (T, n, 5, size, size), those pictures, their masks and distances, aligned with each mixture.
    """
    alone, masks, distances = layers.split((3, 1, 1), 2)
    masks = masks.clamp(0, 1)
    animal = (shape[:, :, None, None, None] * masks).sum(1).clamp(0, 1)
    pictures = palette.transfer(pictures, animal, appearance)
    if layers.shape[1] == 1:
        return pictures
    each = zip(alone.unbind(1), masks.unbind(1), strict=True)
    alone = torch.stack([palette.transfer(one, mask, appearance) for one, mask in each], 1)
    return blend_silhouettes(pictures, shape, alone, distances)


def warp_each(picture: Tensor, displacement: Tensor) -> Tensor:
    """One picture (C, S, S) under each displacement (T, 2, h, w): (T, C, S, S)."""
    return warp(picture.expand(len(displacement), -1, -1, -1), displacement)
