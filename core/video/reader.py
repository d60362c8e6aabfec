"""Clips in: every frame upright, in sRGB, of square pixels, with the time at which it is shown. By PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import av.error
from PIL import Image

from core.errors import InputError
from core.image import MAX_MEGAPIXELS, MIN_SIDE_PX
from core.video.colour import ColourTags
from core.video.graph import FrameGraph, shown_size

READABLE = "MP4, MOV, WebM, MKV, AVI, MPEG or GIF"
DEFAULT_RATE = Fraction(25)
# Steps between frames that differ by more than this share of their median make a rate variable.
EVEN_WITHIN = 0.05
_PICTURES = ("image2", "png_pipe", "apng_single", "jpeg_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe", "mjpeg")


class TimedFrame(NamedTuple):
    """A picture (RGB, or RGBA of a clip with alpha) and the seconds from start to end of its being shown."""

    picture: Image.Image
    start_s: Fraction
    end_s: Fraction


@dataclass(frozen=True)
class Clip:
    """A video file, read frame by frame; memory does not grow with its length.

    Attributes:
        path: the file.
        size_px: (width, height) as shown: rotation applied, pixels square.
        rate: frames per second; of a variable rate the average.
        times_s: when each frame is shown, in order; 0 is the start of the earliest stream of the file.
        end_s: when the last frame ends.
        has_audio: whether there is sound to keep.
        has_alpha: whether parts may be clear.
        notes: what is changed on the way in, one sentence each, for the person who brought the clip.
        is_hdr: PQ or HLG.
    """

    path: Path
    size_px: tuple[int, int]
    rate: Fraction
    times_s: tuple[Fraction, ...] = field(repr=False)
    end_s: Fraction
    has_audio: bool
    has_alpha: bool
    notes: tuple[str, ...]
    is_hdr: bool = False

    @property
    def fps(self) -> float:
        """`rate` as a number."""
        return float(self.rate)

    @property
    def duration_s(self) -> float:
        """Seconds from the file's start to the end of the last frame."""
        return float(self.end_s)

    @property
    def variable(self) -> bool:
        """Whether the steps between frames are unequal."""
        steps = sorted(b - a for a, b in zip(self.times_s, self.times_s[1:], strict=False))
        if len(steps) < 2:
            return False
        middle = steps[len(steps) // 2]
        return float(steps[-1] - middle) > EVEN_WITHIN * middle or float(middle - steps[0]) > EVEN_WITHIN * middle

    def frames(self) -> Iterator[Image.Image]:
        """Every frame in order, RGB."""
        for frame in self.timed_frames():
            yield frame.picture

    def timed_frames(self, alpha: bool = False, deep: bool = False) -> Iterator[TimedFrame]:
        """Every frame in order with its time.

        Args:
            alpha: RGBA pictures of a clip that has an alpha; over white otherwise.
            deep: pictures of an HDR clip are `core.image.deep_picture`s in its own curve; tone-mapped otherwise.

        Raises:
            InputError: no frame can be decoded.
        """
        waiting: TimedFrame | None = None
        for index, (picture, time_s) in enumerate(_decoded(self, alpha and self.has_alpha, deep)):
            # A decoder that knows no time shows frames at the average rate.
            start = time_s if time_s is not None else Fraction(index) / self.rate
            if waiting is not None:
                if start <= waiting.start_s:
                    continue
                yield waiting._replace(end_s=start)
            waiting = TimedFrame(picture, start, max(self.end_s, start + 1 / self.rate / 2))
        if waiting is None:
            raise InputError(f"no frame of {self.path.name} can be decoded: convert the video to MP4 (H.264) first")
        yield waiting


def read_video(path: str | Path, min_side_px: int = MIN_SIDE_PX) -> Clip:
    """Open a video with sides of `min_side_px` pixels or more; its index is read, no frame is kept.

    Raises:
        InputError: no such file, no video, a still picture, a sound file, a cut file, or one too small.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"the video {path.name} does not exist: check the path {str(path)!r}")
    try:
        with av.open(_address(path)) as container:
            stream = _video_stream(container, path)
            times, end = _clock(container, stream)
            if not times:
                raise InputError(f"{path.name} holds no frame: export the video again")
            first = _first_frame(container, stream, path)
            size, notes = shown_size(first, stream), FrameGraph.notes_for(first, stream)
            has_audio, is_hdr = bool(container.streams.audio), ColourTags.of(first).is_hdr
    except av.error.FFmpegError as error:
        raise InputError(
            f"{path.name} is not a video that can be read ({error.strerror}): use {READABLE}, or export it again"
        ) from error
    if min(size) < min_side_px:
        raise InputError(
            f"{path.name} is {size[0]} x {size[1]} pixels; at least {min_side_px} x {min_side_px} are needed: use a larger clip"
        )
    if size[0] * size[1] > MAX_MEGAPIXELS * 1_000_000:
        raise InputError(
            f"{path.name} has {size[0] * size[1] / 1e6:.0f} megapixels, {MAX_MEGAPIXELS} fit: use a smaller clip"
        )
    span = end - times[0]
    rate = (len(times) / span).limit_denominator(1001) if span > 0 else DEFAULT_RATE
    steps = sorted(b - a for a, b in zip(times, times[1:], strict=False))
    if steps and stream.average_rate and steps[-1] - steps[0] <= EVEN_WITHIN * steps[len(steps) // 2]:
        stated = Fraction(stream.average_rate)
        rate = stated if abs(stated - rate) < rate / 50 else rate
    clip = Clip(path, size, rate, times, end, has_audio, _has_alpha(stream), notes, is_hdr)
    if clip.variable:
        notes = (
            *notes,
            f"a variable frame rate, {clip.fps:.3g} frames per second on average: each frame keeps its time",
        )
        clip = replace(clip, notes=notes)
    return clip


def _address(path: Path) -> str:
    """The path as FFmpeg takes it, whatever its name begins with."""
    return f"file:{path}"


def _video_stream(container: Any, path: Path) -> Any:
    if container.format.name in _PICTURES or container.format.name.endswith("_pipe"):
        raise InputError(f"{path.name} is a still picture, not a video: use {READABLE}")
    moving = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not moving:
        what = "a sound file" if container.streams.audio else "no video"
        raise InputError(f"{path.name} is {what}, a video is needed: use {READABLE}")
    moving[0].thread_type = "AUTO"
    return moving[0]


def _clock(container: Any, stream: Any) -> tuple[tuple[Fraction, ...], Fraction]:
    """When every frame is shown and when the last one ends, in seconds, from the packets alone; 0 is the file's start."""
    shown: dict[Fraction, Fraction] = {}
    for index, packet in enumerate(container.demux(stream)):
        if packet.size == 0 or packet.is_discard:
            continue
        stamp = packet.pts if packet.pts is not None else packet.dts
        time_s = (
            stamp * packet.time_base if stamp is not None else Fraction(index) / (stream.average_rate or DEFAULT_RATE)
        )
        shown[time_s] = (packet.duration or 0) * packet.time_base
    container.seek(0)
    times = sorted(shown)
    if not times:
        return (), Fraction(0)
    zero = min([*_starts(container), times[0]])
    steps = sorted(b - a for a, b in zip(times, times[1:], strict=False))
    last = shown[times[-1]]
    if last <= 0:
        last = steps[len(steps) // 2] if steps else 1 / Fraction(stream.average_rate or DEFAULT_RATE)
    return tuple(time_s - zero for time_s in times), times[-1] + last - zero


def _starts(container: Any) -> list[Fraction]:
    """When the streams of sound and picture begin, in seconds of the file's own clock."""
    heard = [stream for stream in (*container.streams.audio, *container.streams.video) if stream.start_time is not None]
    return [stream.start_time * stream.time_base for stream in heard]


def _has_alpha(stream: Any) -> bool:
    tagged = stream.metadata.get("alpha_mode", stream.metadata.get("ALPHA_MODE")) == "1"
    return tagged or any(part.is_alpha for part in stream.format.components) if stream.format else tagged


def _decoder(stream: Any) -> Any:
    """The stream's own decoder, but libvpx for VP8 and VP9 with alpha, which FFmpeg's own leave out."""
    if not _has_alpha(stream) or stream.codec_context.name not in ("vp8", "vp9"):
        return stream.codec_context
    name = "libvpx-vp9" if stream.codec_context.name == "vp9" else "libvpx"
    decoder = av.CodecContext.create(name, "r")
    decoder.extradata = stream.codec_context.extradata
    return decoder


def _raw_frames(container: Any, stream: Any) -> Iterator[Any]:
    """Decoded frames; a damaged packet costs itself, not the clip."""
    decoder = _decoder(stream)
    for packet in container.demux(stream):
        try:
            for frame in decoder.decode(packet):
                if frame.time_base is None:
                    frame.time_base = stream.time_base
                yield frame
        except av.error.EOFError:
            return
        except av.error.InvalidDataError:
            continue


def _first_frame(container: Any, stream: Any, path: Path) -> Any:
    for frame in _raw_frames(container, stream):
        return frame
    raise InputError(f"no frame of {path.name} can be decoded: convert the video to MP4 (H.264) first")


def _decoded(clip: Clip, alpha: bool, deep: bool) -> Iterator[tuple[Image.Image, Fraction | None]]:
    with av.open(_address(clip.path)) as container:
        stream = _video_stream(container, clip.path)
        starts, zero = _starts(container), None
        for picture, stamp in FrameGraph(stream, alpha, deep).pictures(_raw_frames(container, stream)):
            if zero is None and stamp is not None:
                zero = min([*starts, stamp])
            yield picture, None if stamp is None or zero is None else stamp - zero
