"""`python -m core gfla`: a person in another pose, driven by a clip, objects from other sides, training, measures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from core.cli.flags import (
    PICTURES,
    VIDEOS,
    Given,
    Place,
    Result,
    checked_file,
    folder,
    one_of,
    system,
    verb,
    video_file,
    weights_flag,
)
from core.errors import InputError
from core.gfla.options import ANIMATIONS, AnimationOptions, GflaTrainOptions, ObjectOptions, PoseOptions, ViewOptions
from core.progress import Progress, part_of
from core.timeline import Timeline

TESTS = {"fashion": ("gfla-fashion", (256, 176)), "market": ("gfla-market", None)}
OBJECTS = ("car", "chair")
FOLLOWED = ("face", "dance", "dance-fashion")
MODES = ("pose", *FOLLOWED[1:], "face")

app = system(
    "gfla",
    "Pose-guided generation (Global-Flow Local-Attention): texture of one picture moved into another structure.",
    """examples:
  python -m core gfla generate me.jpg --pose "arms spread" --out spread.png
  python -m core gfla generate me.jpg --pose friend.jpg --out as-my-friend.mp4
  python -m core gfla animate me.jpg dance.mp4 --out me-dancing.mp4
  python -m core gfla turn chair.png --out round.mp4
  python -m core gfla views chair.png --weights gfla-chair --out round.gif
  python -m core gfla train --stage flow --recipe shipped --data ../shared/data --out runs/flow --steps 300
  python -m core gfla train --task dance --subset iper --stage all --data dataset/iPER --out runs/dance
  python -m core gfla train --task views --subset chair --stage flow --data dataset/ShapeNet --out runs/chair-flow
  python -m core gfla metrics results/ truth/""",
)


def _points(file: Path) -> Any:
    """18 points of a JSON file."""
    import json

    import numpy as np

    try:
        points = np.array(json.loads(file.read_text()), dtype=float)
        if points.shape != (18, 2):
            raise ValueError(f"numbers of shape {points.shape}")
        if not np.isfinite(points).all() or (points < 0).any(1).all():
            raise ValueError("all are missing or one is infinite")
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{file} holds no points ({error}): a JSON list of 18 [x, y] fits") from error
    return points


def _poses(items: list[str]) -> list[Any]:
    """Each as points, as the name of a pose of the library, or as a picture that is there."""
    from core.errors import unknown_name
    from core.gfla.methods.retargeting.library import poses as library

    for item in items:
        if not item.endswith(".json") and item not in library() and not Path(item).is_file():
            raise unknown_name("pose (nor is it a file)", item, library())
    return [_points(Path(item)) if item.endswith(".json") else item for item in items]


def _pose_pipeline(place: Place, weights: str) -> Any:
    from core.gfla.pipeline import PosePipeline

    return place.pipeline(PosePipeline, weights)


@verb(app, 'me.jpg --pose "arms spread"')
def generate(
    picture: Annotated[str, Argument(help="picture with the whole person")],
    pose: Annotated[
        list[str],
        Option(help="name from `gfla poses`, a picture, or a .json with 18 [x, y]; repeat for a way through several"),
    ],
    person: PoseOptions,
    timeline: Timeline,
    place: Place,
    progress: Progress,
    points: Annotated[
        Path | None, Option(help="keypoints of the person: .json with 18 [x, y], -1 where missing")
    ] = None,
    out: Annotated[Path, Option(callback=video_file, help="picture .png, or video .mp4 .gif .webp .zip")] = Path(
        "pose.png"
    ),
    explain: Annotated[
        Path | None, Option(help="also write skeletons, flow, mask and attention as one picture")
    ] = None,
    weights: Annotated[str, weights_flag("gfla-people, gfla-fashion, gfla-market")] = "gfla-people",
) -> Result:
    """A person in another pose, or on the way there."""
    from core.image import to_pil
    from core.options import to_query
    from core.video import write_picture, write_video

    own, targets = _points(points) if points else None, _poses(pose)
    if explain:
        checked_file(explain, PICTURES)
    pipe = _pose_pipeline(place, weights)
    prepared = pipe.prepare(picture, *targets, options=person, progress=part_of(progress, 0, 0.4), points=own)
    settings = {"system": "gfla", "poses": pose, "weights": pipe.weights_label, **to_query(person)}
    if out.suffix.lower() == ".png":
        path = write_picture(to_pil(pipe.render(prepared, [1.0]))[0], out, settings)
    else:
        frames = pipe.frames(prepared, timeline, progress=part_of(progress, 0.4, 1))
        path = write_video(frames, out, timeline.fps, {**settings, **to_query(timeline)})
    said = {"written": str(path), "weights": pipe.weights_label, **prepared.figures, "notes": list(prepared.notes)}
    if explain:
        pictures = pipe.explained(prepared, prepared.path[-1])
        said["explained"] = str(write_picture(pictures, explain, settings))
    return said


@verb(app, "--task fashion --data dataset/fashion --out results/")
def test(
    task: Annotated[str, one_of((*TESTS, *OBJECTS, *FOLLOWED), "which data set")],
    data: Annotated[Path, Option(help="data root, laid out as published")],
    out: Annotated[
        Path,
        Option(
            callback=folder,
            help="folder for <from>_2_<to>_vis.jpg, <object>/result_0000.png or <clip>/<frame>_vis.png",
        ),
    ],
    place: Place,
    progress: Progress,
    phase: Annotated[str, Option(help="folder and lists to use")] = "test",
    cross: Annotated[bool, Option("--cross", help="clips: follow with the reference of another clip")] = False,
    weights: Annotated[str | None, weights_flag("that of the task if left out")] = None,
) -> Result:
    """Every pair, object or clip of a published test set, as the official script does it."""
    if not data.is_dir():
        raise InputError(f"{data} is no folder: name the data root")
    if task in OBJECTS:
        return _test_objects(task, data, phase, out, place, weights, progress)
    if task in FOLLOWED:
        return _test_clips(task, data, phase, out, place, weights, cross, progress)
    from core.gfla.data.pairs import annotated_pairs
    from core.gfla.data.test_sets import write_pairs

    record, display = TESTS[task]
    pipe = _pose_pipeline(place, weights or record)
    count = write_pairs(pipe.generator, annotated_pairs(task, data, phase), out, display, progress)
    return {"folder": str(out), "pairs": count, "weights": pipe.weights_label}


def _test_objects(
    task: str, data: Path, phase: str, out: Path, place: Place, weights: str | None, progress: Progress
) -> Result:
    """Turn every object of a test list."""
    from core.gfla.data.test_sets import write_views
    from core.gfla.data.view_data import ViewPairs
    from core.gfla.paper.network_views import VIEW_SIDE_PX
    from core.gfla.pipeline_views import ViewPipeline

    objects = ViewPairs(data, task, phase, VIEW_SIDE_PX)
    pipe = place.pipeline(ViewPipeline, weights or f"gfla-{task}")
    count = write_views(pipe.generator, objects, out, progress)
    return {"folder": str(out), "objects": count, "weights": pipe.weights_label}


def _test_clips(
    task: str, data: Path, phase: str, out: Path, place: Place, weights: str | None, cross: bool, progress: Progress
) -> Result:
    """Follow every clip of a test set; its skeletons are clean already, so no motion network is needed."""
    from core.devices import policy
    from core.gfla.data.clips import DanceClips, FaceClips
    from core.gfla.data.test_sets import write_clips
    from core.gfla.paper.network_animation import DanceGenerator, FaceGenerator
    from core.gfla.pipeline_animation import SIDE_PX
    from core.weights import load_strict, resolve

    found = resolve(weights or ANIMATIONS[task], place.checkpoint)
    kind = FaceGenerator if task == "face" else DanceGenerator
    generator = policy(place.device, "float32").place(load_strict(kind, found.folder))
    if task == "face":
        clips: FaceClips | DanceClips = FaceClips(data, phase, SIDE_PX, 1)
    else:
        clips = DanceClips(data, phase, "iper" if task == "dance" else "fashion", SIDE_PX, 1)
    count = write_clips(generator, clips, out, progress, cross)
    return {"folder": str(out), "clips": count, "weights": found.label}


@verb(app, "me.jpg dance.mp4 --out me-dancing.mp4")
def animate(
    picture: Annotated[str, Argument(help="the person or the face to animate")],
    driving: Annotated[Path, Argument(help="clip to follow")],
    clip: AnimationOptions,
    mode_pose: PoseOptions,
    place: Place,
    progress: Progress,
    mode: Annotated[
        str, one_of(MODES, "pose: every frame by the pose network; the others: the authors' recurrent networks")
    ] = "pose",
    out: Annotated[Path, Option(callback=video_file, help=".mp4 .gif .webp .png .zip")] = Path("animated.mp4"),
    fps: Annotated[float, Option(min=0, max=240, help="of the result; 0 = the clip's")] = 0,
    weights: Annotated[str, weights_flag("for mode pose: gfla-people, gfla-fashion, gfla-market")] = "gfla-people",
) -> Result:
    """A picture that moves as a clip does."""
    from core.gfla.pipeline_animation import AnimationPipeline, driven
    from core.image import to_pil
    from core.options import to_query
    from core.video import read_video, write_video

    film = read_video(driving)
    if mode == "pose":
        pipe = _pose_pipeline(place, weights)
        frames = driven(pipe, picture, film.frames(), clip, mode_pose, progress)
    else:
        pipe = place.pipeline(AnimationPipeline, mode)
        prepared = pipe.prepare(picture, film.frames(), options=clip, progress=part_of(progress, 0, 0.5))
        frames = (to_pil(frame)[0] for frame in pipe.play(prepared))
    settings = {"system": "gfla", "mode": mode, "weights": pipe.weights_label, **to_query(clip)}
    return {"written": str(write_video(frames, out, fps or film.fps, settings)), "weights": pipe.weights_label}


@verb(app, "chair.png --azimuth-deg 40 --out round.gif")
def views(
    picture: Annotated[str, Argument(help="picture of a chair or a car before plain white")],
    camera: ViewOptions,
    place: Place,
    count: Annotated[int, Option(min=1, max=1000, help="views")] = 18,
    fps: Annotated[float, Option(min=0.1, max=240, help="of a video")] = 6,
    out: Annotated[Path, Option(help="video, or a folder for result_0000.png ...")] = Path("views.gif"),
    weights: Annotated[str, weights_flag("gfla-views, gfla-chair, gfla-car")] = "gfla-views",
) -> Result:
    """An object from all sides of the paper's grid, by our small network or by the authors' weights."""
    from core.gfla.pipeline_views import ViewPipeline
    from core.image import to_pil
    from core.options import to_query
    from core.video import write_picture, write_video

    checked_file(out, VIDEOS) if out.suffix else folder(out)
    pipe = place.pipeline(ViewPipeline, weights)
    prepared = pipe.prepare(picture, options=camera)
    pictures = to_pil(pipe.render_fitting(prepared, [index / max(1, count - 1) for index in range(count)]))
    settings = {"system": "gfla", "weights": pipe.weights_label, **to_query(camera)}
    if out.suffix:
        return {"written": str(write_video(pictures, out, fps, settings)), "weights": pipe.weights_label}
    names = [write_picture(view, out / f"result_{index:04d}.png", settings).name for index, view in enumerate(pictures)]
    return {"folder": str(out), "files": names, "weights": pipe.weights_label}


@verb(app, "chair.png --out round.mp4")
def turn(
    picture: Annotated[str, Argument(help="picture of a chair or a car, its background plain or removed")],
    objects: ObjectOptions,
    progress: Progress,
    fps: Annotated[float, Option(min=0.1, max=240, help="of a video")] = 12,
    out: Annotated[Path, Option(help="video")] = Path("turn.mp4"),
) -> Result:
    """A chair or a car all the way round, by a model fitted to the picture (ours; no weights)."""
    from core.gfla.pipeline_views import ObjectPipeline
    from core.image import to_pil
    from core.options import to_query
    from core.video import write_video

    checked_file(out, VIDEOS)
    pipe = ObjectPipeline()
    prepared = pipe.prepare(picture, options=objects, progress=part_of(progress, 0, 0.5))
    count = objects.frames
    pictures = (to_pil(pipe.render(prepared, [index / count]))[0] for index in range(count))
    settings = {"system": "gfla", "mode": "turn", **to_query(objects)}
    found = {"kind": prepared.kind, **prepared.figures, "notes": list(prepared.notes)}
    return {"written": str(write_video(pictures, out, fps, settings)), **found, "answered": pipe.weights_label}


@verb(app, "--stage all --start runs/flow --recipe shipped --out runs/all")
def train(training: GflaTrainOptions, progress: Progress, given: Given) -> Result:
    """Train stage 1 (flow) or stage 2 (all) until `--steps`, going on from the folder's newest checkpoint."""
    from core.gfla.training.run import run_training

    return {"folder": str(run_training(training, progress, given)), "stage": training.stage, "steps": training.steps}


