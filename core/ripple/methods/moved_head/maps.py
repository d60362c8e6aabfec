"""Maps of a picture: (h, w, 2) index coordinates of where each pixel was."""

from __future__ import annotations

import numpy as np


def index_map(height: int, width: int) -> np.ndarray:
    """(height, width, 2) float32: every pixel's own index coordinates."""
    return np.stack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)), -1)
