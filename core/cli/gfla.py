"""`python -m core gfla`: a person in another pose, driven by a clip, objects from other sides, training, measures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core.errors import InputError

EPILOG = """examples:
  python -m core gfla generate me.jpg --pose "arms spread" --out spread.png
  python -m core gfla generate me.jpg --pose friend.jpg --out as-my-friend.mp4
  python -m core gfla animate me.jpg dance.mp4 --out me-dancing.mp4
  python -m core gfla views chair.png --weights gfla-chair --out round.gif
  python -m core gfla train --stage flow --recipe shipped --data ../shared/data --out runs/flow --steps 300
  python -m core gfla train --task dance --subset iper --stage all --data dataset/iPER --out runs/dance
  python -m core gfla train --task views --subset chair --stage flow --data dataset/ShapeNet --out runs/chair-flow
  python -m core gfla metrics results/ truth/"""
TESTS = {"fashion": ("gfla-fashion", (256, 176)), "market": ("gfla-market", None)}
OBJECTS = ("car", "chair")
FOLLOWED = ("face", "dance", "dance-fashion")


def add_commands(subparsers: Any) -> None:
    """Add `gfla` with its verbs."""
    system = subparsers.add_parser(
        "gfla", help="people in new poses (Global-Flow Local-Attention)", epilog=EPILOG,
        description="Pose-guided generation: texture of one picture moved into another structure.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    verbs = system.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_generate(verbs)
    _add_test(verbs)
    _add_animate(verbs)
    _add_views(verbs)
    _add_train(verbs)
    _add_export(verbs)
    _add_metrics(verbs)
    _verb(verbs, "poses", "the names of the pose library", poses, "")


def _verb(verbs: Any, name: str, text: str, run: Any, example: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".",
        epilog=f"example:\n  python -m core gfla {name} {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.set_defaults(run=run)
    return parser


def _add_place(parser: argparse.ArgumentParser, weights: str, text: str) -> None:
    place = parser.add_argument_group("weights and device")
    place.add_argument("--weights", default=weights, help=f"record: {text} (default: %(default)s)")
    place.add_argument("--checkpoint", default=None, help="a folder or hub id with converted weights")
    place.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    place.add_argument("--precision", default="auto", help="auto, float32, bfloat16 or float16")


def _add_generate(verbs: Any) -> None:
    from core.gfla.options import PoseOptions
    from core.options import add_flags
    from core.timeline import Timeline

    parser = _verb(
        verbs, "generate", "a person in another pose, or on the way there", generate, 'me.jpg --pose "arms spread"'
    )
    parser.add_argument("picture", help="picture with the whole person")
    parser.add_argument(
        "--pose", action="append", required=True, metavar="POSE",
        help="name from `gfla poses`, a picture, or a .json with 18 [x, y] points; repeat for a way through several",
    )  # fmt: skip
    parser.add_argument("--points", type=Path, help="keypoints of the person: .json with 18 [x, y], -1 where missing")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("pose.png"),
        help="picture .png, or video .mp4 .gif .webp .zip (default: %(default)s)",
    )
    parser.add_argument("--explain", type=Path, help="also write skeletons, flow, mask and attention as one picture")
    add_flags(parser.add_argument_group("pose"), PoseOptions)
    add_flags(parser.add_argument_group("timeline, for videos"), Timeline)
    _add_place(parser, "gfla-people", "gfla-people, gfla-fashion, gfla-market")


def _add_test(verbs: Any) -> None:
    parser = _verb(
        verbs,
        "test",
        "every pair, object or clip of a published test set",
        run_test,
        "--task fashion --data dataset/fashion --out results/",
    )
    parser.add_argument("--task", choices=(*TESTS, *OBJECTS, *FOLLOWED), required=True, help="which data set")
    parser.add_argument("--data", type=Path, required=True, help="data root, laid out as published")
    parser.add_argument("--phase", default="test", help="folder and lists to use (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, required=True,
        help="folder for <from>_2_<to>_vis.jpg, <object>/result_0000.png or <clip>/<frame>_vis.png",
    )  # fmt: skip
    parser.add_argument("--cross", action="store_true", help="clips: follow with the reference of another clip")
    _add_place(parser, "", "that of the task unless given")


def _add_animate(verbs: Any) -> None:
    from core.gfla.options import AnimationOptions, PoseOptions
    from core.options import add_flags

    parser = _verb(
        verbs, "animate", "a picture that moves as a clip does", animate, "me.jpg dance.mp4 --out me-dancing.mp4"
    )
    parser.add_argument("picture", help="the person or the face to animate")
    parser.add_argument("driving", help="clip to follow")
    parser.add_argument(
        "--mode", choices=("pose", "dance", "dance-fashion", "face"), default="pose",
        help="pose: every frame on its own by the pose network; the others: the authors' recurrent networks",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("animated.mp4"), help=".mp4 .gif .webp .png .zip (default: %(default)s)"
    )
    parser.add_argument("--fps", type=float, default=0, help="of the result; 0 = the clip's (default: %(default)s)")
    add_flags(parser.add_argument_group("clip"), AnimationOptions)
    add_flags(parser.add_argument_group("mode pose"), PoseOptions)
    _add_place(parser, "gfla-people", "for mode pose: gfla-people, gfla-fashion, gfla-market")


def _add_views(verbs: Any) -> None:
    from core.gfla.options import ViewOptions
    from core.options import add_flags

    parser = _verb(verbs, "views", "an object from all sides", views, "chair.png --azimuth-deg 40 --out round.gif")
    parser.add_argument("picture", help="picture of a chair or a car before plain white")
    parser.add_argument("--count", type=int, default=18, help="views (default: %(default)s)")
    parser.add_argument("--fps", type=float, default=6, help="of a video (default: %(default)s)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("views.gif"),
        help="video, or a folder for result_0000.png ... (default: %(default)s)",
    )
    add_flags(parser.add_argument_group("camera"), ViewOptions)
    _add_place(parser, "gfla-chair", "gfla-chair, gfla-car")


def _add_train(verbs: Any) -> None:
    from core.gfla.options import GflaTrainOptions
    from core.options import add_flags

    parser = _verb(
        verbs,
        "train",
        "train stage 1 (flow) or stage 2 (all)",
        train,
        "--stage all --start runs/flow --recipe shipped --out runs/all",
    )
    add_flags(parser, GflaTrainOptions)


def _add_export(verbs: Any) -> None:
    parser = _verb(
        verbs,
        "export",
        "the averaged generator of a stage 2 run as weights to use",
        export,
        "--run runs/all --to weights/mine",
    )
    parser.add_argument("--run", dest="run_folder", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--to", type=Path, required=True, help="folder to write")


def _add_metrics(verbs: Any) -> None:
    parser = _verb(
        verbs,
        "metrics",
        "L1, MAE, PSNR, SSIM, FID and LPIPS of results against the truth",
        metrics,
        "results/ dataset/fashion/test --training-set dataset/fashion/train",
    )
    parser.add_argument("results", type=Path, help="folder with <from>_2_<to>_vis.jpg")
    parser.add_argument("truth", type=Path, help="folder with the true pictures")
    parser.add_argument(
        "--training-set", type=Path, help="folder that FID compares with, as published (default: truth)"
    )
    group = parser.add_argument_group(
        "backbones", "Files that are not shipped. FID and LPIPS are left out, and said so, where they are in neither of the usual places."
    )  # fmt: skip
    group.add_argument("--inception", default="", help="inception_v3_google-0cc3c7bd.pth, for FID")
    group.add_argument("--alexnet", default="", help="alexnet-owt-7be5be79.pth, for LPIPS")
    group.add_argument("--lpips", default="", help="LPIPS's own alex.pth")


def _points(file: Path) -> Any:
    """18 points of a JSON file."""
    import json

    import numpy as np

    try:
        return np.array(json.loads(file.read_text()), dtype=float)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{file} holds no points ({error}): a JSON list of 18 [x, y] fits") from error


def _pose_pipeline(args: argparse.Namespace) -> Any:
    from core.gfla.pipeline import PosePipeline

    return PosePipeline.from_record(args.weights, args.checkpoint, args.device, args.precision)


def generate(args: argparse.Namespace) -> dict[str, Any]:
    """One picture in the last pose, or a video through all poses."""
    from core.gfla.options import PoseOptions
    from core.image import to_pil
    from core.options import from_args, to_query
    from core.progress import TqdmProgress, part_of
    from core.timeline import Timeline
    from core.video import write_picture, write_video

    options, timeline = from_args(PoseOptions, args), from_args(Timeline, args)
    own = _points(args.points) if args.points else None
    targets = [_points(Path(item)) if item.endswith(".json") else item for item in args.pose]
    with TqdmProgress(quiet=args.json) as bar:
        pipe = _pose_pipeline(args)
        prepared = pipe.prepare(args.picture, *targets, options=options, progress=part_of(bar, 0, 0.4), points=own)
        settings = {"system": "gfla", "poses": args.pose, "weights": pipe.weights_label, **to_query(options)}
        if args.out.suffix.lower() == ".png":
            path = write_picture(to_pil(pipe.render(prepared, [1.0]))[0], args.out, settings)
        else:
            frames = pipe.frames(prepared, timeline, progress=part_of(bar, 0.4, 1))
            path = write_video(frames, args.out, timeline.fps, {**settings, **to_query(timeline)})
        said = {"written": str(path), "weights": pipe.weights_label, **prepared.figures}
        if args.explain:
            pictures = pipe.explain(prepared, pipe.paint(prepared, [prepared.path[-1]]), prepared.path[-1])
            said["explained"] = str(write_picture(pictures, args.explain, settings))
    return said


def run_test(args: argparse.Namespace) -> dict[str, Any]:
    """Paint every pair or object of a test list, as the official script does."""
    if args.task in OBJECTS:
        return test_objects(args)
    if args.task in FOLLOWED:
        return test_clips(args)
    from core.gfla.data.pairs import annotated_pairs
    from core.gfla.data.test_sets import write_pairs
    from core.progress import TqdmProgress

    record, display = TESTS[args.task]
    args.weights = args.weights or record
    with TqdmProgress(quiet=args.json) as bar:
        pipe = _pose_pipeline(args)
        count = write_pairs(pipe.generator, annotated_pairs(args.task, args.data, args.phase), args.out, display, bar)
    return {"folder": str(args.out), "pairs": count, "weights": pipe.weights_label}


def test_objects(args: argparse.Namespace) -> dict[str, Any]:
    """Turn every object of a test list."""
    from core.gfla.data.test_sets import write_views
    from core.gfla.data.view_data import ViewPairs
    from core.gfla.paper.network_views import VIEW_SIDE_PX
    from core.gfla.pipeline_views import ViewPipeline
    from core.progress import TqdmProgress

    objects = ViewPairs(args.data, args.task, args.phase, VIEW_SIDE_PX)
    with TqdmProgress(quiet=args.json) as bar:
        name = args.weights or f"gfla-{args.task}"
        pipe = ViewPipeline.from_record(name, args.checkpoint, args.device, args.precision)
        count = write_views(pipe.generator, objects, args.out, bar)
    return {"folder": str(args.out), "objects": count, "weights": pipe.weights_label}


def test_clips(args: argparse.Namespace) -> dict[str, Any]:
    """Follow every clip of a test set; its skeletons are clean already, so no motion network is needed."""
    from core.devices import policy
    from core.gfla.data.clips import DanceClips, FaceClips
    from core.gfla.data.test_sets import write_clips
    from core.gfla.paper.network_animation import DanceGenerator, FaceGenerator
    from core.gfla.pipeline_animation import RECORDS, SIDE_PX
    from core.progress import TqdmProgress
    from core.weights import load_strict, resolve

    found = resolve(args.weights or RECORDS[args.task], args.checkpoint)
    kind = FaceGenerator if args.task == "face" else DanceGenerator
    generator = policy(args.device, "float32").place(load_strict(kind, found.folder))
    if args.task == "face":
        clips: FaceClips | DanceClips = FaceClips(args.data, args.phase, SIDE_PX, 1)
    else:
        clips = DanceClips(args.data, args.phase, "iper" if args.task == "dance" else "fashion", SIDE_PX, 1)
    with TqdmProgress(quiet=args.json) as bar:
        count = write_clips(generator, clips, args.out, bar, args.cross)
    return {"folder": str(args.out), "clips": count, "weights": found.label}


def animate(args: argparse.Namespace) -> dict[str, Any]:
    """Follow a driving clip."""
    from core.gfla.options import AnimationOptions, PoseOptions
    from core.gfla.pipeline_animation import AnimationPipeline, driven
    from core.image import to_pil
    from core.options import from_args, to_query
    from core.progress import TqdmProgress, part_of
    from core.video import read_video, write_video

    options, clip = from_args(AnimationOptions, args), read_video(args.driving)
    with TqdmProgress(quiet=args.json) as bar:
        if args.mode == "pose":
            pipe = _pose_pipeline(args)
            frames = driven(pipe, args.picture, clip.frames(), options, from_args(PoseOptions, args), bar)
        else:
            pipe = AnimationPipeline.from_record(args.mode, args.checkpoint, args.device, args.precision)
            prepared = pipe.prepare(args.picture, clip.frames(), options=options, progress=part_of(bar, 0, 0.5))
            frames = (to_pil(frame)[0] for frame in pipe.play(prepared))
        settings = {"system": "gfla", "mode": args.mode, "weights": pipe.weights_label, **to_query(options)}
        path = write_video(frames, args.out, args.fps or clip.fps, settings)
    return {"written": str(path), "weights": pipe.weights_label}


def views(args: argparse.Namespace) -> dict[str, Any]:
    """Turn the camera round an object."""
    from core.gfla.options import ViewOptions
    from core.gfla.pipeline_views import ViewPipeline
    from core.image import to_pil
    from core.options import from_args, to_query
    from core.video import write_picture, write_video

    if args.count < 1:
        raise InputError(f"{args.count} views were asked for, at least 1 fits")
    options = from_args(ViewOptions, args)
    pipe = ViewPipeline.from_record(args.weights, args.checkpoint, args.device, args.precision)
    prepared = pipe.prepare(args.picture, options=options)
    pictures = to_pil(pipe.render(prepared, [index / max(1, args.count - 1) for index in range(args.count)]))
    settings = {"system": "gfla", "weights": pipe.weights_label, **to_query(options)}
    if args.out.suffix:
        return {"written": str(write_video(pictures, args.out, args.fps, settings)), "weights": pipe.weights_label}
    names = [
        write_picture(picture, args.out / f"result_{index:04d}.png", settings) for index, picture in enumerate(pictures)
    ]
    return {"folder": str(args.out), "files": [name.name for name in names], "weights": pipe.weights_label}


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Train until `--steps`, going on from the folder's newest checkpoint."""
    from core.gfla.options import GflaTrainOptions
    from core.gfla.training.run import run_training
    from core.options import from_args
    from core.progress import TqdmProgress

    options = from_args(GflaTrainOptions, args)
    with TqdmProgress(quiet=args.json) as bar:
        return {"folder": str(run_training(options, bar)), "stage": options.stage, "steps": options.steps}


def export(args: argparse.Namespace) -> dict[str, Any]:
    """Write a run's averaged generator, its model card and its contact sheet."""
    from core.gfla.training.run import export as export_run

    return {"written": str(export_run(args.run_folder, args.to))}


def metrics(args: argparse.Namespace) -> dict[str, Any]:
    """Measure a folder of results."""
    from core.gfla.paper.evaluate import Backbones, deep_metrics, evaluate_folders

    found = evaluate_folders(args.results, args.truth)
    files = Backbones(args.inception, args.alexnet, args.lpips)
    deep, left_out = deep_metrics(args.results, args.truth, files, args.training_set)
    protocol = "truth resized bicubic to the results, sRGB bytes"
    if "fid" in deep:
        protocol += f"; FID against {args.training_set or args.truth}, torchvision Inception v3, 299 bilinear, inputs scaled as published"
    return {**found, **deep, "protocol": protocol, **({"left_out": left_out} if left_out else {})}


def poses(args: argparse.Namespace) -> dict[str, Any]:
    """List the pose library."""
    from core.gfla.methods.retargeting.library import poses as library

    return {"poses": list(library())}
