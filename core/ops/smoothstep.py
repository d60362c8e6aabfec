"""The smooth step between two ends, as shading languages have it."""

from __future__ import annotations

import numpy as np


def smoothstep(x: np.ndarray | float, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """0 where x is below `low`, 1 above `high`, 3 s^2 - 2 s^3 between; of the shape and the type of x, a scalar for a number."""
    share = np.clip((x - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)
