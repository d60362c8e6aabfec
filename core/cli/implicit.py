"""`python -m core implicit`: landmarks, fits, frames, videos, batches, photographs as networks, Poisson clones, alignment."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

EPILOG = """examples:
  python -m core implicit video anna.jpg ben.jpg --out morph.mp4
  python -m core implicit fit anna.jpg ben.jpg --out fits/anna-ben
  python -m core implicit render fits/anna-ben --timesteps 0 0.25 0.5 --blending-types linear seamless_mix
  python -m core implicit batch pairs.txt --pictures photos/ --out results/ --n-tasks 2 --skip-finished
The published scripts: warp-train = fit and batch, warp-inference-image = render, warp-inference-vid = video,
mark-warp-points and detect-landmarks = landmarks, create-experiment-files = experiments, poisson-blending = poisson,
create-initial-states = image-fit, align = align."""


def add_commands(subparsers: Any) -> None:
    """Add `implicit` with its verbs."""
    system = subparsers.add_parser(
        "implicit", help="face morphs by a smooth warp through landmarks", epilog=EPILOG,
        description="Morph two portraits: a warp without folds carries landmark to landmark, blending is separate from it.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    verbs = system.add_subparsers(dest="verb", required=True, metavar="VERB")
    for add in (_add_fit, _add_render, _add_video, _add_landmarks, _add_align, _add_batch, _add_experiments):
        add(verbs)
    _add_image_fit(verbs)
    _add_poisson(verbs)


def _verb(verbs: Any, name: str, text: str, run: Any, example: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".",
        epilog=f"example:\n  python -m core implicit {name} {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.set_defaults(run=run)
    return parser


def _add_pair(parser: argparse.ArgumentParser) -> None:
    """Two pictures or one fitted folder, landmark files and the options of the morph."""
    from core.implicit.options import ImplicitOptions
    from core.options import add_flags

    parser.add_argument(
        "inputs", nargs="+", metavar="INPUT", help="two pictures, a fitted folder, or an experiment.yaml"
    )
    parser.add_argument("--source-landmarks", metavar="FILE", help="first picture's .json .yaml .dat or .tem")
    parser.add_argument("--target-landmarks", metavar="FILE", help="second picture's; give both or none")
    parser.add_argument(
        "--checkpoint", "-c", default="last", help="of a published result: last, best or a step (default: %(default)s)"
    )
    add_flags(parser.add_argument_group("morph"), ImplicitOptions)


def _add_fit(verbs: Any) -> None:
    parser = _verb(
        verbs, "fit", "fit the warp and keep it in a folder", run_fit, "anna.jpg ben.jpg --out fits/anna-ben"
    )
    _add_pair(parser)
    parser.add_argument(
        "--out", "-o", "--output-path", type=Path, default=Path("fit"), help="folder (default: %(default)s)"
    )


def _add_render(verbs: Any) -> None:
    parser = _verb(
        verbs,
        "render",
        "write single frames",
        run_render,
        "fits/anna-ben --timesteps 0 0.5 1 --blending-types linear max",
    )
    _add_pair(parser)
    parser.add_argument("--out", "-o", type=Path, default=Path("."), help="folder (default: here)")
    parser.add_argument(
        "--timesteps", "-t", type=float, nargs="+", default=[0.5], help="warp times in [0, 1] (default: 0.5)"
    )
    parser.add_argument("--appearance", type=float, nargs="+", help="blend weights, one per time (default: the times)")
    parser.add_argument(
        "--blending-types",
        "-b",
        nargs="+",
        default=None,
        metavar="BLEND",
        help="several ways of blending (default: --blend)",
    )
    parser.add_argument("--landmarks", "-l", action="store_true", help="draw the landmarks: first red, second green")


def _add_video(verbs: Any) -> None:
    from core.options import add_flags
    from core.timeline import Timeline

    parser = _verb(
        verbs, "video", "a video from one picture to the other", run_video, "anna.jpg ben.jpg --out morph.mp4"
    )
    _add_pair(parser)
    parser.add_argument(
        "--out", "-o", type=Path, default=Path("morph.mp4"), help=".mp4 .gif .webp .png or .zip (default: %(default)s)"
    )
    add_flags(parser.add_argument_group("timeline"), Timeline)


def _add_landmarks(verbs: Any) -> None:
    parser = _verb(
        verbs,
        "landmarks",
        "find landmarks and write them to files",
        run_landmarks,
        "anna.jpg ben.jpg --out marks --plot",
    )
    parser.add_argument("pictures", nargs="+", type=Path, help="pictures")
    parser.add_argument("--out", "-o", type=Path, default=Path("."), help="folder (default: here)")
    parser.add_argument(
        "--format", choices=("json", "yaml"), default="json", help="kind of file (default: %(default)s)"
    )
    parser.add_argument(
        "--pair", action="store_true", help="two pictures: add matching points on the outline of the heads"
    )
    parser.add_argument(
        "--experiment", action="store_true", help="two pictures: write the published experiment YAML too"
    )
    parser.add_argument("--plot", "-p", action="store_true", help="write each picture with its landmarks drawn in")
    parser.add_argument("--face", type=int, default=1, help="which face, 1 is the largest (default: %(default)s)")


def _add_align(verbs: Any) -> None:
    parser = _verb(
        verbs,
        "align",
        "cut faces out upright, as for FFHQ",
        run_align,
        "photos/ aligned/ --just-crop --output-size 1350",
    )
    parser.add_argument("in_dir", type=Path, help="folder with pictures, or one picture")
    parser.add_argument("out_dir", type=Path, help="folder for the aligned faces")
    parser.add_argument("--just-crop", "-c", action="store_true", help="do not turn the face upright")
    parser.add_argument("--output-size", type=int, default=256, help="side in pixels (default: %(default)s)")
    parser.add_argument("--all-faces", action="store_true", help="every face of a picture, not only the largest")
    parser.add_argument("--n-tasks", type=int, default=1, help="pictures at a time (default: %(default)s)")


def _add_batch(verbs: Any) -> None:
    from core.implicit.options import ImplicitOptions
    from core.options import add_flags

    parser = _verb(
        verbs,
        "batch",
        "morph many pairs",
        run_batch,
        "pairs.txt --pictures photos/ --out results/ --n-tasks 2 --skip-finished",
    )
    parser.add_argument("inputs", nargs="+", type=Path, help='pair lists (lines "A B") or experiment .yaml files')
    parser.add_argument("--pictures", type=Path, default=Path("."), help="folder of the pictures of a pair list")
    parser.add_argument(
        "--out", "-o", "--output-path", type=Path, default=Path("results"), help="(default: %(default)s)"
    )
    parser.add_argument("--n-tasks", type=int, default=1, help="processes (default: %(default)s)")
    parser.add_argument("--skip-finished", action="store_true", help="leave pairs alone that are done")
    parser.add_argument("--timesteps", type=float, nargs="+", default=[0.5], help="frames to write (default: 0.5)")
    parser.add_argument("--no-reconstruction", action="store_true", help="no video")
    add_flags(parser.add_argument_group("morph"), ImplicitOptions)


def _add_experiments(verbs: Any) -> None:
    parser = _verb(
        verbs,
        "experiments",
        "write experiment files for a pair list",
        run_experiments,
        "pairs.txt photos/ experiments/",
    )
    parser.add_argument("pairlist", type=Path, help='lines "A B"')
    parser.add_argument("imagedir", type=Path, help="folder with the pictures")
    parser.add_argument("output_path", type=Path, help="folder for {A}-{B}.yaml")


def _add_image_fit(verbs: Any) -> None:
    from core.implicit.options import PhotographOptions
    from core.options import add_flags

    parser = _verb(
        verbs, "image-fit", "turn photographs into networks, or draw such networks", run_image_fit,
        "anna.jpg --steps 2000 --dims 256 256 --out nets/",
    )  # fmt: skip
    parser.add_argument("inputs", nargs="+", type=Path, help="pictures to fit, or .pth networks to draw")
    parser.add_argument(
        "--out", "-o", "--output-path", type=Path, default=Path("pretrained"), help="(default: %(default)s)"
    )
    parser.add_argument("--dims", type=int, nargs=2, metavar=("H", "W"), help="size to fit or to draw at")
    parser.add_argument("--no-reconstruction", "-r", action="store_true", help="do not draw the fitted network")
    add_flags(parser.add_argument_group("training"), PhotographOptions)


def _add_poisson(verbs: Any) -> None:
    parser = _verb(
        verbs, "poisson", "clone one face onto the other in the gradient domain", run_poisson,
        "anna.jpg ben.jpg --gradient-transfer mixclone --background 1 --out clone.png",
    )  # fmt: skip
    _add_pair(parser)
    parser.add_argument("--out", "-o", type=Path, default=Path("poisson.png"), help="picture (default: %(default)s)")
    parser.add_argument("--timestep", type=float, default=0.5, help="warp time (default: %(default)s)")
    parser.add_argument(
        "--gradient-transfer", "-g", default="mixclone", help="source2target, target2source, avgclone or mixclone"
    )
    parser.add_argument("--neural", action="store_true", help="train the published network instead of solving directly")
    parser.add_argument("--epochs", type=int, default=2001, help="of the network (default: %(default)s)")


def _prepared(args: argparse.Namespace, progress: Any) -> Any:
    """The fit that the inputs name, made or loaded."""
    from core.errors import InputError
    from core.image import load_image
    from core.implicit.landmark_files import read_landmarks
    from core.implicit.pipeline import ImplicitMorphPipeline, ImplicitOptions
    from core.options import from_args

    options = from_args(ImplicitOptions, args)
    if len(args.inputs) == 1:
        return _from_one(Path(args.inputs[0]), options, args.checkpoint, progress)
    if len(args.inputs) != 2:
        raise InputError(f"{len(args.inputs)} inputs came: give two pictures, or one fitted folder or experiment file")
    first, second = (load_image(path) for path in args.inputs)
    points_a, points_b = (
        read_landmarks(file, picture.size, which) if file else None
        for file, picture, which in (
            (args.source_landmarks, first, "sources"),
            (args.target_landmarks, second, "targets"),
        )
    )
    return ImplicitMorphPipeline().prepare(
        first, second, options=options, progress=progress, points_a=points_a, points_b=points_b
    )


def _from_one(path: Path, options: Any, checkpoint: str, progress: Any) -> Any:
    """A fitted folder; or an experiment file, whose published result is taken if it lies beside it and else made now."""
    from core.implicit.batch import Job, prepare_job
    from core.implicit.experiment import read_experiment
    from core.implicit.saved import load_fit, load_published_fit

    if path.suffix in (".yaml", ".yml"):
        if (path.parent / "weights.pth").is_file():
            return load_published_fit(path, checkpoint, options, progress)
        return prepare_job(Job(read_experiment(path), options, Path(".")), progress)
    return load_fit(path, progress)


def run_fit(args: argparse.Namespace) -> dict[str, Any]:
    """Fit and save."""
    from core.implicit.saved import save_fit
    from core.progress import TqdmProgress

    with TqdmProgress() as progress:
        prepared = _prepared(args, progress)
    return {"folder": str(save_fit(prepared, args.out)), "recipe": prepared.options.recipe, **prepared.figures}


def run_render(args: argparse.Namespace) -> dict[str, Any]:
    """Write `frame_{t}_{blend}.png` for every time and way of blending."""
    from core.errors import InputError
    from core.image import to_pil
    from core.implicit.marks import mark_frame
    from core.implicit.pipeline import ImplicitMorphPipeline
    from core.progress import TqdmProgress

    weights = args.appearance or args.timesteps
    if len(weights) != len(args.timesteps):
        raise InputError(f"{len(args.timesteps)} times came with {len(weights)} appearance values: give one for each")
    with TqdmProgress() as progress:
        prepared = _prepared(args, progress)
    args.out.mkdir(parents=True, exist_ok=True)
    written, pipe = [], ImplicitMorphPipeline()
    for kind in args.blending_types or [args.blend]:
        for t, weight in zip(args.timesteps, weights, strict=True):
            frame = to_pil(pipe.render(prepared, [t], [weight], blend=kind, background=args.background))[0]
            if args.landmarks:
                frame = mark_frame(frame, prepared, t)
            apart = "" if weight == t else f"_{weight:g}"
            name = args.out / f"frame_{t:g}{apart}_{kind}{'_landmarks' if args.landmarks else ''}.png"
            frame.save(name)
            written.append(str(name))
    return {"frames": written, **prepared.figures}


def run_video(args: argparse.Namespace) -> dict[str, Any]:
    """Write the video."""
    from core.implicit.pipeline import ImplicitMorphPipeline
    from core.options import from_args, to_query
    from core.progress import TqdmProgress, part_of
    from core.timeline import Timeline
    from core.video import write_video

    timeline = from_args(Timeline, args)
    with TqdmProgress() as progress:
        prepared = _prepared(args, part_of(progress, 0.0, 0.4))
        controls = {"blend": args.blend, "background": args.background}
        frames = ImplicitMorphPipeline().frames(prepared, timeline, part_of(progress, 0.4, 1.0), **controls)
        settings = {"system": "implicit", **to_query(prepared.options), **to_query(timeline)}
        path = write_video(frames, args.out, timeline.fps, settings)
    return {"video": str(path), "frames": len(timeline.positions()), **prepared.figures}


def run_landmarks(args: argparse.Namespace) -> dict[str, Any]:
    """Write one landmark file per picture."""
    import numpy as np
    from PIL import Image

    from core.errors import InputError
    from core.image import load_image
    from core.implicit.experiment import Experiment, write_experiment
    from core.implicit.landmark_files import published_list, write_landmarks
    from core.implicit.landmarks import detect_landmarks
    from core.implicit.marks import mark_points
    from core.implicit.outline import with_outline

    if (args.pair or args.experiment) and len(args.pictures) != 2:
        raise InputError(f"{len(args.pictures)} pictures came: --pair and --experiment need two")
    pictures = [load_image(path) for path in args.pictures]
    found = [detect_landmarks(p, path.name, args.face) for p, path in zip(pictures, args.pictures, strict=True)]
    if args.pair:
        found = list(with_outline((pictures[0], pictures[1]), (found[0], found[1])))
    files, lists = [], []
    for path, picture, points in zip(args.pictures, pictures, found, strict=True):
        files.append(str(write_landmarks(points, args.out / f"{path.stem}.{args.format}", picture.size)))
        lists.append(np.array(published_list(points, picture.size)))
        if args.plot:
            marked = mark_points(np.asarray(picture), lists[-1], radius_px=max(1, max(picture.size) // 250))
            Image.fromarray(marked).save(args.out / f"{path.stem}_landmarks.png")
    if args.experiment:
        name = "-".join(path.stem for path in args.pictures)
        first, second = (path.resolve() for path in args.pictures)
        experiment = Experiment(name, first, second, lists[0], lists[1])
        files.append(str(write_experiment(experiment, args.out / f"{name}-experiment.yaml")))
    return {"files": files, "points": len(found[0])}


def run_align(args: argparse.Namespace) -> dict[str, Any]:
    """Cut out the faces of a folder."""
    from concurrent.futures import ThreadPoolExecutor

    from core.detect.align import align_face
    from core.detect.faces import detect_faces
    from core.errors import InputError, NothingFoundError
    from core.image import load_image
    from core.implicit.experiment import PICTURE_SUFFIXES

    paths = [args.in_dir] if args.in_dir.is_file() else sorted(args.in_dir.glob("*"))
    paths = [path for path in paths if path.suffix.lower() in PICTURE_SUFFIXES and path.suffix != ".pth"]
    if not paths:
        raise InputError(f"{args.in_dir} holds no pictures: {', '.join(PICTURE_SUFFIXES[:-1])} are read")
    args.out_dir.mkdir(parents=True, exist_ok=True)

    def one(path: Path) -> tuple[list[str], str | None]:
        try:
            picture = load_image(path)
            faces = detect_faces(picture, path.name)
        except (NothingFoundError, InputError) as error:
            return [], f"{path.name}: {error}"
        written = []
        for index, face in enumerate(faces if args.all_faces else faces[:1]):
            target = args.out_dir / f"{path.stem}{f'_{index + 1}' if index else ''}.png"
            aligned = align_face(picture, face.points68(), args.output_size, just_crop=args.just_crop)
            aligned.picture.save(target)
            written.append(str(target))
        return written, None

    with ThreadPoolExecutor(max(1, args.n_tasks)) as pool:
        results = list(pool.map(one, paths))
    return {
        "aligned": [name for names, _ in results for name in names],
        "failed": [said for _, said in results if said],
    }


def run_batch(args: argparse.Namespace) -> dict[str, Any]:
    """Do all pairs; the result counts what was done, skipped and failed."""
    from core.implicit.batch import Job, run_jobs
    from core.implicit.experiment import Experiment, find_picture, read_experiment, read_pairs
    from core.implicit.options import ImplicitOptions
    from core.options import from_args
    from core.progress import TqdmProgress

    options = from_args(ImplicitOptions, args)
    jobs = []
    for path in args.inputs:
        if path.suffix in (".yaml", ".yml"):
            experiments = [read_experiment(path)]
        else:
            found = [(find_picture(args.pictures, a), find_picture(args.pictures, b)) for a, b in read_pairs(path)]
            dims = (options.size_px, options.size_px)
            experiments = [Experiment(f"{a.stem}-{b.stem}", a, b, frame_dims=dims) for a, b in found]
        jobs += [Job(e, options, args.out, tuple(args.timesteps), not args.no_reconstruction) for e in experiments]
    with TqdmProgress() as progress:
        results = run_jobs(jobs, args.n_tasks, args.skip_finished, progress)
    counts = {state: sum(r["state"] == state for r in results) for state in ("done", "skipped", "failed")}
    return {**counts, "pairs": results}


def run_experiments(args: argparse.Namespace) -> dict[str, Any]:
    """Write the experiment files."""
    from core.implicit.experiment import make_experiments, read_pairs

    written = make_experiments(read_pairs(args.pairlist), args.imagedir, args.output_path)
    return {"written": len(written), "folder": str(args.output_path)}


def run_image_fit(args: argparse.Namespace) -> dict[str, Any]:
    """Fit every picture to a network; draw the networks."""
    from PIL import Image

    from core.errors import InputError
    from core.image import load_image
    from core.implicit.convert import load_published, save_published
    from core.implicit.options import PhotographOptions
    from core.implicit.photograph import draw_photograph, fit_photograph, pixels_of
    from core.options import from_args
    from core.progress import TqdmProgress

    options, written, losses = from_args(PhotographOptions, args), [], {}
    args.out.mkdir(parents=True, exist_ok=True)
    for path in args.inputs:
        size = tuple(args.dims) if args.dims else None
        if path.suffix == ".pth":
            if size is None:
                raise InputError(f"{path.name} has no size of its own: give --dims H W to draw it")
            network = load_published(path)
        else:
            picture = load_image(path)
            size = size or (picture.height, picture.width)
            with TqdmProgress() as progress:
                network, history = fit_photograph(*pixels_of(picture, size), options, progress)
            losses[path.name] = history.min().item()
            written.append(str(save_published(network, args.out / f"{path.stem}.pth")))
        if path.suffix == ".pth" or not args.no_reconstruction:
            drawn = (draw_photograph(network, size) * 255 + 0.5).astype("uint8")
            Image.fromarray(drawn).save(args.out / f"{path.stem}.png")
            written.append(str(args.out / f"{path.stem}.png"))
    return {"files": written, "loss": losses}


def run_poisson(args: argparse.Namespace) -> dict[str, Any]:
    """Write the clone."""
    from core.errors import unknown_name
    from core.image import to_pil
    from core.implicit.neural_clone import neural_clone
    from core.implicit.pipeline import ImplicitMorphPipeline
    from core.progress import TqdmProgress, part_of

    blends = {
        "source2target": ("poisson_first", "second"), "target2source": ("poisson_second", "first"),
        "avgclone": ("poisson_average", args.background), "mixclone": ("poisson_mixed", args.background),
    }  # fmt: skip
    if args.gradient_transfer not in blends:
        raise unknown_name("gradient transfer", args.gradient_transfer, blends)
    kind, background = blends[args.gradient_transfer]
    with TqdmProgress() as progress:
        prepared = _prepared(args, part_of(progress, 0.0, 0.2 if args.neural else 1.0))
        if args.neural:
            rest = part_of(progress, 0.2, 1.0)
            frame = neural_clone(prepared, args.timestep, kind, background, args.epochs, rest)
        else:
            frame = ImplicitMorphPipeline().render(prepared, [args.timestep], blend=kind, background=background)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    to_pil(frame)[0].save(args.out)
    return {"picture": str(args.out), **prepared.figures}
