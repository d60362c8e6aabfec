"""GIF, animated PNG, animated WebP and zips of stills, written as a stream.

Sources: GIF89a specification, sections 18 to 26; PNG specification, third edition, section 11.3.6 (animation);
WebP container specification (extended format).
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np
from PIL import GifImagePlugin, Image

from core.errors import ExportError
from core.image import SRGB_PROFILE
from core.video.reader import TimedFrame
from core.video.settings import EXIF_DESCRIPTION, PNG_KEY, png_note

# Browsers show anything faster at 10 frames per second.
GIF_STEP_S = Fraction(1, 50)
MAX_ANIMATION_FRAMES = 6000
# The frame takes the place of what was there, without blending.
_WEBP_REPLACE = 0x02
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def write_zip(frames: Iterable[TimedFrame], path: Path, note: str) -> None:
    """PNG stills, numbered, and settings.json."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for index, frame in enumerate(frames):
            buffer = io.BytesIO()
            frame.picture.save(buffer, "PNG", pnginfo=png_note(note), icc_profile=SRGB_PROFILE)
            archive.writestr(f"frame_{index:04d}.png", buffer.getvalue())
        archive.writestr("settings.json", note)


def write_gif(frames: Iterable[TimedFrame], path: Path, note: str) -> None:
    """A looping GIF; frames that would be shown for less than 20 ms are dropped, the whole length stays."""
    with path.open("wb") as file:
        started = False
        for picture, start, end in _at_steps(_limited(frames), GIF_STEP_S):
            image = _paletted(picture)
            if not started:
                file.write(b"GIF89a" + struct.pack("<HHBBB", *picture.size, 0x70, 0, 0))
                file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00" + _gif_comment(note.encode()))
                started = True
            hundredths = round(end * 100) - round(start * 100)
            clear = 255 if picture.mode == "RGBA" else None
            file.write(_gif_control(max(2, min(65535, hundredths)), clear))
            file.write(_gif_image(image))
        file.write(b"\x3b")


def _at_steps(frames: Iterator[TimedFrame], step_s: Fraction) -> Iterator[TimedFrame]:
    """Frames without those that begin sooner than a step after the one before; a kept frame lasts until the next."""
    waiting: TimedFrame | None = None
    for frame in frames:
        if waiting is None or frame.start_s - waiting.start_s >= step_s:
            if waiting is not None:
                yield waiting._replace(end_s=frame.start_s)
            waiting = frame
        else:
            waiting = waiting._replace(end_s=frame.end_s)
    if waiting is not None:
        yield waiting


def _paletted(picture: Image.Image) -> Image.Image:
    """256 colours of its own; 255 and clear parts at index 255 where there is an alpha."""
    plain = picture.convert("RGB")
    if picture.mode != "RGBA":
        return plain.quantize(256)
    few = plain.quantize(255)
    indices = np.array(few)
    indices[np.asarray(picture.getchannel("A")) < 128] = 255
    result = Image.fromarray(indices, "P")
    result.putpalette(few.getpalette("RGB") or [])
    return result


def _gif_comment(note: bytes) -> bytes:
    parts = [note[i : i + 255] for i in range(0, len(note), 255)]
    return b"\x21\xfe" + b"".join(bytes([len(part)]) + part for part in parts) + b"\x00"


def _gif_control(hundredths: int, clear: int | None) -> bytes:
    keep_or_restore = 0x09 if clear is not None else 0x04
    return b"\x21\xf9\x04" + struct.pack("<BHBB", keep_or_restore, hundredths, clear or 0, 0)


def _gif_image(image: Image.Image) -> bytes:
    palette = bytes(image.getpalette("RGB") or b"").ljust(768, b"\0")
    head, *data = GifImagePlugin.getdata(image, (0, 0))
    # Pillow's image descriptor, which announces no colours; this frame's own table of 256 is put behind it.
    return head[:9] + bytes([0x87]) + palette + b"".join(data)


