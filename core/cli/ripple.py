"""`python -m core ripple`: pose and other edits of portraits, ripple masks, parsing, inpainting, inversion, training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from core.cli.flags import PICTURES as WRITTEN
from core.cli.flags import Place, Result, checked_file, each, folder, one_of, one_word_of, system, verb, weights_flag
from core.cli.ripple_more import app as more
from core.cli.ripple_remover import app as remover
from core.errors import InputError, OptionError
from core.progress import Progress, part_of
from core.ripple.options import PARSERS, RULES, SIDES, TRAINERS, RippleOptions

SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".tif", ".tiff", ".webp")

app = system(
    "ripple",
    "Turn a head without a ghost (HFGI, Graphonomy, LaMa): edit a face and repaint what the old head leaves behind.",
    """examples:
  python -m core ripple edit anna.jpg --degrees -20 0 20 --out results
  python -m core ripple edit anna.jpg --edit smile --degrees 4 --also-pose 15 --out results
  python -m core ripple edit photos/ --edit age --degrees 2 --out results      (a folder, searched recursively)
  python -m core ripple inpaint room.jpg --mask room_mask.png --out clean.png  (remove an object)
  python -m core ripple parse photos/ --out labels --parser graphonomy
  python -m core ripple edit photos/ --degrees 3 --limit 10 --masks --output-px 256 --mask-rule xor --mask-side auto \\
      --mask-from parsing --parser graphonomy --inpainter lama --close-px 0 --dilate-px 0 --feather-px 0 \\
      --no-hide-person --no-align --weights ripple-hfgi --out results     (the thesis' chain, as its script runs it)""",
)
app.add_typer(remover, name=None)
app.add_typer(more, name=None)

Inputs = Annotated[list[Path], Argument(help="pictures or folders")]
Weights = Annotated[str, weights_flag("ripple-preview or ripple-hfgi")]
Folder = Annotated[Path, Option(callback=folder, help="folder to write to")]
Radius = Annotated[int, Option(min=0, max=256, help="radius of the opening, closing or growing of the mask")]


def pictures_of(inputs: list[Any]) -> list[Path]:
    """Files as they are; folders searched recursively, sorted."""
    found: list[Path] = []
    for path in map(Path, inputs):
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise InputError(f"{path} holds no pictures ({', '.join(SUFFIXES)})")
        found += inside
    return found


def degree_list(texts: list[str]) -> list[float]:
    """The numbers of texts such as -3 or 0,3."""
    try:
        if found := [float(part) for text in texts for part in text.split(",") if part.strip()]:
            return found
    except ValueError:
        pass
    raise OptionError(f"degrees are {' '.join(texts)!r}: give numbers, such as -3 0 3")


def _pipeline(place: Place, weights: str) -> Any:
    from core.ripple.pipeline import RipplePipeline

    return RipplePipeline.from_record(weights, place.checkpoint, place.device)


def _check_edit(pipe: Any, options: RippleOptions, degrees: list[float]) -> list[float]:
    """The degrees, or the edit's own; what weights, ranges or parts cannot do is refused before a face is inverted."""
    if options.edit not in pipe.edits:
        raise OptionError(f"{pipe.weights_label} know no edit {options.edit!r}; they know: {', '.join(pipe.edits)}")
    facts = pipe.facts_of(options.edit)
    wanted = [facts.checked(degree) for degree in degrees] or [facts.start]
    pipe.parts_label(options)
    return wanted


