"""Detail for a hole that was filled at a small size, from where each small pixel was copied; and how pictures get small."""

from __future__ import annotations

import cv2
import numpy as np


def carry_detail(
    picture: np.ndarray, hole: np.ndarray, small: np.ndarray, filled: np.ndarray, source: np.ndarray
) -> np.ndarray:
    """The pixels (N, 3) uint8 of a hole at full size, in the order of `picture[hole]`.

    Every pixel is that which the small filling was copied from there, corrected by how the two differ when small.

    Args:
        picture: (H, W, 3) uint8 at full size.
        hole: (H, W) bool.
        small: (h, w, 3) uint8, the same reduced, only known pixels counted in.
        filled: (h, w, 3) uint8, `small` with its hole filled.
        source: (h, w, 2) int, the (row, column) that each pixel of `filled` was copied from, its own where it is known.
    """
    scale = np.array(hole.shape) / filled.shape[:2]
    places = np.argwhere(hole)
    at = (places + 0.5) / scale
    cells = np.minimum(at.astype(int), np.array(filled.shape[:2]) - 1)
    moved = source[cells[:, 0], cells[:, 1]] - cells
    there = np.clip(np.round(places + moved * scale), 0, np.array(hole.shape) - 1).astype(int)
    exact, smooth = picture[there[:, 0], there[:, 1]].astype(np.float32), sample(small, (there + 0.5) / scale)
    # A source that rounding put into the hole has no detail of its own.
    detail = np.where(hole[there[:, 0], there[:, 1]][:, None], 0, exact - smooth)
    wanted = sample(filled, at)
    return np.clip(wanted + detail, 0, 255).round().astype(np.uint8)


def sample(picture: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(..., C) float32: bilinear values of (H, W, C) at (row, column) (..., 2), pixel centres at halves."""
    rows, columns = (at[..., axis].astype(np.float32).ravel() - 0.5 for axis in (0, 1))
    # remap takes no more than 32767 rows of map: a hole of 130 million pixels.
    length = 4096
    across, down = (np.pad(line, (0, -len(line) % length)).reshape(-1, length) for line in (columns, rows))
    found = cv2.remap(picture.astype(np.float32), across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(-1, picture.shape[2])[: len(rows)].reshape(*at.shape[:-1], picture.shape[2])


def reduce_known(
    picture: np.ndarray, hole: np.ndarray, forbidden: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The picture (h, w, 3) uint8 at a share of its size, only known pixels counted in, its hole and what is forbidden there (h, w) bool."""
    if share == 1.0:
        return picture, hole, forbidden
    high, wide = hole.shape
    size = max(1, round(wide * share)), max(1, round(high * share))
    light = known_share(hole, *size[::-1])
    small = cv2.resize(picture * ~hole[..., None], size, interpolation=cv2.INTER_AREA)
    small = np.clip(small / np.maximum(light, 1e-3)[..., None], 0, 255).round().astype(np.uint8)
    return small, light < 0.5, cv2.resize(forbidden.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0


def known_share(hole: np.ndarray, high: int, wide: int) -> np.ndarray:
    """(high, wide) float32 in [0, 1]: how much of each pixel at that size is not hole."""
    return cv2.resize((~hole).astype(np.float32), (wide, high), interpolation=cv2.INTER_AREA)
