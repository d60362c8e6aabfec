"""Large paintings in tiles: the same numbers as the whole, for every normalisation takes its statistics over all tiles.

A normalisation that saw its own tile alone would paint every tile in another contrast. So each layer at full or half size is
run over all tiles for its mean and variance before the next one is; what lies at a quarter of the size is small and stays
whole. A tile sees as far beyond itself as its convolutions reach, so that none has a rim.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.sdl.methods.tiling.tiles import Tile

# Pictures of more pixels are painted in tiles of that side; both are multiples of 4.
WHOLE_PIXELS, SIDE_PX = 2**21, 1024
# How far beyond a tile convolutions reach at most: a kernel of 9 at full size, then one of 3 at full, half and a quarter.
REACH_PX = 16


class Layer(Protocol):
    """A convolution whose normalisation a style code steers."""

    conv: nn.Conv2d

    def steer(self, maps: Tensor, code: Tensor) -> Tensor:
        """Normalised maps with the code's scale and offset."""


def cores(height: int, width: int) -> Iterator[Tile]:
    """Tiles beside one another that cover a picture."""
    for top in range(0, height, SIDE_PX):
        for left in range(0, width, SIDE_PX):
            yield Tile(top, left, min(SIDE_PX, height - top), min(SIDE_PX, width - left))


def seen_by(core: Tile, height: int, width: int) -> Tile:
    """A tile and what its convolutions see around it."""
    top, left = max(0, core.top - REACH_PX), max(0, core.left - REACH_PX)
    bottom = min(height, core.top + core.height + REACH_PX)
    return Tile(top, left, bottom - top, min(width, core.left + core.width + REACH_PX) - left)


def part(maps: Tensor, tile: Tile, scale: int, origin: Tile | None = None) -> Tensor:
    """A tile of maps that are `scale` times smaller and begin at `origin`'s corner."""
    top, left = (tile.top, tile.left) if origin is None else (tile.top - origin.top, tile.left - origin.left)
    return Tile(top // scale, left // scale, tile.height // scale, tile.width // scale).cut(maps)


def contract_in_tiles(convs: Iterable[nn.Module], content: Tensor) -> Tensor:
    """The content's features (B, C, H / 4, W / 4)."""
    height, width = content.shape[-2:]
    whole = None
    for core in cores(height, width):
        seen = seen_by(core, height, width)
        maps = seen.cut(content)
        for conv in convs:
            maps = F.relu(conv(maps))
        if whole is None:
            whole = maps.new_empty(*maps.shape[:2], height // 4, width // 4)
        part(whole, core, 4).copy_(part(maps, core, 4, seen))
    assert whole is not None
    return whole


def expand_in_tiles(maps: Tensor, layers: Sequence[Layer], code: Tensor) -> Tensor:
    """The painting (B, 3, H, W) of features at a quarter of its size.

    Args:
        maps: (B, C, H / 4, W / 4).
        layers: the conditional convolutions at half and at full size, and the last one.
        code: style codes (B, D).
    """
    height, width = 4 * maps.shape[-2], 4 * maps.shape[-1]
    painting = maps.new_empty(len(maps), 3, height, width, dtype=torch.float32)
    known: list[tuple[Tensor, Tensor]] = []
    for depth in range(len(layers)):
        scale = 2 if depth == 0 else 1
        total, square = (torch.zeros(1, 1, dtype=torch.float64) for _ in range(2))
        for core in cores(height, width):
            seen = seen_by(core, height, width)
            made = part(maps, seen, 4)
            for number, layer in enumerate(layers[: depth + 1]):
                if number < 2:
                    made = F.interpolate(made, scale_factor=2, mode="nearest")
                made = layer.conv(made).float()
                if number < depth:
                    made = F.relu(layer.steer(normalised(made, *known[number]), code))
            made = part(made, core, scale, seen)
            # Added up in double precision, which not every device has.
            total, square = total + made.sum((2, 3)).cpu(), square + made.square().sum((2, 3)).cpu()
            if depth == len(layers) - 1:
                part(painting, core, 1).copy_(made)
        count = height * width // scale**2
        mean = total / count
        known.append((mean.to(painting), (square / count - mean * mean).to(painting)))
    for core in cores(height, width):
        piece = part(painting, core, 1)
        piece.copy_(torch.sigmoid(layers[-1].steer(normalised(piece, *known[-1]), code)))
    return painting


def normalised(maps: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Maps (B, C, h, w) less a mean, by a deviation (B, C), as instance normalisation does."""
    return (maps - mean[..., None, None]) * torch.rsqrt(variance + 1e-5)[..., None, None]
