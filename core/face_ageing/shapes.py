"""Masks by shape and by colour, and soft steps."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from core.ops.masks import disc
from core.ops.smoothstep import smoothstep

# Of L*, a* and b*: 12 of lightness or 7 of colour are as far as 1.
COLOUR_SCALE = np.array((1 / 12, 1 / 7, 1 / 7), np.float32)


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


def fade(values: Any, zero: float, one: float) -> np.ndarray:
    """0 at `zero`, 1 at `one`, smooth between."""
    return smoothstep(values, zero, one).astype(np.float32)


def strand_contrast(lightness: np.ndarray, least: float = 8.0) -> np.ndarray:
    """1 where lightness changes from strand to strand, by what it is there but at least `least`; 0 where it is smooth."""
    fine = lightness - cv2.GaussianBlur(lightness, (0, 0), 5.0)
    deviation = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 5.0))
    return fade(deviation / np.maximum(least, cv2.GaussianBlur(lightness, (0, 0), 5.0)), 0.02, 0.06)


def natural_colour(lab: np.ndarray) -> np.ndarray:
    """1 for colours that hair has, blonde to black, red and grey; 0 for hats and bands of others."""
    chroma, hue = np.hypot(lab[..., 1], lab[..., 2]), np.degrees(np.arctan2(lab[..., 2], lab[..., 1]))
    # Black hair mirrors a blue sky.
    chroma = chroma - 9 * fade(lab[..., 0], 45, 30)
    return np.maximum(fade(chroma, 12, 8), fade(np.abs(hue - 65), 52, 40))


def raw_red(lab: np.ndarray) -> np.ndarray:
    """1 for red that no hair has: wounds, and red cloth."""
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1]))
    return fade(np.hypot(lab[..., 1], lab[..., 2]), 26, 36) * fade(hue, 50, 43) * fade(hue, -60, -30)


def colour_distance(lab: np.ndarray, seeds: np.ndarray, count: int) -> np.ndarray:
    """Distance of each L*a*b* colour to the nearest of `count` centres of the seeds' colours; 1 is clearly another colour."""
    chosen = lab[seeds] * COLOUR_SCALE
    if len(chosen) < 10 * count:
        return np.full(seeds.shape, 9.0, np.float32)
    chosen = np.ascontiguousarray(chosen[:: max(1, len(chosen) // 4000)].astype(np.float32))
    # Started from evenly spaced lightness, so that the same picture gives the same centres.
    labels = np.empty((len(chosen), 1), np.int32)
    labels[np.argsort(chosen[:, 0], kind="stable"), 0] = np.arange(len(chosen)) * count // len(chosen)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 0.05)
    _, labels, centres = cv2.kmeans(chosen, count, labels, stop, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    share = np.bincount(labels[:, 0], minlength=count) / len(labels)
    scaled = (lab * COLOUR_SCALE).astype(np.float32)
    return np.min([np.linalg.norm(scaled - c, axis=2) for c, s in zip(centres, share, strict=True) if s > 0.05], 0)


def keep_connected(matte: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Only the parts of a matte that hang together with the seeds."""
    _, labels = cv2.connectedComponents((matte > 0.25).astype(np.uint8))
    sizes = np.bincount(labels[seeds & (labels > 0)], minlength=labels.max() + 1)
    kept = (sizes > max(20, 0.05 * sizes.max(initial=0)))[labels].astype(np.float32)
    return matte * cv2.GaussianBlur(cv2.dilate(kept, disc(4)), (0, 0), 2.0)