def write_apng(frames: Iterable[TimedFrame], path: Path, note: str) -> None:
    """A looping, lossless animated PNG."""
    count = sequence = 0
    with path.open("wb") as file:
        file.write(_PNG_SIGNATURE)
        places = 0
        for picture, start, end in _limited(frames):
            chunks = dict[bytes, bytes]()
            for kind, data in _png_chunks(picture):
                chunks[kind] = chunks.get(kind, b"") + data
            if count == 0:
                _put(file, b"IHDR", chunks[b"IHDR"])
                places = file.tell()
                _put(file, b"acTL", struct.pack(">II", 0, 0))
                _put(file, b"sRGB", b"\0")
                _put(file, b"iTXt", PNG_KEY.encode() + b"\0\0\0\0\0" + note.encode())
            length = (end - start).limit_denominator(65535)
            length = min(length, Fraction(65535))
            delay = struct.pack(">HH", length.numerator, length.denominator)
            _put(file, b"fcTL", struct.pack(">IIIII", sequence, *picture.size, 0, 0) + delay + b"\0\0")
            sequence += 1
            if count == 0:
                _put(file, b"IDAT", chunks[b"IDAT"])
            else:
                _put(file, b"fdAT", struct.pack(">I", sequence) + chunks[b"IDAT"])
                sequence += 1
            count += 1
        _put(file, b"IEND", b"")
        file.seek(places)
        _put(file, b"acTL", struct.pack(">II", count, 0))


def _png_chunks(picture: Image.Image) -> Iterator[tuple[bytes, bytes]]:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=4)
    data, at = buffer.getvalue(), len(_PNG_SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def _put(file: IO[bytes], kind: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))


def write_webp(frames: Iterable[TimedFrame], path: Path, note: str) -> None:
    """A looping WebP of quality 90; the encoder keeps the compressed frames until the end."""
    with path.open("wb") as file:
        file.write(b"RIFF\0\0\0\0WEBP")
        started = False
        for picture, start, end in _limited(frames):
            if not started:
                flags = 0x02 | 0x08 | (0x10 if picture.mode == "RGBA" else 0)
                _riff(file, b"VP8X", struct.pack("<I", flags) + _size24(picture.size))
                _riff(file, b"ANIM", b"\0\0\0\0\0\0")
                started = True
            milliseconds = round(end * 1000) - round(start * 1000)
            body = bytes(6) + _size24(picture.size) + max(1, milliseconds).to_bytes(3, "little")
            _riff(file, b"ANMF", body + bytes([_WEBP_REPLACE]) + _webp_image(picture))
        exif = Image.Exif()
        exif[EXIF_DESCRIPTION] = note
        _riff(file, b"EXIF", exif.tobytes().removeprefix(b"Exif\0\0"))
        size = file.tell() - 8
        file.seek(4)
        file.write(struct.pack("<I", size))


def _webp_image(picture: Image.Image) -> bytes:
    """The chunks of one still: ALPH and VP8."""
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=90, method=2)
    data, at, kept = buffer.getvalue(), 12, []
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        end = at + 8 + length + length % 2
        if kind in (b"ALPH", b"VP8 ", b"VP8L"):
            kept.append(data[at:end])
        at = end
    return b"".join(kept)


def _size24(size: tuple[int, int]) -> bytes:
    return (size[0] - 1).to_bytes(3, "little") + (size[1] - 1).to_bytes(3, "little")


def _riff(file: IO[bytes], kind: bytes, data: bytes) -> None:
    file.write(kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2))


def _limited(frames: Iterable[TimedFrame]) -> Iterator[TimedFrame]:
    for index, frame in enumerate(frames):
        if index == MAX_ANIMATION_FRAMES:
            raise ExportError(
                f"gif, webp and animated png hold {MAX_ANIMATION_FRAMES} frames at most, this video has more: use mp4 or webm"
            )
        yield frame
