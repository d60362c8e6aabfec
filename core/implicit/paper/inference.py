"""Frames as published: pictures and image networks seen through the warp.

Coordinates are (y, x) in [-1, 1]; pictures are (H, W, 3) arrays, colours RGB. The suite's own frames are sampled without the
half pixel that this is off; see `core.implicit.prepared`.
Source: section 4.1 of Schardong et al. 2024 and its released code.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from core.implicit.paper.coordinates import pixel_grid
from core.implicit.paper.losses import warp
from core.implicit.paper.network import Siren


@torch.no_grad()
def warped_grids(network: Siren, size: Sequence[int], t: float) -> tuple[Tensor, Tensor]:
    """Where the pixels of the frame at time t lie in the first and in the second picture.

    Args:
        network: the warp.
        size: (height, width) of the frame.
        t: time of the morph in [0, 1].

    Returns:
        T(x, -t) and T(x, 1 - t), (height * width, 2) each.
    """
    grid = pixel_grid(size)
    return warp(network, grid, -t), warp(network, grid, 1 - t)


def sample_picture(picture: np.ndarray, coordinates: Tensor) -> np.ndarray:
    """As published, half a pixel off: positions count from the first pixel's corner but are read as its centre.

    Left and top of the picture lies black, right and bottom its last column and row repeat.
    """
    size = np.array(picture.shape[:2], dtype=np.float32)
    share = coordinates.numpy() * 0.5 + 0.5
    # They clamp to the grid's range in [-1, 1], though these are in [0, 1]: only the upper bound ever acts.
    places = np.clip(share, -1 + 1 / size, 1 - 1 / size).astype(np.float32) * size
    answer = cv2.remap(
        picture.astype(np.float32), places[:, 1], places[:, 0], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    return answer.reshape(-1, picture.shape[2])


@torch.no_grad()
def sample_network(image: Siren, coordinates: Tensor, background_grey: int = 255) -> np.ndarray:
    """Values (N, 3), floats in [0, 255], of an image network; one grey outside its picture, as published."""
    values = image(coordinates).clamp(0, 1) * 255
    outside = (coordinates.abs() >= 1).any(-1)
    values[outside] = float(background_grey)
    return values.numpy()


def as_bytes(frame: np.ndarray) -> np.ndarray:
    """A published frame as uint8: values up to 1 count as [0, 1], decimals are cut off, not rounded."""
    scaled = frame * 255 if frame.max() <= 1 else frame
    return scaled.astype(np.uint8)
