"""Masks: (H, W) arrays in [0, 1]."""

from __future__ import annotations

import cv2
import numpy as np


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """(H, W) float32: how far inside the mask each pixel lies, in pixels, negative outside; softened by a pixel."""
    inside = (mask > 0.5).astype(np.uint8)
    # Of a mask without an end the distance is endless: nothing is further than across the picture and back.
    most = 2.0 * sum(mask.shape)
    within, beyond = (np.minimum(cv2.distanceTransform(part, cv2.DIST_L2, 5), most) for part in (inside, 1 - inside))
    # Both count from the pixel's centre to the next pixel beyond the border, which lies half way.
    return cv2.GaussianBlur(np.where(inside > 0, within - 0.5, 0.5 - beyond).astype(np.float32), (0, 0), 1.0)


def disc(radius_px: float) -> np.ndarray:
    """A round structuring element that grows or shrinks a mask by so many pixels, at least one."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * max(1, round(radius_px)) + 1,) * 2)
