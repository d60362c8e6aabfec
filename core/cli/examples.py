"""`python -m core examples`: make what the tabs show before anybody gave them a picture, with the present weights."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument

from core.cli.flags import Result, verb

if TYPE_CHECKING:
    from PIL import Image

FRAME_SIDE_PX = 480
GRID_SIDE_PX = 320
FILM_SIDE_PX = 224
FILM_FRAMES = 18
THUMBNAIL_PX = 112
QUALITY = 62

app = typer.Typer()
Found = tuple[list[dict[str, Any]], str]


@dataclass
class Made:
    """A tab's first example: the picture at a place of its sliders, the film, and what was found."""

    at: Callable[..., Image.Image] | None
    film: Iterable[Image.Image]
    found: Found = ([], "")


@verb(app, "implicit crossbreed")
def examples(
    tabs: Annotated[list[str] | None, Argument(metavar="TAB", help="tabs such as implicit; all if left out")] = None,
) -> Result:
    """Make the example results of the tabs and the thumbnails of their pictures, with the present weights."""
    from core.errors import unknown_name

    for name in tabs or ():
        if name not in MAKERS:
            raise unknown_name("tab", name, MAKERS)
    return {"written": [str(file) for name in tabs or MAKERS for file in _write(name, MAKERS[name]())]}


def _write(tab: str, made: Made) -> Iterator[Path]:
    from core.image import limit_size
    from core.ui.parts import examples as shown

    first = _class_of(tab)
    example = shown.FirstExample(tab, dict(first.axes))
    folder = shown.EXAMPLES / tab
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    if made.at is not None:
        side = FRAME_SIDE_PX if len(example.axes) == 1 else GRID_SIDE_PX
        for name, place in example.places():
            limit_size(made.at(*place), side).save(folder / name, quality=QUALITY)
            yield folder / name
    yield from _write_film(folder, made.film)
    yield _write_found(folder, made.found)
    yield from _write_thumbnails(first.example_rows, shown)


