"""Sizes, boxes, crops and their way back into the whole picture."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from core.errors import InputError
from core.image.deep import deep_codes, reduced


def limit_size(picture: Image.Image, max_side_px: int) -> Image.Image:
    """The picture, reduced if its longer side exceeds `max_side_px`; the aspect stays."""
    longest = max(picture.size)
    if longest <= max_side_px:
        return picture
    scale = max_side_px / longest
    return resize(picture, (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))


def resize(picture: Image.Image, size_px: tuple[int, int]) -> Image.Image:
    """The picture at (width, height), antialiased."""
    if picture.size == tuple(size_px):
        return picture
    deep = deep_codes(picture)
    return picture.resize(size_px, Image.Resampling.LANCZOS) if deep is None else reduced(deep, size_px)


class Box(NamedTuple):
    """A rectangle in pixels; `right` and `bottom` are outside it. Fractions and places beyond the picture are fine."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Right minus left, in pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Bottom minus top, in pixels."""
        return self.bottom - self.top

    def squared(self, margin: float = 0.0) -> Box:
        """The square around the same centre with the longer side, grown by `margin` times that side on every edge."""
        half = max(self.width, self.height) * (0.5 + margin)
        x, y = (self.left + self.right) / 2, (self.top + self.bottom) / 2
        return Box(x - half, y - half, x + half, y + half)


def crop_box(picture: Image.Image, box: Box, size_px: tuple[int, int]) -> Image.Image:
    """What lies in `box`, at (width, height), antialiased; beyond the picture its edge pixels repeat."""
    if box.width <= 0 or box.height <= 0:
        raise InputError(f"the box {tuple(round(v, 1) for v in box)} is empty: right must exceed left, bottom top")
    left, top = math.floor(min(box.left, 0)), math.floor(min(box.top, 0))
    right, bottom = math.ceil(max(box.right, picture.width)), math.ceil(max(box.bottom, picture.height))
    if (left, top, right, bottom) != (0, 0, picture.width, picture.height):
        array = np.asarray(picture)
        pad = ((-top, bottom - picture.height), (-left, right - picture.width), (0, 0))
        picture = Image.fromarray(np.pad(array, pad, mode="edge"))
        box = Box(box.left - left, box.top - top, box.right - left, box.bottom - top)
    return picture.resize(size_px, Image.Resampling.LANCZOS, box=(box.left, box.top, box.right, box.bottom))


def paste_back(whole: Image.Image, patch: Image.Image, box: Box, feather: float = 0.12) -> Image.Image:
    """`whole` with `patch` laid into `box`, its rim faded over `feather` times the box's side.

    Edges of the box that lie on or beyond the picture's edge are not faded.
    """
    left, top, right, bottom = (round(v) for v in box)
    size = (max(1, right - left), max(1, bottom - top))
    rim = max(1, round(feather * min(size)))
    mask = Image.new("L", size, 0)
    inner = (
        0 if left <= 0 else rim,
        0 if top <= 0 else rim,
        size[0] if right >= whole.width else size[0] - rim,
        size[1] if bottom >= whole.height else size[1] - rim,
    )
    mask.paste(255, inner)
    # The mask is padded before blurring so that unfaded edges keep their full weight.
    padded = Image.fromarray(np.pad(np.asarray(mask), 2 * rim, mode="edge")).filter(ImageFilter.GaussianBlur(rim / 2))
    mask = padded.crop((2 * rim, 2 * rim, 2 * rim + size[0], 2 * rim + size[1]))
    result = whole.copy()
    result.paste(resize(patch, size), (left, top), mask)
    return result
