"""`python -m core ripple`, the verbs beside editing: animate a portrait by a film, calibrate weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from core.cli.flags import Place, Result, folder, verb, video_file, weights_flag
from core.progress import Progress, part_of
from core.ripple.options import RippleOptions
from core.ui.parts.examples import DRIVERS, HEADS

app = typer.Typer(name="ripple")


@verb(app, "anna.jpg talk.mp4 --out anna-talks.mp4")
def animate(
    picture: Annotated[str, Argument(help="the portrait")],
    driving: Annotated[str, Argument(help=f"film of a head to follow, or one of ours: {', '.join(DRIVERS)}")],
    face: RippleOptions,
    place: Place,
    progress: Progress,
    strength: Annotated[float, Option(min=0, max=2, help="1 as in the film, less is calmer")] = 1.0,
    absolute: Annotated[
        bool, Option("--absolute", help="the head looks where the film's does, and not from its own pose on")
    ] = False,
    out: Annotated[Path, Option(callback=video_file, help=".mp4 .gif .webp .png .zip")] = Path("animated.mp4"),
    weights: Annotated[str, weights_flag("ripple-preview")] = "ripple-preview",
) -> Result:
    """A portrait that turns, nods, speaks and blinks as the head of a film does (geometry, no network)."""
    from core.options import to_query
    from core.ripple.methods.moved_head.answers import animate as animated
    from core.ripple.methods.moved_head.driving import read_motion, sentences
    from core.ripple.pipeline import RipplePipeline
    from core.video import read_video, write_video

    film = read_video(DRIVERS.get(driving, driving))
    pipe = RipplePipeline.from_record(weights, place.checkpoint, place.device)
    prepared = pipe.prepare(picture, options=face, progress=part_of(progress, 0, 0.1))
    motion = read_motion(film.frames(), film.fps, part_of(progress, 0.1, 0.4))
    frames = animated(prepared, motion, strength, part_of(progress, 0.4, 1.0), absolute)
    settings = {"system": "ripple", "mode": "animate", **to_query(face)}
    written = str(write_video(frames, out, film.fps, settings))
    return {
        "written": written,
        "frames": len(motion.poses),
        "without a face": motion.missed,
        "notes": [*prepared.notes, *sentences(motion)],
    }


@verb(app, "--out drivers")
def drivers(
    progress: Progress,
    head: Annotated[Path, Option(help="a rendered head, square")] = HEADS / "kofi.jpg",
    out: Annotated[Path, Option(callback=folder, help="folder to write to")] = Path("drivers"),
) -> Result:
    """Films of a rendered head that turns, smiles, blinks and speaks, for `animate` and the page to follow (CC0)."""
    from core.image import load_image
    from core.ripple.data.drivers import DRIVER, SCRIPTS, film
    from core.video import write_video

    out.mkdir(parents=True, exist_ok=True)
    picture = load_image(head)
    written = []
    for number, name in enumerate(SCRIPTS):
        progress(number / len(SCRIPTS), name)
        written.append(str(write_video(film(picture, name), out / f"{name}.mp4", DRIVER.fps)))
    return {"written": written}


@verb(app, "weights/ripple-preview --data ../shared/data")
def calibrate(
    record: Annotated[Path, Argument(help="record folder with a pre-aligner; changed in place")],
    data: Annotated[Path, Option(help="folder with heads.zip")] = Path("../shared/data"),
    heads: Annotated[int, Option(min=1, help="rendered heads to measure on")] = 40,
) -> Result:
    """After training, make heads turn by as many degrees as they are asked to."""
    from core.ripple.training import calibrate as training

    return training.calibrate(record, data, heads)
