"""`python -m core sdl`: transitions of five jobs, the original command line, videos, evaluation, training."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

EPILOG = """examples:
  python -m core sdl video --job morph anna.jpg ben.jpg --out morph.mp4
  python -m core sdl rate clip.mp4 --factor 2 --out smooth.mp4
  python -m core sdl original --task i2i --source face.png --num 7 --extend_t --outdir results
  python -m core sdl train --task vfi --data sequences --out runs/vfi"""
SEQUENCE_KINDS = (
    "moved", "lines", "thin", "walkers", "windows", "heads-age", "heads-morph", "landmarks", "motions", "guides", "toon", "style", "codes", "painter",
)  # fmt: skip


def add_commands(subparsers: Any) -> None:
    """Add `sdl` with its verbs."""
    system = subparsers.add_parser(
        "sdl", help="continuous transitions: interpolation, morphing, ageing, toons, style (SDL)", epilog=EPILOG,
        description="Continuous image transitions by space decoupling: one network, five jobs, one slider t.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    verbs = system.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_video(verbs)
    _add_rate(verbs)
    _add_original(verbs)
    _add_evaluate(verbs)
    _add_sequences(verbs)
    _add_train(verbs)
    _add_export(verbs)


def _verb(verbs: Any, name: str, text: str, run: Any, example: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".",
        epilog=f"example:\n  python -m core sdl {name} {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.set_defaults(run=run)
    return parser


def _add_place(parser: argparse.ArgumentParser, weights: str | None) -> None:
    place = parser.add_argument_group("weights and device")
    place.add_argument(
        "--weights", default=weights, help="record, see `python -m core weights list` (default: %(default)s)"
    )
    place.add_argument(
        "--checkpoint", default=None, help="a folder or hub id with converted weights, in place of the record's"
    )
    place.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    place.add_argument("--precision", default="auto", help="auto, float32, bfloat16 or float16")


def _add_video(verbs: Any) -> None:
    from core.options import add_flags
    from core.sdl.jobs import JOBS
    from core.sdl.options import SDLOptions
    from core.timeline import Timeline

    parser = _verb(
        verbs, "video", "a video of one transition", video, "--job age face.jpg --t-start -1 --out ageing.mp4"
    )
    parser.add_argument("pictures", nargs="+", help="the job's one or two pictures, source first")
    parser.add_argument("--job", choices=tuple(JOBS), default="morph", help="what to do (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path("transition.mp4"), help=".mp4 .gif .webp .png .zip (default: %(default)s)"
    )
    _add_place(parser, None)
    add_flags(parser.add_argument_group("transition"), SDLOptions)
    add_flags(parser.add_argument_group("timeline"), Timeline)


def _add_rate(verbs: Any) -> None:
    from core.options import add_flags
    from core.sdl.options import RateOptions

    parser = _verb(
        verbs,
        "rate",
        "a video at a higher frame rate or in slow motion",
        rate,
        "clip.mp4 --factor 4 --slow-motion --out slow.mp4",
    )
    parser.add_argument("clip", type=Path, help="any video that ffmpeg reads")
    parser.add_argument("--out", type=Path, default=Path("smooth.mp4"), help="the file to write (default: %(default)s)")
    add_flags(parser, RateOptions)
    _add_place(parser, "sdl-vfi")


def _add_original(verbs: Any) -> None:
    from core.sdl.options import ORIGINAL_TASKS

    parser = _verb(
        verbs, "original", "the original test script, option by option", original,
        "--task vfi --source 0000.png --target 0001.png --num 1 --outdir results",
    )  # fmt: skip
    parser.add_argument(
        "--task", choices=ORIGINAL_TASKS, default="vfi", help="job of the original script (default: %(default)s)"
    )
    parser.add_argument(
        "--model", default=None, help="record, converted folder, or SDL_*.pth file (default: the job's shipped weights)"
    )
    parser.add_argument(
        "--key", default=None, help="top-level key of a .pth file (default: params_ema, params or none)"
    )
    parser.add_argument(
        "--split",
        type=float,
        default=0.5,
        help="share of channels that t multiplies, for a .pth file (default: %(default)s)",
    )
    parser.add_argument(
        "--in_ch", type=int, default=None, help="input channels; read off the weights, refused if wrong"
    )
    parser.add_argument("--num", type=int, default=7, help="in-between frames (default: %(default)s)")
    parser.add_argument(
        "--size", type=int, default=512, help="side for morphing and i2i, 32 to 512 (default: %(default)s)"
    )
    parser.add_argument("--extend_t", action="store_true", help="i2i: t runs over negative values too")
    parser.add_argument("--source", type=Path, default=None, help="first picture; content for style_transfer")
    parser.add_argument("--target", type=Path, default=None, help="second picture; style for style_transfer")
    parser.add_argument("--indir", type=Path, default=None, help="folder of frames for vfi-dir, jpg or png")
    parser.add_argument("--outdir", type=Path, default=Path("results"), help="output folder (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--precision", default="float32", help="auto, float32, bfloat16 or float16 (default: %(default)s)"
    )


def _add_evaluate(verbs: Any) -> None:
    from core.sdl.options import LAYOUTS

    parser = _verb(
        verbs,
        "evaluate",
        "PSNR, SSIM and VGG19 distance on known in-betweens",
        evaluate,
        "vimeo_triplet --layout vimeo90k",
    )
    parser.add_argument("root", type=Path, help="the data set's folder")
    parser.add_argument(
        "--layout", choices=tuple(LAYOUTS), default="vimeo90k", help="how it is laid out (default: %(default)s)"
    )
    parser.add_argument("--limit", type=int, default=None, help="at most this many items")
    parser.add_argument("--vgg", type=Path, default=None, help="torchvision's VGG19 file, for the distance")
    parser.add_argument(
        "--blend", action="store_true", help="measure the plain blend of both frames in place of a network"
    )
    _add_place(parser, "sdl-vfi")


def _add_sequences(verbs: Any) -> None:
    parser = _verb(
        verbs, "sequences", "training sequences made from open pictures", sequences,
        "toon --source ../shared/data --out sequences/toon --count 500",
    )  # fmt: skip
    parser.add_argument("kind", choices=SEQUENCE_KINDS, help="what to make")
    parser.add_argument("--source", type=Path, required=True, help="the data pack's folder; for windows a video file")
    parser.add_argument("--out", type=Path, required=True, help="root to fill, one folder per sequence")
    parser.add_argument(
        "--count", type=int, default=500, help="sequences (default: %(default)s); heads give all they have"
    )
    parser.add_argument("--side-px", type=int, default=160, help="side of the frames (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of all choices (default: %(default)s)")
    parser.add_argument(
        "--long-side-px", type=int, default=480, help="windows: the video is reduced to this (default: %(default)s)"
    )


def _add_train(verbs: Any) -> None:
    from core.options import add_flags
    from core.sdl.training.options import TransitionTrainOptions

    parser = _verb(
        verbs,
        "train",
        "train a network, as published or as shipped",
        train,
        "--task morphing --data sequences/heads --network sdl-morph --objective pixels",
    )
    add_flags(parser, TransitionTrainOptions)


def _add_export(verbs: Any) -> None:
    parser = _verb(
        verbs,
        "export",
        "a trained run as a folder of weights",
        export,
        "runs/vfi --network sdl-vfi --folder weights/sdl-vfi",
    )
    parser.add_argument("run_folder", type=Path, help="the run's --out")
    parser.add_argument("--network", default="published", help="as in train (default: %(default)s)")
    parser.add_argument("--task", default="vfi", help="as in train (default: %(default)s)")
    parser.add_argument("--folder", type=Path, required=True, help="where to write")
    parser.add_argument("--title", default="", help="name of the weights, shown to users")
    parser.add_argument("--trained-on", default="", help="a sentence about the data, for the model card")
    parser.add_argument("--licence", default="not stated", help="terms of the weights (default: %(default)s)")
    parser.add_argument("--limits", default="", help="what they cannot do, for the model card")


def video(args: argparse.Namespace) -> dict[str, Any]:
    """Write one transition."""
    from core.options import from_args, to_query
    from core.progress import TqdmProgress, part_of
    from core.sdl.jobs import job_named
    from core.sdl.options import SDLOptions
    from core.sdl.pipeline import SDLPipeline
    from core.timeline import Timeline
    from core.video import write_video

    job = job_named(args.job)
    pipe = SDLPipeline.from_record(args.weights or job.records[0], args.checkpoint, args.device, args.precision)
    options, timeline = from_args(SDLOptions, args), from_args(Timeline, args)
    with TqdmProgress() as progress:
        prepared = pipe.prepare(*args.pictures, options=options, progress=part_of(progress, 0, 0.1))
        frames = pipe.frames(prepared, timeline, progress=part_of(progress, 0.1, 1))
        settings = {"system": "sdl", "job": job.name, **to_query(options), **to_query(timeline)}
        path = write_video(frames, args.out, timeline.fps, settings)
    return {"file": str(path), "frames": len(timeline.positions()), "weights": pipe.weights_label, **prepared.figures}


def rate(args: argparse.Namespace) -> dict[str, Any]:
    """Multiply a video's frames."""
    from core.options import from_args
    from core.progress import TqdmProgress
    from core.sdl.methods.video_rate.conversion import convert_video
    from core.sdl.options import RateOptions
    from core.sdl.pipeline import SDLPipeline

    pipe = SDLPipeline.from_record(args.weights, args.checkpoint, args.device, args.precision)
    with TqdmProgress() as progress:
        done = convert_video(pipe, args.clip, args.out, from_args(RateOptions, args), progress)
    return {"file": str(args.out), "weights": pipe.weights_label, **vars(done)}


