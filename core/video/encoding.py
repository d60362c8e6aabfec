"""MP4, WebM and MOV, by PyAV: colours tagged as BT.709, time stamps as they came."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation
from PIL import Image

from core.encoding import Encoding
from core.image import deep_codes
from core.video.reader import TimedFrame

_ENCODERS = {"h264": "libx264", "h265": "libx265", "av1": "libsvtav1", "vp9": "libvpx-vp9", "prores": "prores_ks"}
# Constant rate factors at which each encoder looks like the others at one `quality` step; x264's scale is taken as it is.
_CRF_ABOVE_X264 = {"h264": 0, "h265": 2, "av1": 8, "vp9": 8}
# Ticks of the clock per second at least, so that any time stamp is kept within 0.1 ms.
_TICKS = 10000
_BT709, _LIMITED = 1, 1
# The number of its primaries, of its matrix, and of that in swscale.
BT2020 = 9
# Without the flags a saturated red comes out up to 4 of 255 too dark.
_EXACTLY = (
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)


def write_container(frames: Iterator[TimedFrame], path: Path, rate: Fraction, note: str, encoding: Encoding) -> None:
    """Encode a stream of frames; see `core.video.write_video`."""
    first = next(frames)
    clock = Fraction(1, _ticks(rate))
    moov_first = {"movflags": "+faststart"} if path.suffix != ".webm" else {}
    with av.open(str(path), "w", options=moov_first) as container:
        container.metadata["comment"] = note
        stream = _stream(container, first.picture, rate, clock, encoding)
        lengths: dict[int, int] = {}
        for frame in _chained(first, frames):
            picture = _encoded(frame.picture, stream)
            picture.time_base = clock
            picture.pts = round(frame.start_s / clock)
            lengths[picture.pts] = max(1, round(frame.end_s / clock) - picture.pts)
            _write(container, stream.encode(picture), lengths, clock)
        _write(container, stream.encode(None), lengths, clock)


def _chained(first: TimedFrame, rest: Iterator[TimedFrame]) -> Iterator[TimedFrame]:
    # A first picture that comes late is shown from the start: a gap there plays as black in some players.
    yield first._replace(start_s=Fraction(0))
    yield from rest


def _ticks(rate: Fraction) -> int:
    return rate.numerator * -(-_TICKS // rate.numerator)


def _stream(container: Any, first: Image.Image, rate: Fraction, clock: Fraction, encoding: Encoding) -> Any:
    options = {}
    if encoding.codec != "prores":
        options["crf"] = str(min(50, encoding.quality + _CRF_ABOVE_X264[encoding.codec]))
    options |= {
        "h264": {"preset": "veryfast"},
        # B-frames of a clip of two or three frames end in an error when x265 is flushed through PyAV.
        "h265": {"preset": "veryfast", "x265-params": "log-level=error:bframes=0"},
        "av1": {"preset": "8"},
        "vp9": {"b:v": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1", "auto-alt-ref": "0"},
        "prores": {"profile": "4444" if first.mode == "RGBA" else "hq"},
    }[encoding.codec]
    stream = container.add_stream(_ENCODERS[encoding.codec], rate=rate, options=options)
    stream.width, stream.height = first.size
    stream.pix_fmt = _pixels(first, encoding)
    if stream.pix_fmt.startswith("yuv420"):
        stream.width, stream.height = first.width + first.width % 2, first.height + first.height % 2
    context = stream.codec_context
    if encoding.codec == "h265":
        context.codec_tag = "hvc1"  # the name under which Apple's players take it
    context.time_base = clock
    deep = deep_codes(first)
    context.color_primaries = context.color_trc = context.colorspace = _BT709 if deep is None else BT2020
    if deep is not None:
        context.color_trc = deep.transfer
    context.color_range = _LIMITED
    return stream


def _pixels(first: Image.Image, encoding: Encoding) -> str:
    clear = first.mode == "RGBA"
    if encoding.codec == "prores":
        return "yuva444p10le" if clear else "yuv422p10le"
    if encoding.codec == "vp9" and clear:
        return "yuva420p"
    return "yuv420p10le" if encoding.ten_bit else "yuv420p"


def _encoded(picture: Image.Image, stream: Any) -> Any:
    clear = stream.pix_fmt.startswith("yuva")
    deep = deep_codes(picture)
    array = np.asarray(picture.convert("RGBA" if clear else "RGB")) if deep is None else deep.codes
    down, right = stream.height - array.shape[0], stream.width - array.shape[1]
    if down or right:
        array = np.pad(array, ((0, down), (0, right), (0, 0)), mode="edge")
    kind, matrix = ("rgba" if clear else "rgb24", _BT709) if deep is None else ("rgb48le", BT2020)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(array), format=kind)
    frame = frame.reformat(
        format=stream.pix_fmt, dst_colorspace=matrix, dst_color_range=_LIMITED, interpolation=_EXACTLY
    )
    frame.pict_type = 0
    return frame


def _write(container: Any, packets: Any, lengths: dict[int, int], clock: Fraction) -> None:
    for packet in packets:
        pts = round(packet.pts * packet.time_base / clock)
        packet.duration = round(lengths.pop(pts, 1) * clock / packet.time_base)
        container.mux(packet)
