"""Pictures in rows and columns."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from core.image import to_pil


def tile(pictures: Tensor, gap_px: int = 4) -> Tensor:
    """(rows, columns, 3, H, W) in [0, 1] as one picture (3, H', W') with white gaps."""
    rows, columns, _, height, width = pictures.shape
    sheet = torch.ones(3, rows * (height + gap_px) - gap_px, columns * (width + gap_px) - gap_px)
    for row in range(rows):
        for column in range(columns):
            top, left = row * (height + gap_px), column * (width + gap_px)
            sheet[:, top : top + height, left : left + width] = pictures[row, column]
    return sheet


def grid_sheet(pictures: Tensor) -> Image.Image:
    """(rows, columns, 3, H, W) in [0, 1] as one RGB picture."""
    return to_pil(tile(pictures))[0]
