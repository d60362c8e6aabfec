"""One reader for every picture that comes from outside.

It answers with an upright 8-bit RGB picture in sRGB, says in notes what it had to change, and refuses in one sentence
that names the format. EXIF (place, time, camera) is dropped on purpose.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageColor, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from core.errors import InputError, unknown_name
from core.image.boxes import limit_size
from core.image.colour import SRGB_PROFILE, to_srgb
from core.image.deep import deep_codes
from core.image.formats import NAMES, READABLE, format_name, refuse_rowless, refuse_unreadable, without_png_text

# Set once, before any thread reads: sizes are checked below, by the limit that the message names.
Image.MAX_IMAGE_PIXELS = None

MIN_SIDE_PX = 16
MAX_SIDE_PX = 4096
# For edits that are local: a photo up to here comes back at its own size.
WHOLE_SIDE_PX = 8192
# What is held in memory at once: about half a gigabyte with its copies. A JPEG is reduced while it is decoded.
MAX_MEGAPIXELS = 80
MAX_JPEG_MEGAPIXELS = 178

# Under clear parts, where a job keeps none.
BACKGROUNDS = ("white", "black", "grey", "green")
# What a command was told to lay them over.
_BEHIND: ContextVar[str] = ContextVar("behind clear parts", default="white")
# A PNG's note that asks for one of them.
_BACKED = "morphospace background"

Source = str | Path | bytes | Image.Image | np.ndarray
_END_OF_JPEG = b"\xff\xd9"
_FAULTS = (OSError, SyntaxError, ValueError, EOFError, MemoryError, IndexError, TypeError, KeyError, OverflowError)


@dataclass(frozen=True)
class Loaded:
    """What a file held.

    Attributes:
        picture: upright RGB in sRGB; clear parts are laid over the background that was asked for.
        alpha: mode L, 255 = opaque; None for a picture without clear parts.
        notes: what had to be changed, one sentence each, for the person who brought it.
        background: the colour under clear parts.
    """

    picture: Image.Image
    alpha: Image.Image | None
    notes: tuple[str, ...]
    background: str


@contextmanager
def behind_clear_parts(colour: str) -> Iterator[None]:
    """Within it clear parts are laid over this colour instead of white.

    Raises:
        OptionError: none of `BACKGROUNDS`.
    """
    if colour not in BACKGROUNDS:
        raise unknown_name("colour behind clear parts", colour, BACKGROUNDS)
    token = _BEHIND.set(colour)
    try:
        yield
    finally:
        _BEHIND.reset(token)


def load_image(source: Source, *, max_side_px: int = MAX_SIDE_PX) -> Image.Image:
    """The picture of `read_image` alone; `notes_of` tells what had to be changed."""
    if isinstance(source, Image.Image) and deep_codes(source) is not None:
        return limit_size(source, max_side_px)
    loaded = read_image(source, max_side_px=max_side_px)
    loaded.picture.info["notes"] = loaded.notes
    if loaded.alpha is not None:
        loaded.picture.info.update(alpha=loaded.alpha, background=loaded.background)
    return loaded.picture


def notes_of(picture: Image.Image) -> tuple[str, ...]:
    """What `load_image` had to change to read a picture; empty for a picture from elsewhere."""
    notes: tuple[str, ...] = picture.info.get("notes", ())
    return notes


def read_image(source: Source, *, max_side_px: int = MAX_SIDE_PX) -> Loaded:
    """An upright RGB picture in sRGB from a file, bytes, array or PIL image.

    Rotation is applied once, colours go to sRGB by the embedded profile, values are scaled by the bit depth of the
    file, the first frame of an animation is taken, sides beyond `max_side_px` are reduced, and clear parts are laid over
    white unless the file or `behind_clear_parts` says otherwise.

    Args:
        source: path, encoded bytes, PIL image, or array (H, W), (H, W, 3 or 4), uint8, uint16 or float in [0, 1].
        max_side_px: longer side of the result at most; `WHOLE_SIDE_PX` where an edit is local.

    Raises:
        InputError: no picture, damaged, below 16 pixels a side, or beyond 80 megapixels (178 as a JPEG).
    """
    # A picture that was read here before still says what had to be changed then.
    name, notes = _name_of(source), list(notes_of(source)) if isinstance(source, Image.Image) else []
    picture, again = _opened(source, name, notes)
    _check_size(picture, name)
    asked = picture.info.get(_BACKED)
    background = asked if asked in BACKGROUNDS else _BEHIND.get()
    kind = picture.format or ""
    picture = _decoded(picture, again, max_side_px, name, notes)
    if (count := getattr(picture, "n_frames", 1)) > 1 and kind in ("GIF", "WEBP", "PNG", "TIFF"):
        notes.append(f"the first of its {count} pictures is taken")
    profile = picture.info.get("icc_profile")
    plain, alpha = _separate(_upright(picture), _bits_of(picture), name)
    plain, note = to_srgb(plain, profile)
    notes += [note] if note else []
    plain = limit_size(plain, max_side_px)
    if alpha is not None:
        alpha = limit_size(alpha, max_side_px)
        plain = Image.composite(plain, Image.new("RGB", plain.size, background), alpha)
        notes.append(f"clear parts are laid over {background}")
    plain.info = {}
    return Loaded(plain, alpha, tuple(notes), background)


def laid_over(picture: Image.Image, colour: str) -> Image.Image:
    """A picture of `load_image` with another of `BACKGROUNDS` under its clear parts; without any the picture itself."""
    alpha = picture.info.get("alpha")
    if alpha is None or picture.info.get("background") in (None, colour):
        return picture
    made = Image.composite(own_colours(picture), Image.new("RGB", picture.size, colour), alpha.resize(picture.size))
    made.info = {**picture.info, "background": colour}
    return made


def own_colours(picture: Image.Image) -> Image.Image:
    """What a picture of `load_image` shows by itself, the colour under its clear parts taken off again."""
    share = np.asarray(picture.info["alpha"].resize(picture.size)).astype(np.float32)[..., None] / 255
    under = np.array(ImageColor.getrgb(picture.info["background"]), np.float32)
    own = (np.asarray(picture) - (1 - share) * under) / np.maximum(share, 1 / 255)
    return Image.fromarray((own + 0.5).clip(0, 255).astype(np.uint8))


def write_backed(picture: Image.Image, alpha: Image.Image, background: str, path: Path) -> Path:
    """Write a PNG with an alpha that asks to be read over one of `BACKGROUNDS`."""
    info = PngInfo()
    info.add_text(_BACKED, background)
    with_alpha(picture, alpha).save(path, pnginfo=info, icc_profile=SRGB_PROFILE)
    return path


def load_alpha(source: Source, size_px: tuple[int, int]) -> np.ndarray:
    """How much each pixel of a layer covers, (H, W) uint8 at `size_px` (width, height); without alpha all of it.

    Raises:
        InputError: as `read_image`.
    """
    alpha = read_image(source).alpha
    if alpha is None:
        return np.full(size_px[::-1], 255, np.uint8)
    return np.asarray(alpha.resize(size_px, Image.Resampling.NEAREST))


def with_alpha(picture: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """RGBA where there is an alpha (brought to the picture's size), the picture itself otherwise."""
    if alpha is None:
        return picture
    result = picture.convert("RGBA")
    result.putalpha(alpha if alpha.size == picture.size else alpha.resize(picture.size, Image.Resampling.LANCZOS))
    return result


def _name_of(source: Any) -> str:
    return f"the file {Path(source).name}" if isinstance(source, str | Path) else "the picture"


def _check_size(picture: Image.Image, name: str) -> None:
    width, height = picture.size
    limit = MAX_JPEG_MEGAPIXELS if picture.format == "JPEG" else MAX_MEGAPIXELS
    if min(width, height) < MIN_SIDE_PX:
        raise InputError(
            f"{name} is {width} x {height} pixels; at least {MIN_SIDE_PX} x {MIN_SIDE_PX} are needed: use a larger picture"
        )
    if width * height > limit * 1_000_000:
        raise InputError(f"{name} has {width * height / 1e6:.1f} megapixels, {limit} fit: reduce it before loading")


Reopen = Callable[[], Image.Image] | None


def _opened(source: Source, name: str, notes: list[str]) -> tuple[Image.Image, Reopen]:
    """The source as a PIL image whose pixels may not be read yet, and how to open a cut JPEG that lacks its end."""
    if isinstance(source, Image.Image):
        return source.copy(), None
    if isinstance(source, np.ndarray):
        return Image.fromarray(_as_bytes(source)), None
    if isinstance(source, str | Path):
        if not Path(source).is_file():
            raise InputError(f"{name} does not exist: check the path {str(source)!r}")
        try:
            data = Path(source).read_bytes()
        except OSError as error:
            raise InputError(f"{name} cannot be read ({error}): check its permissions") from error
    else:
        data = source
    refuse_unreadable(data, name)

    def reopen() -> Image.Image:
        refuse_rowless(data, name)
        return Image.open(io.BytesIO(data + _END_OF_JPEG), formats=READABLE)

    try:
        return Image.open(io.BytesIO(data), formats=READABLE), reopen
    except _FAULTS as error:
        if (lean := without_png_text(data)) is not None:
            notes.append("its text notes are too large and were left out")
            return Image.open(io.BytesIO(lean), formats=READABLE), None
        if isinstance(error, UnidentifiedImageError):
            raise InputError(
                f"{name} is {format_name(data)}, not a picture that can be read: use {', '.join(NAMES)}"
            ) from error
        raise InputError(
            f"{name} is a damaged {format_name(data)} ({_first_line(error)}): save or export it again"
        ) from error


def _decoded(picture: Image.Image, again: Reopen, max_side_px: int, name: str, notes: list[str]) -> Image.Image:
    """The picture with its pixels read; what is left of a cut JPEG is shown, as every viewer does."""
    kind = picture.format
    try:
        return _loaded(picture, max_side_px)
    except _FAULTS as error:
        if kind in ("JPEG", "MPO") and again is not None and "truncated" in str(error):
            try:
                whole = _loaded(again(), max_side_px)
            except InputError:
                raise
            except _FAULTS:
                pass
            else:
                notes.append("the file is cut off: what is missing at its end is grey")
                return whole
        raise InputError(
            f"{name} is a damaged {kind or 'picture'} and cannot be read to its end ({_first_line(error)}): export it again"
        ) from error


def _loaded(picture: Image.Image, max_side_px: int) -> Image.Image:
    if picture.format in ("JPEG", "MPO") and picture.mode != "CMYK":
        picture.draft(None, (max_side_px, max_side_px))
    picture.load()
    return picture


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as its metadata says; damaged metadata never costs the picture."""
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # whatever a damaged EXIF block makes Pillow's parser raise
        return picture


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


def _bits_of(picture: Image.Image) -> int | None:
    """The depth that a file of greys states; None for a picture that is not from a file."""
    if not picture.format:
        return None
    return int(getattr(picture, "tag_v2", {}).get(258, (16,))[0])


def _separate(picture: Image.Image, bits: int | None, name: str) -> tuple[Image.Image, Image.Image | None]:
    """Colours in mode L, RGB, CMYK or LAB at 8 bits, and the alpha (L) where anything is clear."""
    mode = picture.mode
    if mode in ("L", "RGB", "CMYK", "LAB") and "transparency" not in picture.info:
        return picture, None
    if mode in ("I", "F") and bits is None:
        # Not from a file: Pillow's own conversion into these modes keeps bytes as they are.
        return Image.fromarray(np.asarray(picture).clip(0, 255).astype(np.uint8)), None
    if mode == "F":
        values = np.nan_to_num(np.asarray(picture, np.float32))
        if values.min() < -1e-3 or values.max() > 1 + 1e-3:
            raise InputError(
                f"{name} holds floating-point values from {values.min():.3g} to {values.max():.3g}; 0 to 1 fits: rescale it"
            )
        return Image.fromarray((values.clip(0, 1) * 255 + 0.5).astype(np.uint8)), None
    if mode.startswith("I"):
        values = np.asarray(picture).astype(np.float64) / (2 ** (bits or 16) - 1)
        return Image.fromarray((values.clip(0, 1) * 255 + 0.5).astype(np.uint8)), None
    if mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        clear = picture.convert("LA") if mode in ("LA", "La") else picture.convert("RGBA")
        alpha = clear.getchannel("A")
        plain = clear.getchannel("L") if clear.mode == "LA" else clear.convert("RGB")
        return plain, None if alpha.getextrema() == (255, 255) else alpha
    return picture.convert("L" if mode == "1" else "RGB"), None
