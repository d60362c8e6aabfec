"""`python -m core examples`: make the results that the tabs show before anybody presses a button, with the present weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument

from core.cli.flags import Result, verb

ROOT = Path(__file__).parents[2]
README_PICTURE = ROOT / "docs/morph.webp"
README_SIDE_PX = 256

app = typer.Typer()


@verb(app, "implicit crossbreed")
def examples(
    tabs: Annotated[list[str] | None, Argument(metavar="TAB", help="tabs such as implicit; all if left out")] = None,
) -> Result:
    """Make the example results of the tabs, and the picture in the README, with the present weights."""
    from core.errors import unknown_name
    from core.ui.parts.examples import EXAMPLES
    from core.video import write_video

    for name in tabs or ():
        if name not in MAKERS:
            raise unknown_name("tab", name, MAKERS)
    written = []
    for name in tabs or MAKERS:
        frames, fps, settings = MAKERS[name]()
        path = EXAMPLES / f"{name}.mp4"
        pictures = list(frames)
        write_video(pictures, path, fps, {"system": name, **settings})
        written.append(str(path))
        if name == "implicit":
            small = [picture.resize((README_SIDE_PX, README_SIDE_PX)) for picture in pictures]
            write_video(small, README_PICTURE, fps, {"system": name, **settings})
            written.append(str(README_PICTURE))
    return {"written": written}


Made = tuple[Iterable[Any], int, dict[str, Any]]


def _there_and_back() -> Any:
    from core.timeline import Timeline

    return Timeline(frames=36, fps=24, ping_pong=True, hold_start_s=0.25, hold_end_s=0.25)


def _pair(pipe: Any, first: Path, second: Path, **options: Any) -> Made:
    from core.options import to_query

    timeline = _there_and_back()
    made = pipe(first, second, timeline=timeline, **options)
    return made.frames, timeline.fps, {**options, **to_query(timeline), "weights": made.weights}


def _implicit() -> Made:
    from core.implicit.pipeline import ImplicitMorphPipeline
    from core.ui.parts.examples import HEADS

    return _pair(ImplicitMorphPipeline(), HEADS / "anders.jpg", HEADS / "kofi.jpg", size_px=384)


def _crossbreed() -> Made:
    from core.crossbreed.pipeline import CrossbreedPipeline
    from core.ui.parts.examples import PETS

    first, second = sorted(PETS.glob("*.png"))[:2]
    return _pair(CrossbreedPipeline.from_record(), first, second)


def _sdl() -> Made:
    from core.sdl.pipeline import SDLPipeline
    from core.ui.parts.examples import HEADS

    frames, fps, settings = _pair(SDLPipeline.from_record("sdl-morph"), HEADS / "anders.jpg", HEADS / "kofi.jpg")
    return frames, fps, {"job": "morph", **settings}


def _ripple() -> Made:
    from core.options import build, to_query
    from core.ripple.options import RippleOptions
    from core.ripple.pipeline import RipplePipeline
    from core.ui.parts.examples import HEADS
    from core.ui.tabs.ripple import EXAMPLE_HEADS

    pipe, timeline = RipplePipeline.from_record(), _there_and_back()
    options = build(RippleOptions, {"degree_from": -20.0, "degree_to": 20.0})
    prepared = pipe.prepare(HEADS / f"{EXAMPLE_HEADS[0]}.jpg", options=options)
    return pipe.frames(prepared, timeline), timeline.fps, {**to_query(options), **to_query(timeline)}


def _gfla() -> Made:
    from core.gfla.pipeline import PosePipeline
    from core.options import to_query
    from core.ui.parts.examples import PEOPLE

    pipe, timeline, poses = PosePipeline.from_record(), _there_and_back(), ("arms open", "walking", "waving right")
    prepared = pipe.prepare(PEOPLE / "ben.jpg", *poses)
    return pipe.frames(prepared, timeline), timeline.fps, {"poses": list(poses), **to_query(timeline)}


def _compare() -> Made:
    from core.compare import CompareOptions, run_engine, side_by_side
    from core.image import load_image
    from core.options import to_query
    from core.progress import silent
    from core.ui.parts.examples import HEADS
    from core.ui.tabs.compare import ENGINES

    timeline, options = _there_and_back(), CompareOptions(size_px=192)
    pair = (load_image(HEADS / "anders.jpg"), load_image(HEADS / "kofi.jpg"))
    chosen = ("fade", "implicit", "sdl")
    runs = [run_engine(ENGINES[name], pair, timeline, options, silent) for name in chosen]
    return side_by_side(runs), timeline.fps, {"chosen": ",".join(chosen), **to_query(options), **to_query(timeline)}


MAKERS: dict[str, Callable[[], Made]] = {
    "implicit": _implicit,
    "crossbreed": _crossbreed,
    "sdl": _sdl,
    "ripple": _ripple,
    "gfla": _gfla,
    "compare": _compare,
}
