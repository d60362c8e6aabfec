"""Where the ripple is: masks from two parsings, as the thesis draws them and as they should be."""

from __future__ import annotations

import cv2
import numpy as np

from core.errors import ShapeError, unknown_name
from core.ripple.options import RULES, SIDES


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
    fit(original_background, edited_background, inversion, edited)
    person = np.bitwise_and(np.bitwise_not(edited_background), edited)
    scene = np.bitwise_and(original_background, inversion)
    return person, scene, np.bitwise_or(person, scene)


def ripple_mask(
    original_background: np.ndarray,
    edited_background: np.ndarray,
    rule: str = "xor",
    side: str = "left",
    degree: float = 0.0,
) -> np.ndarray:
    """The hole for the inpainter: (H, W) uint8, 255 = ripple.

    Args:
        original_background: (H, W) or (H, W, 3) uint8, 255 = background of the inversion.
        edited_background: the same of the edited picture.
        rule: "xor", the thesis' masks pixel for pixel; "uncovered", what the head has left, only.
        side: which half is kept. "left" fits the thesis' pictures (pose +3); "auto" keeps the side
            that the head moved away from, by the sign of `degree`; "both" keeps all.
        degree: signed pose degree, for "auto".

    Source: derived from the pictures in the thesis (no code was published).
    """
    if rule not in RULES:
        raise unknown_name("mask rule", rule, RULES)
    if side not in SIDES:
        raise unknown_name("mask side", side, SIDES)
    before, after = plane(original_background), plane(edited_background)
    fit(before, after)
    mask = before ^ after if rule == "xor" else after & ~before
    if side == "auto":
        side = "both" if degree == 0 else "left" if degree > 0 else "right"
    middle = mask.shape[1] // 2
    if side == "left":
        mask[:, middle:] = False
    elif side == "right":
        mask[:, :middle] = False
    return mask.astype(np.uint8) * 255


def grown(mask: np.ndarray, open_px: int = 0, close_px: int = 0, dilate_px: int = 0) -> np.ndarray:
    """The mask without specks (opened), without pinholes (closed), and wider by `dilate_px` pixels."""
    for operation, radius in ((cv2.MORPH_OPEN, open_px), (cv2.MORPH_CLOSE, close_px), (cv2.MORPH_DILATE, dilate_px)):
        if radius > 0:
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
            mask = cv2.morphologyEx(mask, operation, kernel)
    return mask


def feathered(mask: np.ndarray, radius_px: float) -> np.ndarray:
    """The mask as float32 in [0, 1] with a soft rim of about `radius_px`, for compositing."""
    soft = mask.astype(np.float32) / 255
    return cv2.GaussianBlur(soft, (0, 0), radius_px / 2) if radius_px > 0 else soft


def plane(picture: np.ndarray) -> np.ndarray:
    """True = background, from one or three channels."""
    return (picture if picture.ndim == 2 else picture[..., 0]) > 127


def fit(*pictures: np.ndarray) -> None:
    """Refuse pictures of different sizes."""
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) > 1:
        raise ShapeError(f"pictures of sizes {sorted(sizes)}: masks and pictures need one size")
