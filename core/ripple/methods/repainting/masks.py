"""Where the ripple is, as it should be: what the head uncovered, on both sides, a little wider, softly joined."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt

from core.errors import unknown_name
from core.ripple.options import RULES
from core.ripple.paper.masks import background, is_background, keep_side, refuse_other_sizes, ripple_mask


def find_ripple(before: np.ndarray, after: np.ndarray, rule: str, side: str, degree: float = 0.0) -> np.ndarray:
    """The mask (H, W) uint8, 255 = repaint, by one of `RULES`: "xor" is the thesis', "uncovered" what the head left only.

    Args:
        before: (H, W) or (H, W, 3) uint8, 255 = background of the inversion.
        after: the same of the edited picture.
        rule: which pixels.
        side: which half, see `keep_side`.
        degree: see `keep_side`.
    """
    if rule not in RULES:
        raise unknown_name("mask rule", rule, RULES)
    if rule == "xor":
        return ripple_mask(before, after, side, degree)
    was, now = is_background(before), is_background(after)
    refuse_other_sizes(was, now)
    return keep_side(now & ~was, side, degree)


def predict_background(before: np.ndarray, person_before: np.ndarray, person_after: np.ndarray) -> np.ndarray:
    """The background (H, W, 3) uint8 of an edit from where the turn expects the person, both (H, W) bool.

    A large ripple looks like a person to a parser; the turn itself knows where the head should end. Where that misses the
    rim of the parsed person (`before` is its background), the rim shares the fate of the nearest part it knows.
    """
    nearest = distance_transform_edt(~person_before, return_distances=False, return_indices=True)
    rim = ~is_background(before) & ~person_before & person_after[tuple(nearest)]
    return background((person_after | rim).astype(np.uint8))


def refine_mask(mask: np.ndarray, open_px: int = 0, close_px: int = 0, dilate_px: int = 0) -> np.ndarray:
    """The mask without specks (opened), without pinholes (closed), and wider by `dilate_px` pixels."""
    for operation, radius in ((cv2.MORPH_OPEN, open_px), (cv2.MORPH_CLOSE, close_px), (cv2.MORPH_DILATE, dilate_px)):
        if radius > 0:
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
            mask = cv2.morphologyEx(mask, operation, kernel)
    return mask


def feather_mask(mask: np.ndarray, radius_px: float) -> np.ndarray:
    """The mask as float32 in [0, 1] with a soft rim of about `radius_px`, for compositing."""
    soft = mask.astype(np.float32) / 255
    return cv2.GaussianBlur(soft, (0, 0), radius_px / 2) if radius_px > 0 else soft


def fit_mask(mask: np.ndarray, side: int) -> np.ndarray:
    """A mask at side x side, hard-edged."""
    return np.asarray(Image.fromarray(mask).resize((side, side), Image.Resampling.NEAREST))


def person_mask(before: np.ndarray, after: np.ndarray, dilate_px: int) -> np.ndarray:
    """Where the person is or was by two backgrounds (H, W, 3), a little wider: (H, W) uint8, 255 = person."""
    return refine_mask(255 - np.minimum(before, after)[..., 0], dilate_px=max(2, dilate_px))