@verb(app, "anna.jpg --degrees -20 -10 0 10 20 --out results")
def edit(
    inputs: Inputs,
    face: RippleOptions,
    place: Place,
    progress: Progress,
    degrees: Annotated[list[str] | None, Option(metavar="DEGREE ...", help="such as -20 0 20; one if left out")] = None,
    limit: Annotated[int | None, Option(min=1, help="at most so many pictures")] = None,
    out: Folder = Path("results"),
    video: Annotated[
        bool, Option("--video", help="also a video from --degree-from to --degree-to per picture")
    ] = False,
    masks: Annotated[
        bool, Option("--masks", help="also the parsed backgrounds, in original_mask and EDIT_mask as the thesis does")
    ] = False,
    weights: Weights = "ripple-preview",
) -> Result:
    """Edit one picture or all of a folder, at one or more degrees; one face is inverted once."""
    files, notes, pipe = pictures_of(inputs)[:limit], dict[str, list[str]](), _pipeline(place, weights)
    wanted = _check_edit(pipe, face, degree_list(degrees) if degrees else [])
    target, places = out / face.edit, {file: index for index, file in enumerate(files)}
    target.mkdir(parents=True, exist_ok=True)

    def edit_one(file: Path, share: Progress) -> list[str]:
        written, start = [], f"{places[file]:05d}_{file.stem}"
        prepared = pipe.prepare(file, options=face, progress=part_of(share, 0, 0.4))
        said = [*prepared.notes]
        for degree in wanted:
            result = pipe.edit(prepared, degree, progress=part_of(share, 0.4, 0.9))
            said += result.notes
            for kind in ("plain", "mask", "clean", "whole"):
                path = target / f"{start}_{degree:+g}_{kind}.png"
                getattr(result, kind).save(path)
                written.append(str(path))
            if masks:
                written += _parsed(result, out, face.edit, f"{start}_{degree:+g}.png")
        if video:
            said += pipe.limits(prepared, face)
            written.append(_video(pipe, prepared, target / f"{start}.mp4", share))
        notes.update({str(file): list(dict.fromkeys(said))} if said else {})
        return written

    made = each(files, edit_one, progress)
    return {**made, "pictures": len(files), "degrees": wanted, "weights": pipe.parts_label(face), "notes": notes}


def _parsed(result: Any, out: Path, edit: str, name: str) -> list[str]:
    """Backgrounds before and after, where something was cleaned; white = background."""
    found = {out / "original_mask" / name: result.before, out / f"{edit}_mask" / name: result.after}
    kept = {path: picture for path, picture in found.items() if picture is not None}
    for path, picture in kept.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    return [str(path) for path in kept]


def _video(pipe: Any, prepared: Any, path: Path, progress: Progress) -> str:
    from core.options import to_query
    from core.timeline import Timeline
    from core.video import write_video

    timeline = Timeline()
    settings = {"system": "ripple", **to_query(prepared.options), **to_query(timeline)}
    return str(write_video(pipe.frames(prepared, timeline, progress=progress), path, timeline.fps, settings))


@verb(app, "original.png edited.png --rule xor --side left --out ripple.png")
def mask(
    original: Annotated[Path, Argument(help="background of the inversion, or a folder of them")],
    edited: Annotated[Path, Argument(help="background of the edited picture, or a folder with the same names")],
    progress: Progress,
    rule: Annotated[str, one_of(RULES, "xor is the thesis' mask")] = "xor",
    side: Annotated[str, one_of([one for one in SIDES if one != "auto"], "the half that is kept")] = "left",
    open_px: Radius = 0,
    close_px: Radius = 0,
    dilate_px: Radius = 0,
    pictures: Annotated[
        tuple[Path, Path] | None,
        Option(metavar="INVERSION EDITED", help="also write the published script's collage of these"),
    ] = None,
    out: Annotated[Path, Option(help="the mask, white = hole; a folder for folders")] = Path("ripple.png"),
) -> Result:
    """The ripple mask from two background masks (white = background)."""
    import numpy as np
    from PIL import Image

    from core.image import load_image
    from core.ripple.methods.repainting.masks import find_ripple, refine_mask
    from core.ripple.paper.masks import collage

    shares = []

    def one(job: tuple[Path, Path, list[Path], Path], progress: Progress) -> list[str]:
        first, second, more, place = job
        before, after, *seen = (np.asarray(load_image(path)) for path in (first, second, *more))
        found = refine_mask(find_ripple(before, after, rule, side), open_px, close_px, dilate_px)
        pieces = {place: found}
        if seen:
            names = [place.with_name(f"{place.stem}_{name}.png") for name in ("fg", "bg", "collage")]
            pieces |= dict(zip(names, collage(before, after, *seen), strict=True))
        place.parent.mkdir(parents=True, exist_ok=True)
        for path, picture in pieces.items():
            Image.fromarray(picture).save(path)
        shares.append(float((found > 0).mean()))
        return [str(path) for path in pieces]

    made = each(_mask_jobs([original, edited, *(pictures or ())], out), one, progress)
    return {**made, "ripple_share": sum(shares) / len(shares) if shares else 0.0}


def _mask_jobs(places: list[Path], out: Path) -> list[tuple[Path, Path, list[Path], Path]]:
    """Backgrounds before and after, the pictures of the collage, and where the mask goes; folders pair by name."""
    if not any(path.is_dir() for path in places):
        return [(places[0], places[1], places[2:], checked_file(out, WRITTEN))]
    names = [path.relative_to(places[0]) for path in pictures_of([places[0]])] if places[0].is_dir() else []
    missing = [str(beside / name) for beside in places[1:] for name in names if not (beside / name).is_file()]
    if missing or not names:
        raise InputError(
            f"folders need the same names in all of them; missing: {', '.join(missing[:5]) or 'a folder of originals'}"
        )
    target = out.with_suffix("") if out.suffix else out
    found = [[beside / name for beside in places] for name in names]
    return [
        (before, after, more, target / name.with_suffix(".png"))
        for name, (before, after, *more) in zip(names, found, strict=True)
    ]