def original(args: argparse.Namespace) -> dict[str, Any]:
    """Do what the original script does."""
    from core.errors import InputError
    from core.progress import TqdmProgress
    from core.sdl.paper.original import Request, open_pipeline, run

    given = [args.indir] if args.task == "vfi-dir" else [args.source, args.target][: 1 if args.task == "i2i" else 2]
    if any(file is None for file in given):
        wanted = {"vfi-dir": "--indir", "i2i": "--source"}.get(args.task, "--source and --target")
        raise InputError(f"the task {args.task} needs {wanted}: name the files")
    pipe = open_pipeline(args.task, args.model, args.key, args.split, args.device, args.precision)
    request = Request(args.task, args.num, args.size, args.extend_t, args.in_ch)
    with TqdmProgress() as progress:
        files = run(pipe, request, given, args.outdir, progress)
    return {"weights": pipe.weights_label, "files": [str(file) for file in files]}


def evaluate(args: argparse.Namespace) -> dict[str, Any]:
    """Measure an interpolation network."""
    from core.ops.vgg import VGG19Features
    from core.progress import TqdmProgress
    from core.sdl.paper.evaluate import evaluate as measure
    from core.sdl.pipeline import SDLPipeline

    pipe = None if args.blend else SDLPipeline.from_record(args.weights, args.checkpoint, args.device, args.precision)
    vgg = VGG19Features.from_file(args.vgg) if args.vgg else None
    with TqdmProgress() as progress:
        measured = measure(pipe, args.root, args.layout, vgg, args.limit, progress)
    return {"weights": pipe.weights_label if pipe else "plain blend", **measured}


