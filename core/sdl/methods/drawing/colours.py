"""Between RGB and L*a*b*."""

from __future__ import annotations

import cv2
import numpy as np


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """(h, w, 3) L*a*b*, L from 0 to 100, of uint8 or of float32 in [0, 1]."""
    return cv2.cvtColor(rgb.astype(np.float32) / 255 if rgb.dtype == np.uint8 else rgb, cv2.COLOR_RGB2LAB)


def to_rgb(lab: np.ndarray, saturation: float) -> np.ndarray:
    """(h, w, 3) float32 in [0, 1], colours richer by `saturation`."""
    richer = lab * np.array((1, saturation, saturation), np.float32)
    return cv2.cvtColor(richer, cv2.COLOR_LAB2RGB).clip(0, 1)
