"""What a smile does to the light on a face: the folds from nose to mouth darken, the cheeks above them lighten.

Drawn on the face before it moves, so that the folds go with the cheeks. Source: own.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ops.masks import disc
from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.expressions import LOWER_LIP, MOUTH_CORNERS, OVAL, UPPER_LIP, WINGS, smiling
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
    eased_wide: float = 0.05  # a fold that goes lies somewhere in so wide a band ...
    beside_wide: float = 0.11  # ... and others in this
    eased_soft: float = 0.014
    within: float = 0.9  # of the face's outline: what is beside the face is no bank of a fold
    free_soft: float = 0.006
    eased_below: tuple[float, float] = (0.01, 0.07)  # ... that goes on from beside the corner, aside and down
    fine: tuple[float, float] = (0.006, 0.0012)  # pores are finer than folds; what is left of them is finer
    deeper: tuple[tuple[float, float], ...] = (
        (-1.0, 0.5),
        (1.5, 4.0),
    )  # folds are so many times as deep as half of the pores
    fills: float = 0.75  # share of a fold's depth that goes, for faces at rest have some ...
    levels: float = 0.5  # ... and of the shade beside it
    valley: float = 0.022  # half the width of the widest fold that is filled
    valley_soft: float = 0.01
    view_px: float = 500.0  # pixels of a unit at which folds are looked at
    around: float = 0.035  # from where the skin beside a fold is looked at
    hair: tuple[float, float] = (0.2, 0.34)  # of the skin's red: folds have more
    hair_around: float = 0.008  # so far around hair nothing is filled
    tint: tuple[float, float, float] = (0.6, 1.05, 1.25)  # exponents of the shade in red, green and blue


FOLD = FoldConstants()
NOSE_SIDES = (168, 122, 174, 198, 49, 48, 64, 98, 97, 2, 326, 327, 294, 278, 279, 420, 399, 351)
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


def ease_smile(
    region: np.ndarray, head: Head, start: tuple[int, int], strength: float, hair: np.ndarray | None = None
) -> np.ndarray:
    """A region whose folds beside nose and mouth are less deep: valleys of light there are filled to the level of their banks.

    Args:
        region: (h, w, 3) uint8.
        head: whose.
        start: where the region begins, (x, y) px.
        strength: 0 to 1, where no fold is left.
        hair: (h, w) bool, a beard, which stays.
    """
    line, beside = beside_mouth(region.shape[:2], head, start)
    scale = min(1.0, FOLD.view_px / head.frame.unit_px)
    small = cv2.resize(region, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else region
    unit = scale * head.frame.unit_px
    # Light shines red through skin: never so little of it comes from a fold as from hair, which has much around it.
    column, row = np.rint(head.frame.to_px(head.mesh[list(SKIN), :2]) - start - 0.5).astype(int).T
    usual = np.median(region[row.clip(0, region.shape[0] - 1), column.clip(0, region.shape[1] - 1), 0])
    light = cv2.GaussianBlur(small, (0, 0), max(0.6, FOLD.fine[1] * unit)).astype(np.float32)
    bare = smoothstep(light[..., 0] / usual, *FOLD.hair)
    bare = cv2.blur(cv2.erode(bare, disc(max(1, FOLD.hair_around * unit))), (3, 3))
    filled = small.astype(np.float32)
    within = cv2.resize(beside, small.shape[1::-1]) > 0.5
    for fine, deeper in zip(FOLD.fine, FOLD.deeper, strict=True):
        # Each colour by itself: a fold is redder than the skin beside it.
        light = cv2.GaussianBlur(filled, (0, 0), max(0.6, fine * unit))
        banks = cv2.morphologyEx(light, cv2.MORPH_CLOSE, disc(max(1, FOLD.valley * unit)))
        banks = np.maximum(light, cv2.GaussianBlur(banks, (0, 0), max(0.6, FOLD.valley_soft * unit)))
        valley = banks - light
        # Pores are valleys as well, and stay.
        pores = np.median(valley[within].reshape(-1, 3), axis=0) + 1
        filled += valley * smoothstep(valley / pores, *deeper)
    valley = filled - small
    around = np.maximum(banks, cv2.GaussianBlur(banks, (0, 0), FOLD.around * unit))
    size = region.shape[1::-1]
    valley, slope, bare = (
        cv2.resize(one, size, interpolation=cv2.INTER_LINEAR) for one in (valley, around - banks, bare)
    )
    share = min(1.0, FOLD.eases * strength) * smiling(head.mesh[:, :2]) * bare
    if hair is not None and hair.any():
        share = share * (
            1 - cv2.GaussianBlur(hair.astype(np.float32), (0, 0), max(0.6, FOLD.hair_around * head.frame.unit_px))
        )
    lighter = share[..., None] * (FOLD.fills * beside[..., None] * valley + FOLD.levels * line[..., None] * slope)
    return np.rint(region + lighter).clip(0, 255).astype(np.uint8)


def beside_mouth(shape: tuple[int, ...], head: Head, start: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where a smile folds skin, (h, w) float32 in [0, 1] each: along the folds from nose to mouth, and all around them.

    What is around goes from beside the nose to beside the chin, without nose, lips, and what is beside the face.
    """
    unit, masks = head.frame.unit_px, [np.zeros(shape, np.float32) for _ in range(2)]

    def at(places: np.ndarray) -> np.ndarray:
        return np.rint((head.frame.to_px(places) - start) * 8).astype(np.int32)

    for wing, corner, side in zip(WINGS, MOUTH_CORNERS, (-1, 1), strict=True):
        line = fold_line(head.mesh[wing, :2], head.mesh[corner, :2], side)
        below = line[-1] + np.array(FOLD.eased_below) * np.array([side, 1])
        for mask, places, wide in (
            (masks[0], line, FOLD.eased_wide),
            (masks[1], np.vstack([line, below]), FOLD.beside_wide),
        ):
            cv2.polylines(mask, [at(places)], False, 1.0, max(1, round(wide * unit)), cv2.LINE_AA, 3)
    line, beside = (cv2.GaussianBlur(mask, (0, 0), max(0.6, FOLD.eased_soft * unit)) for mask in masks)
    free = np.zeros(shape, np.float32)
    oval = head.mesh[list(OVAL), :2]
    middle = oval.mean(0)
    cv2.fillPoly(free, [at(middle + FOLD.within * (oval - middle))], 1.0, cv2.LINE_AA, 3)
    # The dark in the mouth's corners goes as well.
    for ring in ((*UPPER_LIP["outer"][1:-1], *reversed(LOWER_LIP["outer"][1:-1])), NOSE_SIDES):
        cv2.fillPoly(free, [at(head.mesh[list(ring), :2])], 0.0, cv2.LINE_AA, 3)
    return line, beside * cv2.GaussianBlur(free, (0, 0), max(0.6, FOLD.free_soft * unit))


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
