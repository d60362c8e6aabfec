"""What all sources of training pairs share.

A source has `classes` (their names) and `draw(rng, size)`, the contract of `core.training`; the keys of a batch are the
fields of the objective's batch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.crossbreed.paper.preprocessing import to_network

PICTURES = (".png", ".jpg", ".jpeg", ".webp")


class PairSource(Protocol):
    """Where training pairs come from."""

    classes: list[str]

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`size` pairs, drawn with nothing but `rng`."""


def distinct_pairs(rng: np.random.Generator, count: int, size: int) -> tuple[Tensor, Tensor]:
    """`size` pairs of different indices below `count`."""
    first = rng.integers(count, size=size)
    second = (first + rng.integers(1, count, size=size)) % count
    return torch.from_numpy(first), torch.from_numpy(second)


def positions(rng: np.random.Generator, size: int) -> Tensor:
    """(size,) uniform on [0, 1)."""
    return torch.from_numpy(rng.random(size, dtype=np.float32))


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder, by name."""
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES)


def as_bytes(picture: Image.Image) -> Tensor:
    """(3, H, W) uint8."""
    return ((to_network(picture)[0] + 1) * 127.5).round().to(torch.uint8)
