"""What two neighbouring frames are to each other: motion, the same frame again, or a cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class SceneConstants:
    """What the decisions are taken by."""

    histogram_bins: int = 8  # per colour: fewer do not tell scenes apart, more tell light apart
    thumbnail_px: tuple[int, int] = (64, 36)
    block_px: int = 8  # compression noise averages out within a block, a moving thing does not
    same_levels: float = 3.0  # of 255: no block of the same frame, compressed again, differs by more
    flash_like: float = 0.5  # scene change of the frames around a flash at most, as a share of the flash's own


CONSTANTS = SceneConstants()


def scene_change(first: Image.Image, second: Image.Image) -> float:
    """How unlike two neighbouring frames are, 0 = equal, 1 = nothing in common.

    The mean of two measures: colours that are not shared (a histogram, which motion hardly changes), and the change of
    a thumbnail (which a fade hardly changes at once), so that only a cut raises both.
    """
    bins = CONSTANTS.histogram_bins
    small = [
        np.asarray(frame.convert("RGB").resize(CONSTANTS.thumbnail_px, Image.Resampling.BOX)).astype(np.float32)
        for frame in (first, second)
    ]
    counts = []
    for picture in small:
        index = (picture / 256 * bins).astype(int).reshape(-1, 3) @ (bins**2, bins, 1)
        counts.append(np.bincount(index, minlength=bins**3) / len(index))
    unshared = 1 - np.minimum(*counts).sum()
    moved = min(1.0, float(np.abs(small[0] - small[1]).mean()) / 64)
    return float(unshared + moved) / 2


def is_cut(first: Image.Image, second: Image.Image, sensitivity: float) -> bool:
    """Whether a new scene begins with the second frame."""
    return sensitivity > 0 and scene_change(first, second) > 1 - sensitivity * 0.9


def is_same(first: Image.Image, second: Image.Image) -> bool:
    """Whether two frames are one frame shown twice, perhaps compressed anew."""
    size = (max(1, first.width // CONSTANTS.block_px), max(1, first.height // CONSTANTS.block_px))
    a, b = (
        np.asarray(frame.convert("RGB").resize(size, Image.Resampling.BOX)).astype(np.int16)
        for frame in (first, second)
    )
    return bool(np.abs(a - b).max() <= CONSTANTS.same_levels)
