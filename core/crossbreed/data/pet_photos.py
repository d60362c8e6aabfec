"""The photos of the data pack as training data: which are kept back, and the animals cut out of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.image import Box, crop_box

HELD_OUT_STEP = 3
UNSURE = 128
TRIMAP = {1: 255, 2: 0, 3: UNSURE}


def held_out(rows: Sequence[Mapping[str, str]]) -> set[str]:
    """The photos that no training sees: every third of those without a known box (`x0` empty), by name (`file`)."""
    return set(sorted(row["file"] for row in rows if not row["x0"])[::HELD_OUT_STEP])


def cut_mask(trimap: Image.Image | None, square: Box, size_px: int) -> Tensor:
    """(1, S, S) uint8 of a trimap in a square: 255 animal, 0 background, between them unsure; zeros without a trimap.

    Trimaps are pictures of indices: 1 animal, 2 background, 3 unsure.
    """
    if trimap is None:
        return torch.zeros(1, size_px, size_px, dtype=torch.uint8)
    values = np.asarray(trimap)
    grey = np.select([values == index for index in TRIMAP], list(TRIMAP.values())).astype(np.uint8)
    cut = crop_box(Image.fromarray(grey).convert("RGB"), square, (size_px, size_px))
    return torch.from_numpy(np.asarray(cut)[..., 0].copy())[None]
