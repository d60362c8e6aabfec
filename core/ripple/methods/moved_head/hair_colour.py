"""The colour that a person's beard has: that of the hair above the brow, and of the brows. Source: own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ripple.methods.moved_head.frame import Head


@dataclass(frozen=True)
class HairConstants:
    """Where hair is sought and what a beard takes of it; lengths in units of the head's frame."""

    darkest: float = 0.18  # of the skin's light: no beard is blacker
    hair_levels: float = 15.0  # CIELab: what differs more from the brow's skin is hair
    hair_within: float = 0.34  # how far above the brow hair is sought
    hair_band: float = 0.08  # and how much of it counts
    own_share: float = 0.9  # a smaller share of the head shows what is behind it
    hair_run: int = 5  # samples, a hundredth of a unit apart, that are hair one after the other
    brow_share: float = 0.25  # of the brows in a beard's colour
    dark: float = 0.66  # a beard is darker than the hair
    light: float = 0.88  # white hair less so
    lightest: float = 0.62  # of the skin's light: the lightest beard, unless hair is as light as the skin


HAIR = HairConstants()
BROWS, BROW_SKIN = (105, 66, 334, 296, 63, 293), (151, 108, 337)
CHEEKS = (50, 280, 205, 425, 1)
CROWN = (10, 109, 338, 67, 297)


def hair_colour(region: np.ndarray, head: Head, start: tuple[int, int], own: np.ndarray) -> np.ndarray:
    """(3,) a beard's colour: that of the hair above the brow, where it has one of hair, and of the brows.

    Args:
        region: (h, w, 3) uint8.
        head: whose.
        start: where the region begins, (x, y) px.
        own: (h, w) the head's share of the region.
    """
    soft = cv2.GaussianBlur(region, (0, 0), max(0.6, 0.004 * head.frame.unit_px))

    def at(places: np.ndarray) -> np.ndarray:
        return colours_at(soft, own, head.frame.to_px(places) - start)

    def of(part: tuple[int, ...]) -> np.ndarray:
        # What lies beyond the photograph's edge has the colour of the cheeks.
        seen = at(head.mesh[list(part), :2])
        return seen if len(seen) else at(head.mesh[list(CHEEKS), :2])

    brows = np.percentile(of(BROWS), 30, axis=0)
    skin = np.median(of(BROW_SKIN), axis=0)
    steps = np.arange(0.0, HAIR.hair_within, 0.01)
    found = []
    for index in CROWN:
        line = at(head.mesh[index, :2] - np.column_stack([0 * steps, steps]))
        if not len(line):
            continue
        apart = np.linalg.norm(to_lab(line) - to_lab(skin[None]), axis=1) > HAIR.hair_levels
        # A run of it: single spots are freckles and shine.
        run = np.convolve(apart, np.ones(HAIR.hair_run), "valid") > HAIR.hair_run - 0.5
        if len(apart) >= HAIR.hair_run and run.any():
            first = int(run.argmax()) + 2
            found.append(line[first : first + round(HAIR.hair_band / 0.01)])
    shades = np.concatenate(found) if found else np.zeros((0, 3))
    if len(shades) < 8:
        return no_blacker(HAIR.dark * brows, skin)
    hair = np.median(shades, axis=0)
    lightness, red, yellow = to_lab(hair[None])[0]
    # Hats are of any colour; hair lies between black, white, yellow and red.
    if np.hypot(red, yellow) > 45 or yellow < -6 or red > yellow + 18 or red < -8:
        return HAIR.dark * brows
    # White hair is no brown beard.
    most = HAIR.lightest * float(skin.mean()) / max(1.0, float(hair.mean()))
    dark = HAIR.dark + (HAIR.light - HAIR.dark) * float(np.clip((lightness - 45) / 25, 0, 1))
    colour = dark * (hair + (1 if dark < 0.8 else 0) * HAIR.brow_share * (brows - hair))
    if hair.mean() <= 0.95 * skin.mean():
        colour = colour * min(1.0, most * hair.mean() / colour.mean())
    return no_blacker(colour, skin)


def colours_at(soft: np.ndarray, own: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(M, 3): colours of a region (h, w, 3) at those of the places (N, 2) px that are in it and the head's `own` (h, w)."""
    column, row = np.rint(places - 0.5).astype(int).T
    inside = (column >= 0) & (row >= 0) & (column < own.shape[1]) & (row < own.shape[0])
    row, column = row[inside], column[inside]
    return soft[row, column][own[row, column] > HAIR.own_share]


def no_blacker(colour: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """A beard's colour (3,) lightened where it is black beside the skin's."""
    return colour * max(1.0, HAIR.darkest * float(skin.mean()) / max(1.0, float(colour.mean())))


def to_lab(colours: np.ndarray) -> np.ndarray:
    """CIELab (N, 3) of colours (N, 3) up to 255."""
    return cv2.cvtColor((np.asarray(colours, np.float32) / 255)[None], cv2.COLOR_RGB2LAB)[0]
