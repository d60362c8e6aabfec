"""`python -m core crossbreed`: morphs, grids, chains, appearance transfer, video interpolation, training."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import OptionError

if TYPE_CHECKING:
    from core.crossbreed.pipeline import CrossbreedPipeline

EPILOG = """examples:
  python -m core crossbreed morph cat.jpg dog.jpg --out morph.mp4
  python -m core crossbreed morph cat.jpg dog.jpg --out frames/ --niter 5 --disentangled --tau 0.3
  python -m core crossbreed chain cat.jpg dog.jpg puppy.jpg --closed --out round.gif
  python -m core crossbreed train --data photos --from pictures/ --out runs/pets --steps 20000"""


def add_commands(subparsers: Any) -> None:
    """Add `crossbreed` with its verbs."""
    system = subparsers.add_parser(
        "crossbreed", help="learned morphs between animals (Neural Crossbreed)", epilog=EPILOG,
        description="Learned morphs: shape and appearance move together or apart.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    verbs = system.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_morph(verbs)
    _add_grid(verbs)
    _add_chain(verbs)
    _add_transfer(verbs)
    _add_interpolate(verbs)
    _add_train(verbs)
    _add_export(verbs)
    _add_photo_trainers(verbs)


def _verb(verbs: Any, name: str, text: str, run: Any, example: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".",
        epilog=f"example:\n  python -m core crossbreed {name} {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.set_defaults(run=run)
    return parser


class _Config(argparse.Action):
    """Take what a configuration file of the official scripts sets; flags that were given win."""

    def __init__(self, option_strings: Any, dest: str, kind: str = "morph", **settings: Any) -> None:
        super().__init__(option_strings, dest, **settings)
        self.kind = kind

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        """Read the file and set what still stands at its default."""
        from core.crossbreed.paper.config import morph_values, read_config, training_values

        found = (training_values if self.kind == "train" else morph_values)(read_config(values))
        for name, value in found.items():
            if getattr(namespace, name, None) == parser.get_default(name):
                setattr(namespace, name, value)
        setattr(namespace, self.dest, values)


def _add_config(parser: argparse.ArgumentParser, kind: str) -> None:
    parser.add_argument(
        "-c", "--config", action=_Config, kind=kind, metavar="FILE", default=None,
        help="a configuration file (YAML) of the official scripts; flags win over it",
    )  # fmt: skip


def _add_common(parser: argparse.ArgumentParser, timeline: bool = True) -> None:
    from core.crossbreed.options import CrossbreedOptions
    from core.options import add_flags
    from core.timeline import Timeline

    add_flags(parser.add_argument_group("morph"), CrossbreedOptions)
    if timeline:
        add_flags(parser.add_argument_group("timeline"), Timeline)
    place = parser.add_argument_group("weights and device")
    place.add_argument(
        "--weights", default="crossbreed-pets", help="record: crossbreed-pets, crossbreed-dog (default: %(default)s)"
    )
    place.add_argument("--checkpoint", default=None, help="a folder or hub id with converted weights")
    place.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    place.add_argument("--precision", default="auto", help="auto, float32, bfloat16 or float16")
    parser.add_argument(
        "--box", action="append", metavar="L,T,R,B", default=None,
        help="box in pixels in place of head detection, once per picture in order; 'auto' detects",
    )  # fmt: skip


def _add_morph(verbs: Any) -> None:
    parser = _verb(
        verbs, "morph", "a video or frames between two pictures", morph, "cat.jpg dog.jpg --out morph.mp4 --frames 48"
    )
    parser.add_argument("input_a", help="first picture")
    parser.add_argument("input_b", help="second picture")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("morph.mp4"),
        help=".mp4 .gif .webp .png .zip, or a folder (default: %(default)s)",
    )
    parser.add_argument(
        "--niter",
        type=int,
        default=None,
        help="into a folder: frames BETWEEN the ends, named as the official script does",
    )
    parser.add_argument(
        "--disentangled", action="store_true", help="into a folder: the grid of shape and appearance instead of a line"
    )
    _add_config(parser, "morph")
    _add_common(parser)


def _add_grid(verbs: Any) -> None:
    parser = _verb(
        verbs,
        "grid",
        "one picture of all mixtures: columns are shape, rows are appearance",
        grid,
        "cat.jpg dog.jpg --count 5 --tau 0",
    )
    parser.add_argument("input_a", help="first picture")
    parser.add_argument("input_b", help="second picture")
    parser.add_argument("--count", type=int, default=5, help="pictures per side (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("grid.png"), help="the picture (default: %(default)s)")
    _add_common(parser, timeline=False)


def _add_chain(verbs: Any) -> None:
    parser = _verb(
        verbs, "chain", "a video through three pictures or more", chain, "a.jpg b.jpg c.jpg --closed --out round.mp4"
    )
    parser.add_argument("inputs", nargs="+", help="pictures in order")
    parser.add_argument("--out", type=Path, default=Path("chain.mp4"), help="the video (default: %(default)s)")
    _add_common(parser)


def _add_transfer(verbs: Any) -> None:
    parser = _verb(
        verbs, "transfer", "the first animal in the appearance of the second", transfer, "cat.jpg dog.jpg --amount 1"
    )
    parser.add_argument("input_a", help="whose shape")
    parser.add_argument("input_b", help="whose appearance")
    parser.add_argument("--amount", type=float, default=1.0, help="how much appearance, 0 to 1 (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("transfer.png"), help="the picture (default: %(default)s)")
    _add_common(parser, timeline=False)


def _add_interpolate(verbs: Any) -> None:
    parser = _verb(
        verbs, "interpolate", "pictures between a video's frames", interpolate, "cat.mp4 --factor 2 --out smooth.mp4"
    )
    parser.add_argument("video", type=Path, help="the clip")
    parser.add_argument("--factor", type=int, default=2, help="how many times the frame rate (default: %(default)s)")
    parser.add_argument("--slow", action="store_true", help="keep the frame rate: slow motion")
    parser.add_argument(
        "--max-side", type=int, default=256, help="larger frames are reduced to this side (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, default=Path("interpolated.mp4"), help="the video (default: %(default)s)")
    _add_common(parser, timeline=False)


def _add_train(verbs: Any) -> None:
    from core.crossbreed.options import CrossbreedTrainOptions
    from core.options import add_flags

    parser = _verb(
        verbs,
        "train",
        "train a generator",
        train,
        "--data table --from pets.csv --label species --out runs/pets\n\nseveral GPUs: accelerate launch -m core crossbreed train ... (on processors: ACCELERATE_USE_CPU=true accelerate launch --multi_gpu --num_processes 2 -m core ... --cpu)",
    )
    parser.add_argument(
        "--data",
        choices=("photos", "table", "heads", "sequences", "teacher"),
        required=True,
        help="kind of data, see the docs",
    )
    parser.add_argument(
        "--from", dest="origin", default="", help="folder, CSV file beside a zip of its name, or the teacher's weights"
    )
    parser.add_argument("--label", default="species", help="column of classes in a table (default: %(default)s)")
    _add_config(parser, "train")
    add_flags(parser, CrossbreedTrainOptions)


def _add_export(verbs: Any) -> None:
    parser = _verb(
        verbs,
        "export",
        "the averaged generator of a run as weights to use",
        export,
        "--run runs/pets --to weights/mine",
    )
    parser.add_argument("--run", dest="run_folder", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--to", type=Path, required=True, help="folder to write")
    parser.add_argument("--trained-on", default="", help="a sentence about the data, shown to users")


def _add_photo_trainer(
    verbs: Any, name: str, purpose: str, run: Any, example: str, column: str
) -> argparse.ArgumentParser:
    """A verb that trains one of the small finders on the table of photos."""
    from core.options import add_flags
    from core.training.options import TrainOptions

    parser = _verb(verbs, name, purpose, run, f"--from pets.csv --out {example}")
    parser.add_argument(
        "--from", dest="origin", type=Path, required=True, help=f"CSV file with {column} beside a zip of its name"
    )
    parser.add_argument("--to", type=Path, default=None, help="folder to write the averaged weights to")
    add_flags(parser, TrainOptions)
    return parser


def _add_photo_trainers(verbs: Any) -> None:
    _add_photo_trainer(
        verbs, "train-heads", "train the head detector", train_heads,
        "runs/heads --steps 3000 --lr 2e-3 --batch 24", "boxes",
    )  # fmt: skip
    points = _add_photo_trainer(
        verbs, "train-points", "train the point finder", train_points,
        "runs/points --steps 800 --lr 2e-3 --batch 32", "boxes",
    )  # fmt: skip
    points.add_argument(
        "--points",
        type=Path,
        default=None,
        help="CSV file of marked points (default: core/crossbreed/data/pet_points.csv)",
    )
    _add_photo_trainer(
        verbs, "train-mask", "train the network that cuts animals out", train_mask,
        "runs/mask --steps 240 --lr 1.5e-3 --batch 16", "trimaps",
    )  # fmt: skip


def _pipeline(args: argparse.Namespace) -> CrossbreedPipeline:
    from core.crossbreed.pipeline import CrossbreedPipeline

    if args.checkpoint and Path(args.checkpoint).suffix in (".pt", ".pth", ".bin"):
        raise OptionError(
            f"{args.checkpoint} is a file as its authors wrote it: convert it once with `python -m core weights convert "
            "crossbreed-dog FILE`, then use --weights crossbreed-dog"
        )
    return CrossbreedPipeline.from_record(args.weights, args.checkpoint, args.device, args.precision)


def _boxes(args: argparse.Namespace, count: int) -> list[Any] | None:
    """The given boxes, None where one is to be detected."""
    from core.image import Box

    if args.box is None:
        return None
    if len(args.box) != count:
        raise OptionError(
            f"{len(args.box)} boxes came with {count} pictures: give --box once per picture, 'auto' to detect"
        )
    found = []
    for text in args.box:
        try:
            found.append(None if text == "auto" else Box(*(float(part) for part in text.split(","))))
        except (TypeError, ValueError):
            raise OptionError(
                f"the box is {text!r}: four numbers left,top,right,bottom in pixels fit, or auto"
            ) from None
    return found


def _prepared(args: argparse.Namespace, inputs: list[str], progress: Any) -> tuple[Any, Any, dict[str, Any]]:
    """Pipeline, prepared pictures and the settings to write into files."""
    from core.crossbreed.options import CrossbreedOptions
    from core.options import from_args, to_query

    options = from_args(CrossbreedOptions, args)
    pipe = _pipeline(args)
    prepared = pipe.prepare(*inputs, options=options, boxes=_boxes(args, len(inputs)), progress=progress)
    return pipe, prepared, {"system": "crossbreed", "weights": pipe.weights_label, **to_query(options)}


def morph(args: argparse.Namespace) -> dict[str, Any]:
    """Two pictures to a video, or to a folder of frames named as the official script names them."""
    if args.niter is not None or args.disentangled:
        return _released_frames(args)
    return _video(args, [args.input_a, args.input_b])


def chain(args: argparse.Namespace) -> dict[str, Any]:
    """Several pictures to a video."""
    return _video(args, args.inputs)


def _video(args: argparse.Namespace, inputs: list[str]) -> dict[str, Any]:
    from core.options import from_args, to_query
    from core.progress import TqdmProgress, part_of
    from core.timeline import Timeline
    from core.video import write_video

    timeline = from_args(Timeline, args)
    with TqdmProgress(quiet=args.json) as bar:
        pipe, prepared, settings = _prepared(args, inputs, part_of(bar, 0, 0.3))
        frames = pipe.frames(prepared, timeline, progress=part_of(bar, 0.3, 1))
        path = write_video(frames, args.out, timeline.fps, {**settings, **to_query(timeline)})
    return {
        "written": str(path),
        "frames": len(timeline.positions()),
        "weights": pipe.weights_label,
        **prepared.figures,
    }


def _released_frames(args: argparse.Namespace) -> dict[str, Any]:
    from core.crossbreed.paper.disentanglement import released_name
    from core.image import to_pil
    from core.progress import TqdmProgress

    count = (5 if args.niter is None else args.niter) + 2
    if count < 2:
        raise OptionError(f"niter is {args.niter}, 0 or more fits")
    steps = [index / (count - 1) for index in range(count)]
    places = [(c, s) for s in steps for c in steps] if args.disentangled else [(c, None) for c in steps]
    with TqdmProgress(quiet=args.json) as bar:
        pipe, prepared, _ = _prepared(args, [args.input_a, args.input_b], bar)
    content, style = [c for c, _ in places], [c if s is None else s for c, s in places]
    pictures = to_pil(pipe.render(prepared, content, shape=content, appearance=style))
    folder = args.out.with_suffix("") if args.out.suffix else args.out
    folder.mkdir(parents=True, exist_ok=True)
    names = [released_name(*place) for place in places] + ["x_A.png", "x_B.png"]
    for name, picture in zip(names, pictures + to_pil(prepared.crops), strict=True):
        picture.save(folder / name)
    return {"folder": str(folder), "files": names, "weights": pipe.weights_label}


def grid(args: argparse.Namespace) -> dict[str, Any]:
    """Two pictures to a grid of mixtures."""
    from core.crossbreed.sheet import grid_sheet
    from core.progress import TqdmProgress
    from core.video import write_picture

    with TqdmProgress(quiet=args.json) as bar:
        pipe, prepared, settings = _prepared(args, [args.input_a, args.input_b], bar)
    path = write_picture(grid_sheet(pipe.grid(prepared, args.count)), args.out, settings)
    return {"written": str(path), "pictures": args.count**2, "weights": pipe.weights_label}


def transfer(args: argparse.Namespace) -> dict[str, Any]:
    """The first picture in the appearance of the second."""
    from core.image import to_pil
    from core.progress import TqdmProgress
    from core.video import write_picture

    if not 0 <= args.amount <= 1:
        raise OptionError(f"amount is {args.amount}, it fits between 0 and 1")
    with TqdmProgress(quiet=args.json) as bar:
        pipe, prepared, settings = _prepared(args, [args.input_a, args.input_b], bar)
    picture = to_pil(pipe.render(prepared, [0.0], shape=[0.0], appearance=[args.amount], tau=0.0))[0]
    return {"written": str(write_picture(picture, args.out, settings)), "weights": pipe.weights_label}


def interpolate(args: argparse.Namespace) -> dict[str, Any]:
    """A clip with more frames."""
    from core.image import limit_size
    from core.video import read_video, write_video

    clip, pipe = read_video(args.video), _pipeline(args)
    frames = pipe.between((limit_size(frame, args.max_side) for frame in clip.frames()), args.factor)
    fps = clip.fps if args.slow else clip.fps * args.factor
    path = write_video(
        frames, args.out, fps, {"system": "crossbreed", "weights": pipe.weights_label, "factor": args.factor}
    )
    return {"written": str(path), "fps": fps, "weights": pipe.weights_label}


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Train until `--steps`, going on from the folder's newest checkpoint."""
    from core.crossbreed.training.recipe import CrossbreedRecipe, CrossbreedTrainOptions, open_source
    from core.options import from_args
    from core.progress import TqdmProgress
    from core.training import train as run_training

    options = from_args(CrossbreedTrainOptions, args)
    choice = {"label": args.label} if args.data in ("table", "heads") else {}
    with TqdmProgress(quiet=args.json) as bar:
        source = open_source(options, args.data, args.origin, **choice)
        folder = run_training(CrossbreedRecipe(options, source), source, options, bar)
    return {"folder": str(folder), "steps": options.steps, "classes": source.classes}


