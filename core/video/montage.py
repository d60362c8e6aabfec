"""Two clips in one, to compare: beside each other, or with an edge that wipes over both. By moviepy."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from moviepy import VideoClip, VideoFileClip, clips_array

from core.errors import ExportError

# So that browsers show the colours as they are; moviepy tags nothing by itself.
_TAGS = ["-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709", "-color_primaries", "bt709"]
_TAGS += ["-color_trc", "bt709", "-color_range", "tv", "-crf", "18", "-movflags", "+faststart", "-pix_fmt", "yuv420p"]
# Of a wipe: the edge goes over the picture and back within so many seconds, a white line so many pixels wide.
_PERIOD_S, _EDGE_PX = 4.0, 2


def write_montage(
    source: str | Path, result: str | Path, out: str | Path, kind: str = "beside", start_s: float = 0.0,
    end_s: float | None = None,
) -> Path:  # fmt: skip
    """Write an mp4 that shows both clips at the result's rate and height, with the result's sound.

    Args:
        source: the clip as it came.
        result: what was made of it; a longer one (slow motion) plays on while the source's last frame stands.
        out: the mp4 to write.
        kind: beside, the source at the left; or wipe, the source at the left of an edge that goes to and fro.
        start_s: where the part of the source begins of which the result was made.
        end_s: where that ends; None is its end.

    Raises:
        ExportError: moviepy cannot read or write one of them.
    """
    out = Path(out)
    try:
        with VideoFileClip(str(source), audio=False) as whole, VideoFileClip(str(result)) as right:
            left = whole.subclipped(start_s, None if end_s is None else min(end_s, whole.duration))
            height = right.h - right.h % 2
            if kind == "wipe":
                both = _wiped(left.resized((right.w - right.w % 2, height)), right)
            else:
                both = clips_array([[left.resized(height=height), right.resized(height=height)]])
                both = both.cropped(width=both.w - both.w % 2, x1=0)
            both.with_audio(right.audio).write_videofile(
                str(out), fps=right.fps, codec="libx264", audio_codec="aac", preset="veryfast", ffmpeg_params=_TAGS, logger=None
            )  # fmt: skip
    except OSError as error:
        out.unlink(missing_ok=True)
        raise ExportError(
            f"{out.name} could not be written beside {Path(source).name}: free space, or leave it out"
        ) from error
    return out


def _wiped(left: Any, right: Any) -> VideoClip:
    width, height = left.size
    last_s = left.duration - 1 / left.fps

    def shown(time_s: float) -> np.ndarray:
        place = round(width * (0.5 + 0.5 * math.sin(2 * math.pi * time_s / _PERIOD_S)))
        picture = right.get_frame(time_s)[:height, :width].copy()
        picture[:, :place] = left.get_frame(min(time_s, last_s))[:, :place]
        picture[:, max(0, place - _EDGE_PX // 2) : place + _EDGE_PX // 2] = 255
        return picture

    return VideoClip(shown, duration=right.duration)
