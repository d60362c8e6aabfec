"""What a smile does to the light on a face: the folds from nose to mouth darken, the cheeks above them lighten.

Drawn on the face before it moves, so that the folds go with the cheeks. Source: own.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.expressions import MOUTH_CORNERS, WINGS
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
    modelled: float = 0.4  # log ratio of light to shade of skin: a face that light models fully
    eases: float = 1.5  # of a sad mouth's strength: folds are gone before it is as sad as can be
    eased_wide: float = 0.05  # a fold that goes lies somewhere in so wide a band
    eased_soft: float = 0.014
    fine: float = 0.004  # pores are finer than folds
    around: float = 0.035  # from where the skin beside a fold is looked at
    hair: tuple[float, float] = (0.4, 0.6)  # of the light around it: folds are lighter
    tint: tuple[float, float, float] = (0.6, 1.05, 1.25)  # exponents of the shade in red, green and blue


FOLD = FoldConstants()
# Skin over cheeks, nose, forehead and chin.
SKIN = (50, 280, 205, 425, 101, 330, 117, 346, 187, 411, 4, 5, 6, 195, 98, 327, 151, 108, 337, 199, 200, 169, 394)


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
    light_share = 1 - strength * relief(region, head, start) * (
        FOLD.dark * blurred(dark, FOLD.soft * unit)
        + FOLD.dimple_dark * blurred(shade, FOLD.dimple_soft * unit)
        - FOLD.cheek * blurred(light, FOLD.cheek_soft * unit)
    )
    # Skin in shade is redder: light comes to it through the skin.
    return np.rint(region * light_share[..., None] ** np.array(FOLD.tint)).clip(0, 255).astype(np.uint8)


def ease_smile(region: np.ndarray, head: Head, start: tuple[int, int], strength: float) -> np.ndarray:
    """A region whose folds from nose to mouth are less deep: what is darker there than the skin around it, lightened.

    Args:
        region: (h, w, 3) uint8.
        head: whose.
        start: where the region begins, (x, y) px.
        strength: 0 to 1, where no fold is left.
    """
    unit = head.frame.unit_px
    near = np.zeros(region.shape[:2], np.float32)
    for wing, corner, side in zip(WINGS, MOUTH_CORNERS, (-1, 1), strict=True):
        line = fold_line(head.mesh[wing, :2], head.mesh[corner, :2], side)
        points = np.rint((head.frame.to_px(line) - start) * 8).astype(np.int32)
        cv2.polylines(near, [points], False, 1.0, max(1, round(FOLD.eased_wide * unit)), cv2.LINE_AA, 3)
    near = cv2.GaussianBlur(near, (0, 0), max(0.6, FOLD.eased_soft * unit))
    light = cv2.GaussianBlur(region, (0, 0), max(0.6, FOLD.fine * unit)).astype(np.float32) + 1
    # Each colour by itself: a fold is redder than the skin beside it.
    depth = (light / cv2.GaussianBlur(light, (0, 0), FOLD.around * unit)).clip(0, 1)
    # What is darker still is hair.
    share = min(1.0, FOLD.eases * strength) * near * smoothstep(depth.min(-1), *FOLD.hair)
    return np.rint(region * depth ** -share[..., None]).clip(0, 255).astype(np.uint8)


def relief(region: np.ndarray, head: Head, start: tuple[int, int]) -> float:
    """How far light models a face, 0 to 1: on skin in flat or glaring light folds hardly show."""
    small = cv2.GaussianBlur(region, (0, 0), max(0.6, FOLD.soft * head.frame.unit_px))
    column, row = np.rint(head.frame.to_px(head.mesh[list(SKIN), :2]) - start - 0.5).astype(int).T
    light = small[row.clip(0, region.shape[0] - 1), column.clip(0, region.shape[1] - 1)].max(-1)
    spread = np.ptp(np.log(np.percentile(light, (15, 85)).clip(1)))
    return float(np.clip(spread / FOLD.modelled, 0, 1))


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