def sequences(args: argparse.Namespace) -> dict[str, Any]:
    """Fill a root with training sequences."""
    from core.sdl.data import faces, moving_planes, styles, thin_lines, toons, walkers

    sized = (args.source, args.out, args.count, args.side_px, args.seed)
    makers = {
        "moved": lambda: moving_planes.make_moved(*sized),
        "lines": lambda: moving_planes.make_moved(*sized, moving_planes.LINES),
        "thin": lambda: thin_lines.make_thin(*sized),
        "walkers": lambda: walkers.make_walkers(*sized),
        "windows": lambda: moving_planes.make_windows(*sized, args.long_side_px),
        "heads-age": lambda: faces.make_heads(args.source, args.out, "age"),
        "heads-morph": lambda: faces.make_heads(args.source, args.out, "morph"),
        "landmarks": lambda: faces.make_landmark_morphs(*sized),
        "toon": lambda: toons.make_toons(*sized),
        "style": lambda: styles.make_styles(*sized),
        "codes": lambda: styles.make_codes(*sized),
        "motions": lambda: faces.add_motions(args.out),
        "guides": lambda: faces.add_guides(args.out),
        "painter": lambda: styles.make_painter(args.source, args.out),
    }
    makers[args.kind]()
    return {
        "folder": str(args.out),
        "sequences": sum(path.is_dir() or path.suffix == ".npz" for path in args.out.iterdir()),
    }


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Train, or go on with an interrupted run."""
    from core.options import from_args
    from core.progress import TqdmProgress
    from core.sdl.training.options import TransitionTrainOptions
    from core.sdl.training.train import run_training

    with TqdmProgress() as progress:
        return {"folder": str(run_training(from_args(TransitionTrainOptions, args), progress))}


def export(args: argparse.Namespace) -> dict[str, Any]:
    """Write the newest checkpoint's averaged generator as weights with a model card."""
    from core.sdl.training.options import TransitionTrainOptions
    from core.sdl.training.train import generator_for
    from core.training import Card
    from core.training import export as write

    generator = generator_for(TransitionTrainOptions(task=args.task, network=args.network))
    card = Card(
        args.title or f"SDL {args.task} weights", "sdl", f"An SDL network for the task {args.task}.",
        args.trained_on or "not stated", args.licence, args.limits or "not stated",
    )  # fmt: skip
    return {"folder": str(write(args.run_folder, {"generator": generator}, args.folder, card))}
