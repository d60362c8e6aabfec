"""Landmarks drawn into a picture, as the published scripts do."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

FIRST_COLOUR, SECOND_COLOUR = (255, 0, 0), (0, 255, 0)


def plot_landmarks(
    picture: np.ndarray, points: np.ndarray, colour: Sequence[int] = FIRST_COLOUR, radius_px: int = 1
) -> np.ndarray:
    """A copy of a picture (H, W, 3) uint8 with filled dots at points (N, 2), published (y, x) in [-1, 1]."""
    plotted = np.ascontiguousarray(picture).copy()
    pixels = ((np.asarray(points) * 0.5 + 0.5) * picture.shape[:2]).astype(int)
    for y, x in pixels.tolist():
        cv2.circle(plotted, (x, y), radius_px, tuple(colour), -1)
    return plotted
