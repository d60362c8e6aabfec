"""`python -m core crossbreed train-heads` and its like: the small networks that find, align and cut out pets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from core.cli.flags import Result, folder, verb
from core.progress import Progress
from core.training.options import TrainOptions

app = typer.Typer(name="crossbreed")
Table = Annotated[Path, Option("--from", help="CSV file with boxes or trimaps beside a zip of its name")]
Target = Annotated[Path | None, Option(callback=folder, help="folder to write the averaged weights to")]


@verb(app, "--from pets.csv --out runs/heads --steps 3000 --lr 2e-3 --batch 24")
def train_heads(origin: Table, training: TrainOptions, progress: Progress, to: Target = None) -> Result:
    """Train the head detector and measure it on every tenth photo, which it does not see."""
    from core.crossbreed.training.head_detector import PetHeadRecipe, read_boxed_photos

    photos, held_out = read_boxed_photos(origin, origin.with_suffix(".zip"), 128).split(10)
    return _trained(PetHeadRecipe(training, held_out), "heads", photos, held_out, training, to, progress)


@verb(app, "--from pets.csv --out runs/points --steps 800 --lr 2e-3 --batch 32")
def train_points(
    origin: Table,
    training: TrainOptions,
    progress: Progress,
    to: Target = None,
    points: Annotated[
        Path | None, Option(help="CSV file of marked points; core/crossbreed/data/pet_points.csv if left out")
    ] = None,
) -> Result:
    """Train the point finder and measure it on every eighth head, which it does not see."""
    from core.crossbreed.training.point_detector import MARKS, PetPointRecipe, read_marked

    marked, held_out = read_marked(points or MARKS, origin, origin.with_suffix(".zip")).split(8)
    return _trained(PetPointRecipe(training, held_out), "points", marked, held_out, training, to, progress)


@verb(app, "--from pets.csv --out runs/mask --steps 240 --lr 1.5e-3 --batch 16")
def train_mask(origin: Table, training: TrainOptions, progress: Progress, to: Target = None) -> Result:
    """Train the network that cuts animals out and measure it on the photos that are held out."""
    from core.animals.head_alignment.detector import point_network
    from core.crossbreed.training.segmenter import PetMaskRecipe, read_cut

    cut, held_out = read_cut(origin, origin.with_suffix(".zip"))
    return _trained(PetMaskRecipe(training, held_out, point_network()), "mask", cut, held_out, training, to, progress)


def _trained(
    recipe: Any, name: str, source: Any, held_out: Any, training: TrainOptions, to: Path | None, progress: Progress
) -> Result:
    """Train one of the small finders, write its averaged network, and measure it."""
    from core.training import load_trained
    from core.training import train as run_training
    from core.weights import save_model

    made = run_training(recipe, source, training, progress)
    load_trained(made, recipe.networks)
    network = recipe.networks[name].eval()
    if to is not None:
        save_model(network, to)
    figures = {key: float(value) for key, value in recipe.measured(network).items()}
    return {"folder": str(made), "held_out": len(held_out), **figures}


@verb(app, "--from pets.csv --graph deeplabv3_257_mv_gpu.tflite --without faces.zip --to weights/pet-look")
def fit_look(
    origin: Table,
    graph: Annotated[Path, Option(help="the TF-Lite file that Google published")],
    without: Annotated[list[Path], Option(help="zip archive of pictures without pets; several may be given")],
    to: Annotated[Path, Option(callback=folder, help="folder to write")],
    progress: Progress,
) -> Result:
    """Fit what says whether a found head is one, and measure it on the boxes that are held out."""
    from core.crossbreed.training.second_look import fit_second_look

    return {"folder": str(to), **fit_second_look(origin, without, graph, to, progress)}
