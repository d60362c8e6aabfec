"""Two pictures of any size and aspect in one frame: its size, and each picture whole inside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from core.errors import unknown_name
from core.image import resize
from core.implicit.options import FILLS, SHAPES

PLAIN = {"white": 255, "grey": 128, "black": 0}


@dataclass(frozen=True)
class Letterbox:
    """How a picture lies in the frame: scaled, then turned by `turn` radians (clockwise on the screen), then moved, in pixels.

    The scales are equal but for the rounding of the picture's size to whole pixels.
    """

    scale_x: float
    scale_y: float
    left: float
    top: float
    turn: float = 0.0

    def matrix(self) -> np.ndarray:
        """(2, 3): from places (x, y, 1) of the picture to places of the frame."""
        cosine, sine = math.cos(self.turn), math.sin(self.turn)
        scales = (self.scale_x, self.scale_y)
        return np.column_stack((np.array([[cosine, -sine], [sine, cosine]]) * scales, (self.left, self.top)))

    def to_frame(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 2) of the picture as points of the frame."""
        matrix = self.matrix()
        return np.asarray(points, dtype=np.float64) @ matrix[:, :2].T + matrix[:, 2]

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 2) of the frame as points of the picture."""
        matrix = self.matrix()
        return (np.asarray(points, dtype=np.float64) - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T


def frame_size(first: tuple[int, int], second: tuple[int, int], longer_side_px: int, shape: str) -> tuple[int, int]:
    """(width, height) of the frame, both even, with the aspect of a picture or the one between the two.

    Args:
        first: (width, height) of the first picture.
        second: of the second.
        longer_side_px: longer side of the frame.
        shape: "first", "second" or "between" (the geometric mean of both aspects).
    """
    if shape not in SHAPES:
        raise unknown_name("frame shape", shape, SHAPES)
    aspects = {"first": first[0] / first[1], "second": second[0] / second[1]}
    aspect = aspects.get(shape, math.sqrt(aspects["first"] * aspects["second"]))
    width, height = (
        (longer_side_px, longer_side_px / aspect) if aspect > 1 else (longer_side_px * aspect, longer_side_px)
    )
    return max(16, 2 * round(width / 2)), max(16, 2 * round(height / 2))


def letterbox(picture: Image.Image, size_px: tuple[int, int], fill: str) -> tuple[Image.Image, Letterbox]:
    """The whole picture, as large as it fits in the middle of a frame, and where it lies.

    Args:
        picture: RGB.
        size_px: (width, height) of the frame.
        fill: what surrounds it where aspects differ: its edge pixels, its mirror image, a blurred copy, or a grey level.
    """
    if fill not in FILLS:
        raise unknown_name("fill", fill, FILLS)
    scale = min(size_px[0] / picture.width, size_px[1] / picture.height)
    # A difference of a pixel or two is rounding, not aspect: the picture fills the frame then.
    fitted = tuple(
        whole if whole - side * scale < 2 else max(1, round(side * scale))
        for whole, side in zip(size_px, picture.size, strict=True)
    )
    left, top = ((whole - side) // 2 for whole, side in zip(size_px, fitted, strict=True))
    small = resize(picture, (fitted[0], fitted[1]))
    lies = Letterbox(fitted[0] / picture.width, fitted[1] / picture.height, left, top)
    if fitted == tuple(size_px):
        return small, lies
    return _surround(small, size_px, left, top, fill), lies


def _surround(small: Image.Image, size_px: tuple[int, int], left: int, top: int, fill: str) -> Image.Image:
    if fill in PLAIN:
        whole = Image.new("RGB", size_px, (PLAIN[fill],) * 3)
        whole.paste(small, (left, top))
        return whole
    rim = ((top, size_px[1] - top - small.height), (left, size_px[0] - left - small.width), (0, 0))
    array = np.asarray(small.convert("RGB"))
    if fill in ("edge", "mirror"):
        return Image.fromarray(np.pad(array, rim, mode="edge" if fill == "edge" else "symmetric"))
    cover = max(size_px[0] / small.width, size_px[1] / small.height)
    large = small.resize((math.ceil(small.width * cover), math.ceil(small.height * cover)), Image.Resampling.BICUBIC)
    x, y = (large.width - size_px[0]) // 2, (large.height - size_px[1]) // 2
    whole = large.crop((x, y, x + size_px[0], y + size_px[1])).filter(ImageFilter.GaussianBlur(max(size_px) / 25))
    whole.paste(small, (left, top))
    return whole
