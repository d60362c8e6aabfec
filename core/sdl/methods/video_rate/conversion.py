"""A video at a higher frame rate or in slow motion, streamed: never more than two frames and their in-betweens in memory.

Frames keep the clip's own time stamps; scene cuts are found and not blended; sound tracks and subtitles go along, in slow
motion the sound is stretched without changing its pitch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import groupby, islice
from pathlib import Path

from PIL import Image

from core.encoding import CONTAINERS
from core.errors import InputError, OptionError
from core.image import limit_size, with_alpha
from core.options import check, to_query
from core.progress import Progress, silent
from core.sdl.methods.video_rate.retouch import Retouch
from core.sdl.methods.video_rate.schedule import Clock, Moment, RateReport, Span, spans
from core.sdl.options import RateOptions, SDLOptions
from core.sdl.pipeline import SDLPipeline
from core.video import Clip, Encoding, TimedFrame, read_video, write_video
from core.video.graph import TONE_MAPPED
from core.video.parts import Parts
from core.video.sound import Sound
from core.video.writer import exact_rate

PAIRS_PER_LOAN = 8
CLEAR_FORMATS = (".webm", ".mov", ".png", ".webp", ".gif", ".zip")
OPAQUE_CODECS = ("h264", "h265", "av1")


def converted(
    pipe: SDLPipeline,
    frames: Iterable[TimedFrame],
    options: RateOptions,
    report: RateReport,
    clock: Clock | None = None,
    done_s: Fraction = Fraction(0),
) -> Iterator[TimedFrame]:
    """The frames of the result, each with its time; frames of the clip come through untouched.

    A lent GPU costs seconds per call, so it is given several pairs at once.

    Args:
        pipe: an interpolation pipeline.
        frames: of the clip, in order, read once.
        options: rate, and what counts as a cut.
        report: filled as frames go by.
        clock: when the frames of the result are shown; None goes by the options.
        done_s: frames of the result before that are there already, and are neither made nor given.
    """
    clock, ahead = clock or Clock(options), getattr(pipe.network, "goes_on", False)
    stream = spans(_limited(frames, options), options, report, ahead)
    while batch := list(islice(stream, PAIRS_PER_LOAN if pipe.gpu_is_lent else 1)):
        yield from _filled(
            pipe, [(span, _missing(clock.moments(span), done_s, report)) for span in batch], options, report
        )


def _missing(moments: list[Moment], done_s: Fraction, report: RateReport) -> list[Moment]:
    kept = [moment for moment in moments if moment.start_s >= done_s]
    report.frames_out += len(moments) - len(kept)
    return kept


def _limited(frames: Iterable[TimedFrame], options: RateOptions) -> Iterator[TimedFrame]:
    for frame in frames:
        yield frame._replace(picture=limit_size(frame.picture, options.max_side_px))


def _filled(
    pipe: SDLPipeline, batch: list[tuple[Span, list[Moment]]], options: RateOptions, report: RateReport
) -> Iterator[TimedFrame]:
    """The frames of some spans; up to a cut the motion goes on, or the frame before it stays."""
    made = _in_betweens(pipe, batch, options)
    for span, moments in batch:
        new = iter(next(made)) if _moves(span, moments) else iter(())
        for moment in moments:
            report.frames_out += 1
            # The next frame's scene begins when the clip says so: a flash keeps its beep.
            picture = next(new) if span.pair is not None and moment.t > 0 else span.first
            yield TimedFrame(picture, moment.start_s, moment.end_s)


def _moves(span: Span, moments: list[Moment]) -> bool:
    return span.pair is not None and any(moment.t > 0 for moment in moments)


Pair = tuple[Image.Image, Image.Image]


def _in_betweens(
    pipe: SDLPipeline, batch: list[tuple[Span, list[Moment]]], options: RateOptions
) -> Iterator[list[Image.Image]]:
    """For each span that moves its new frames; spans that ask for the same places are computed together."""
    moving = [
        (span.pair, tuple(span.place(m.t) for m in moments if m.t > 0))
        for span, moments in batch
        if span.pair is not None and _moves(span, moments)
    ]
    how = SDLOptions(max_side_px=options.max_side_px)
    for t, group in groupby(moving, key=lambda item: item[1]):
        together = [pair for pair, _ in group]
        plain = [(first.convert("RGB"), second.convert("RGB")) for first, second in together]
        for pair, pictures in zip(together, pipe.in_betweens(plain, t, how), strict=True):
            # Beyond its end a scene keeps the look of its last frame.
            look = Retouch(*pair)
            new = [look.apply(made, min(1.0, place)) for made, place in zip(pictures, t, strict=True)]
            yield _with_alpha(pipe, pair, t, new, how) if pair[0].mode == "RGBA" else new


def _with_alpha(
    pipe: SDLPipeline, pair: Pair, t: tuple[float, ...], pictures: list[Image.Image], how: SDLOptions
) -> list[Image.Image]:
    """New frames with an alpha that moves as the pictures do."""
    masks = [frame.getchannel("A") for frame in pair]
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
    encoding: Encoding | None = None,
    resumable: bool = False,
) -> RateReport:
    """Write a video with more frames.

    Args:
        pipe: an interpolation pipeline.
        source: any video that `core.video.read_video` reads.
        out: the file to write; its suffix chooses the format. mp4, webm and mov keep sound tracks and subtitles.
        options: rate, slow motion, part, cuts.
        progress: called for every frame; it may cancel.
        encoding: codec, quality and bit depth of mp4, webm and mov.
        resumable: after a stop finished parts of these stay in a hidden folder beside `out`, and the same call goes on.

    Returns:
        What was done.

    Raises:
        InputError: a part that lies outside of the clip, or a duration shorter than that.
        OptionError: a codec that the format does not hold, or a montage of what is no video file.
    """
    chosen, clip = check(options or RateOptions()), read_video(source)
    encoding = _fitting(encoding or Encoding(), clip, out := Path(out), chosen.montage)
    start, end = part_of_clip(clip, chosen)
    slow, clear = _slowdown(chosen, end - start), _stays_clear(clip, out, encoding)
    report = RateReport(notes=_notes(clip, chosen, encoding, clear))
    length = float((end - start) * slow)
    clock = Clock(chosen, slow, clip.rate if chosen.duration_s else None)
    settings = settings_of(chosen, encoding)
    parts = _parts_of(clip, out, settings, report) if resumable and _kind(out) in CONTAINERS else None

    def told() -> Iterator[TimedFrame]:
        frames = trimmed(clip, chosen, clear, encoding.keep_hdr)
        for frame in converted(pipe, frames, chosen, report, clock, parts.end_s if parts else Fraction(0)):
            done = min(1.0, float(frame.end_s) / length)
            progress(done, f"{float(frame.end_s):.1f} of {length:.1f} s")
            yield frame

    whole = start == 0 and end == clip.end_s
    sound = Sound(clip.path, float(1 / slow), float(start), None if whole else float(end)) if clip.has_audio else None
    write_video(told(), out, _rate(clip, chosen), settings, sound, encoding, report.notes, parts)
    if chosen.montage != "none":
        report.montage = str(_compared(source, out, chosen, float(start), None if whole else float(end)))
    return report


def _kind(out: Path) -> str:
    return out.suffix.lower().removeprefix(".")


def _fitting(encoding: Encoding, clip: Clip, out: Path, montage: str) -> Encoding:
    """The encoding with what suits this clip: HDR can only be kept where there is some, in a format that holds it."""
    if montage != "none" and _kind(out) == "zip":
        raise OptionError("stills in a zip cannot be compared in a montage: write an mp4, or leave the montage out")
    if encoding.keep_hdr and not (clip.is_hdr and _kind(out) in CONTAINERS):
        encoding = replace(encoding, keep_hdr=False)
    return encoding.checked(_kind(out))


def _stays_clear(clip: Clip, out: Path, encoding: Encoding) -> bool:
    return clip.has_alpha and out.suffix.lower() in CLEAR_FORMATS and encoding.codec not in OPAQUE_CODECS


def _notes(clip: Clip, options: RateOptions, encoding: Encoding, clear: bool) -> list[str]:
    """What is changed on the way, one sentence each."""
    notes = list(clip.notes)
    if encoding.keep_hdr:
        notes[notes.index(TONE_MAPPED)] = "HDR is kept with 10 bits; the mastering display's data are left out"
    if clip.has_alpha and not clear:
        notes.append(f"clear parts are laid over {options.background}; VP9, ProRes, png, webp and zip keep them")
    return notes


def _parts_of(clip: Clip, out: Path, settings: dict[str, str], report: RateReport) -> Parts:
    state = clip.path.stat()
    key = f"{clip.path.resolve()} {state.st_size} {state.st_mtime_ns} {settings}"
    parts = Parts(out.with_name(f".{out.name}.parts"), key)
    if parts.finished:
        report.notes.append(f"went on after a stop at {float(parts.end_s):.1f} s")
    return parts


def _compared(source: str | Path, out: Path, options: RateOptions, start_s: float, end_s: float | None) -> Path:
    # moviepy is slow to load.
    from core.video.montage import write_montage

    path = out.with_name(f"{out.stem}-{options.montage}.mp4")
    return write_montage(source, out, path, options.montage, start_s, end_s)


def settings_of(options: RateOptions, encoding: Encoding) -> dict[str, str]:
    """What is written into a result, and tells whether a finished one is the one that is asked for."""
    both = {"rate": to_query(options), "encode": to_query(encoding)}
    named = {f"{panel}_{name}": value for panel, values in both.items() for name, value in values.items()}
    return {"system": "sdl", "job": "interpolate", **named}


def part_of_clip(clip: Clip, options: RateOptions) -> tuple[Fraction, Fraction]:
    """When the part that the options ask for begins and ends.

    Raises:
        InputError: it lies outside of the clip, or before its first picture.
    """
    start = Fraction(options.start_s).limit_denominator(1000)
    end = Fraction(options.end_s).limit_denominator(1000) if options.end_s else clip.end_s
    if start >= min(end, clip.end_s):
        raise InputError(
            f"the part from {options.start_s:g} s to {float(end):g} s is asked for, {clip.path.name} lasts "
            f"{clip.duration_s:.2f} s: choose a part within it"
        )
    if clip.times_s and end <= clip.times_s[0]:
        raise InputError(
            f"the part from {options.start_s:g} s to {float(end):g} s is asked for, the pictures of {clip.path.name} "
            f"begin at {float(clip.times_s[0]):.2f} s, after its sound: choose a part that ends later"
        )
    return start, min(end, clip.end_s)


def trimmed(clip: Clip, options: RateOptions, alpha: bool = False, deep: bool = False) -> Iterator[TimedFrame]:
    """The frames of that part, from 0 on; RGBA with `alpha`, else clear parts are laid over the colour asked for.

    With `deep`, HDR is not tone-mapped.
    """
    start, end = part_of_clip(clip, options)
    under = clip.has_alpha and not alpha and options.background != "white"
    for frame in clip.timed_frames(alpha or under, deep):
        if frame.start_s >= end:
            return
        if frame.end_s > start:
            picture = _laid_over(frame.picture, options.background) if under else frame.picture
            yield TimedFrame(picture, max(frame.start_s, start) - start, min(frame.end_s, end) - start)


def _laid_over(picture: Image.Image, colour: str) -> Image.Image:
    under = Image.new("RGBA", picture.size, colour)
    return Image.alpha_composite(under, picture).convert("RGB")


def _slowdown(options: RateOptions, length_s: Fraction) -> Fraction:
    """How many times as long the result lasts."""
    if not options.duration_s:
        return Fraction(options.factor if options.slow_motion else 1)
    if options.duration_s < length_s:
        raise InputError(
            f"a result of {options.duration_s:g} s is asked for, the part lasts {float(length_s):.2f} s: slow motion "
            "needs a longer duration, or a shorter part"
        )
    return Fraction(options.duration_s).limit_denominator(1000) / length_s


def _rate(clip: Clip, options: RateOptions) -> Fraction:
    """Frames per second of the result, on average."""
    if options.target_fps:
        return exact_rate(options.target_fps)
    return clip.rate if options.slow_motion or options.duration_s else clip.rate * options.factor
