"""Where the ripple is: masks from two parsings, as the thesis draws them."""

from __future__ import annotations

import numpy as np

from core.errors import ShapeError, unknown_name
from core.ripple.options import SIDES


def background(labels: np.ndarray) -> np.ndarray:
    """Parse labels (H, W) to the thesis' picture (H, W, 3) uint8: label 0 white, every other black.

    Source: the thesis' decoding, which knows two classes only.
    """
    return np.repeat(np.where(labels == 0, 255, 0).astype(np.uint8)[..., None], 3, axis=2)


def collage(
    original_background: np.ndarray, edited_background: np.ndarray, inversion: np.ndarray, edited: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Person of the edited picture, background of the inversion, and both joined bit by bit.

    This is what the published script writes instead of a mask: black where the head used to be,
    mixed colours where it moved to. All arrays (H, W, 3) uint8 RGB.

    Returns:
        foreground, background, joined.
    """
    refuse_other_sizes(original_background, edited_background, inversion, edited)
    person = np.bitwise_and(np.bitwise_not(edited_background), edited)
    scene = np.bitwise_and(original_background, inversion)
    return person, scene, np.bitwise_or(person, scene)


def ripple_mask(
    original_background: np.ndarray, edited_background: np.ndarray, side: str = "left", degree: float = 0.0
) -> np.ndarray:
    """The hole for the inpainter: (H, W) uint8, 255 = ripple: where one of the two shows background and the other does not.

    Args:
        original_background: (H, W) or (H, W, 3) uint8, 255 = background of the inversion.
        edited_background: the same of the edited picture.
        side: see `keep_side`; "left" fits the thesis' pictures (pose +3).
        degree: see `keep_side`.

    Source: derived from the pictures in the thesis (no code was published).
    """
    before, after = is_background(original_background), is_background(edited_background)
    refuse_other_sizes(before, after)
    return keep_side(before ^ after, side, degree)


def keep_side(mask: np.ndarray, side: str, degree: float) -> np.ndarray:
    """One half of a mask (H, W) bool, as uint8 with 255 = ripple.

    Args:
        mask: True = ripple.
        side: which half is kept. "auto" keeps the side that the head moved away from, by the sign of `degree`;
            "both" keeps all.
        degree: signed pose degree, for "auto".
    """
    if side not in SIDES:
        raise unknown_name("mask side", side, SIDES)
    if side == "auto":
        side = "both" if degree == 0 else "left" if degree > 0 else "right"
    kept, middle = mask.astype(np.uint8) * 255, mask.shape[1] // 2
    if side != "both":
        kept[:, slice(middle, None) if side == "left" else slice(middle)] = 0
    return kept


def is_background(picture: np.ndarray) -> np.ndarray:
    """True = background, from one or three channels."""
    return (picture if picture.ndim == 2 else picture[..., 0]) > 127


def refuse_other_sizes(*pictures: np.ndarray) -> None:
    """Raise `ShapeError` for pictures of different sizes."""
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) > 1:
        raise ShapeError(f"pictures of sizes {sorted(sizes)}: masks and pictures need one size")
