"""Frames as published: pictures and image networks seen through the warp, and their blending in bytes.

Coordinates are (y, x) in [-1, 1]; pictures are (H, W, 3) arrays, colours RGB. The suite's own frames lack the half pixel that
these are off (`core.implicit.prepared`) and the limits of these blends (`core.implicit.methods.blending`).
Source: sections 4.1 and 4.2 of Schardong et al. 2024 and its released code.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from core.errors import InputError, unknown_name
from core.implicit.paper.coordinates import pixel_grid
from core.implicit.paper.losses import warp
from core.implicit.paper.network import Siren

KINDS = (
    *("linear", "min", "max", "src", "tgt", "linear_masked", "seamless_normal", "seamless_mix"),
    *("seamless_normal_src", "seamless_normal_tgt", "seamless_mix_src", "seamless_mix_tgt"),
)


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


def blend_published(
    first: np.ndarray, second: np.ndarray, t: float, kind: str, silhouette: np.ndarray | None = None
) -> np.ndarray:
    """One published frame.

    Args:
        first: (H, W, 3) warped first picture, floats in [0, 255], or in [0, 1].
        second: the warped second picture.
        t: time in [0, 1].
        kind: a name in `KINDS`. Names that end in "_src" and "_tgt" return one picture untouched, as published.
        silhouette: (N, 2) int (x, y) outline of the face in `first`, for the masked kinds.

    Returns:
        (H, W, 3) uint8.
    """
    if kind not in KINDS:
        raise unknown_name("published blend", kind, KINDS)
    mixed = (1 - t) * first + t * second
    plain = {"linear": mixed, "min": np.minimum(first, second), "max": np.maximum(first, second)}
    if kind in plain:
        return as_bytes(plain[kind])
    if kind.endswith(("src", "tgt")):
        return as_bytes(first if kind.endswith("src") else second)
    if silhouette is None:
        raise InputError(f"blend {kind} needs the outline of a face in the first picture")
    mask = np.zeros(first.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.asarray(silhouette, dtype=np.int32)], 255)
    # The clone is centred on the whole face, though only the eroded face is cloned.
    left, top, width, height = cv2.boundingRect(mask)
    centre = (left + width // 2, top + height // 2)
    background = as_bytes(first)
    if kind == "linear_masked":
        source = np.where(mask[..., None] > 0, as_bytes(mixed), background)
    else:
        source = as_bytes(mixed if kind == "seamless_normal" else second)
        mask = cv2.erode(mask, np.ones((5, 5), np.uint8))
    mode = cv2.MIXED_CLONE if kind == "seamless_mix" else cv2.NORMAL_CLONE
    return cv2.seamlessClone(source, background, mask, centre, mode)
