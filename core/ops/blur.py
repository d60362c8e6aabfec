"""A wide blur of an array, measured small."""

from __future__ import annotations

import cv2
import numpy as np

# It is measured at a size at which its radius is this many pixels.
RADIUS_PX = 3


def soft_blur(picture: np.ndarray, radius_px: float) -> np.ndarray:
    """A float32 picture (H, W) or (H, W, C) blurred with a standard deviation in pixels; beyond the edge it is mirrored."""
    shrink = max(1, round(radius_px / RADIUS_PX))
    size = picture.shape[1::-1]
    small = cv2.resize(picture, (max(1, size[0] // shrink), max(1, size[1] // shrink)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), radius_px / shrink)
    return cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
