"""`python -m core crossbreed`: morphs, grids, chains, appearance transfer, video interpolation, training."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from core.cli import flags
from core.cli.crossbreed_finders import app as finders
from core.cli.flags import VIDEOS, Place, Result, checked_file, folder, one_of, system, verb
from core.crossbreed.options import CrossbreedOptions, CrossbreedTrainOptions
from core.errors import InputError, OptionError
from core.options import option
from core.progress import Progress, part_of
from core.timeline import Timeline

DATA = ("photos", "table", "heads", "sequences", "teacher")
SEVERAL = (
    "\n\nseveral GPUs: accelerate launch -m core crossbreed train ... (on processors: ACCELERATE_USE_CPU=true "
    "accelerate launch --multi_gpu --num_processes 2 -m core ... --cpu)"
)

app = system(
    "crossbreed",
    "Learned morphs between animals (Neural Crossbreed): shape and appearance move together or apart.",
    """examples:
  python -m core crossbreed morph cat.jpg dog.jpg --out morph.mp4
  python -m core crossbreed morph cat.jpg dog.jpg --out frames/ --niter 5 --disentangled --tau 0.3
  python -m core crossbreed chain cat.jpg dog.jpg puppy.jpg --closed --out round.gif
  python -m core crossbreed train --data photos --from pictures/ --out runs/pets --steps 20000""",
)

app.add_typer(finders, name=None)


def morph_file(ctx: typer.Context, value: Path | None) -> Path | None:
    """Take what a configuration file of the official scripts sets for a morph; flags win."""
    from core.crossbreed.paper.config import morph_values, read_config

    ctx.default_map = morph_values(read_config(value)) if value else ctx.default_map
    return value


def training_file(ctx: typer.Context, value: Path | None) -> Path | None:
    """Take what it sets for a training run; flags win."""
    from core.crossbreed.paper.config import read_config, training_values

    ctx.default_map = training_values(read_config(value)) if value else ctx.default_map
    return value


def config_flag(read: Any) -> Any:
    """The flag for a configuration file."""
    text = "a configuration file (YAML) of the official scripts; flags win over it"
    return Option("-c", "--config", metavar="FILE", is_eager=True, callback=read, help=text)


First = Annotated[Path, Argument(help="first picture")]
Second = Annotated[Path, Argument(help="second picture")]


@dataclass(frozen=True)
class Pets(Place):
    """Weights, device and boxes."""

    weights: str = option("crossbreed-pets", "record: crossbreed-pets, crossbreed-dog")
    box: Annotated[
        list[str] | None,
        Option(metavar="L,T,R,B", help="box in pixels instead of head detection, once per picture; 'auto' detects"),
    ] = None

    def loaded(self) -> Any:
        """The pipeline."""
        from core.crossbreed.pipeline import CrossbreedPipeline

        if self.checkpoint and Path(self.checkpoint).suffix in (".pt", ".pth", ".bin"):
            absent = "" if Path(self.checkpoint).is_file() else " (which is not there: fetch it first)"
            raise OptionError(
                f"{self.checkpoint} is a file as its authors wrote it{absent}: convert it once with `python -m core "
                "weights convert crossbreed-dog FILE`, then use --weights crossbreed-dog"
            )
        return self.pipeline(CrossbreedPipeline, self.weights)

    def prepared(self, inputs: list[Path], options: Any, progress: Progress) -> tuple[Any, Any, dict[str, Any]]:
        """Pipeline, prepared pictures and the settings to write into files."""
        from core.options import to_query

        boxes = self._boxes(inputs)
        pipe = self.loaded()
        prepared = pipe.prepare(*inputs, options=options, boxes=boxes, progress=progress)
        return pipe, prepared, {"system": "crossbreed", "weights": pipe.weights_label, **to_query(options)}

    def _boxes(self, inputs: list[Path]) -> list[Any] | None:
        """The given boxes, None where one is to be detected."""
        from core.image import Box, load_image

        if self.box is None:
            return None
        if len(self.box) != len(inputs):
            raise OptionError(
                f"{len(self.box)} boxes came with {len(inputs)} pictures: give --box once per picture, 'auto' to detect"
            )
        found: list[Any] = []
        for text, path in zip(self.box, inputs, strict=True):
            try:
                box = None if text == "auto" else Box(*(float(part) for part in text.split(",")))
            except (TypeError, ValueError):
                raise OptionError(
                    f"the box is {text!r}: four numbers left,top,right,bottom in pixels fit, or auto"
                ) from None
            width, height = load_image(path).size if box else (0, 0)
            if box and not (0 < box.width < inf and 0 < box.height < inf and box.left < width and box.top < height):
                raise OptionError(f"the box {text} covers nothing of {path.name}, which is {width} x {height} pixels")
            if box and (box.right <= 0 or box.bottom <= 0):
                raise OptionError(f"the box {text} lies beside {path.name}")
            found.append(box)
        return found


@verb(app, "cat.jpg dog.jpg --out morph.mp4 --frames 48")
def morph(
    input_a: First,
    input_b: Second,
    morph: CrossbreedOptions,
    timeline: Timeline,
    pets: Pets,
    progress: Progress,
    out: Annotated[Path, Option(help=".mp4 .gif .webp .png .zip, or a folder")] = Path("morph.mp4"),
    niter: Annotated[
        int | None, Option(help="into a folder: frames BETWEEN the ends, named as the official script does")
    ] = None,
    disentangled: Annotated[
        bool, Option("--disentangled", help="into a folder: the grid of shape and appearance instead of a line")
    ] = False,
    config: Annotated[Path | None, config_flag(morph_file)] = None,
) -> Result:
    """A video or frames between two pictures."""
    shared = (morph, pets, progress)
    if niter is not None or disentangled:
        return _released_frames([input_a, input_b], out, 5 if niter is None else niter, disentangled, *shared)
    return _video([input_a, input_b], out, timeline, *shared)


@verb(app, "a.jpg b.jpg c.jpg --closed --out round.mp4")
def chain(
    inputs: Annotated[list[Path], Argument(help="pictures in order")],
    morph: CrossbreedOptions,
    timeline: Timeline,
    pets: Pets,
    progress: Progress,
    out: Annotated[Path, Option(help="the video")] = Path("chain.mp4"),
) -> Result:
    """A video through three pictures or more."""
    return _video(inputs, out, timeline, morph, pets, progress)


def _video(inputs: list[Path], out: Path, timeline: Timeline, morph: Any, pets: Pets, progress: Progress) -> Result:
    from core.options import to_query
    from core.video import write_video

    checked_file(out, VIDEOS)
    count = len(timeline.positions())
    pipe, prepared, settings = pets.prepared(inputs, morph, part_of(progress, 0, 0.3))
    frames = pipe.frames(prepared, timeline, progress=part_of(progress, 0.3, 1))
    path = write_video(frames, out, timeline.fps, {**settings, **to_query(timeline)})
    return {"written": str(path), "frames": count, "weights": pipe.weights_label, **prepared.figures}


def _released_frames(
    inputs: list[Path], out: Path, niter: int, apart: bool, morph: Any, pets: Pets, progress: Progress
) -> Result:
    """A folder of frames named as the official script names them."""
    from core.crossbreed.paper.disentanglement import released_name
    from core.image import to_pil

    target = out.with_suffix("") if out.suffix else out
    folder(target)
    if niter < 0:
        raise OptionError(f"niter is {niter}, 0 or more fits")
    steps = [index / (niter + 1) for index in range(niter + 2)]
    places = [(c, s) for s in steps for c in steps] if apart else [(c, None) for c in steps]
    pipe, prepared, _ = pets.prepared(inputs, morph, progress)
    content, style = [c for c, _ in places], [c if s is None else s for c, s in places]
    pictures = to_pil(pipe.render_fitting(prepared, content, shape=content, appearance=style))
    target.mkdir(parents=True, exist_ok=True)
    names = [released_name(*place) for place in places] + ["x_A.png", "x_B.png"]
    for name, picture in zip(names, pictures + to_pil(prepared.crops), strict=True):
        picture.save(target / name)
    return {"folder": str(target), "files": names, "weights": pipe.weights_label}


@verb(app, "cat.jpg dog.jpg --count 5 --tau 0")
def grid(
    input_a: First,
    input_b: Second,
    morph: CrossbreedOptions,
    pets: Pets,
    progress: Progress,
    count: Annotated[int, Option(min=2, max=30, help="pictures per side")] = 5,
    out: Annotated[Path, Option(callback=flags.picture_file, help="the picture")] = Path("grid.png"),
) -> Result:
    """One picture of all mixtures: columns are shape, rows are appearance."""
    from core.crossbreed.sheet import grid_sheet
    from core.video import write_picture

    pipe, prepared, settings = pets.prepared([input_a, input_b], morph, progress)
    path = write_picture(grid_sheet(pipe.grid(prepared, count)), out, settings)
    return {"written": str(path), "pictures": count**2, "weights": pipe.weights_label}


@verb(app, "cat.jpg dog.jpg --amount 1")
def transfer(
    input_a: Annotated[Path, Argument(help="whose shape")],
    input_b: Annotated[Path, Argument(help="whose appearance")],
    morph: CrossbreedOptions,
    pets: Pets,
    progress: Progress,
    amount: Annotated[float, Option(min=0, max=1, help="how much appearance")] = 1.0,
    whole: Annotated[bool, Option("--whole", help="lay the head back into the first picture")] = False,
    out: Annotated[Path, Option(callback=flags.picture_file, help="the picture")] = Path("transfer.png"),
) -> Result:
    """The first animal in the appearance of the second."""
    from core.image import load_image, to_pil
    from core.video import write_picture

    pipe, prepared, settings = pets.prepared([input_a, input_b], morph, progress)
    picture = to_pil(pipe.render(prepared, [0.0], shape=[0.0], appearance=[amount], tau=0.0))[0]
    if whole:
        picture = pipe.paste(prepared, 0, load_image(input_a), picture)
    return {"written": str(write_picture(picture, out, settings)), "weights": pipe.weights_label}


@verb(app, "cat.mp4 --factor 2 --out smooth.mp4")
def interpolate(
    video: Annotated[Path, Argument(help="the clip")],
    morph: CrossbreedOptions,
    pets: Pets,
    progress: Progress,
    factor: Annotated[int, Option(min=1, max=64, help="how many times the frame rate")] = 2,
    slow: Annotated[bool, Option("--slow", help="keep the frame rate: slow motion")] = False,
    max_side: Annotated[int, Option(min=16, help="larger frames are reduced to this side")] = 1920,
    out: Annotated[Path, Option(callback=flags.video_file, help="the video")] = Path("interpolated.mp4"),
) -> Result:
    """Pictures between a video's frames."""
    from core.image import limit_size
    from core.video import read_video, write_video

    clip, pipe = read_video(video), pets.loaded()
    frames = pipe.between((limit_size(frame, max_side) for frame in clip.frames()), factor)
    fps = clip.fps if slow else clip.fps * factor
    settings = {"system": "crossbreed", "weights": pipe.weights_label, "factor": factor}
    return {"written": str(write_video(frames, out, fps, settings)), "fps": fps, "weights": pipe.weights_label}


