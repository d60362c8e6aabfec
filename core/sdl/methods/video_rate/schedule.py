"""When the frames of the result are shown, and from which two frames of the clip each is made; streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from PIL import Image

from core.sdl.methods.video_rate.scenes import CONSTANTS, is_cut, is_same, scene_change
from core.sdl.options import RateOptions
from core.video import TimedFrame
from core.video.writer import exact_rate

# A frame shown more often than this is meant to stand still; motion is spread over shorter runs.
LONGEST_RUN = 3


@dataclass
class RateReport:
    """What was done, filled while frames stream."""

    frames_in: int = 0  # frames read
    frames_out: int = 0  # frames written
    cuts: list[int] = field(default_factory=list)  # frame numbers at which a new scene begins
    flashes: list[int] = field(default_factory=list)  # frame numbers of single frames unlike both neighbours
    repeats: int = 0  # frames equal to the one before, for which nothing was computed
    doubled: int = 0  # frames taken as the one before shown again, over which motion was spread
    montage: str = ""  # the second video that compares source and result, where one was asked for
    notes: list[str] = field(default_factory=list)  # what was changed or could not be kept, a sentence each


@dataclass(frozen=True)
class Span:
    """The time from one frame of the clip to the next.

    Attributes:
        first: the frame at its start.
        second: the frame at its end.
        kind: move, repeat (they are the same) or cut.
        start_s, end_s: when it begins and ends in the clip.
        steps: how many frames of the clip it spans.
        before: at a cut, the frame before the first, of the same scene; None where that is not known to move.
        before_s: the time from that one to the first.
    """

    first: Image.Image
    second: Image.Image
    kind: str
    start_s: Fraction
    end_s: Fraction
    steps: int = 1
    before: Image.Image | None = None
    before_s: Fraction = Fraction(0)

    @property
    def pair(self) -> tuple[Image.Image, Image.Image] | None:
        """The two frames whose motion fills this span, if any does: at a cut, that of the scene that ends goes on."""
        if self.kind == "move":
            return self.first, self.second
        return None if self.before is None else (self.before, self.first)

    def place(self, t: float) -> float:
        """Where the place t of this span lies between `pair`, 1 being the second of it."""
        if self.kind == "move":
            return t
        return 1 + min(1.0, t * float((self.end_s - self.start_s) / self.before_s))


def spans(
    frames: Iterable[TimedFrame], options: RateOptions, report: RateReport, ahead: bool = False
) -> Iterator[Span]:
    """The spans between frames, in order; the last frame is a span of its own.

    Args:
        frames: of the clip, in order, read once.
        options: what counts as a cut, and whether doubled frames count as one.
        report: filled as frames go by.
        ahead: whether motion goes on up to a cut, so that the frame before is kept for it.
    """
    kept: TimedFrame | None = None
    run, before_cut = 1, None
    before: TimedFrame | None = None
    for frame in frames:
        report.frames_in += 1
        if kept is None:
            kept = frame
            continue
        equal = kept.picture.tobytes() == frame.picture.tobytes()
        if equal or (options.doubled and is_same(kept.picture, frame.picture)):
            run, kept = run + 1, kept._replace(end_s=frame.end_s)
            report.repeats += 1
            continue
        if run > LONGEST_RUN or (run > 1 and not options.doubled):
            # It stood still until one step before the next frame.
            step = (frame.start_s - kept.start_s) / run
            yield Span(kept.picture, kept.picture, "repeat", kept.start_s, frame.start_s - step, run - 1)
            kept, run, before = kept._replace(start_s=frame.start_s - step), 1, None
        report.doubled += run - 1
        kind = "move"
        if is_cut(kept.picture, frame.picture, options.cut_sensitivity):
            kind = "cut"
            if before_cut is not None and _is_flash(before_cut, kept.picture, frame.picture):
                report.flashes.append(report.cuts.pop())
                before_cut = None
            else:
                report.cuts.append(report.frames_in - 1)
                before_cut = kept.picture
        else:
            before_cut = None
        known = None if kind == "move" or before is None else before
        yield Span(
            kept.picture, frame.picture, kind, kept.start_s, frame.start_s, run,
            *(() if known is None else (known.picture, kept.start_s - known.start_s)),
        )  # fmt: skip
        kept, run, before = frame, 1, kept if ahead and kind == "move" else None
    if kept is not None:
        yield Span(kept.picture, kept.picture, "repeat", kept.start_s, kept.end_s, run)


def _is_flash(before: Image.Image, between: Image.Image, after: Image.Image) -> bool:
    """Whether a single frame is unlike both its neighbours, which are like each other."""
    return scene_change(before, after) < CONSTANTS.flash_like * scene_change(between, after)


@dataclass(frozen=True)
class Moment:
    """A frame of the result: its place t within a span, and when it is shown."""

    t: float
    start_s: Fraction
    end_s: Fraction


class Clock:
    """Where the frames of the result lie: `factor` to each frame of the clip, or ticks of a target rate.

    Args:
        options: factor, target rate and slow motion.
        slow: how many times as long the result lasts; None goes by the options.
        rate: frames per second of the result, which even ticks show; None goes by the options.
    """

    def __init__(self, options: RateOptions, slow: Fraction | None = None, rate: Fraction | None = None) -> None:
        self.factor = options.factor
        self.slow = slow or Fraction(options.factor if options.slow_motion else 1)
        rate = exact_rate(options.target_fps) if options.target_fps else rate
        self.tick_s = 1 / rate if rate else None

    def moments(self, span: Span) -> list[Moment]:
        """The frames that begin within a span."""
        start, end = span.start_s * self.slow, span.end_s * self.slow
        if end <= start:
            return []
        if self.tick_s is None:
            count = span.steps * self.factor
            step = (end - start) / count
            return [Moment(j / count, start + j * step, start + (j + 1) * step) for j in range(count)]
        ticks = range(ceil(start / self.tick_s), ceil(end / self.tick_s))
        return [
            Moment(float((n * self.tick_s - start) / (end - start)), n * self.tick_s, (n + 1) * self.tick_s)
            for n in ticks
        ]
