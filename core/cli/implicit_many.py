"""`python -m core implicit`, the verbs on lists of pictures: landmarks, alignment, batches, photographs as networks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from core.cli.flags import Result, each, folder, one_of, verb
from core.errors import InputError, NothingFoundError, OptionError
from core.implicit.options import ImageFitOptions, ImplicitOptions
from core.progress import Progress

app = typer.Typer(name="implicit")
Tasks = Annotated[int, Option(min=1, help="how many at a time")]
HERE = Path()


def _folder_flag(*names: str) -> Any:
    return Option(*names, callback=folder, help="folder")


def _write_experiment(pictures: list[Path], lists: list[Any], out: Path) -> str:
    """The published experiment's YAML for two pictures and their landmarks; where it lies."""
    from core.implicit.paper.experiment import Experiment, write_experiment

    name = "-".join(path.stem for path in pictures)
    first, second = (path.resolve() for path in pictures)
    return str(write_experiment(Experiment(name, first, second, *lists), out / f"{name}-experiment.yaml"))


@verb(app, "anna.jpg ben.jpg --out marks --plot")
def landmarks(
    pictures: Annotated[list[Path], Argument(help="pictures")],
    progress: Progress,
    out: Annotated[Path, _folder_flag("--out", "-o")] = HERE,
    format: Annotated[str, one_of(("json", "yaml"), "kind of file")] = "json",
    pair: Annotated[bool, Option("--pair", help="two pictures: add points on the outline of the heads")] = False,
    experiment: Annotated[
        bool, Option("--experiment", help="two pictures: write the published experiment YAML too")
    ] = False,
    plot: Annotated[bool, Option("--plot", "-p", help="write each picture with its landmarks drawn in")] = False,
    face: Annotated[int, Option(min=1, help="which face, 1 is the largest")] = 1,
) -> Result:
    """Find landmarks and write them to files."""
    import numpy as np
    from PIL import Image

    from core.image import load_image
    from core.implicit.methods.framing.portraits import with_outline
    from core.implicit.methods.framing.upright import detect_landmarks
    from core.implicit.paper.coordinates import to_published
    from core.implicit.paper.landmark_files import write_landmarks
    from core.implicit.paper.landmark_plot import plot_landmarks

    if (pair or experiment) and len(pictures) != 2:
        raise InputError(f"{len(pictures)} pictures came: --pair and --experiment need two")
    found: dict[Path, Any] = {}

    def detect(path: Path, progress: Progress) -> list[str]:
        picture = load_image(path)
        found[path] = (picture, detect_landmarks(picture, path.name, face))
        return []

    failed = each(pictures, detect, progress)["failed"]
    if failed and (pair or experiment):
        raise InputError("; ".join(failed))
    if pair:
        (one, points), (two, partners) = (found[path] for path in pictures)
        together = with_outline((one, two), (points, partners))
        found = {path: (found[path][0], p) for path, p in zip(pictures, together, strict=True)}
    files, lists = [], []
    for path, (picture, points) in found.items():
        files.append(str(write_landmarks(points, out / f"{path.stem}.{format}", picture.size)))
        lists.append(to_published(points, picture.size))
        if plot:
            marked = plot_landmarks(np.asarray(picture), lists[-1], radius_px=max(1, max(picture.size) // 250))
            Image.fromarray(marked).save(out / f"{path.stem}_landmarks.png")
    if experiment:
        files.append(_write_experiment(pictures, lists, out))
    return {"files": files, "points": len(lists[0]) if lists else 0, "failed": failed}


@verb(app, "photos/ aligned/ --just-crop --output-size 1350")
def align(
    in_dir: Annotated[Path, Argument(help="folder with pictures, or one picture")],
    out_dir: Annotated[Path, Argument(callback=folder, help="folder for the aligned faces")],
    just_crop: Annotated[bool, Option("--just-crop", "-c", help="do not turn the face upright")] = False,
    output_size: Annotated[int, Option(min=16, max=4096, help="side in pixels")] = 256,
    all_faces: Annotated[bool, Option("--all-faces", help="every face of a picture, not only the largest")] = False,
    n_tasks: Tasks = 1,
) -> Result:
    """Cut faces out upright, as for FFHQ."""
    from concurrent.futures import ThreadPoolExecutor

    from core.detect.align import align_face
    from core.detect.faces import detect_faces
    from core.image import load_image
    from core.implicit.paper.experiment import PICTURE_SUFFIXES

    paths = [in_dir] if in_dir.is_file() else sorted(in_dir.glob("*"))
    paths = [path for path in paths if path.suffix.lower() in PICTURE_SUFFIXES and path.suffix != ".pth"]
    if not paths:
        raise InputError(f"{in_dir} holds no pictures: {', '.join(PICTURE_SUFFIXES[:-1])} are read")
    out_dir.mkdir(parents=True, exist_ok=True)

    def one(path: Path) -> tuple[list[str], str | None]:
        try:
            picture = load_image(path)
            faces = detect_faces(picture, path.name)
        except (NothingFoundError, InputError) as error:
            return [], f"{path.name}: {error}"
        written = []
        for index, face in enumerate(faces if all_faces else faces[:1]):
            target = out_dir / f"{path.stem}{f'_{index + 1}' if index else ''}.png"
            align_face(picture, face.points68(), output_size, just_crop=just_crop).picture.save(target)
            written.append(str(target))
        return written, None

    with ThreadPoolExecutor(n_tasks) as pool:
        results = list(pool.map(one, paths))
    failed = [said for _, said in results if said]
    if len(failed) == len(paths) == 1:
        raise InputError(failed[0])
    return {"aligned": [name for names, _ in results for name in names], "failed": failed}


@verb(app, "pairs.txt --pictures photos/ --out results/ --n-tasks 2 --skip-finished")
def batch(
    inputs: Annotated[list[Path], Argument(help='pair lists (lines "A B") or experiment .yaml files')],
    morph: ImplicitOptions,
    progress: Progress,
    pictures: Annotated[Path, Option(help="folder of the pictures of a pair list")] = HERE,
    out: Annotated[Path, _folder_flag("--out", "-o", "--output-path")] = Path("results"),
    n_tasks: Tasks = 1,
    skip_finished: Annotated[bool, Option("--skip-finished", help="leave pairs alone that are done")] = False,
    timesteps: Annotated[list[float] | None, Option(metavar="T ...", help="frames to write; 0.5 if left out")] = None,
    reconstruction: Annotated[bool, Option(help="write a video of each pair")] = True,
) -> Result:
    """Morph many pairs; the result counts what was done, skipped and failed."""
    from core.implicit.paper.experiment import Experiment, find_picture, read_experiment, read_pairs
    from core.implicit.training.batch import Job, run_jobs

    pairs: list[Any] = []
    for path in inputs:
        pairs += [path] if path.suffix in (".yaml", ".yml") else read_pairs(path)
    jobs, results = [], []
    for pair in pairs:
        try:
            if isinstance(pair, Path):
                experiment = read_experiment(pair)
            else:
                a, b = (find_picture(pictures, name) for name in pair)
                experiment = Experiment(f"{a.stem}-{b.stem}", a, b, frame_dims=(morph.size_px, morph.size_px))
            jobs.append(Job(experiment, morph, out, tuple(timesteps or [0.5]), reconstruction))
        except InputError as error:
            if len(pairs) == 1:
                raise
            name = pair.stem if isinstance(pair, Path) else "-".join(pair)
            results.append({"name": name, "state": "failed", "reason": str(error)})
    results = run_jobs(jobs, n_tasks, skip_finished, progress) + results
    counts = {state: sum(r["state"] == state for r in results) for state in ("done", "skipped", "failed")}
    return {**counts, "pairs": results}


@verb(app, "pairs.txt photos/ experiments/")
def experiments(
    pairlist: Annotated[Path, Argument(help='lines "A B"')],
    imagedir: Annotated[Path, Argument(help="folder with the pictures")],
    output_path: Annotated[Path, Argument(callback=folder, help="folder for {A}-{B}.yaml")],
    progress: Progress,
) -> Result:
    """Write experiment files for a pair list."""
    from core.implicit.paper.experiment import make_experiment, read_pairs

    def make(pair: tuple[str, str], progress: Progress) -> list[str]:
        return [str(make_experiment(*pair, imagedir, output_path))]

    made = each(read_pairs(pairlist), make, progress)
    return {"written": len(made["written"]), "folder": str(output_path), "failed": made["failed"]}


@verb(app, "anna.jpg --steps 2000 --dims 256 256 --out nets/")
def image_fit(
    inputs: Annotated[list[Path], Argument(help="pictures to fit, or .pth networks to draw")],
    training: ImageFitOptions,
    progress: Progress,
    out: Annotated[Path, _folder_flag("--out", "-o", "--output-path")] = Path("pretrained"),
    dims: Annotated[tuple[int, int] | None, Option(metavar="H W", help="size to fit or to draw at")] = None,
    reconstruction: Annotated[
        bool, Option("--reconstruction/--no-reconstruction", " /-r", help="draw the fitted network")
    ] = True,
) -> Result:
    """Turn photographs into networks, or draw such networks."""
    from PIL import Image

    from core.image import load_image
    from core.implicit.paper.convert import load_published, save_published
    from core.implicit.paper.image_network import draw_image, fit_image, pixels_of

    if dims is not None and not all(1 <= side <= 4096 for side in dims):
        raise OptionError(f"--dims is {dims[0]} {dims[1]}, sides from 1 to 4096 pixels fit")
    losses: dict[str, float] = {}

    def one(path: Path, progress: Progress) -> list[str]:
        out.mkdir(parents=True, exist_ok=True)
        written = []
        if path.suffix == ".pth":
            if dims is None:
                raise InputError(f"{path.name} has no size of its own: give --dims H W to draw it")
            network, size = load_published(path), dims
        else:
            picture = load_image(path)
            size = dims or (picture.height, picture.width)
            network, history = fit_image(*pixels_of(picture, size), training, progress)
            losses[path.name] = history.min().item()
            written.append(str(save_published(network, out / f"{path.stem}.pth")))
        if path.suffix == ".pth" or reconstruction:
            drawn = (draw_image(network, size) * 255 + 0.5).astype("uint8")
            Image.fromarray(drawn).save(out / f"{path.stem}.png")
            written.append(str(out / f"{path.stem}.png"))
        return written

    made = each(inputs, one, progress)
    return {"files": made["written"], "loss": losses, "failed": made["failed"]}
