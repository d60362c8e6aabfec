"""The hardest in-betweens of a clip, made before the long run."""

from __future__ import annotations

import heapq
from pathlib import Path

from PIL import Image

from core.options import check
from core.sdl.methods.video_rate.conversion import part_of_clip, trimmed
from core.sdl.methods.video_rate.retouch import Retouch
from core.sdl.methods.video_rate.scenes import scene_change
from core.sdl.methods.video_rate.schedule import RateReport, spans
from core.sdl.options import RateOptions, SDLOptions
from core.sdl.pipeline import SDLPipeline
from core.video import read_video


def hardest_in_betweens(
    pipe: SDLPipeline, source: str | Path, options: RateOptions | None = None, count: int = 3
) -> list[tuple[float, Image.Image]]:
    """The middle of those neighbouring frames between which most changes, and when they are shown in the clip.

    Only their frames are held, and only they are computed, so a long clip takes as long as it takes to read it.

    Args:
        pipe: an interpolation pipeline.
        source: any video that `core.video.read_video` reads.
        options: part, cuts and size.
        count: how many at most; a clip without motion has none.

    Returns:
        Seconds from the clip's start and the new frame, hardest first.

    Raises:
        InputError: a part that lies outside of the clip.
    """
    chosen, clip = check(options or RateOptions()), read_video(source)
    start, _ = part_of_clip(clip, chosen)
    hardest: list[tuple[float, float, tuple[Image.Image, Image.Image]]] = []
    for span in spans(trimmed(clip, chosen), chosen, RateReport()):
        if span.kind == "move":
            middle_s = float(start + (span.start_s + span.end_s) / 2)
            item = (scene_change(span.first, span.second), middle_s, (span.first, span.second))
            # No two have one time, so pictures are never compared.
            (heapq.heappush if len(hardest) < count else heapq.heappushpop)(hardest, item)
    found, how = [], SDLOptions(max_side_px=chosen.max_side_px)
    for _, middle_s, (first, second) in sorted(hardest, key=lambda item: item[:2], reverse=True):
        ((made,),) = pipe.in_betweens([(first, second)], (0.5,), how)
        small = [frame.resize(made.size, Image.Resampling.LANCZOS) for frame in (first, second)]
        found.append((middle_s, Retouch(*small).apply(made, 0.5)))
    return found
