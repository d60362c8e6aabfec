"""Masks by shape and by colour, and soft steps."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np


def fill(shape: tuple[int, int], ring: np.ndarray) -> np.ndarray:
    """(h, w): 1 inside the hull of a ring of places."""
    mask = np.zeros(shape, np.float32)
    hull = cv2.convexHull(ring.astype(np.float32))
    cv2.fillConvexPoly(mask, np.rint(hull * 16).astype(np.int32), (1.0,), cv2.LINE_8, 4)
    return mask


def grow(ring: np.ndarray, factor: float) -> np.ndarray:
    """A ring of places larger around its middle, at least by 2 pixels."""
    middle = ring.mean(0)
    away = ring - middle
    length = np.maximum(1e-6, np.hypot(*away.T))[:, None]
    return middle + away * np.maximum(factor, 1 + 2 / length)


def disc(radius: float) -> np.ndarray:
    """A round structuring element."""
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def fade(values: Any, zero: float, one: float) -> np.ndarray:
    """0 at `zero`, 1 at `one`, smooth between."""
    share = np.clip((values - zero) / (one - zero), 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def strand_contrast(lightness: np.ndarray) -> np.ndarray:
    """1 where lightness changes from strand to strand, by what it is there; 0 where it is smooth."""
    fine = lightness - cv2.GaussianBlur(lightness, (0, 0), 5.0)
    deviation = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 5.0))
    return fade(deviation / np.maximum(8.0, cv2.GaussianBlur(lightness, (0, 0), 5.0)), 0.02, 0.06)


def natural_colour(lab: np.ndarray) -> np.ndarray:
    """1 for colours that hair has, blonde to black, red and grey; 0 for hats and bands of others."""
    chroma, hue = np.hypot(lab[..., 1], lab[..., 2]), np.degrees(np.arctan2(lab[..., 2], lab[..., 1]))
    # Black hair mirrors a blue sky.
    chroma = chroma - 9 * fade(lab[..., 0], 45, 30)
    return np.maximum(fade(chroma, 12, 8), fade(np.abs(hue - 65), 52, 40))