@verb(app, "--run runs/all --to weights/mine")
def export(
    run: Annotated[Path, Option(help="folder of the training run")],
    to: Annotated[Path, Option(callback=folder, help="folder to write")],
) -> Result:
    """The averaged generator of a stage 2 run as weights to use, with its model card and its contact sheet."""
    from core.gfla.training.run import export as export_run

    return {"written": str(export_run(run, to))}


@verb(app, "results/ dataset/fashion/test --training-set dataset/fashion/train")
def metrics(
    results: Annotated[Path, Argument(help="folder with <from>_2_<to>_vis.jpg")],
    truth: Annotated[Path, Argument(help="folder with the true pictures")],
    training_set: Annotated[
        Path | None, Option(help="folder that FID compares with, as published; truth if left out")
    ] = None,
    inception: Annotated[str, Option(help="inception_v3_google-0cc3c7bd.pth, for FID")] = "",
    alexnet: Annotated[str, Option(help="alexnet-owt-7be5be79.pth, for LPIPS")] = "",
    lpips: Annotated[str, Option(help="LPIPS's own alex.pth")] = "",
) -> Result:
    """L1, MAE, PSNR, SSIM, FID and LPIPS of results against the truth.

    The backbones are not shipped: FID and LPIPS are left out, and said so, where their files are in none of the usual places.
    """
    from core.gfla.paper.evaluate import Backbones, deep_metrics, evaluate_folders

    found = evaluate_folders(results, truth)
    deep, left_out = deep_metrics(results, truth, Backbones(inception, alexnet, lpips), training_set)
    protocol = "truth resized bicubic to the results, sRGB bytes"
    if "fid" in deep:
        protocol += (
            f"; FID against {training_set or truth}, torchvision Inception v3, 299 bilinear, inputs scaled as published"
        )
    return {**found, **deep, "protocol": protocol, **({"left_out": left_out} if left_out else {})}


@verb(app)
def poses() -> Result:
    """The names of the pose library."""
    from core.gfla.methods.retargeting.library import poses as library

    return {"poses": list(library())}