@verb(app, "--data table --from pets.csv --label species --out runs/pets" + SEVERAL)
def train(
    data: Annotated[str, one_of(DATA, "kind of data, see the docs")],
    training: CrossbreedTrainOptions,
    progress: Progress,
    origin: Annotated[
        str, Option("--from", help="folder, CSV file beside a zip of its name, or the teacher's weights")
    ] = "",
    label: Annotated[str, Option(help="column of classes in a table")] = "species",
    config: Annotated[Path | None, config_flag(training_file)] = None,
) -> Result:
    """Train a generator until `--steps`, going on from the folder's newest checkpoint."""
    from core.crossbreed.training.recipe import CrossbreedRecipe, open_source
    from core.training import train as run_training

    wanted = {"photos": "folder", "sequences": "folder", "table": "CSV file", "heads": "CSV file"}.get(data)
    if wanted and not (Path(origin).is_dir() if wanted == "folder" else Path(origin).is_file()):
        raise InputError(f"--data {data} needs a {wanted}, --from is {origin!r}: name one that is there")
    choice: Any = {"label": label} if data in ("table", "heads") else {}
    source = open_source(training, data, origin, **choice)
    made = run_training(CrossbreedRecipe(training, source), source, training, progress)
    return {"folder": str(made), "steps": training.steps, "classes": source.classes}


@verb(app, "--run runs/pets --to weights/mine")
def export(
    run: Annotated[Path, Option(help="folder of the training run")],
    to: Annotated[Path, Option(callback=folder, help="folder to write")],
    trained_on: Annotated[str, Option(help="a sentence about the data, shown to users")] = "",
) -> Result:
    """The averaged generator of a run as weights to use."""
    from core.crossbreed.training.recipe import export as fold_run

    return {"written": str(fold_run(run, to, trained_on))}
