"""Maps of a picture, (h, w, 2) index coordinates of where each pixel was, and the lines and masks that they are made with."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

NARROWED = 1.2  # pixels of the picture in one step, from which on more samples than one are taken


def index_map(height: int, width: int) -> np.ndarray:
    """(height, width, 2) float32: every pixel's own index coordinates."""
    return np.stack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)), -1)


def resample(picture: np.ndarray, where: np.ndarray) -> np.ndarray:
    """A picture (H, W, C) float32 at places (h, w, 2) of it, smoothed where they lie apart: (h, w, C) float32.

    Where a map narrows, one sample for each pixel leaves staircases and dashes of an outline. There three are averaged along the steeper
    of the two steps to the next pixel. They are spread so that a map which keeps lengths is resampled sharply, by Lanczos alone.
    Source: own; footprints as in Greene and Heckbert 1986, "Creating raster omnimax images from multiple perspective views".
    """
    made = cv2.remap(picture, where, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    if min(where.shape[:2]) < 2:
        return made
    down, across = np.gradient(where, axis=(0, 1))
    long = np.hypot(*across.transpose(2, 0, 1)), np.hypot(*down.transpose(2, 0, 1))
    step, length = np.where((long[0] >= long[1])[..., None], across, down), np.maximum(*long)
    rows, columns = np.nonzero(length > NARROWED)
    if not len(rows):
        return made
    part = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    # Widths add up by their squares: of a box as long as the step what one sample stands for already is left out.
    length = length[part]
    spread = np.sqrt(np.maximum(0, np.square(length) - NARROWED**2)) / (3 * np.maximum(1, length))
    apart = (step[part] * spread[..., None]).astype(np.float32)
    for places in (where[part] - apart, where[part] + apart):
        made[part] += cv2.remap(picture, places, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    made[part] /= 3
    return made


def contour_mask(points: np.ndarray, window: tuple[int, int], soft_px: float) -> np.ndarray:
    """(h, w) float32 in [0, 1]: the inside of a polygon (N, 2) px, softly rimmed."""
    mask = np.zeros(window[::-1], np.uint8)
    cv2.fillPoly(mask, [np.rint((points - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(0.6, soft_px))


def rounded(ring: np.ndarray) -> np.ndarray:
    """A closed line (N, 2) with its corners cut twice, (4 N, 2): landmarks err one by one. Source: Chaikin 1974."""
    for _ in range(2):
        following = np.roll(ring, -1, 0)
        ring = np.stack([0.75 * ring + 0.25 * following, 0.25 * ring + 0.75 * following], 1).reshape(-1, 2)
    return ring


def nearest_inside(places: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Places (h, w, 2) px, those outside a mask (h, w) bool brought to its nearest pixel."""
    if not mask.any():
        return places
    rows, columns = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    at = np.rint(places - 0.5).astype(int)
    x, y = at[..., 0].clip(0, mask.shape[1] - 1), at[..., 1].clip(0, mask.shape[0] - 1)
    out = ~mask[y, x]
    found = places.copy()
    found[out] = np.stack([columns[y, x], rows[y, x]], -1)[out] + 0.5
    return found
