"""Faces cut out upright at a standard place (the FFHQ rule), and laid back into the whole picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from PIL import Image

from core.errors import InputError, ShapeError
from core.image import resize, to_tensor
from core.ops.smoothstep import smoothstep
from core.ops.warp import pixel_centres, sample_at

RIGHT_EYE, LEFT_EYE, MOUTH_CORNERS = slice(36, 42), slice(42, 48), (48, 54)
MAX_TRANSFORM_PX = 4096
BLUR_LEAST_PX = 5.0  # a blur this wide or wider is made at a smaller size, where it is still so wide


@dataclass(frozen=True)
class Aligned:
    """An upright face.

    Attributes:
        picture: the face, square.
        quad: (4, 2) its corners in the whole picture, pixels: upper left, lower left, lower right, upper right.
    """

    picture: Image.Image
    quad: np.ndarray

    def paste_back(self, whole: Image.Image, patch: Image.Image, feather: float = 0.12) -> Image.Image:
        """`whole` with `patch` (this face, changed; any square size) at its place.

        Args:
            whole: the picture that the face was cut from.
            patch: what takes the face's place.
            feather: share of the side over which the rim fades.
        """
        corner, lower, _, right = self.quad
        side = float(np.hypot(*(right - corner)))
        if patch.width > side:
            # The sampling below does not average, so a larger patch is reduced first.
            patch = resize(patch, (max(1, round(side)),) * 2)
        left, top = np.floor(self.quad.min(0)).clip(0).astype(int)
        right_end, bottom_end = np.ceil(self.quad.max(0)).clip(max=whole.size).astype(int)
        if right_end <= left or bottom_end <= top:
            return whole.copy()
        places = pixel_centres(bottom_end - top, right_end - left).numpy() + (left, top)
        share = (places - corner) @ np.linalg.inv(np.stack((right - corner, lower - corner)))
        weight = _feathered(share, feather)[..., None]
        points = torch.from_numpy(share * patch.size).float()
        fresh = sample_at(to_tensor(patch), points[None], mode="bicubic")[0].clamp(0, 1).permute(1, 2, 0).numpy() * 255
        result = np.array(whole.convert("RGB"))
        region = result[top:bottom_end, left:right_end]
        region[:] = np.rint(region + weight * (fresh - region))
        return Image.fromarray(result)


def face_quad(points68: np.ndarray, just_crop: bool = False) -> np.ndarray:
    """The square that a face is cut from: (4, 2), upper left, lower left, lower right, upper right.

    Args:
        points68: (68, 2) dlib's points, (x, y) pixels; eyes and mouth corners decide.
        just_crop: keep the picture's own axes instead of turning the face upright.

    Source: Karras et al. 2018 (Progressive GANs), appendix C, with the constants of FFHQ.
    """
    points = np.asarray(points68, dtype=np.float64)
    if points.shape != (68, 2):
        raise ShapeError(f"landmarks are {points.shape}, alignment needs dlib's (68, 2)")
    right_eye, left_eye = points[RIGHT_EYE].mean(0), points[LEFT_EYE].mean(0)
    eyes, across = (right_eye + left_eye) / 2, left_eye - right_eye
    down = points[list(MOUTH_CORNERS)].mean(0) - eyes
    half = max(2.0 * np.hypot(*across), 1.8 * np.hypot(*down))
    axis = np.array([1.0, 0.0]) if just_crop else across - _turned(down)
    length = np.hypot(*axis)
    if not np.isfinite(points).all() or half < 1e-6 or length < 1e-6:
        raise InputError("eyes and mouth lie on one place: correct the landmarks")
    x = axis / length * half
    y = _turned(x)
    centre = eyes + 0.1 * down
    return np.stack((centre - x - y, centre - x + y, centre + x + y, centre + x - y))


def _turned(vector: np.ndarray) -> np.ndarray:
    """A quarter turn, right to down."""
    return np.array([-vector[1], vector[0]])


def align_face(
    picture: Image.Image,
    points68: np.ndarray,
    size_px: int = 256,
    *,
    just_crop: bool = False,
    transform_px: int | None = None,
) -> Aligned:
    """The face upright in a square of `size_px`.

    What lies beyond the picture is its mirror image, blurred and faded to the median colour, as in FFHQ.

    Args:
        picture: the whole RGB picture.
        points68: (68, 2) landmarks in its pixels.
        size_px: side of the result.
        just_crop: see `face_quad`.
        transform_px: side at which the square is sampled before it is reduced; four times `size_px` by default.

    Raises:
        InputError: landmarks without extent.
        ShapeError: not 68 of them.
    """
    quad = face_quad(points68, just_crop)
    return Aligned(cut_quad(picture, quad, size_px, transform_px or min(4 * size_px, MAX_TRANSFORM_PX)), quad)


def cut_quad(picture: Image.Image, quad: np.ndarray, size_px: int, transform_px: int) -> Image.Image:
    """The square of `size_px` whose corners are (4, 2) px of a picture; beyond its edges as in `align_face`."""
    source, local = _surroundings(picture.convert("RGB"), quad, size_px)
    face = source.transform((transform_px,) * 2, Image.Transform.QUAD, tuple(local.ravel()), Image.Resampling.BILINEAR)
    return resize(face, (size_px, size_px))


def _surroundings(picture: Image.Image, quad: np.ndarray, size_px: int) -> tuple[Image.Image, np.ndarray]:
    """The part of the picture that a quad needs, reduced and padded, and the quad in its pixels."""
    # The published rule works on indices of pixels, whose centres are half a pixel further.
    quad = quad - 0.5
    side = np.hypot(*(quad[3] - quad[0]))
    shrink = int(np.floor(side / size_px * 0.5))
    if shrink > 1:
        reduced = (round(picture.width / shrink), round(picture.height / shrink))
        picture = picture.resize(reduced, Image.Resampling.LANCZOS)
        quad, side = quad / shrink, side / shrink
    border = max(round(side * 0.1), 3)
    low, high = np.floor(quad.min(0)).astype(int), np.ceil(quad.max(0)).astype(int)
    start = (low - border).clip(min=0)
    end = np.minimum(high + border, picture.size)
    if (end <= start).any():
        raise InputError("the face lies outside the picture: correct the landmarks")
    picture, quad, low, high = picture.crop((*start, *end)), quad - start, low - start, high - start
    before = (border - low).clip(min=0)
    after = (high - np.array(picture.size) + border).clip(min=0)
    if max(*before, *after) > border - 4:
        rim = int(np.rint(side * 0.3))
        before, after = np.maximum(before, rim), np.maximum(after, rim)
        picture, quad = _padded(picture, quad + before, before, after, side * 0.02), quad + before
    return picture, quad + 0.5


def _padded(picture: Image.Image, quad: np.ndarray, before: np.ndarray, after: np.ndarray, sigma: float) -> Image.Image:
    """Mirrored beyond its edges; towards the rim, where the quad shows it, first blurred, then faded to the median colour."""
    sides = tuple(zip(before[::-1], after[::-1], strict=True))
    array = np.pad(np.asarray(picture), (*sides, (0, 0)), "reflect")
    # A wide blur and a median are the same at a smaller size, up to a fraction of a level.
    step = max(1, int(sigma / BLUR_LEAST_PX))
    height, width = array.shape[:2]
    small = array.astype(np.float32)
    if step > 1:
        small = cv2.resize(small, (round(width / step), round(height / step)), interpolation=cv2.INTER_AREA)
    taps = 2 * int(4 * sigma / step + 0.5) + 1
    soft = cv2.GaussianBlur(small, (taps, taps), sigma / step, borderType=cv2.BORDER_REFLECT)
    places = tuple((np.arange(n) + 0.5) * side / n - 0.5 for n, side in zip(soft.shape, (height, width), strict=False))
    middle = np.median(_towards(small, soft, _beyond(places, sides, (height, width))), axis=(0, 1))
    low, high = np.floor(quad.min(0)).astype(int).clip(0) - 2, np.ceil(quad.max(0)).astype(int) + 2
    part = tuple(slice(max(0, a), b) for a, b in zip(low[::-1], high[::-1], strict=True))
    places = tuple(np.arange(n)[one] for n, one in zip((height, width), part, strict=True))
    beyond = _beyond(places, sides, (height, width))
    if step > 1:
        soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC)
    near = _towards(array[part].astype(np.float32), soft[part], beyond)
    near += (middle - near) * np.clip(beyond, 0, 1)
    array[part] = np.rint(near).clip(0, 255)
    return Image.fromarray(array)


def _beyond(places: tuple[np.ndarray, ...], sides: tuple, shape: tuple[int, int]) -> np.ndarray:
    """(h, w, 1) float32: 0 at the edge of a padded picture of (H, W) at rows and columns, 1 at its rim, below 0 inside."""
    lines = [
        np.minimum(place / np.float32(before), (length - 1 - place) / np.float32(after))
        for place, (before, after), length in zip(places, sides, shape, strict=True)
    ]
    return (1 - np.minimum(lines[0][:, None], lines[1])).astype(np.float32)[..., None]


def _towards(sharp: np.ndarray, soft: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Pictures (h, w, 3) joined: the soft one from a third of the way to the rim, inside, outwards."""
    return sharp + (soft - sharp) * np.clip(beyond * 3 + 1, 0, 1)


def _feathered(share: np.ndarray, feather: float) -> np.ndarray:
    """Weights of places (..., 2) in the unit square: 0 at and beyond its rim, 1 from `feather` inwards, no kink."""
    return smoothstep(np.minimum(share, 1 - share).min(-1) / max(feather, 1e-6))
