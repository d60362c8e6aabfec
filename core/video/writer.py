"""An iterator of pictures to a file; it appears only when it is complete."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av.error
from PIL import Image

from core.encoding import CONTAINERS, Encoding
from core.errors import ExportError, unknown_name
from core.image import SRGB_PROFILE
from core.video.animations import write_apng, write_gif, write_webp, write_zip
from core.video.encoding import write_container
from core.video.parts import Parts
from core.video.reader import TimedFrame
from core.video.settings import FORMATS, describe, png_note
from core.video.sound import Sound, add_sound

_ANIMATIONS = {"gif": write_gif, "webp": write_webp, "png": write_apng, "zip": write_zip}


def write_video(
    frames: Iterable[Image.Image | TimedFrame],
    path: str | Path,
    fps: float | Fraction,
    settings: dict[str, Any] | None = None,
    audio: str | Path | Sound | None = None,
    encoding: Encoding | None = None,
    notes: list[str] | None = None,
    parts: Parts | None = None,
) -> Path:
    """Write pictures of one size as a video; the suffix of `path` chooses the format.

    mp4 is H.264 as all browsers play it, where an odd side gains one repeated row or column. webm is VP9 and mov ProRes,
    both with alpha. gif, webp and png (animated PNG, lossless) loop. zip holds PNG stills.

    Args:
        frames: RGB, RGBA or deep pictures, or `TimedFrame`s that carry their own time; read once, in order.
        path: the file to write.
        fps: frames per second, for pictures without a time; a `Fraction` is kept exactly.
        settings: what made the video; stored in the file.
        audio: a file, or part of one, whose sound tracks and subtitles go into an mp4, webm or mov.
        encoding: codec, quality and bit depth of mp4, webm and mov.
        notes: takes what could not be kept, one sentence each.
        parts: of an mp4, webm or mov, which `frames` go on from; after a stop they are kept, at the end deleted.

    Raises:
        ExportError: no frame, unequal sizes, more frames than a format holds, or a file that cannot be written.
        OptionError: a suffix that is not in `FORMATS`, or an encoding that the format does not know.
    """
    kind = (path := Path(path)).suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise unknown_name("video format", path.suffix, (f".{name}" for name in FORMATS))
    encoding = (encoding or Encoding()).checked(kind)
    note, rate, said = describe(settings), exact_rate(fps), [] if notes is None else notes
    partial = path.with_name(f".{path.stem[:100]}.part{path.suffix}")
    _make_folder(path.parent)
    try:
        timed = _of_one_size(_with_times(frames, rate), parts is not None and bool(parts.finished))
        if kind in CONTAINERS:
            _write_pictures(timed, partial, rate, note, encoding, parts)
            if audio is not None:
                add_sound(partial, audio if isinstance(audio, Sound) else Sound(Path(audio)), said)
        else:
            _ANIMATIONS[kind](timed, partial, note)
        _complete(partial, path, parts)
    except (OSError, av.error.FFmpegError) as error:
        raise _not_written(path, error) from error
    finally:
        partial.unlink(missing_ok=True)
    return path


def _write_pictures(
    frames: Iterator[TimedFrame], path: Path, rate: Fraction, note: str, encoding: Encoding, parts: Parts | None
) -> None:
    if parts is None:
        write_container(frames, path, rate, note, encoding)
        return
    parts.write(frames, path.suffix.removeprefix("."), rate, note, encoding)
    parts.join(path)


def _complete(partial: Path, path: Path, parts: Parts | None) -> None:
    partial.replace(path)
    if parts is not None:
        parts.clear()


def _not_written(path: Path, error: Exception) -> ExportError:
    reason = getattr(error, "strerror", None) or str(error)
    return ExportError(
        f"{path.name} could not be written to {path.parent} ({reason}): free space or choose another folder"
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"the folder {folder} cannot be made ({error}): choose another folder") from error


def write_picture(picture: Image.Image, path: str | Path, settings: dict[str, Any] | None = None) -> Path:
    """Write one lossless PNG, tagged as sRGB, that carries its settings.

    Raises:
        ExportError: a file that cannot be written.
    """
    path = Path(path).with_suffix(".png")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, pnginfo=png_note(describe(settings)), icc_profile=SRGB_PROFILE, exif=b"")
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _not_written(path, error) from error
    return path


def exact_rate(fps: float | Fraction) -> Fraction:
    """A frame rate as a fraction: 23.976 is 24000/1001, 25.0 is 25."""
    if isinstance(fps, Fraction):
        return fps
    for top in (24000, 30000, 48000, 60000, 120000):
        if abs(fps - top / 1001) < 0.001:
            return Fraction(top, 1001)
    return Fraction(fps).limit_denominator(1000)


def _with_times(frames: Iterable[Image.Image | TimedFrame], rate: Fraction) -> Generator[TimedFrame, None, None]:
    for index, frame in enumerate(frames):
        yield frame if isinstance(frame, TimedFrame) else TimedFrame(frame, index / rate, (index + 1) / rate)


def _of_one_size(frames: Iterable[TimedFrame], begun: bool = False) -> Generator[TimedFrame, None, None]:
    size = None
    for index, frame in enumerate(frames):
        size = size or frame.picture.size
        if frame.picture.size != size:
            raise ExportError(f"frame {index} is {frame.picture.size}, the first is {size}: all frames need one size")
        yield frame
    if size is None and not begun:
        raise ExportError("there is no frame to write")
