"""A video at a higher frame rate or in slow motion, streamed: never more than two frames and their in-betweens in memory.

Scene cuts are found and not blended; the sound is kept, and in slow motion stretched without changing its pitch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from core.image import limit_size
from core.options import check
from core.progress import Progress, silent
from core.sdl.options import RateOptions, SDLOptions
from core.sdl.pipeline import SDLPipeline
from core.video import read_video, write_video
from core.video.sound import Sound

HISTOGRAM_BINS = 8
THUMBNAIL_PX = (64, 36)
PAIRS_PER_LOAN = 8


@dataclass(frozen=True)
class Pair:
    """Two neighbouring frames and what is between them: move, repeat (they are equal) or cut."""

    first: Image.Image
    second: Image.Image
    kind: str


@dataclass
class RateReport:
    """What was done, filled while frames stream."""

    frames_in: int = 0  # frames read
    frames_out: int = 0  # frames written
    cuts: list[int] | None = None  # frame numbers at which a new scene begins
    repeats: int = 0  # pairs that were equal, so that nothing was computed
    notes: list[str] = field(default_factory=list)  # what could not be kept, a sentence each


def scene_change(first: Image.Image, second: Image.Image) -> float:
    """How unlike two neighbouring frames are, 0 = equal, 1 = nothing in common.

    The mean of two measures: colours that are not shared (a histogram, which motion hardly changes), and the change of
    a thumbnail (which a fade hardly changes at once), so that only a cut raises both.
    """
    small = [
        np.asarray(frame.resize(THUMBNAIL_PX, Image.Resampling.BOX)).astype(np.float32) for frame in (first, second)
    ]
    counts = []
    for picture in small:
        bins = (picture / 256 * HISTOGRAM_BINS).astype(int).reshape(-1, 3) @ (HISTOGRAM_BINS**2, HISTOGRAM_BINS, 1)
        counts.append(np.bincount(bins, minlength=HISTOGRAM_BINS**3) / len(bins))
    unshared = 1 - np.minimum(*counts).sum()
    moved = min(1.0, float(np.abs(small[0] - small[1]).mean()) / 64)
    return float(unshared + moved) / 2


def is_cut(first: Image.Image, second: Image.Image, sensitivity: float) -> bool:
    """Whether a new scene begins with the second frame."""
    return sensitivity > 0 and scene_change(first, second) > 1 - sensitivity * 0.9


def multiplied(
    pipe: SDLPipeline,
    frames: Iterable[Image.Image],
    options: RateOptions,
    report: RateReport,
) -> Iterator[Image.Image]:
    """Every frame, then `factor` - 1 new ones towards the next; the last is held, so that the length stays exact.

    A lent GPU costs seconds per call, so it is given several pairs at once.

    Args:
        pipe: an interpolation pipeline.
        frames: in order, read once.
        options: how many, and what counts as a cut.
        report: filled as frames go by.
    """
    report.cuts, waiting, previous = [], list[Pair](), None
    t = [j / options.factor for j in range(1, options.factor)]
    at_once = PAIRS_PER_LOAN if pipe.gpu_is_lent else 1
    for frame in frames:
        frame = limit_size(frame, options.max_side_px)
        report.frames_in += 1
        if previous is not None:
            waiting.append(pair_of(previous, frame, options, report))
            if len(waiting) == at_once:
                yield from filled(pipe, waiting, t, options, report)
                waiting = []
        previous = frame
    yield from filled(pipe, waiting, t, options, report)
    if previous is not None:
        report.frames_out += 1 + len(t)
        yield from [previous] * (1 + len(t))


def pair_of(first: Image.Image, second: Image.Image, options: RateOptions, report: RateReport) -> Pair:
    """What has to be done between two frames."""
    if first.tobytes() == second.tobytes():
        report.repeats += 1
        return Pair(first, second, "repeat")
    if is_cut(first, second, options.cut_sensitivity):
        (report.cuts if report.cuts is not None else []).append(report.frames_in - 1)
        return Pair(first, second, "cut")
    return Pair(first, second, "move")


def filled(
    pipe: SDLPipeline, pairs: list[Pair], t: list[float], options: RateOptions, report: RateReport
) -> Iterator[Image.Image]:
    """The first frame of every pair and the new ones after it; across a cut the nearer frame is shown again."""
    moving = [(pair.first, pair.second) for pair in pairs if pair.kind == "move"]
    made = pipe.in_betweens(moving, t, SDLOptions(max_side_px=options.max_side_px)) if moving else iter(())
    for pair in pairs:
        report.frames_out += 1
        yield pair.first
        report.frames_out += len(t)
        if pair.kind == "move":
            yield from next(made)
        elif pair.kind == "repeat":
            yield from [pair.first] * len(t)
        else:
            yield from (pair.first if position < 0.5 else pair.second for position in t)


def convert_video(
    pipe: SDLPipeline,
    source: str | Path,
    out: str | Path,
    options: RateOptions | None = None,
    progress: Progress = silent,
) -> RateReport:
    """Write a video with more frames.

    Args:
        pipe: an interpolation pipeline.
        source: any video that ffmpeg reads.
        out: the file to write; its suffix chooses the format, mp4 keeps the sound.
        options: factor, slow motion, cuts.
        progress: called for every frame; it may cancel.

    Returns:
        What was done.
    """
    chosen, clip = check(options or RateOptions()), read_video(source)
    report = RateReport()
    total = max(1, round(clip.duration_s * clip.fps) * chosen.factor)

    def told() -> Iterator[Image.Image]:
        for frame in multiplied(pipe, clip.frames(), chosen, report):
            progress(min(1.0, report.frames_out / total), f"frame {report.frames_out} of about {total}")
            yield frame

    settings = {"system": "sdl", "job": "interpolate", "factor": chosen.factor, "slow_motion": chosen.slow_motion}
    audio = Sound(clip.path, 1 / chosen.factor if chosen.slow_motion else 1.0) if clip.has_audio else None
    fps = clip.fps if chosen.slow_motion else clip.fps * chosen.factor
    write_video(told(), out, fps, settings, audio, notes=report.notes)
    return report
