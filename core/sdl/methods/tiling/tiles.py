"""Large pictures in overlapping tiles: each tile fades into the next, so that no seam shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


def starts(length: int, side: int, overlap: int, multiple: int) -> list[int]:
    """Where the tiles along one side begin: neighbours share at least `overlap`, the last one ends at the end."""
    if length <= side:
        return [0]
    step = (side - overlap) // multiple * multiple
    return [*range(0, length - side, step), length - side]


def tiles_of(height: int, width: int, side: int, overlap: int, multiple: int) -> list[Tile]:
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
    rows, columns = starts(height, side, overlap, multiple), starts(width, side, overlap, multiple)
    return [Tile(top, left, min(side, height), min(side, width)) for top in rows for left in columns]


def ramp(tile_start: int, tile_length: int, length: int, overlap: int, like: Tensor) -> Tensor:
    """Weights along one side of a tile: 1 in the middle, falling to 0 over the overlap, except at the picture's edge.

    The outer quarter of the overlap has weight 0: there the tile's own padding shows most.
    """
    place = torch.arange(tile_length, device=like.device, dtype=torch.float32) + 0.5
    weight = torch.ones_like(place)
    dead, width = overlap / 4, overlap / 2
    if tile_start > 0:
        weight = weight * ((place - dead) / width).clamp(0, 1)
    if tile_start + tile_length < length:
        weight = weight * ((tile_length - place - dead) / width).clamp(0, 1)
    # A trace keeps the sum positive where three tiles meet in their dead zones.
    return weight + 1e-6


def stitched(
    tiles: list[Tile], height: int, width: int, overlap: int, scale: int, render: Callable[[Tile], Tensor]
) -> Tensor:
    """The whole from its tiles.

    Args:
        tiles: from `tiles_of`.
        height: of the whole, in the tiles' pixels.
        width: of the whole.
        overlap: as given to `tiles_of`.
        scale: how many times smaller than the tiles what `render` returns is.
        render: (T, C, tile height / scale, tile width / scale) of one tile.
    """
    whole = total = None
    for tile, part in ((tile, render(tile)) for tile in tiles):
        down = ramp(tile.top // scale, tile.height // scale, height // scale, overlap // scale, part)
        along = ramp(tile.left // scale, tile.width // scale, width // scale, overlap // scale, part)
        weight = (down[:, None] * along).to(part.dtype)
        if whole is None or total is None:
            whole = part.new_zeros(*part.shape[:2], height // scale, width // scale)
            total = part.new_zeros(height // scale, width // scale)
        place = Tile(tile.top // scale, tile.left // scale, tile.height // scale, tile.width // scale)
        place.cut(whole).add_(part * weight)
        place.cut(total).add_(weight)
    if whole is None or total is None:
        raise OptionError("there are no tiles to stitch")
    return whole / total


def chunks(values: Tensor, size: int) -> Iterator[Tensor]:
    """Consecutive parts of at most `size` items."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
