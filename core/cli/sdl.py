"""`python -m core sdl`: transitions of five jobs, the original command line, videos, evaluation, training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from core.cli.flags import Place, Result, folder, one_of, one_word_of, system, verb, video_file, weights_flag
from core.encoding import Encoding
from core.errors import InputError
from core.progress import Progress, part_of
from core.sdl.jobs import JOBS, answered_by, misfit
from core.sdl.options import LAYOUTS, ORIGINAL_TASKS, RateOptions, SDLOptions
from core.sdl.training.options import TransitionTrainOptions
from core.timeline import Timeline

SEQUENCE_KINDS = (
    "moved", "lines", "thin", "walkers", "windows", "heads-age", "heads-morph", "landmarks", "motions", "guides",
    "toon", "style", "codes", "painter",
)  # fmt: skip
LISTED = "see `python -m core weights list`"

app = system(
    "sdl",
    "Continuous image transitions by space decoupling (SDL): one network, five jobs, one slider t.",
    """examples:
  python -m core sdl video --job morph anna.jpg ben.jpg --out morph.mp4
  python -m core sdl rate clip.mp4 --factor 2 --out smooth.mp4
  python -m core sdl original --task i2i --source face.png --num 7 --extend_t --outdir results
  python -m core sdl train --task vfi --data sequences --out runs/vfi""",
)


@verb(app, "--job age face.jpg --t-start -1 --out ageing.mp4")
def video(
    pictures: Annotated[list[Path], Argument(help="the job's one or two pictures, source first")],
    transition: SDLOptions,
    timeline: Timeline,
    place: Place,
    progress: Progress,
    job: Annotated[str, one_of(JOBS, "what to do")] = "morph",
    out: Annotated[Path, Option(callback=video_file, help=".mp4 .gif .webp .png .zip")] = Path("transition.mp4"),
    weights: Annotated[str | None, weights_flag(f"{LISTED}; the job's own if left out")] = None,
) -> Result:
    """A video of one transition."""
    from core.options import to_query
    from core.sdl.pipeline import SDLPipeline
    from core.video import write_video

    chosen, count = JOBS[job], len(timeline.positions())
    if len(pictures) != chosen.pictures:
        raise InputError(f"{len(pictures)} pictures came, the job {job} takes {chosen.pictures}")
    pipe = place.pipeline(SDLPipeline, weights or chosen.ways[0])
    prepared = pipe.prepare(*pictures, options=transition, progress=part_of(progress, 0, 0.1))
    if note := misfit(chosen, prepared.figures):
        progress(0.1, note)
    frames = pipe.frames(prepared, timeline, progress=part_of(progress, 0.1, 1))
    settings = {"system": "sdl", "job": job, **to_query(transition), **to_query(timeline)}
    path = write_video(frames, out, timeline.fps, settings)
    told = {"note": note} if note else {}
    answered = answered_by(prepared.figures, pipe.weights_label)
    return {"file": str(path), "frames": count, "weights": answered, **told, **prepared.figures}


@verb(app, "clip.mp4 --factor 4 --slow-motion --out slow.mp4")
def rate(
    clip: Annotated[Path, Argument(help="any video that ffmpeg reads, or a folder of them")],
    video: RateOptions,
    encoding: Encoding,
    place: Place,
    progress: Progress,
    out: Annotated[
        Path | None, Option(help="the file to write, smooth.mp4 if left out; for a folder the folder of the results")
    ] = None,
    weights: Annotated[str, weights_flag(LISTED)] = "sdl-vfi",
    preview: Annotated[
        Path | None, Option(help="write the three hardest in-betweens into this folder, and no video")
    ] = None,
) -> Result:
    """A video at a higher frame rate or in slow motion, or a folder of them; after a stop the same command goes on."""
    from core.sdl.methods.video_rate.conversion import convert_video
    from core.sdl.methods.video_rate.folder import convert_folder
    from core.sdl.methods.video_rate.preview import hardest_in_betweens
    from core.sdl.pipeline import SDLPipeline
    from core.video import read_video, write_picture

    if clip.is_dir():
        if preview is not None:
            raise InputError(f"{clip} is a folder: --preview takes one clip")
        target = folder(out) or Path("smooth")
        made = convert_folder(place.pipeline(SDLPipeline, weights), clip, target, video, encoding, progress)
        return {**made, "weights": weights}
    path = video_file(out or Path("smooth.mp4"))
    read_video(clip)
    pipe = place.pipeline(SDLPipeline, weights)
    if preview is not None:
        found = hardest_in_betweens(pipe, clip, video)
        files = [write_picture(new, preview / f"{clip.stem}-{at:.2f}s") for at, new in found]
        return {"files": [str(file) for file in files], "weights": pipe.weights_label}
    done = convert_video(pipe, clip, path, video, progress, encoding, resumable=True)
    return {"file": str(path), "weights": pipe.weights_label, **vars(done)}


@verb(app, "--task vfi --source 0000.png --target 0001.png --num 1 --outdir results")
def original(
    progress: Progress,
    task: Annotated[str, one_of(ORIGINAL_TASKS, "job of the original script")] = "vfi",
    model: Annotated[
        str | None, Option(help="record, converted folder, or SDL_*.pth file; the job's shipped weights if left out")
    ] = None,
    key: Annotated[
        str | None, Option(help="top-level key of a .pth file; params_ema, params or none if left out")
    ] = None,
    split: Annotated[float, Option(min=0, max=1, help="share of channels that t multiplies, for a .pth file")] = 0.5,
    in_ch: Annotated[
        int | None, Option("--in_ch", help="input channels; read off the weights, refused if wrong")
    ] = None,
    num: Annotated[int, Option(min=1, help="in-between frames")] = 7,
    size: Annotated[int, Option(help="side for morphing and i2i, 32 to 512")] = 512,
    extend_t: Annotated[bool, Option("--extend_t", help="i2i: t runs over negative values too")] = False,
    source: Annotated[Path | None, Option(help="first picture; content for style_transfer")] = None,
    target: Annotated[Path | None, Option(help="second picture; style for style_transfer")] = None,
    indir: Annotated[Path | None, Option(help="folder of frames for vfi-dir, jpg or png")] = None,
    outdir: Annotated[Path, Option(callback=folder, help="output folder")] = Path("results"),
    device: Annotated[str, Option(help="auto, cpu, cuda, cuda:N or mps")] = "auto",
    precision: Annotated[str, Option(help="auto, float32, bfloat16 or float16")] = "float32",
) -> Result:
    """The original test script, option by option."""
    from core.sdl.paper.original import Request, open_pipeline, run

    given = [indir] if task == "vfi-dir" else [source, target][: 1 if task == "i2i" else 2]
    named = [file for file in given if file is not None]
    if len(named) < len(given):
        wanted = {"vfi-dir": "--indir", "i2i": "--source"}.get(task, "--source and --target")
        raise InputError(f"the task {task} needs {wanted}: name the files")
    if absent := [str(file) for file in named if not file.exists()]:
        raise InputError(f"{' and '.join(absent)} does not exist: check the path")
    if model and Path(model).suffix in (".pth", ".pt", ".safetensors") and not Path(model).is_file():
        raise InputError(
            f"the checkpoint {model} does not exist: leave --model out for the shipped weights, or get the authors' file "
            "(`python -m core weights list --system sdl` names it and its page) and give its path"
        )
    pipe = open_pipeline(task, model, key, split, device, precision)
    files = run(pipe, Request(task, num, size, extend_t, in_ch), named, outdir, progress)
    return {"weights": pipe.weights_label, "files": [str(file) for file in files]}


@verb(app, "vimeo_triplet --layout vimeo90k")
def evaluate(
    root: Annotated[Path, Argument(help="the data set's folder")],
    place: Place,
    progress: Progress,
    layout: Annotated[str, one_of(LAYOUTS, "how it is laid out")] = "vimeo90k",
    limit: Annotated[int | None, Option(help="at most this many items")] = None,
    vgg: Annotated[Path | None, Option(help="torchvision's VGG19 file, for the distance")] = None,
    blend: Annotated[bool, Option("--blend", help="measure the plain blend of both frames, no network")] = False,
    weights: Annotated[str, weights_flag(LISTED)] = "sdl-vfi",
) -> Result:
    """PSNR, SSIM and VGG19 distance on known in-betweens."""
    from core.ops.vgg import VGG19Features
    from core.sdl.paper.evaluate import evaluate as measure
    from core.sdl.pipeline import SDLPipeline

    pipe = None if blend else place.pipeline(SDLPipeline, weights)
    features = VGG19Features.from_file(vgg) if vgg else None
    measured = measure(pipe, root, layout, features, limit, progress)
    return {"weights": pipe.weights_label if pipe else "plain blend", **measured}


@verb(app, "toon --source ../shared/data --out sequences/toon --count 500")
def sequences(
    kind: Annotated[str, one_word_of(SEQUENCE_KINDS, "what to make")],
    source: Annotated[Path, Option(help="the data pack's folder; for windows a video file")],
    out: Annotated[Path, Option(callback=folder, help="root to fill, one folder per sequence")],
    count: Annotated[int, Option(min=1, help="sequences; heads give all they have")] = 500,
    side_px: Annotated[int, Option(min=32, help="side of the frames")] = 160,
    seed: Annotated[int, Option(min=0, help="seed of all choices")] = 1,
    long_side_px: Annotated[int, Option(min=32, help="windows: the video is reduced to this")] = 480,
) -> Result:
    """Training sequences made from open pictures."""
    from core.sdl.data import faces, moving_planes, styles, thin_lines, toons, walkers

    if not source.exists():
        raise InputError(f"{source} does not exist: name the data pack's folder, or for windows a video")
    sized = (source, out, count, side_px, seed)
    makers = {
        "moved": lambda: moving_planes.make_moved(*sized),
        "lines": lambda: moving_planes.make_moved(*sized, moving_planes.LINES),
        "thin": lambda: thin_lines.make_thin(*sized),
        "walkers": lambda: walkers.make_walkers(*sized),
        "windows": lambda: moving_planes.make_windows(*sized, long_side_px),
        "heads-age": lambda: faces.make_heads(source, out, "age"),
        "heads-morph": lambda: faces.make_heads(source, out, "morph"),
        "landmarks": lambda: faces.make_landmark_morphs(*sized),
        "toon": lambda: toons.make_toons(*sized),
        "style": lambda: styles.make_styles(*sized),
        "codes": lambda: styles.make_codes(*sized),
        "motions": lambda: faces.add_motions(out),
        "guides": lambda: faces.add_guides(out),
        "painter": lambda: styles.make_painter(source, out),
    }
    makers[kind]()
    made = sum(path.is_dir() or path.suffix == ".npz" for path in out.iterdir())
    return {"folder": str(out), "sequences": made}


@verb(app, "--task morphing --data sequences/heads --network sdl-morph --objective pixels")
def train(training: TransitionTrainOptions, progress: Progress) -> Result:
    """Train a network, as published or as shipped, or go on with an interrupted run."""
    from core.sdl.training.train import run_training

    return {"folder": str(run_training(training, progress))}


@verb(app, "runs/vfi --network sdl-vfi --folder weights/sdl-vfi")
def export(
    run_folder: Annotated[Path, Argument(help="the run's --out")],
    target: Annotated[Path, Option("--folder", callback=folder, help="where to write")],
    network: Annotated[str, Option(help="as in train")] = "published",
    task: Annotated[str, Option(help="as in train")] = "vfi",
    title: Annotated[str, Option(help="name of the weights, shown to users")] = "",
    trained_on: Annotated[str, Option(help="a sentence about the data, for the model card")] = "not stated",
    licence: Annotated[str, Option(help="terms of the weights")] = "not stated",
    limits: Annotated[str, Option(help="what they cannot do, for the model card")] = "not stated",
) -> Result:
    """The newest checkpoint's averaged generator as a folder of weights with a model card."""
    from core.options import check
    from core.sdl.training.train import generator_for
    from core.training import Card
    from core.training import export as write

    generator = generator_for(check(TransitionTrainOptions(task=task, network=network)))
    purpose = f"An SDL network for the task {task}."
    card = Card(title or f"SDL {task} weights", "sdl", purpose, trained_on, licence, limits)
    return {"folder": str(write(run_folder, {"generator": generator}, target, card))}