def _write_film(folder: Path, frames: Iterable[Image.Image]) -> Iterator[Path]:
    """The loop there and back, and its middle standing still."""
    from core.image import limit_size

    there = [
        limit_size(frame, FILM_SIDE_PX if frame.width < 2 * frame.height else 3 * FILM_SIDE_PX) for frame in frames
    ]
    loop = there + there[-2:0:-1]
    waits = [500 if frame in (there[0], there[-1]) else 70 for frame in loop]
    loop[0].save(folder / "film.webp", save_all=True, append_images=loop[1:], duration=waits, loop=0, quality=60)
    there[len(there) // 2].save(folder / "still.webp", quality=QUALITY)
    yield from (folder / "film.webp", folder / "still.webp")


def _write_found(folder: Path, found: Found) -> Path:
    """Panels of the point editor; their pictures as files of their own."""
    panels = []
    for index, panel in enumerate(found[0]):
        picture = folder / f"panel-{index}.jpg"
        picture.write_bytes(base64.b64decode(panel["image"].partition(",")[2]))
        panels.append({**panel, "image": picture.name})
    file = folder / "found.json"
    file.write_text(json.dumps({"panels": panels, "said": found[1]}))
    return file


def _write_thumbnails(rows: Iterable[Iterable[Any]], shown: Any) -> Iterator[Path]:
    from PIL import Image, ImageOps

    shown.THUMBNAILS.mkdir(exist_ok=True)
    for item in {item for row in rows for item in row if isinstance(item, str) and Path(item).suffix}:
        whole = Image.open(item).convert("RGB")
        small = ImageOps.fit(whole, (THUMBNAIL_PX, THUMBNAIL_PX), centering=(0.5, 0.25))
        small.save(shown.thumbnail(item), quality=QUALITY)
        yield shown.thumbnail(item)


def _class_of(tab: str) -> Any:
    from core.ui.tabs import all_tabs

    return next(known.build for known in all_tabs() if known.id == tab)


def _pictures(tab: str) -> list[Any]:
    """The pictures of the tab's first example."""
    from core.image import load_image

    row = _class_of(tab).example_rows[0]
    return [load_image(item) for item in row if isinstance(item, str) and Path(item).suffix]


def _along(at: Callable[..., Image.Image], low: float = 0.0, high: float = 1.0) -> list[Image.Image]:
    """The film's frames, slowly leaving and slowly arriving."""
    from core.timeline import Timeline

    return [at(low + (high - low) * t) for t in Timeline(frames=FILM_FRAMES).positions()]


def _implicit() -> Made:
    from core.implicit.options import ImplicitOptions
    from core.ui.tabs import implicit

    pair, options = _pictures("implicit"), ImplicitOptions()
    found = implicit.find_landmarks(*pair)
    prepared = implicit.fit((pair[0], pair[1]), [_points(panel) for panel in found[0]], options)

    def at(place: float) -> Image.Image:
        return implicit.picture_at(prepared, place, place, options)

    return Made(at, _along(at), found)


def _crossbreed() -> Made:
    from core.crossbreed.options import CrossbreedOptions
    from core.ui.tabs import crossbreed

    pair, options = _pictures("crossbreed"), CrossbreedOptions()
    found = crossbreed.find_heads(*pair)
    prepared = crossbreed.prepare((pair[0], pair[1]), [_points(panel) for panel in found[0]], None, options)

    def at(shape: float, appearance: float) -> Image.Image:
        return crossbreed.picture_at(prepared, shape, appearance, options.tau)

    return Made(at, _along(lambda t: at(t, t)), found)


def _sdl() -> Made:
    from core.image import to_pil
    from core.sdl.jobs import job_named
    from core.sdl.options import SDLOptions
    from core.ui.tabs import sdl

    job = job_named(sdl.FIRST)
    pipe = sdl.pipeline(job.ways[0])
    prepared = pipe.prepare(*_pictures("sdl"), options=SDLOptions())

    def at(t: float) -> Image.Image:
        return to_pil(pipe.render(prepared, [t]))[0]

    return Made(at, _along(at), ([], sdl.told_of(job, pipe, prepared)[0]))


def _ripple() -> Made:
    from core.ripple.options import RippleOptions
    from core.ui.tabs import ripple

    pipe, options, (picture,) = ripple.pipeline(), RippleOptions(), _pictures("ripple")
    prepared = pipe.prepare(picture, options=options)

    def at(degree: float) -> Image.Image:
        return pipe.edit(prepared, degree, options=options).whole

    return Made(at, _along(at, *prepared.turn), ([], ripple.tell(picture)[0]))


def _gfla() -> Made:
    from core.gfla.options import PoseOptions
    from core.ui.tabs import gfla

    (picture,) = _pictures("gfla")
    found = gfla.find_points(picture, None, gfla.FIRST_POSE, 1)
    prepared = gfla.prepare(picture, [_points(panel) for panel in found[0]], gfla.FIRST_POSE, PoseOptions())

    def at(position: float) -> Image.Image:
        return gfla.painted(prepared, position)[0]

    return Made(at, _along(at), found)


def _compare() -> Made:
    from core.compare import CompareOptions, run_engine, side_by_side
    from core.progress import silent
    from core.timeline import Timeline
    from core.ui.tabs.compare import ENGINES, tell

    first, second = _pictures("compare")
    timeline, options = Timeline(frames=FILM_FRAMES), CompareOptions(size_px=192)
    runs = [
        run_engine(ENGINES[name], (first, second), timeline, options, silent) for name in ("fade", "implicit", "sdl")
    ]
    return Made(None, side_by_side(runs), ([], tell(first, second)))


def _points(panel: dict[str, Any]) -> Any:
    import numpy as np

    return np.asarray(panel["points"], dtype=float)


MAKERS: dict[str, Callable[[], Made]] = {
    "implicit": _implicit,
    "crossbreed": _crossbreed,
    "sdl": _sdl,
    "ripple": _ripple,
    "gfla": _gfla,
    "compare": _compare,
}
