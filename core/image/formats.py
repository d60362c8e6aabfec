"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

import contextlib
import struct

import pillow_heif
from PIL import Image

from core.errors import InputError

with contextlib.suppress(ImportError):  # an extra (`jxl`): its wheel carries libjxl under the GPL
    import pillow_jxl  # noqa: F401

pillow_heif.register_heif_opener()
Image.init()
# No format that runs a program (EPS) or that only describes a page; the files of MPO are opened as JPEG.
READABLE: list[str] = [
    kind
    for kind in (
        "PNG", "JPEG", "WEBP", "AVIF", "HEIF", "TIFF", "GIF", "BMP", "DIB", "JPEG2000", "PPM", "TGA", "PSD", "ICO", "JXL",
    )
    if kind in Image.OPEN
]  # fmt: skip
NAMES = ("PNG", "JPEG", "HEIC", "AVIF", "WebP", "TIFF", "GIF or BMP")

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, _PNG, "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WebP"),
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    (0, b"BM", "BMP"),
    (0, b"8BPS", "Photoshop file"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyphe", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftyp", "video"),
    (0, b"\x1aE\xdf\xa3", "video"),
    (8, b"AVI ", "video"),
    (0, b"ID3", "sound file"),
    (8, b"WAVE", "sound file"),
    (0, b"OggS", "sound file"),
    (0, b"fLaC", "sound file"),
    (0, b"%PDF", "PDF"),
    (0, b"%!PS", "PostScript file"),
    (0, b"PK\x03\x04", "zip archive"),
)


def format_name(data: bytes) -> str:
    """What the first bytes say, as words after "is a": "JPEG XL", "web page", "empty file", "file of an unknown kind"."""
    if not data:
        return "empty file"
    for offset, signature, name in _SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            return name
    start = data[:512].lstrip().lower()
    if b"<svg" in start:
        return "SVG drawing"
    if start.startswith((b"<!doctype", b"<html")):
        return "web page"
    if start.startswith((b"{", b"[", b"<?xml")) or (b"\0" not in data[:512] and start.isascii()):
        return "text file"
    return "file of an unknown kind"


def refuse_unreadable(data: bytes, name: str) -> None:
    """Raise for what is no picture, or a picture of a format that is not read here.

    Raises:
        InputError: names the format, and what to do.
    """
    kind = format_name(data)
    article = "an" if kind[0] in "aeiouAEIOUS" and not kind.startswith("so") else "a"
    if kind == "JPEG XL" and "JXL" not in READABLE:
        raise InputError(
            f"{name} is a JPEG XL picture: install pillow-jxl-plugin to read it, or save it as PNG or JPEG"
        )
    if kind == "SVG drawing":
        raise InputError(f"{name} is an SVG drawing, which has no pixels: export it as PNG")
    if kind in ("video", "sound file", "web page", "zip archive", "PDF", "PostScript file", "text file", "empty file"):
        raise InputError(f"{name} is {article} {kind}, not a picture that can be read: use {', '.join(NAMES)}")


def refuse_rowless(data: bytes, name: str) -> None:
    """Raise for a cut JPEG that holds less than its first row of blocks: what a decoder makes of it is no picture.

    Source: ITU-T T.81, annex B (markers and their lengths).

    Raises:
        InputError: it is cut off before or within that row.
    """
    at, width = 2, 0
    while at + 4 <= len(data) and data[at] == 0xFF:
        kind, end = data[at + 1], at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            width = int.from_bytes(data[at + 7 : at + 9], "big")
        # A block of 16 x 16 pixels takes a byte at the very least.
        if kind == 0xDA and len(data) - end >= max(1, width // 16):
            return
        at = len(data) if kind == 0xDA else end
    raise InputError(f"{name} is a JPEG that is cut off before its first row of pixels: save or export it again")


def without_png_text(data: bytes) -> bytes | None:
    """A PNG without its text chunks; None for what is no PNG or has none.

    Pillow refuses a picture whose notes are larger than its limit; the pixels are worth more than the notes.
    Source: PNG specification, third edition, section 5.3 (chunk layout).
    """
    if not data.startswith(_PNG):
        return None
    kept, at, dropped = [_PNG], len(_PNG), False
    while at + 8 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        end = at + 12 + length
        if data[at + 4 : at + 8] in _PNG_TEXT:
            dropped = True
        else:
            kept.append(data[at:end])
        at = end
    return b"".join(kept) if dropped else None
