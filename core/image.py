"""Pictures in and out: the only room where dtype, range, colour order, EXIF, alpha and size change.

Outside a network a picture is an RGB `PIL.Image` or a float tensor (B, 3, H, W) in [0, 1].
Boxes and points are (x, y) in pixels, the centre of the top-left pixel at (0.5, 0.5).
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError
from torch import Tensor

from core.errors import InputError, ShapeError

MIN_SIDE_PX = 16
MAX_SIDE_PX = 4096
# What is held in memory at once: about half a gigabyte with its copies. A JPEG is reduced while it is decoded.
MAX_MEGAPIXELS = 80
MAX_JPEG_MEGAPIXELS = 178

Source = str | Path | bytes | Image.Image | np.ndarray


def load_image(source: Source, *, max_side_px: int = MAX_SIDE_PX, background: str = "white") -> Image.Image:
    """An upright RGB picture from a file, bytes, array or PIL image.

    EXIF rotation is applied, alpha is laid over `background`, grey, palette, CMYK and 16-bit pictures become
    8-bit RGB, the first frame of an animation is taken, and sides beyond `max_side_px` are reduced.

    Args:
        source: path, encoded bytes, PIL image, or array (H, W), (H, W, 3 or 4), uint8, uint16 or float in [0, 1].
        max_side_px: longer side of the result at most.
        background: colour name under transparent pixels.

    Raises:
        InputError: no picture, damaged, below 16 pixels a side, or beyond 80 megapixels (178 as a JPEG).
    """
    return limit_size(_as_rgb(_loaded(source, max_side_px), background), max_side_px)


def load_alpha(source: Source, size_px: tuple[int, int]) -> np.ndarray:
    """How much each pixel of a layer covers, (H, W) uint8 at `size_px` (width, height); without alpha all of it.

    Raises:
        InputError: as `load_image`.
    """
    alpha = _loaded(source, MAX_SIDE_PX).convert("RGBA").getchannel("A")
    return np.asarray(alpha.resize(size_px, Image.Resampling.NEAREST))


def _loaded(source: Source, max_side_px: int) -> Image.Image:
    """The upright picture in its own mode, read to its end, within the limits."""
    picture = _opened(source)
    name = _name_of(source)
    width, height = picture.size
    if min(width, height) < MIN_SIDE_PX:
        raise InputError(
            f"{name} is {width} x {height} pixels; at least {MIN_SIDE_PX} x {MIN_SIDE_PX} are needed: use a larger picture"
        )
    limit = MAX_JPEG_MEGAPIXELS if picture.format == "JPEG" else MAX_MEGAPIXELS
    if width * height > limit * 1_000_000:
        raise InputError(f"{name} has {width * height / 1e6:.1f} megapixels, {limit} fit: reduce it before loading")
    try:
        if picture.format == "JPEG":
            picture.draft("RGB", (max_side_px, max_side_px))
        picture.load()
        return ImageOps.exif_transpose(picture)
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, Image.DecompressionBombError) as error:
        raise InputError(f"{name} is damaged and cannot be read to its end ({error}): export it again") from error


def _name_of(source: Any) -> str:
    return f"the file {Path(source).name}" if isinstance(source, str | Path) else "the picture"


def _opened(source: Source) -> Image.Image:
    """The source as a PIL image whose pixels may not be read yet."""
    if isinstance(source, Image.Image):
        return source.copy()
    if isinstance(source, np.ndarray):
        return Image.fromarray(_as_bytes(source))
    name = _name_of(source)
    if isinstance(source, str | Path) and not Path(source).is_file():
        raise InputError(f"{name} does not exist: check the path {str(source)!r}")
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        return Image.open(stream)
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{name} has more than {MAX_JPEG_MEGAPIXELS} megapixels, {MAX_MEGAPIXELS} fit: reduce it before loading"
        ) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{name} is not a picture that can be read: use PNG, JPEG, WebP, TIFF, GIF or BMP") from error


def _as_bytes(array: np.ndarray) -> np.ndarray:
    """An array picture as uint8, (H, W) or (H, W, 3 or 4)."""
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)) or 0 in array.shape:
        raise InputError(f"an array of shape {array.shape} is no picture: use (H, W), (H, W, 3) or (H, W, 4)")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        return (array.astype(np.float32) / 257 + 0.5).astype(np.uint8)
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all() or array.min() < -1e-3 or array.max() > 1 + 1e-3:
            raise InputError("a float picture must lie in [0, 1]: divide byte values by 255")
        return (array.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    raise InputError(f"an array of {array.dtype} is no picture: use uint8, uint16 or float in [0, 1]")


def _as_rgb(picture: Image.Image, background: str) -> Image.Image:
    """8-bit RGB, whatever the mode was."""
    if picture.mode == "RGB":
        return picture
    if picture.mode.startswith("I") or picture.mode == "F":
        # PIL would clip these at 255; 16-bit greys need their range brought down instead.
        values = np.asarray(picture, dtype=np.float32)
        top = 1.0 if picture.mode == "F" and values.max() <= 1 else 255.0 if values.max() <= 255 else 65535.0
        grey = np.nan_to_num(values / top).clip(0, 1)
        return Image.fromarray((grey * 255 + 0.5).astype(np.uint8)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        under = Image.new("RGBA", clear.size, background)
        return Image.alpha_composite(under, clear).convert("RGB")
    return picture.convert("RGB")


def to_tensor(picture: Image.Image) -> Tensor:
    """(1, 3, H, W) float32 in [0, 1]."""
    array = np.array(picture.convert("RGB"))
    return torch.from_numpy(array).permute(2, 0, 1)[None].float() / 255


def to_pil(pictures: Tensor) -> list[Image.Image]:
    """One RGB picture per item of (B, 3, H, W) or (3, H, W) in [0, 1]; values beyond are clipped."""
    batch = pictures[None] if pictures.ndim == 3 else pictures
    if batch.ndim != 4 or batch.shape[1] != 3:
        raise ShapeError(f"pictures are {tuple(pictures.shape)}, (B, 3, H, W) fits")
    array = batch.detach().float().clamp(0, 1).mul(255).add(0.5).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(item) for item in array]


def limit_size(picture: Image.Image, max_side_px: int) -> Image.Image:
    """The picture, reduced if its longer side exceeds `max_side_px`; the aspect stays."""
    longest = max(picture.size)
    if longest <= max_side_px:
        return picture
    scale = max_side_px / longest
    return resize(picture, (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))


def resize(picture: Image.Image, size_px: tuple[int, int]) -> Image.Image:
    """The picture at (width, height), antialiased."""
    return picture if picture.size == tuple(size_px) else picture.resize(size_px, Image.Resampling.LANCZOS)


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


@dataclass(frozen=True)
class Crop:
    """How to undo a padding: keep the top-left `height` x `width`."""

    height: int
    width: int

    def undo(self, pictures: Tensor, scale: int = 1) -> Tensor:
        """(B, C, H, W) cut back to the original size (times `scale` if the network enlarged it)."""
        return pictures[..., : self.height * scale, : self.width * scale]


def pad_to_multiple(pictures: Tensor, multiple: int, mode: str = "symmetric") -> tuple[Tensor, Crop]:
    """Pictures padded at the bottom and the right to the next multiple, and how to undo it.

    Args:
        pictures: (B, C, H, W).
        multiple: both sides become multiples of this.
        mode: "symmetric" mirrors with the edge pixel repeated, folding as often as needed; "replicate" repeats the edge.
    """
    height, width = pictures.shape[-2:]
    down, right = -height % multiple, -width % multiple
    crop = Crop(height, width)
    if mode == "replicate":
        return F.pad(pictures, (0, right, 0, down), mode="replicate"), crop
    if mode != "symmetric":
        raise InputError(f"unknown padding {mode!r}: symmetric and replicate are known")
    rows = _mirrored(height, height + down)
    columns = _mirrored(width, width + right)
    return pictures[..., rows, :][..., columns], crop


def _mirrored(size: int, wanted: int) -> Tensor:
    """Indices 0, 1, ..., size-1, size-1, ..., 1, 0, 0, 1, ... up to `wanted` of them."""
    index = torch.arange(wanted) % (2 * size)
    return torch.where(index < size, index, 2 * size - 1 - index)
