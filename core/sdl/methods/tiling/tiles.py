"""Large pictures in overlapping tiles: each tile fades into the next, so that no seam shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import OptionError


@dataclass(frozen=True)
class Tile:
    """A rectangle of a picture, in pixels; all four numbers are multiples of what the network halves."""

    top: int
    left: int
    height: int
    width: int

    def cut(self, pictures: Tensor) -> Tensor:
        """This part of (B, C, H, W)."""
        return pictures[..., self.top : self.top + self.height, self.left : self.left + self.width]


def find_starts(length: int, side: int, overlap: int, multiple: int) -> list[int]:
    """Where the tiles along one side begin: neighbours share at least `overlap`, the last one ends at the end."""
    if length <= side:
        return [0]
    step = (side - overlap) // multiple * multiple
    return [*range(0, length - side, step), length - side]


def split_tiles(height: int, width: int, side: int, overlap: int, multiple: int) -> list[Tile]:
    """Tiles that cover a picture whose sides are multiples of `multiple`.

    Args:
        height: of the picture.
        width: of the picture.
        side: of a tile, rounded down to a multiple.
        overlap: pixels that neighbours share at least.
        multiple: what the network needs; tiles begin at multiples, so that its strides fall as in the whole picture.

    Raises:
        OptionError: tiles that are not larger than their overlap.
    """
    side = side // multiple * multiple
    if side < overlap + multiple:
        raise OptionError(
            f"tiles of {side} pixels with an overlap of {overlap}: at least {overlap + multiple} are needed, "
            "use larger tiles or a smaller overlap"
        )
    rows, columns = find_starts(height, side, overlap, multiple), find_starts(width, side, overlap, multiple)
    return [Tile(top, left, min(side, height), min(side, width)) for top in rows for left in columns]


def fade_overlap(tile_start: int, tile_length: int, length: int, overlap: int, like: Tensor) -> Tensor:
    """Weights along one side of a tile: 1 in the middle, falling to 0 over the overlap, except at the picture's edge.

    The outer quarter of the overlap has weight 0: there the tile's own padding shows most.
    """
    centre = torch.arange(tile_length, device=like.device, dtype=torch.float32) + 0.5
    weight = torch.ones_like(centre)
    dead, width = overlap / 4, overlap / 2
    if tile_start > 0:
        weight = weight * ((centre - dead) / width).clamp(0, 1)
    if tile_start + tile_length < length:
        weight = weight * ((tile_length - centre - dead) / width).clamp(0, 1)
    # A trace keeps the sum positive where three tiles meet in their dead zones.
    return weight + 1e-6


def stitch_tiles(
    tiles: list[Tile], size: Sequence[int], overlap: int, scale: int, render: Callable[[Tile], Tensor]
) -> Tensor:
    """The whole from its tiles.

    Args:
        tiles: from `split_tiles`.
        size: height and width of the whole, in the tiles' pixels.
        overlap: as given to `split_tiles`.
        scale: how many times smaller than the tiles what `render` returns is.
        render: (T, C, tile height / scale, tile width / scale) of one tile.
    """
    height, width = (side // scale for side in size)
    whole = total = None
    for tile in tiles:
        made = render(tile)
        small = Tile(tile.top // scale, tile.left // scale, tile.height // scale, tile.width // scale)
        down = fade_overlap(small.top, small.height, height, overlap // scale, made)
        across = fade_overlap(small.left, small.width, width, overlap // scale, made)
        weight = (down[:, None] * across).to(made.dtype)
        if whole is None or total is None:
            whole, total = made.new_zeros(*made.shape[:2], height, width), made.new_zeros(height, width)
        small.cut(whole).add_(made * weight)
        small.cut(total).add_(weight)
    if whole is None or total is None:
        raise OptionError("there are no tiles to stitch")
    return whole / total
