"""Two clips beside each other, to compare: the source at the left, the result at the right. By moviepy."""

from __future__ import annotations

from pathlib import Path

from moviepy import VideoFileClip, clips_array

from core.errors import ExportError

# So that browsers show the colours as they are; moviepy tags nothing by itself.
_TAGS = ["-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709", "-color_primaries", "bt709"]
_TAGS += ["-color_trc", "bt709", "-color_range", "tv", "-crf", "18", "-movflags", "+faststart", "-pix_fmt", "yuv420p"]


def write_montage(source: str | Path, result: str | Path, out: str | Path) -> Path:
    """Write an mp4 that shows both clips at the result's rate and height, with the result's sound.

    Args:
        source: the clip as it came.
        result: what was made of it; a longer one (slow motion) plays on beside the source's last frame.
        out: the mp4 to write.

    Raises:
        ExportError: moviepy cannot read or write one of them.
    """
    out = Path(out)
    try:
        with VideoFileClip(str(source), audio=False) as left, VideoFileClip(str(result)) as right:
            height = right.h - right.h % 2
            both = clips_array([[left.resized(height=height), right.resized(height=height)]])
            both = both.cropped(width=both.w - both.w % 2, x1=0).with_audio(right.audio)
            both.write_videofile(
                str(out), fps=right.fps, codec="libx264", audio_codec="aac", preset="veryfast", ffmpeg_params=_TAGS, logger=None
            )  # fmt: skip
    except OSError as error:
        out.unlink(missing_ok=True)
        raise ExportError(
            f"{out.name} could not be written beside {Path(source).name}: free space, or leave it out"
        ) from error
    return out
