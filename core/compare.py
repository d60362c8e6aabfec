"""Several engines on the same two pictures and the same timeline: their frames, their times and their figures."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.detect.faces import detect_faces
from core.errors import CancelledError, InputError, MorphospaceError, NothingFoundError
from core.image import Box, crop_box, resize, to_tensor
from core.options import check, option
from core.progress import Progress, part_of
from core.timeline import Timeline

if TYPE_CHECKING:
    from core.pipeline import TransitionPipeline

MOST_FRAMES = 160
CAPTION_PX = 26
# A face whose landmarks lie further than this share of its size from the mean of both is no face between them.
TORN = 0.15


@dataclass(frozen=True)
class CompareOptions:
    """How pictures are brought to one measure."""

    size_px: int = option(256, "side of the middle square that every engine is given", low=64, high=512, step=32)


@dataclass(frozen=True)
class Engine:
    """A way from one picture to another.

    Attributes:
        name: in the API.
        title: on the page.
        make: the pipeline, ready; `None` in place of `make` is the plain cross-fade.
        prepare: options for its `prepare`, made when they are needed.
        check: raises InputError where the pictures are not of its kind, so that it shows no result that misleads.
    """

    name: str
    title: str
    make: Callable[[], TransitionPipeline] | None = None
    prepare: Callable[[], object] | None = None
    check: Callable[[Sequence[Image.Image]], object] | None = None


@dataclass(frozen=True)
class Run:
    """What an engine did; `frames` is empty and `refusal` says why where it could not."""

    title: str
    frames: list[Image.Image] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    refusal: str = ""


def middle_square(picture: Image.Image, side_px: int) -> Image.Image:
    """The largest square around the centre, at `side_px`."""
    side, (width, height) = min(picture.size), picture.size
    left, top = (width - side) / 2, (height - side) / 2
    return crop_box(picture, Box(left, top, left + side, top + side), (side_px, side_px))


def run_engine(
    engine: Engine,
    pair: tuple[Image.Image, Image.Image],
    timeline: Timeline,
    options: CompareOptions,
    progress: Progress,
) -> Run:
    """One engine on the middle squares of both pictures.

    An engine that is not there, or does not take these pictures, is no error: its `Run` says so.

    Raises:
        InputError: too many frames to show side by side.
        CancelledError: from `progress`.
    """
    check(options)
    total = len(timeline.positions())
    if total > MOST_FRAMES:
        raise InputError(f"the timeline has {total} frames, {MOST_FRAMES} fit side by side: use fewer")
    squares = tuple(middle_square(picture, options.size_px) for picture in pair)
    try:
        frames, figures = _rendered(engine, squares, timeline, progress)
    except CancelledError:
        raise
    except MorphospaceError as error:
        return Run(engine.title, refusal=str(error))
    shown = [resize(frame, (options.size_px, options.size_px)) for frame in frames]
    return Run(engine.title, shown, {**figures, **measured(shown, squares, timeline)})


def _rendered(
    engine: Engine, squares: Sequence[Image.Image], timeline: Timeline, progress: Progress
) -> tuple[list[Image.Image], dict[str, float]]:
    """Frames, and the seconds that preparing and each frame took."""
    if engine.make is None:
        start = time.perf_counter()
        first, second = squares
        frames = [Image.blend(first, second, min(max(t, 0.0), 1.0)) for t in timeline.positions()]
        return frames, {"prepare_s": 0.0, "frame_s": (time.perf_counter() - start) / len(frames)}
    progress(0.0, f"{engine.title}: loading")
    if engine.check is not None:
        engine.check(squares)
    pipe = engine.make()
    start = time.perf_counter()
    options = engine.prepare() if engine.prepare else None
    prepared = pipe.prepare(*squares, options=options, progress=part_of(progress, 0.0, 0.4))
    ready = time.perf_counter()
    frames = list(pipe.frames(prepared, timeline, progress=part_of(progress, 0.4, 1.0)))
    return frames, {"prepare_s": ready - start, "frame_s": (time.perf_counter() - ready) / len(frames)}


def measured(frames: list[Image.Image], squares: Sequence[Image.Image], timeline: Timeline) -> dict[str, float]:
    """Figures of a finished transition.

    Returns:
        `fit`: outline, sharpness and landmarks in one, 1 is best. `outline`: 1 = the middle frame has one outline, 0 = it is a
        double exposure. `sharpness`: its gradient energy over the mean of the two pictures', 1 = as sharp. `landmarks`: how far
        its face lies from the mean of both faces, in face sizes, where both pictures show one. `evenness`: of the steps from
        frame to frame, 1 = all equal. `start_db` and `end_db`: PSNR of the first and last position against the pictures.
    """
    import torch

    from core.metrics import evenness, one_outline, psnr, sharpness

    # Holds and the way back repeat frames: each position counts once.
    seen = dict(sorted(zip(timeline.positions(), frames, strict=True), key=lambda item: item[0]))
    positions, frames = list(seen), list(seen.values())
    ends = torch.cat([to_tensor(square) for square in squares])
    middle = frames[min(range(len(positions)), key=lambda index: abs(positions[index] - 0.5))]
    sharp = sharpness(to_tensor(middle)) / max(1e-9, (sharpness(ends[:1]) + sharpness(ends[1:])) / 2)
    outline, away = one_outline(to_tensor(middle), ends), landmark_error(middle, squares)
    tensors = torch.cat([to_tensor(frame) for frame in frames])
    return {
        "fit": outline * min(1.0, sharp) * max(0.0, 1.0 - (away or 0.0) / TORN),
        "outline": outline,
        "sharpness": sharp,
        **({} if away is None else {"landmarks": away}),
        "evenness": evenness(tensors) if len(frames) > 2 else 1.0,
        "start_db": min(99.0, psnr(tensors[:1], ends[:1])),
        "end_db": min(99.0, psnr(tensors[-1:], ends[1:])),
    }


def landmark_error(middle: Image.Image, pair: Sequence[Image.Image]) -> float | None:
    """How far the middle frame's face is from the mean of both faces, each brought to one place, size and angle.

    Returns:
        Root mean square of the landmarks' distances in root mean square sizes of the face; 1 where the frame shows no face; None
        where one of the pictures shows none.
    """
    try:
        ends = [_shape_of(picture) for picture in pair]
    except NothingFoundError:
        return None
    try:
        between = _shape_of(middle)
    except NothingFoundError:
        return 1.0
    # Complex numbers: one factor turns and scales a shape onto another.
    first, second = ends
    mean = first + second * np.vdot(second, first) / np.vdot(second, second)
    placed = between * np.vdot(between, mean) / np.vdot(between, between)
    return float(np.linalg.norm(placed - mean) / np.linalg.norm(mean))


def _shape_of(picture: Image.Image) -> np.ndarray:
    points = detect_faces(picture)[0].points
    shape = points[:, 0] + 1j * points[:, 1]
    return np.asarray(shape - shape.mean())


def ranked(runs: Sequence[Run]) -> list[Run]:
    """Best fit first, the faster first among equals; last those that do not take the pair."""
    return sorted(
        runs, key=lambda run: (not run.frames, -round(run.figures.get("fit", 0.0), 1), run.figures.get("frame_s", 0.0))
    )


def side_by_side(runs: Sequence[Run]) -> Iterator[Image.Image]:
    """All runs in one picture per frame, at most three in a row, each under its title.

    Raises:
        InputError: no run has frames; the message says why each has none.
    """
    shown = [run for run in runs if run.frames]
    if not shown:
        raise InputError("no engine took this pair. " + " ".join(f"{run.title}: {run.refusal}." for run in runs))
    width, height = shown[0].frames[0].size
    columns = min(3, len(shown))
    rows = math.ceil(len(shown) / columns)
    font = ImageFont.load_default(CAPTION_PX * 0.6)
    for index in range(len(shown[0].frames)):
        sheet = Image.new("RGB", (columns * width, rows * (height + CAPTION_PX)), "#1e1b2e")
        draw = ImageDraw.Draw(sheet)
        for place, run in enumerate(shown):
            left, top = place % columns * width, place // columns * (height + CAPTION_PX)
            draw.text((left + 8, top + 4), run.title, font=font, fill="white")
            sheet.paste(run.frames[index], (left, top + CAPTION_PX))
        yield sheet