@verb(app, "photos/ --out labels --parser mediapipe")
def parse(
    inputs: Inputs,
    progress: Progress,
    parser: Annotated[str, one_of(PARSERS, "who finds the person")] = "auto",
    single_scale: Annotated[bool, Option("--single-scale", help="one size instead of six")] = False,
    out: Folder = Path("labels"),
) -> Result:
    """Labels 0 to 19 (grey values) and background masks of people."""
    from PIL import Image

    from core.image import load_image
    from core.ripple.components import choose_parser
    from core.ripple.paper.masks import background

    files, (find, label) = pictures_of(inputs), choose_parser(parser, single_scale)

    def one(file: Path, progress: Progress) -> list[str]:
        labels = find(load_image(file), progress)
        out.mkdir(parents=True, exist_ok=True)
        made = {out / f"{file.stem}_gray.png": labels, out / f"{file.stem}_background.png": background(labels)}
        for path, picture in made.items():
            Image.fromarray(picture).save(path)
        return [str(path) for path in made]

    return {**each(files, one, progress), "parser": label}


@verb(app, "anna.jpg --out inversion")
def invert(
    inputs: Inputs,
    place: Place,
    progress: Progress,
    align: Annotated[bool, Option(help="find the face; off: the pictures are aligned faces")] = True,
    out: Folder = Path("inversions"),
    weights: Weights = "ripple-preview",
) -> Result:
    """What the weights make of a face, and its codes as .npy."""
    import numpy as np

    files, pipe, quality = pictures_of(inputs), _pipeline(place, weights), []
    options = RippleOptions(edit="inversion", align=align, clean=False, detail=0.0)

    def one(file: Path, progress: Progress) -> list[str]:
        prepared = pipe.prepare(file, options=options)
        result = pipe.edit(prepared, 0.0)
        out.mkdir(parents=True, exist_ok=True)
        picture, codes = out / f"{file.stem}_inversion.png", out / f"{file.stem}_codes.npy"
        result.plain.save(picture)
        np.save(codes, result.codes.numpy())
        quality.append(prepared.figures["inversion_psnr_db"])
        return [str(picture), str(codes)]

    made = each(files, one, progress)
    return {**made, "mean_psnr_db": sum(quality) / max(1, len(quality)), "weights": pipe.weights_label}


@verb(app, "autoencoder --data ../shared/data --out runs/autoencoder --steps 1000")
def train(
    part: Annotated[str, one_word_of(TRAINERS, "what to train; `train PART --list` shows its options")],
    progress: Progress,
    origin: Annotated[str | None, Option("--from", help="record folder whose networks training starts from")] = None,
    export: Annotated[
        Path | None, Option(callback=folder, help="record folder to write the trained networks to")
    ] = None,
    option: Annotated[list[str] | None, Option(metavar="NAME=VALUE", help="an option of the part")] = None,
    show: Annotated[bool, Option("--list", help="list the part's options and stop")] = False,
    data: Annotated[str | None, Option(help="same as --option data=VALUE, and so on")] = None,
    out: Annotated[str | None, Option()] = None,
    steps: Annotated[str | None, Option()] = None,
    batch: Annotated[str | None, Option()] = None,
    lr: Annotated[str | None, Option()] = None,
    seed: Annotated[str | None, Option()] = None,
    precision: Annotated[str | None, Option("--mixed-precision")] = None,
) -> Result:
    """Train one part until its steps are done, going on from the folder's newest checkpoint."""
    from core.ripple.training.run import list_options, run_part

    if show:
        return {"options": list_options(part)}
    named = {
        "data": data, "out": out, "steps": steps, "batch": batch, "lr": lr, "seed": seed, "mixed_precision": precision,
    }  # fmt: skip
    given = {name: value for name, value in named.items() if value is not None}
    for text in option or ():
        name, found, value = text.partition("=")
        if not found:
            raise OptionError(f"--option {text!r}: write NAME=VALUE")
        given[name.strip().replace("-", "_")] = value
    if origin and not Path(origin).is_dir():
        raise InputError(f"--from {origin} is no folder: name a record folder, such as weights/ripple-preview")
    return run_part(part, given, origin, export, progress)
