"""Contours in ink whose width follows the edge: a difference of Gaussians across the edges, averaged along them.

Source: Kang, Lee and Chui 2007, "Coherent Line Drawing", sections 2 and 3; the soft threshold is that of Winnemoeller,
Kyprianidis and Olsen 2012, "XDoG: An eXtended difference-of-Gaussians compendium", section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ops.tangents import average_along, tangent_field


@dataclass(frozen=True)
class Ink:
    """Constants of the contours; lengths in pixels of a picture whose longer side is 1000."""

    tensor_px: float = 2.6  # over which an edge's direction is averaged
    sigma_px: float = 1.35  # of the finer Gaussian: half of a thin line
    wide: float = 1.6  # the coarser one by that
    tau: float = 0.99  # weight of the coarser one
    along_px: float = 5.0  # sigma of the average along the edge
    passes: int = 2  # of both, the second one on what the first drew
    level: float = 0.35  # of lightness from 0 to 100: a difference below minus this starts a line
    slope: float = 1.1  # how suddenly it turns black
    dense: float = 0.2  # share of ink around a pixel above which it thins
    dense_px: float = 16.0  # sigma of that surrounding
    least_px: float = 80.0  # pixels of ink that hang together; less is a speck


INK = Ink()


def draw_ink(lightness: np.ndarray, unit: float) -> np.ndarray:
    """How much ink each pixel gets, (h, w) in [0, 1].

    Args:
        lightness: (h, w), 0 to 100, without texture.
        unit: longer side by 1000.
    """
    unit = max(0.4, unit)
    sigma, seen = INK.sigma_px * unit, lightness
    field = tangent_field(cv2.GaussianBlur(lightness, (0, 0), 0.7 * sigma), max(1.5, INK.tensor_px * unit))
    along = INK.along_px * unit
    weights = np.exp(-0.5 * (np.arange(int(2 * along) + 1) / along) ** 2).tolist()
    ink = np.zeros_like(lightness)
    for number in range(INK.passes):
        response = average_along(difference_across(seen, field, sigma), field, weights)
        ink = np.maximum(ink, np.tanh(INK.slope * (-response - INK.level).clip(0)).astype(np.float32))
        if number == 0:
            seen = seen * (1 - 0.6 * ink)
    # Grass and gravel would be hatched all over: where ink is dense only strong edges stay.
    dense = cv2.GaussianBlur(ink, (0, 0), INK.dense_px * unit)
    ink = np.clip(
        (ink - 2 * (dense - INK.dense).clip(0)) / (1 - np.minimum(0.5, 2 * (dense - INK.dense).clip(0))), 0, 1
    )
    return without_specks(ink, INK.least_px * unit * unit)


def difference_across(lightness: np.ndarray, field: np.ndarray, sigma: float) -> np.ndarray:
    """The difference of Gaussians along the line that crosses the edge at each pixel."""
    reach = int(np.ceil(2.2 * INK.wide * sigma))
    y, x = np.mgrid[: lightness.shape[0], : lightness.shape[1]].astype(np.float32)
    fine, coarse = (np.exp(-0.5 * (np.arange(-reach, reach + 1) / s) ** 2) for s in (sigma, INK.wide * sigma))
    taps = fine / fine.sum() - INK.tau * coarse / coarse.sum()
    total = np.zeros_like(lightness)
    for away, tap in zip(range(-reach, reach + 1), taps, strict=True):
        there = x - away * field[..., 1], y + away * field[..., 0]
        total += np.float32(tap) * cv2.remap(lightness, *there, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return total


def without_specks(ink: np.ndarray, least_px: float) -> np.ndarray:
    """Ink without what is too small to be a stroke."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((ink > 0.35).astype(np.uint8), connectivity=8)
    kept = (stats[:, cv2.CC_STAT_AREA] >= least_px).astype(np.float32)
    kept[0] = 0
    near = cv2.dilate(kept[labels], np.ones((3, 3), np.uint8))
    return ink * near
