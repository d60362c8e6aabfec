"""A beard taken off: the tone of the skin around it, in the light that falls on the cheeks above, with their pores. Source: own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.membrane import fill_smoothly


@dataclass(frozen=True)
class ShavenConstants:
    """What is a beard, and what comes in its place; lengths in units of the head's frame, levels of CIELab lightness."""

    dark_levels: float = 7.0  # skin that is darker than that around by so much begins to be beard
    full_levels: float = 18.0
    side_levels: float = (
        4.0  # a side of the face in shade is no beard: so much lighter than its cheek skin may be taken for
    )
    side_soft: float = 0.03  # over which that shade varies
    bearded: tuple[float, float] = (
        0.2,
        0.35,
    )  # of chin, lip and lower cheeks that are as dark as hair: none and a beard
    bare: float = 0.1  # where a beard's share is smaller, there is skin
    own: float = 0.9  # where the head's share is larger
    reach: float = 0.03  # over which its tone is evened out
    soft: float = 0.012
    fine: float = 0.006  # pores and grain are finer than that
    cheek: float = 0.035  # half the side of the piece of cheek that they come from
    shape: float = 0.25  # of the light on the beard that stays: chin and jaw keep their form


SHAVEN = ShavenConstants()
CHEEKS = (50, 280)  # skin that no beard reaches
# The chin's front, the upper lip and the lower cheeks.
BEARDED = (164, 167, 393, 165, 391, 200, 199, 201, 421, 208, 428, 204, 424, 194, 418, 211, 431, 210, 430, 202, 422)
CHEEK_ROWS = (117, 205)  # from below the eye to beside the nose


def shave(
    skin: np.ndarray, share: np.ndarray, own: np.ndarray, head: Head, start: tuple[int, int], strength: float
) -> np.ndarray:
    """Skin with less of the beard on it; bare skin stays as it is.

    Args:
        skin: (h, w, 3) float32 up to 255.
        share: (h, w) where a beard may be.
        own: (h, w) the head's share.
        head: whose.
        start: where the region begins, (x, y) px.
        strength: up to 1.
    """
    unit = head.frame.unit_px
    lab = cv2.cvtColor(skin / 255, cv2.COLOR_RGB2LAB)
    # Known is the skin around the beard, neither lips nor what is as dark as hair.
    cheek = cheek_light(lab[..., 0], own, head, start)
    tone = (lab[..., 1] > 4) & (lab[..., 2] > 4) & (lab[..., 0] > np.maximum(25, cheek - SHAVEN.full_levels))
    around = fill_smoothly(lab, ~filled(share > SHAVEN.bare) & (own > SHAVEN.own) & tone)
    around = cv2.GaussianBlur(around, (0, 0), SHAVEN.reach * unit)
    around[..., 0] = np.minimum(around[..., 0], cheek + SHAVEN.side_levels)
    shading = cv2.GaussianBlur(lab[..., 0], (0, 0), SHAVEN.soft * unit)
    missing = smoothstep(around[..., 0] - shading, SHAVEN.dark_levels, SHAVEN.full_levels)
    hair = cv2.GaussianBlur(missing, (0, 0), SHAVEN.soft * unit)
    # Without a beard on chin, lip and cheek what is dark there is shade, hair or a collar: it stays.
    column, row = np.rint(head.frame.to_px(head.mesh[list(BEARDED), :2]) - start - 0.5).astype(int).T
    on_face = hair[row.clip(0, hair.shape[0] - 1), column.clip(0, hair.shape[1] - 1)]
    bearded = smoothstep(float(on_face.mean()), *SHAVEN.bearded)
    if bearded <= 0:
        return skin
    broad = cv2.GaussianBlur(lab[..., 0], (0, 0), 0.05 * unit)
    around[..., 0] += SHAVEN.shape * (broad - around[..., 0]) + pores(lab[..., 0], head, start)
    made = cv2.cvtColor(around.astype(np.float32), cv2.COLOR_LAB2RGB) * 255
    return skin + (strength * bearded * share * hair)[..., None] * (made - skin)


def filled(mask: np.ndarray) -> np.ndarray:
    """A mask (h, w) bool without its holes."""
    outer, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(mask.astype(np.uint8), outer, -1, 1, cv2.FILLED) > 0


def cheek_light(light: np.ndarray, own: np.ndarray, head: Head, start: tuple[int, int]) -> np.ndarray:
    """(w,): the lightness of the cheek above each column of a region whose lightness is (h, w), as light falls from aside."""
    top, bottom = np.sort(head.frame.to_px(head.mesh[list(CHEEK_ROWS), :2])[:, 1] - start[1])
    rows = slice(max(0, int(top)), max(1, int(bottom)) + 1)
    width = light.shape[1]
    if rows.start >= light.shape[0]:
        return np.full(width, 100.0)
    seen = np.where(own[rows] > 0.9, light[rows], np.nan)
    valid = (~np.isnan(seen)).any(0)
    if not valid.any():
        return np.full(width, 100.0)
    found = np.nanmedian(seen[:, valid], axis=0)
    line = np.interp(np.arange(width), np.flatnonzero(valid), found).astype(np.float32)
    return cv2.GaussianBlur(line[None], (0, 0), SHAVEN.side_soft * head.frame.unit_px)[0]


def pores(light: np.ndarray, head: Head, start: tuple[int, int]) -> np.ndarray:
    """(h, w): the fine relief of a piece of cheek, of a region's lightness (h, w), laid mirrored beside itself."""
    unit, (height, width) = head.frame.unit_px, light.shape
    fine = light - cv2.GaussianBlur(light, (0, 0), max(0.6, SHAVEN.fine * unit))
    half = max(2, round(SHAVEN.cheek * unit))
    pieces = []
    for x, y in np.rint(head.frame.to_px(head.mesh[list(CHEEKS), :2]) - start).astype(int):
        piece = fine[max(0, y - half) : y + half, max(0, x - half) : x + half]
        pieces += [piece] if min(piece.shape) > half else []
    if not pieces:
        return np.zeros_like(light)
    # The calmer cheek: hair and wrinkles are no pores.
    piece = min(pieces, key=lambda one: float(one.std()))
    row, column = (mirrored(np.arange(n), size) for n, size in zip((height, width), piece.shape, strict=True))
    return piece[row[:, None], column]


def mirrored(index: np.ndarray, size: int) -> np.ndarray:
    """Indices that run to and fro below a size."""
    turned = index % (2 * size)
    return np.where(turned < size, turned, 2 * size - 1 - turned)