def export(args: argparse.Namespace) -> dict[str, Any]:
    """Fold a run's averaged generator into a folder of weights."""
    from core.crossbreed.training.recipe import export as fold_run

    return {"written": str(fold_run(args.run_folder, args.to, args.trained_on))}


def train_heads(args: argparse.Namespace) -> dict[str, Any]:
    """Train the head detector and measure it on every tenth photo, which it does not see."""
    from core.crossbreed.training.head_detector import PetHeadRecipe, read_boxed_photos
    from core.options import from_args
    from core.progress import TqdmProgress
    from core.training import TrainOptions, load_trained
    from core.training import train as run_training
    from core.weights import save_model

    options = from_args(TrainOptions, args)
    photos, held_out = read_boxed_photos(args.origin, args.origin.with_suffix(".zip"), 128).split(10)
    recipe = PetHeadRecipe(options, held_out)
    with TqdmProgress(quiet=args.json) as bar:
        folder = run_training(recipe, photos, options, bar)
    load_trained(folder, recipe.networks)
    if args.to is not None:
        save_model(recipe.networks["heads"], args.to)
    figures = recipe.measured(recipe.networks["heads"].eval())
    return {"folder": str(folder), "held_out": len(held_out), **{name: float(value) for name, value in figures.items()}}


def train_points(args: argparse.Namespace) -> dict[str, Any]:
    """Train the point finder and measure it on every eighth head, which it does not see."""
    from core.crossbreed.training.point_detector import MARKS, PetPointRecipe, read_marked
    from core.options import from_args
    from core.progress import TqdmProgress
    from core.training import TrainOptions, load_trained
    from core.training import train as run_training
    from core.weights import save_model

    options = from_args(TrainOptions, args)
    marked, held_out = read_marked(args.points or MARKS, args.origin, args.origin.with_suffix(".zip")).split(8)
    recipe = PetPointRecipe(options, held_out)
    with TqdmProgress(quiet=args.json) as bar:
        folder = run_training(recipe, marked, options, bar)
    load_trained(folder, recipe.networks)
    network = recipe.networks["points"].eval()
    if args.to is not None:
        save_model(network, args.to)
    figures = recipe.measured(network)
    return {"folder": str(folder), "held_out": len(held_out), **{name: float(value) for name, value in figures.items()}}


def train_mask(args: argparse.Namespace) -> dict[str, Any]:
    """Train the network that cuts animals out and measure it on the photos that are held out."""
    from core.crossbreed.methods.head_alignment.detector import point_network
    from core.crossbreed.training.segmenter import PetMaskRecipe, read_cut
    from core.options import from_args
    from core.progress import TqdmProgress
    from core.training import TrainOptions, load_trained
    from core.training import train as run_training
    from core.weights import save_model

    options = from_args(TrainOptions, args)
    cut, held_out = read_cut(args.origin, args.origin.with_suffix(".zip"))
    recipe = PetMaskRecipe(options, held_out, point_network())
    with TqdmProgress(quiet=args.json) as bar:
        folder = run_training(recipe, cut, options, bar)
    load_trained(folder, recipe.networks)
    network = recipe.networks["mask"].eval()
    if args.to is not None:
        save_model(network, args.to)
    figures = recipe.measured(network)
    return {"folder": str(folder), "held_out": len(held_out), **{name: float(value) for name, value in figures.items()}}
