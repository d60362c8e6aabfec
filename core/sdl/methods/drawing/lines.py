"""Contours in ink whose width follows the edge: a difference of Gaussians across the edges, averaged along them.

Source: Kang, Lee and Chui 2007, "Coherent Line Drawing", sections 2 and 3; the soft threshold is that of Winnemoeller,
Kyprianidis and Olsen 2012, "XDoG: An eXtended difference-of-Gaussians compendium", section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ops.tangents import average_along, edge_coherence, tangent_field


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
    crowded: tuple[float, float] = (0.07, 0.12)  # the same, from where on short lines have company, and are many
    together: tuple[float, float] = (0.25, 0.55)  # coherence of the edges around: they run every way, and as hair does
    together_px: float = 9.0  # sigma over which it is seen
    clear: tuple[float, float] = (40.0, 60.0)  # range of lightness around: of faint things, and of eyes and patterns
    clear_px: float = 4.0  # radius within which it is seen
    scrap_px: float = 400.0  # pixels of ink that hang together: less is short
    least_long: float = (
        45.0  # diagonal of a line below which it is a speck, where details matter no more than elsewhere
    )
    fine: float = 1.3  # from where on details matter more than elsewhere
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
    # Grass and gravel would be hatched all over: where ink is dense only strong edges stay, and of many short lines that do
    # not run together, as hair does, and bound nothing clear, none.
    dense = cv2.GaussianBlur(ink, (0, 0), INK.dense_px * unit)
    together = rise(edge_coherence(lightness, INK.together_px * unit), INK.together)
    ink = np.clip(
        (ink - 2 * (dense - INK.dense).clip(0)) / (1 - np.minimum(0.5, 2 * (dense - INK.dense).clip(0))), 0, 1
    )
    window = np.ones((2 * max(1, round(INK.clear_px * unit)) + 1,) * 2, np.uint8)
    clear = rise(cv2.dilate(lightness, window) - cv2.erode(lightness, window), INK.clear)
    return without_scraps(ink, rise(dense, INK.crowded) * (1 - np.maximum(together, clear)), unit * unit)


def rise(values: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """0 below the first end, 1 above the second."""
    return np.clip((values - ends[0]) / (ends[1] - ends[0]), 0, 1)


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


def without_scraps(ink: np.ndarray, tangled: np.ndarray, area: float) -> np.ndarray:
    """Ink (h, w) without what is too small to be a stroke, and without short strokes in a tangle.

    Args:
        ink: in [0, 1].
        tangled: (h, w) in [0, 1], where short strokes are many and run every way.
        area: pixels by those of a picture whose longer side is 1000.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats((ink > 0.35).astype(np.uint8), connectivity=8)
    sizes = stats[:, cv2.CC_STAT_AREA] / area
    mean = np.bincount(labels.ravel(), tangled.ravel(), count) / stats[:, cv2.CC_STAT_AREA].clip(1)
    kept = (sizes >= INK.least_px) & ((sizes >= INK.scrap_px) | (mean < 0.5))
    kept[0] = False
    return ink * cv2.dilate(kept[labels].astype(np.float32), np.ones((3, 3), np.uint8))


def keep_strokes(ink: np.ndarray, contour: np.ndarray, detail: np.ndarray, beside_px: float, unit: float) -> np.ndarray:
    """Ink (h, w) of lines that contours have not drawn already, and that are long enough to be meant.

    Args:
        ink: in [0, 1].
        contour: (h, w) in [0, 1].
        detail: (h, w), how much small things matter, about 1.
        beside_px: how near to a contour a line goes; half of it where details matter.
        unit: see `draw_ink`.
    """
    _, parts, stats, _ = cv2.connectedComponentsWithStats((ink > 0.2).astype(np.uint8), connectivity=8)
    drawn, fine = (contour > 0.3).astype(np.uint8), detail > INK.fine
    far, near = (
        cv2.dilate(drawn, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(reach) + 1,) * 2)) == 0
        for reach in (beside_px, 0.5 * beside_px)
    )
    free = np.where(fine, near, far)
    left = np.bincount(parts[free], minlength=len(stats)) / stats[:, cv2.CC_STAT_AREA]
    # A line that mostly runs beside a contour is its echo.
    made = ink * (free & (left > 0.5)[parts])
    _, parts, stats, _ = cv2.connectedComponentsWithStats((made > 0.4).astype(np.uint8), connectivity=8)
    matter = np.bincount(parts.ravel(), detail.ravel(), len(stats)) / stats[:, cv2.CC_STAT_AREA]
    kept = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) >= INK.least_long * unit / matter
    kept[0] = False
    return made * cv2.dilate(kept[parts].astype(np.float32), np.ones((5, 5), np.uint8))
