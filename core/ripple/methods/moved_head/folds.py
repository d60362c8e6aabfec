"""What a smile does to the light on a face: the folds from nose to mouth darken, the cheeks above them lighten.

Drawn on the face before it moves, so that the folds go with the cheeks. Source: own.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ripple.methods.moved_head.expressions import MOUTH_CORNERS
from core.ripple.methods.moved_head.frame import Head


@dataclass(frozen=True)
class FoldConstants:
    """The folds of the strongest smile; lengths in units of the head's frame."""

    beside_wing: tuple[float, float] = (0.022, -0.012)  # where a fold begins, aside and down from the nose's wing
    beside_corner: tuple[float, float] = (0.045, 0.028)  # and where it ends, from the mouth's corner
    bend: float = 0.022  # aside in its middle
    soft: float = 0.012
    dark: float = 0.15  # share of light that it takes
    cheek_beside: float = 0.04  # the cheek's light lies so far outside the fold
    cheek_soft: float = 0.028
    cheek: float = 0.07  # share of light that it adds
    dimple: float = 0.014  # how far outside the mouth's corner its shade lies
    dimple_soft: float = 0.008
    dimple_dark: float = 0.14


FOLD = FoldConstants()
WINGS = (98, 327)  # the lower ends of the nose's wings


def shade_smile(region: np.ndarray, head: Head, start: tuple[int, int], strength: float) -> np.ndarray:
    """A region with the folds of a smile.

    Args:
        region: (h, w, 3) uint8.
        head: whose.
        start: where the region begins, (x, y) px.
        strength: of the smile, 0 to 1.
    """
    unit = head.frame.unit_px
    dark, shade, light = (np.zeros(region.shape[:2], np.float32) for _ in range(3))
    for wing, corner, side in zip(WINGS, MOUTH_CORNERS, (-1, 1), strict=True):
        line = fold_line(head.mesh[wing, :2], head.mesh[corner, :2], side)
        cheek = line[:-3] + (side * FOLD.cheek_beside, -0.4 * FOLD.cheek_beside)
        dimple = head.mesh[corner, :2] + np.array([(side * FOLD.dimple, -0.004), (side * FOLD.dimple, 0.004)])
        for mask, places, wide in (
            (dark, line, FOLD.soft),
            (shade, dimple, FOLD.soft),
            (light, cheek, FOLD.cheek_soft),
        ):
            points = np.rint((head.frame.to_px(places) - start) * 8).astype(np.int32)
            cv2.polylines(mask, [points], False, 1.0, max(1, round(wide * unit)), cv2.LINE_AA, 3)
    total = 1 - strength * (
        FOLD.dark * blurred(dark, FOLD.soft * unit)
        + FOLD.dimple_dark * blurred(shade, FOLD.dimple_soft * unit)
        - FOLD.cheek * blurred(light, FOLD.cheek_soft * unit)
    )
    return np.rint(region * total[..., None]).clip(0, 255).astype(np.uint8)


def fold_line(wing: np.ndarray, corner: np.ndarray, side: int) -> np.ndarray:
    """(12, 2) places of a fold in the head's frame, from beside the nose's wing to beside the mouth's corner, both (2,)."""
    first, last = wing + FOLD.beside_wing * np.array([side, 1]), corner + FOLD.beside_corner * np.array([side, 1])
    middle = (first + last) / 2 + (side * FOLD.bend, 0)
    t = np.linspace(0, 1, 12)[:, None]
    return (1 - t) ** 2 * first + 2 * t * (1 - t) * middle + t**2 * last


def blurred(mask: np.ndarray, soft_px: float) -> np.ndarray:
    """A mask (h, w) blurred, its highest value 1."""
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.6, soft_px))
    return soft / max(1e-6, float(soft.max()))
