"""From a decoded frame to an upright sRGB picture of square pixels, by FFmpeg's filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import av
import av.error
import av.filter
from PIL import Image

from core.image import deep_picture
from core.video.colour import ColourTags, tone_mapped

_ACCURATE = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
# Anticlockwise turns in degrees, as a display matrix states them, by filter.
_TURNS = {90: "transpose=cclock", -90: "transpose=clock", 270: "transpose=clock", -270: "transpose=cclock"}

# Sizes are whole pixels, so shapes that were meant to be square are off by this much at most.
SQUARE_WITHIN = Fraction(1, 100)


TONE_MAPPED = "HDR is tone-mapped to SDR"


class _Kind(NamedTuple):
    """All of a frame that the filters depend on."""

    format: str
    width: int
    height: int
    turn: int
    interlaced: bool
    pixel: Fraction
    tags: ColourTags


def _kind_of(frame: av.VideoFrame, stream: Any) -> _Kind:
    pixel = getattr(frame, "sample_aspect_ratio", None) or stream.sample_aspect_ratio
    turn = round(frame.rotation / 90) * 90
    return _Kind(
        frame.format.name, frame.width, frame.height, turn, bool(frame.interlaced_frame), _pixel_shape(pixel),
        ColourTags.of(frame),
    )  # fmt: skip


def _pixel_shape(stated: Fraction | None) -> Fraction:
    """Width by height of a pixel; what differs by rounding alone, or is not stated, is square."""
    pixel = Fraction(stated or 1) or Fraction(1)
    return Fraction(1) if abs(pixel - 1) < SQUARE_WITHIN else pixel


def _square(kind: _Kind) -> tuple[int, int]:
    """(width, height) with square pixels, before turning; the shorter direction is stretched, so that nothing is lost."""
    if kind.pixel >= 1:
        return round(kind.width * kind.pixel), kind.height
    return kind.width, round(kind.height / kind.pixel)


def shown_size(frame: av.VideoFrame, stream: Any) -> tuple[int, int]:
    """(width, height) of a frame as it is shown, in square pixels."""
    kind = _kind_of(frame, stream)
    width, height = _square(kind)
    return (height, width) if kind.turn in _TURNS else (width, height)


class FrameGraph:
    """The filters for one stream; they are laid anew where the kind of its frames changes.

    Args:
        stream: PyAV's video stream.
        alpha: pictures are RGBA; RGB otherwise, clear parts over white.
        deep: HDR comes out as `core.image.deep_picture` in its own curve and primaries, not tone-mapped.
    """

    def __init__(self, stream: Any, alpha: bool, deep: bool = False) -> None:
        self.stream, self.alpha, self.deep = stream, alpha, deep
        self.size: tuple[int, int] | None = None

    @staticmethod
    def notes_for(frame: av.VideoFrame, stream: Any) -> tuple[str, ...]:
        """What is changed on the way in, for the person who brought the clip."""
        kind, notes = _kind_of(frame, stream), []
        if kind.tags.is_hdr:
            notes.append(TONE_MAPPED)
        if kind.interlaced:
            notes.append("interlaced: fields are joined (bwdif)")
        if kind.pixel != 1:
            notes.append(f"pixels of {kind.pixel.numerator}:{kind.pixel.denominator} are made square")
        if kind.turn:
            notes.append("turned upright by its metadata")
        return tuple(notes)

    def pictures(self, frames: Iterable[Any]) -> Iterator[tuple[Image.Image, Fraction | None]]:
        """Each frame's picture and its time stamp in seconds, None where the stream has none."""
        kind: _Kind | None = None
        graph: Any = None
        for frame in frames:
            mine = _kind_of(frame, self.stream)
            if kind is not None and kind.interlaced:
                # A progressive frame amid fields: the filter looks at each frame's own flag.
                mine = mine._replace(interlaced=True)
            if mine != kind:
                if graph is not None and kind is not None:
                    yield from self._rest(graph, kind)
                kind, graph = mine, self._laid(mine, frame)
            graph.push(frame)
            yield from self._ready(graph, kind)
        if graph is not None and kind is not None:
            yield from self._rest(graph, kind)

    def _laid(self, kind: _Kind, frame: av.VideoFrame) -> Any:
        width, height = _square(kind)
        if self.size is None:
            self.size = (height, width) if kind.turn in _TURNS else (width, height)
        steps = ["bwdif=mode=send_frame:deint=interlaced"] if kind.interlaced else []
        pixels = "rgb48le" if kind.tags.is_hdr else "rgba" if self.has_alpha(kind) else "rgb24"
        steps += [
            f"scale={width}:{height}:{kind.tags.scale_options(kind.width, kind.height)}:{_ACCURATE}",
            f"format={pixels}",
        ]
        if kind.turn in _TURNS:
            steps.append(_TURNS[kind.turn])
        elif abs(kind.turn) == 180:
            steps += ["hflip", "vflip"]
        if (turned := (height, width) if kind.turn in _TURNS else (width, height)) != self.size and turned:
            steps.append(f"scale={self.size[0]}:{self.size[1]}:{_ACCURATE}")
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=kind.width, height=kind.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
        )
        last = source
        for step in steps:
            name, _, options = step.partition("=")
            node = graph.add(name, options or None)
            last.link_to(node)
            last = node
        sink = graph.add("buffersink")
        last.link_to(sink)
        graph.configure()
        return graph

    @staticmethod
    def has_alpha(kind: _Kind) -> bool:
        """Whether frames of this kind have an alpha plane."""
        return any(part.is_alpha for part in av.VideoFormat(kind.format, 16, 16).components) or kind.format == "pal8"

    def _ready(self, graph: Any, kind: _Kind) -> Iterator[tuple[Image.Image, Fraction | None]]:
        while True:
            try:
                out = graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            yield self._picture(out, kind), None if out.pts is None else out.pts * out.time_base

    def _rest(self, graph: Any, kind: _Kind) -> Iterator[tuple[Image.Image, Fraction | None]]:
        graph.push(None)
        yield from self._ready(graph, kind)

    def _picture(self, frame: Any, kind: _Kind) -> Image.Image:
        array = frame.to_ndarray()
        if kind.tags.is_hdr:
            return (
                deep_picture(array, kind.tags.transfer) if self.deep else Image.fromarray(tone_mapped(array, kind.tags))
            )
        if array.shape[2] == 4:
            picture = Image.fromarray(array, "RGBA")
            if self.alpha:
                return picture
            under = Image.new("RGBA", picture.size, "white")
            return Image.alpha_composite(under, picture).convert("RGB")
        return Image.fromarray(array)
