"""A new frame made a neighbour of its neighbours: what stands still stays theirs, and it is as bright and sharp as they are."""

from __future__ import annotations

import math
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
    enough: float = 0.98  # of the neighbours' sharpness
    # A clear logo stands still before what moves: its detail agrees in both neighbours, and not in the new frame.
    logo_side_px: int = 428  # longer side of the frames in which logos are looked for
    logo_sigma_px: float = 2.0  # there: standard deviation below which detail is a logo's
    logo_px: int = 9  # and side of the windows that are compared
    logo_noise: float = 40.0  # squared levels of detail that prove nothing
    logo_stands: tuple[float, float] = (0.5, 0.7)  # agreement of the neighbours: from there on, and for sure
    logo_lost: tuple[float, float] = (0.65, 0.85)  # agreement of the new frame: lost for sure, and kept


CONSTANTS = RetouchConstants()
LUMA = np.array([[0.299, 0.587, 0.114]], np.float32)


class Retouch:
    """What the new frames between two neighbours, RGB of one size, are measured by."""

    def __init__(self, first: Image.Image, second: Image.Image) -> None:
        self._first, self._step = levels_of(first), levels_of(second)
        self._moving = _moving(self._first, self._step)
        self._moves = bool(self._moving.any())
        if self._moves:
            self._sharpness = [
                _product(detail, detail, self._moving) for detail in map(_laplacian, (self._first, self._step))
            ]
            self._logo = _Logo(self._first, self._step)
        self._step -= self._first

    def apply(self, made: Image.Image, t: float) -> Image.Image:
        """An in-between frame with the neighbours' still parts, brightness and sharpness.

        Captions and burnt-in text stand still in both neighbours, so they are copied, and clear logos are blended where
        the motion behind took them along; elsewhere fine detail that warping smoothed is raised until the variance of
        the Laplacian is on the way between the neighbours'.

        Args:
            made: the new frame, RGB; a deep one gives a deep one.
            t: its place between them, in [0, 1].
        """
        between = self._first + np.float32(t) * self._step
        if not self._moves:
            return picture_like(between, made)
        before, after = self._sharpness
        new = self._logo.stood(levels_of(made), between)
        new = _sharpened(new, before + t * (after - before), self._moving)
        new -= between
        new *= self._moving[..., None]
        return picture_like(between + new, made)


class _Logo:
    """Where detail stands still in both neighbours (H, W, 3)."""

    def __init__(self, first: np.ndarray, second: np.ndarray) -> None:
        a, b = self._detail(first), self._detail(second)
        self._stands = _ramp(self._agreement(a, b), *CONSTANTS.logo_stands)
        self._there = bool(self._stands.any())
        self._known = (a + b) / 2

    def stood(self, made: np.ndarray, between: np.ndarray) -> np.ndarray:
        """A new frame with the neighbours' blend where it has lost such detail."""
        if not self._there:
            return made
        kept = _ramp(self._agreement(self._detail(made), self._known), *CONSTANTS.logo_lost)
        lost = self._stands * (1 - kept)
        # What is smaller than a logo agrees by chance.
        for how, side in ((cv2.MORPH_CLOSE, CONSTANTS.logo_px), (cv2.MORPH_OPEN, CONSTANTS.logo_px - 2)):
            lost = cv2.morphologyEx(lost, how, np.ones((side, side), np.uint8))
        if not lost.any():
            return made
        lost = cv2.blur(cv2.dilate(lost, np.ones((5, 5), np.uint8)), (5, 5))
        lost = cv2.resize(lost, made.shape[1::-1])[..., None]
        return made + lost * (between - made)

    def _detail(self, picture: np.ndarray) -> np.ndarray:
        scale = min(1.0, CONSTANTS.logo_side_px / max(picture.shape[:2]))
        luma = cv2.transform(picture, LUMA)
        luma = cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else luma
        return luma - cv2.GaussianBlur(luma, (0, 0), CONSTANTS.logo_sigma_px)

    def _agreement(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """How alike two details are around a pixel, 1 for the same."""
        both, own, others = (
            cv2.blur(product, (CONSTANTS.logo_px,) * 2) for product in (one * other, one * one, other * other)
        )
        return both / (np.maximum(own, others) + CONSTANTS.logo_noise)


def _ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return ((values - low) / (high - low)).clip(0, 1)


def _moving(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(H, W) in [0, 1], 0 where the neighbours agree around a pixel."""
    red, green, blue = cv2.split(cv2.absdiff(a, b))
    changed = cv2.max(cv2.max(red, green), blue) > CONSTANTS.still_levels
    near = cv2.dilate(changed.astype(np.uint8), np.ones((CONSTANTS.still_px, CONSTANTS.still_px), np.uint8))
    return cv2.blur(near.astype(np.float32), (CONSTANTS.feather_px, CONSTANTS.feather_px))


def _laplacian(picture: np.ndarray) -> np.ndarray:
    """Of the luma: (H, W)."""
    return cv2.Laplacian(cv2.transform(picture, LUMA), cv2.CV_32F)


def _product(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> float:
    """Mean of the product, weighted."""
    return float(cv2.multiply(one, other).ravel() @ where.ravel() / where.sum())


def _sharpened(picture: np.ndarray, wanted: float, where: np.ndarray) -> np.ndarray:
    """The picture with as much of its fine detail added as brings its sharpness to `wanted`; never softened.

    The Laplacian is linear, so its variance is a quadratic in the amount.
    """
    detail = picture - cv2.GaussianBlur(picture, (0, 0), CONSTANTS.sharpen_px)
    own, more = _laplacian(picture), _laplacian(detail)
    have, slope, curve = (_product(*two, where) for two in ((own, own), (own, more), (more, more)))
    missing = CONSTANTS.enough * wanted - have
    if have <= 0 or missing <= 0 or curve <= 0:
        return picture
    amount = min(CONSTANTS.sharpest, (math.sqrt(slope**2 + curve * missing) - slope) / curve)
    return cv2.scaleAdd(detail, amount, picture)
