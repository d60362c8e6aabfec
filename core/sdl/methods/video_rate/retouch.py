"""A new frame made a neighbour of its neighbours: what stands still stays theirs, and it is as bright and sharp as they are."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from core.image import levels_of, picture_like


@dataclass(frozen=True)
class RetouchConstants:
    """Levels are of 255, sides in pixels."""

    still_levels: float = 6.0  # change of a pixel that stands still, noise of compression included
    still_px: int = 9  # a pixel is still only where its surroundings of this side are, so that moving edges stay whole
    feather_px: int = 7  # width of the passage between still and moving parts
    sharpest: float = 1.2  # most of the fine detail that is added again; more would ring
    sharpen_px: float = 0.7  # standard deviation of what counts as fine detail: broader detail costs more of the truth
    rounds: int = 4  # of measuring and sharpening, at most
    enough: float = 0.99  # of the neighbours' sharpness


CONSTANTS = RetouchConstants()


def retouched(made: Image.Image, first: Image.Image, second: Image.Image, t: float) -> Image.Image:
    """An in-between frame with the neighbours' still parts, brightness and sharpness.

    Captions and burnt-in text stand still in both neighbours, so they are copied; elsewhere fine detail that warping
    smoothed is raised until the variance of the Laplacian is on the way between the neighbours'.

    Args:
        made: the new frame, RGB; a deep one gives a deep one.
        first: the frame before, of the same size.
        second: the frame after.
        t: its place between them, in [0, 1].
    """
    a, b, new = (levels_of(frame) for frame in (first, second, made))
    between = a + np.float32(t) * (b - a)
    moving = _moving(a, b)
    if not (moving > 0).any():
        return picture_like(between, made)
    wanted = [_sharpness(frame, moving) for frame in (a, b)]
    new = _sharpened(new, wanted[0] + t * (wanted[1] - wanted[0]), moving)
    mixed = between + moving[..., None] * (new - between)
    return picture_like(mixed, made)


def _moving(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(H, W) in [0, 1], 0 where the neighbours agree around a pixel."""
    changed = (np.abs(a - b).max(-1) > CONSTANTS.still_levels).astype(np.uint8)
    near = cv2.dilate(changed, np.ones((CONSTANTS.still_px, CONSTANTS.still_px), np.uint8))
    return cv2.blur(near.astype(np.float32), (CONSTANTS.feather_px, CONSTANTS.feather_px))


def _sharpness(picture: np.ndarray, where: np.ndarray) -> float:
    """Variance of the Laplacian of the luma, weighted."""
    detail = cv2.Laplacian(picture @ np.array([0.299, 0.587, 0.114], np.float32), cv2.CV_32F)
    return float((where * detail**2).sum() / where.sum())


def _sharpened(picture: np.ndarray, wanted: float, where: np.ndarray) -> np.ndarray:
    """The picture with as much of its fine detail added as brings its sharpness to `wanted`; never softened."""
    detail = picture - cv2.GaussianBlur(picture, (0, 0), CONSTANTS.sharpen_px)
    amount = 0.0
    for _ in range(CONSTANTS.rounds):
        have = _sharpness(picture + amount * detail, where)
        if have <= 0 or have >= CONSTANTS.enough * wanted:
            break
        # The Laplacian grows about in proportion to the detail.
        amount = min(CONSTANTS.sharpest, (1 + amount) * (wanted / have) ** 0.5 - 1)
    return picture + amount * detail if amount > 0 else picture
