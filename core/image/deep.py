"""Pictures of more than 8 bits: an RGB picture whose values are also held as 16-bit codes, for HDR that stays HDR.

What only looks at a picture (cuts, thumbnails) sees 8 bits of the codes; what computes colours asks for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

_KEY = "deep codes"
# From 8 bits to 16: 255 becomes 65535.
CODES_PER_LEVEL = 257.0


@dataclass(frozen=True)
class DeepCodes:
    """The values of a deep picture.

    Attributes:
        codes: (H, W, 3) uint16, R'G'B' of full range.
        transfer: their curve, by ITU-T H.273: 16 is PQ, 18 is HLG.
    """

    codes: np.ndarray
    transfer: int


def deep_picture(codes: np.ndarray, transfer: int) -> Image.Image:
    """An RGB picture that carries its (H, W, 3) uint16 codes."""
    picture = Image.fromarray((codes >> 8).astype(np.uint8))
    picture.info[_KEY] = DeepCodes(codes, transfer)
    return picture


def deep_codes(picture: Image.Image) -> DeepCodes | None:
    """What the picture carries; None for one of 8 bits, and for one that was resized since."""
    found = picture.info.get(_KEY)
    return found if isinstance(found, DeepCodes) and found.codes.shape[1::-1] == picture.size else None


def levels_of(picture: Image.Image) -> np.ndarray:
    """(H, W, 3) float32 in [0, 255], as finely as the picture knows them."""
    deep = deep_codes(picture)
    if deep is not None:
        return deep.codes.astype(np.float32) / np.float32(CODES_PER_LEVEL)
    return np.asarray(picture.convert("RGB")).astype(np.float32)


def picture_like(levels: np.ndarray, like: Image.Image) -> Image.Image:
    """(H, W, 3) levels in [0, 255] as a picture of the depth of `like`."""
    deep = deep_codes(like)
    if deep is not None:
        return deep_picture((levels * CODES_PER_LEVEL + 0.5).clip(0, 65535).astype(np.uint16), deep.transfer)
    return Image.fromarray((levels + 0.5).clip(0, 255).astype(np.uint8))


def reduced(deep: DeepCodes, size_px: tuple[int, int]) -> Image.Image:
    """A deep picture at (width, height), antialiased."""
    return deep_picture(cv2.resize(deep.codes, size_px, interpolation=cv2.INTER_AREA), deep.transfer)
