"""A video at a higher frame rate or in slow motion, streamed: never more than two frames and their in-betweens in memory.

Frames keep the clip's own time stamps; scene cuts are found and not blended; sound tracks and subtitles go along, in slow
motion the sound is stretched without changing its pitch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import groupby, islice
from pathlib import Path

from PIL import Image

from core.errors import InputError
from core.image import limit_size, with_alpha
from core.options import check, to_query
from core.progress import Progress, silent
from core.sdl.methods.video_rate.retouch import retouched
from core.sdl.methods.video_rate.schedule import Clock, Moment, RateReport, Span, spans
from core.sdl.options import RateOptions, SDLOptions
from core.sdl.pipeline import SDLPipeline
from core.video import Clip, TimedFrame, read_video, write_video
from core.video.sound import Sound
from core.video.writer import exact_rate

PAIRS_PER_LOAN = 8
CLEAR_FORMATS = (".webm", ".mov", ".png", ".webp", ".gif", ".zip")


def converted(
    pipe: SDLPipeline, frames: Iterable[TimedFrame], options: RateOptions, report: RateReport
) -> Iterator[TimedFrame]:
    """The frames of the result, each with its time; frames of the clip come through untouched.

    A lent GPU costs seconds per call, so it is given several pairs at once.

    Args:
        pipe: an interpolation pipeline.
        frames: of the clip, in order, read once.
        options: rate, and what counts as a cut.
        report: filled as frames go by.
    """
    clock, stream = Clock(options), spans(_limited(frames, options), options, report)
    while batch := list(islice(stream, PAIRS_PER_LOAN if pipe.gpu_is_lent else 1)):
        yield from _filled(pipe, [(span, clock.moments(span)) for span in batch], options, report)


def _limited(frames: Iterable[TimedFrame], options: RateOptions) -> Iterator[TimedFrame]:
    for frame in frames:
        yield frame._replace(picture=limit_size(frame.picture, options.max_side_px))


def _filled(
    pipe: SDLPipeline, batch: list[tuple[Span, list[Moment]]], options: RateOptions, report: RateReport
) -> Iterator[TimedFrame]:
    """The frames of some spans; across a cut the nearer frame of the clip is shown."""
    made = _in_betweens(pipe, batch, options)
    for span, moments in batch:
        new = iter(next(made)) if _moves(span, moments) else iter(())
        for moment in moments:
            report.frames_out += 1
            if span.kind == "move" and moment.t > 0:
                picture = next(new)
            else:
                picture = span.first if moment.t < 0.5 or span.kind == "repeat" else span.second
            yield TimedFrame(picture, moment.start_s, moment.end_s)


def _moves(span: Span, moments: list[Moment]) -> bool:
    return span.kind == "move" and any(moment.t > 0 for moment in moments)


def _in_betweens(
    pipe: SDLPipeline, batch: list[tuple[Span, list[Moment]]], options: RateOptions
) -> Iterator[list[Image.Image]]:
    """For each span that moves its new frames; spans that ask for the same places are computed together."""
    moving = [(span, tuple(m.t for m in moments if m.t > 0)) for span, moments in batch if _moves(span, moments)]
    how = SDLOptions(max_side_px=options.max_side_px)
    for t, group in groupby(moving, key=lambda item: item[1]):
        together = [span for span, _ in group]
        pairs = [(span.first.convert("RGB"), span.second.convert("RGB")) for span in together]
        for span, pictures in zip(together, pipe.in_betweens(pairs, t, how), strict=True):
            new = [retouched(made, span.first, span.second, place) for made, place in zip(pictures, t, strict=True)]
            yield _with_alpha(pipe, span, t, new, how) if span.first.mode == "RGBA" else new


def _with_alpha(
    pipe: SDLPipeline, span: Span, t: tuple[float, ...], pictures: list[Image.Image], how: SDLOptions
) -> list[Image.Image]:
    """New frames with an alpha that moves as the pictures do."""
    masks = [frame.getchannel("A") for frame in (span.first, span.second)]
    if masks[0].tobytes() == masks[1].tobytes():
        return [with_alpha(picture, masks[0]) for picture in pictures]
    (between,) = pipe.in_betweens([(masks[0].convert("RGB"), masks[1].convert("RGB"))], t, how)
    return [with_alpha(picture, mask.convert("L")) for picture, mask in zip(pictures, between, strict=True)]


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
        source: any video that `core.video.read_video` reads.
        out: the file to write; its suffix chooses the format. mp4, webm and mov keep sound tracks and subtitles.
        options: rate, slow motion, part, cuts.
        progress: called for every frame; it may cancel.

    Returns:
        What was done.

    Raises:
        InputError: a part that lies outside of the clip.
    """
    chosen, clip = check(options or RateOptions()), read_video(source)
    start, end = _part(clip, chosen)
    report, slow = RateReport(notes=list(clip.notes)), chosen.factor if chosen.slow_motion else 1
    clear = clip.has_alpha and Path(out).suffix.lower() in CLEAR_FORMATS
    if clip.has_alpha and not clear:
        report.notes.append("clear parts are laid over white; webm, mov, png and webp keep them")
    length = float(end - start) * slow

    def told() -> Iterator[TimedFrame]:
        for frame in converted(pipe, _trimmed(clip.timed_frames(alpha=clear), start, end), chosen, report):
            done = min(1.0, float(frame.end_s) / length)
            progress(done, f"{float(frame.end_s):.1f} of {length:.1f} s")
            yield frame

    settings = {"system": "sdl", "job": "interpolate", **to_query(chosen)}
    whole = start == 0 and end == clip.end_s
    sound = Sound(clip.path, 1 / slow, float(start), None if whole else float(end)) if clip.has_audio else None
    write_video(told(), out, _rate(clip, chosen), settings, sound, notes=report.notes)
    return report


def _part(clip: Clip, options: RateOptions) -> tuple[Fraction, Fraction]:
    start = Fraction(options.start_s).limit_denominator(1000)
    end = Fraction(options.end_s).limit_denominator(1000) if options.end_s else clip.end_s
    if start >= min(end, clip.end_s):
        raise InputError(
            f"the part from {options.start_s:g} s to {float(end):g} s is asked for, {clip.path.name} lasts "
            f"{clip.duration_s:.2f} s: choose a part within it"
        )
    return start, min(end, clip.end_s)


def _trimmed(frames: Iterator[TimedFrame], start: Fraction, end: Fraction) -> Iterator[TimedFrame]:
    for frame in frames:
        if frame.start_s >= end:
            return
        if frame.end_s > start:
            yield TimedFrame(frame.picture, max(frame.start_s, start) - start, min(frame.end_s, end) - start)


def _rate(clip: Clip, options: RateOptions) -> Fraction:
    """Frames per second of the result, on average."""
    if options.target_fps:
        return exact_rate(options.target_fps)
    return clip.rate if options.slow_motion else clip.rate * options.factor
