"""`python -m core ripple`: pose and other edits of portraits, ripple masks, parsing, inpainting, inversion, training."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError, OptionError
from core.ripple.options import PARSERS, TRAINERS

if TYPE_CHECKING:
    from core.ripple.pipeline import RipplePipeline, RippleResult

FLAGS = ("data", "out", "steps", "batch", "lr", "seed", "mixed_precision")
SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".tif", ".tiff", ".webp")
EPILOG = """examples:
  python -m core ripple edit anna.jpg --degrees -3 0 3 --out results
  python -m core ripple edit photos/ --edit age --degrees 2 --out results      (a folder, searched recursively)
  python -m core ripple inpaint room.jpg --mask room_mask.png --out clean.png  (remove an object)
  python -m core ripple parse photos/ --out labels --parser graphonomy
  python -m core ripple edit photos/ --degrees 3 --limit 10 --masks --output-px 256 --mask-rule xor --mask-side auto \\
      --mask-from parsing --parser graphonomy --inpainter lama --close-px 0 --dilate-px 0 --feather-px 0 \\
      --no-hide-person --no-align --weights ripple-hfgi --out results                                       (the thesis' chain, as its script runs it)"""


def add_commands(subparsers: Any) -> None:
    """Add `ripple` with its verbs."""
    system = subparsers.add_parser(
        "ripple", help="turn a head without a ghost (HFGI, Graphonomy, LaMa)", epilog=EPILOG,
        description="Edit a face and repaint what the old head leaves behind.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    verbs = system.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_edit(verbs)
    _add_mask(verbs)
    _add_parse(verbs)
    _add_inpaint(verbs)
    _add_invert(verbs)
    _add_train(verbs)
    _add_calibrate(verbs)


def _verb(
    verbs: Any, name: str, text: str, run: Callable[[argparse.Namespace], Any], example: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".",
        epilog=f"example:\n  python -m core ripple {name} {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.set_defaults(run=run)
    return parser


def _add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--weights", default="ripple-preview", help="ripple-preview or ripple-hfgi (default: %(default)s)"
    )
    parser.add_argument("--checkpoint", default=None, help="a folder or hub id with converted weights")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")


def _add_edit(verbs: Any) -> None:
    from core.options import add_flags
    from core.ripple.options import RippleOptions

    parser = _verb(verbs, "edit", "edit one picture or all of a folder, at one or more degrees", edit,
                   "anna.jpg --degrees -3 -1.5 0 1.5 3 --out results")  # fmt: skip
    parser.add_argument("inputs", nargs="+", help="pictures or folders")
    parser.add_argument("--degrees", nargs="+", default=["3"], help="one or more, such as -3 0 3 (default: 3)")
    parser.add_argument("--limit", type=int, default=None, help="at most so many pictures")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder (default: %(default)s)")
    parser.add_argument(
        "--video", action="store_true", help="also a video from --degree-from to --degree-to per picture"
    )
    parser.add_argument(
        "--masks", action="store_true",
        help="also write the parsed backgrounds, into original_mask and EDIT_mask as the thesis' script does",
    )  # fmt: skip
    add_flags(parser.add_argument_group("edit"), RippleOptions)
    _add_weights(parser)


def _add_mask(verbs: Any) -> None:
    parser = _verb(verbs, "mask", "the ripple mask from two background masks (white = background)", mask,
                   "original.png edited.png --rule xor --side left --out ripple.png")  # fmt: skip
    parser.add_argument("original", help="background of the inversion, or a folder of them")
    parser.add_argument("edited", help="background of the edited picture, or a folder with the same names")
    parser.add_argument("--rule", default="xor", choices=("xor", "uncovered"), help="xor is the thesis' mask (default)")
    parser.add_argument(
        "--side", default="left", choices=("left", "right", "both"), help="the half that is kept (default: left)"
    )
    parser.add_argument("--open-px", type=int, default=0, help="specks up to this radius go")
    parser.add_argument("--close-px", type=int, default=0, help="pinholes up to this radius close")
    parser.add_argument("--dilate-px", type=int, default=0, help="the mask grows by this radius")
    parser.add_argument(
        "--pictures",
        nargs=2,
        metavar=("INVERSION", "EDITED"),
        help="also write the published script's collage of these",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("ripple.png"),
        help="the mask, white = hole; a folder for folders (default: %(default)s)",
    )  # fmt: skip


def _add_parse(verbs: Any) -> None:
    parser = _verb(
        verbs,
        "parse",
        "labels 0 to 19 and background masks of people",
        parse,
        "photos/ --out labels --parser mediapipe",
    )
    parser.add_argument("inputs", nargs="+", help="pictures or folders")
    parser.add_argument("--parser", default="auto", choices=PARSERS, help="default: %(default)s")
    parser.add_argument("--single-scale", action="store_true", help="one size instead of six")
    parser.add_argument("--out", type=Path, default=Path("labels"), help="folder (default: %(default)s)")


def _add_inpaint(verbs: Any) -> None:
    parser = _verb(
        verbs, "inpaint", "repaint what a mask covers", inpaint, "room.jpg --mask room_mask.png --out clean.png"
    )
    parser.add_argument("picture", help="a picture, or a folder of NAME.png beside NAME_mask*.png as LaMa reads it")
    parser.add_argument("--mask", default=None, help="white or grey = hole; not needed for a folder")
    parser.add_argument(
        "--inpainter", default="auto", help="auto, lama, preview, opencv, or diffusers:<hub id or folder>"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("inpainted.png"), help="a picture, or a folder (default: %(default)s)"
    )


def _add_invert(verbs: Any) -> None:
    parser = _verb(
        verbs, "invert", "what the weights make of a face, and its codes", invert, "anna.jpg --out inversion"
    )
    parser.add_argument("inputs", nargs="+", help="pictures or folders")
    parser.add_argument("--no-align", dest="align", action="store_false", help="the pictures are aligned faces")
    parser.add_argument("--out", type=Path, default=Path("inversions"), help="folder (default: %(default)s)")
    _add_weights(parser)


def _add_train(verbs: Any) -> None:
    parser = verbs.add_parser(
        "train", help="train one part", description="Train one part; --help of a part lists its options."
    )
    parts = parser.add_subparsers(dest="part", required=True, metavar="PART")
    for name in TRAINERS:
        part = parts.add_parser(
            name, help=f"the {name}", formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog=f"example:\n  python -m core ripple train {name} --data ../shared/data --out runs/{name} --steps 1000",
        )  # fmt: skip
        # the options live beside the networks: their flags are read when the part is chosen
        part.set_defaults(run=train)
        part.add_argument(
            "--from", dest="origin", default=None, help="record folder whose networks training starts from"
        )
        part.add_argument("--export", type=Path, default=None, help="record folder to write the trained networks to")
        part.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="an option of the part; --list shows them",
        )
        part.add_argument("--list", action="store_true", help="list the part's options and stop")
        for flag in ("data", "out"):
            part.add_argument(f"--{flag}", default=None, help=f"same as --option {flag}=VALUE")
        for flag in ("steps", "batch", "lr", "seed", "mixed-precision"):
            part.add_argument(f"--{flag}", default=None, help=f"same as --option {flag.replace('-', '_')}=VALUE")


def _add_calibrate(verbs: Any) -> None:
    parser = _verb(
        verbs, "calibrate", "after training, make heads turn by as many degrees as they are asked to", calibrate,
        "weights/ripple-preview --data ../shared/data",
    )  # fmt: skip
    parser.add_argument("record", type=Path, help="record folder with a pre-aligner; changed in place")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with heads.zip")
    parser.add_argument("--heads", type=int, default=40, help="rendered heads to measure on (default: %(default)s)")


def pictures_of(inputs: list[str]) -> list[Path]:
    """Files as they are; folders searched recursively, sorted."""
    found: list[Path] = []
    for text in inputs:
        path = Path(text)
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise InputError(f"{path} holds no pictures ({', '.join(SUFFIXES)})")
        found += inside
    return found


def degree_list(texts: list[str]) -> list[float]:
    """The numbers of texts such as -3 or 0,3."""
    try:
        return [float(part) for text in texts for part in text.split(",") if part.strip()]
    except ValueError:
        raise OptionError(f"degrees are {' '.join(texts)!r}: give numbers, such as -3 0 3") from None


def _pipeline(args: argparse.Namespace) -> RipplePipeline:
    from core.ripple.pipeline import RipplePipeline

    return RipplePipeline.from_record(args.weights, args.checkpoint, args.device)


def edit(args: argparse.Namespace) -> dict[str, Any]:
    """Every picture at every degree; one face is inverted once."""
    from core.options import from_args
    from core.progress import TqdmProgress, part_of
    from core.ripple.options import RippleOptions

    options, degrees, pipe = from_args(RippleOptions, args), degree_list(args.degrees), _pipeline(args)
    files, written = pictures_of(args.inputs)[: args.limit], []
    folder = args.out / options.edit
    folder.mkdir(parents=True, exist_ok=True)
    with TqdmProgress(quiet=args.json) as bar:
        for index, file in enumerate(files):
            share = part_of(bar, index / len(files), (index + 1) / len(files))
            prepared = pipe.prepare(file, options=options, progress=part_of(share, 0, 0.4))
            for degree in degrees:
                result = pipe.edit(prepared, degree, progress=part_of(share, 0.4, 0.9))
                stem = f"{index:05d}_{file.stem}_{degree:+g}"
                for kind in ("plain", "mask", "clean", "whole"):
                    path = folder / f"{stem}_{kind}.png"
                    getattr(result, kind).save(path)
                    written.append(str(path))
                if args.masks:
                    written += _parsed(result, args.out, options.edit, f"{stem}.png")
            if args.video:
                written.append(_video(pipe, prepared, folder / f"{index:05d}_{file.stem}.mp4", share))
    return {"written": written, "pictures": len(files), "degrees": degrees, "weights": pipe.parts_label(options)}


def _parsed(result: RippleResult, out: Path, edit: str, name: str) -> list[str]:
    """Backgrounds before and after, where something was cleaned; white = background."""
    written = []
    for kind, picture in (("original", result.before), (edit, result.after)):
        if picture is not None:
            path = out / f"{kind}_mask" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
            written.append(str(path))
    return written


def _video(pipe: RipplePipeline, prepared: Any, path: Path, progress: Any) -> str:
    from core.options import to_query
    from core.timeline import Timeline
    from core.video import write_video

    timeline = Timeline()
    settings = {"system": "ripple", **to_query(prepared.options), **to_query(timeline)}
    return str(write_video(pipe.frames(prepared, timeline, progress=progress), path, timeline.fps, settings))


def mask(args: argparse.Namespace) -> dict[str, Any]:
    """Two parse pictures, or two folders of them, to the hole."""
    import numpy as np
    from PIL import Image

    from core.image import load_image
    from core.ripple.methods.repainting.masks import find_ripple, refine_mask
    from core.ripple.paper.masks import collage

    written, shares = [], []
    for original, edited, pictures, out in _mask_jobs(args):
        before, after = (np.asarray(load_image(path)) for path in (original, edited))
        found = find_ripple(before, after, args.rule, args.side)
        found = refine_mask(found, args.open_px, args.close_px, args.dilate_px)
        out.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(found).save(out)
        written.append(str(out))
        shares.append(float((found > 0).mean()))
        if pictures:
            parts = collage(before, after, *(np.asarray(load_image(path)) for path in pictures))
            for name, picture in zip(("fg", "bg", "collage"), parts, strict=True):
                path = out.with_name(f"{out.stem}_{name}.png")
                Image.fromarray(picture).save(path)
                written.append(str(path))
    return {"written": written, "ripple_share": sum(shares) / len(shares)}


def _mask_jobs(args: argparse.Namespace) -> list[tuple[Path, Path, list[Path], Path]]:
    """Backgrounds before and after, the pictures of the collage, and where the mask goes; folders pair by name."""
    places = [Path(path) for path in (args.original, args.edited, *(args.pictures or ()))]
    if not any(path.is_dir() for path in places):
        return [(places[0], places[1], places[2:], args.out)]
    names = [path.relative_to(places[0]) for path in pictures_of([str(places[0])])] if places[0].is_dir() else []
    missing = [str(folder / name) for folder in places[1:] for name in names if not (folder / name).is_file()]
    if missing or not names:
        raise InputError(
            f"folders need the same names in all of them; missing: {', '.join(missing[:5]) or 'a folder of originals'}"
        )
    out = args.out.with_suffix("") if args.out.suffix else args.out
    found = [[folder / name for folder in places] for name in names]
    return [
        (before, after, more, out / name.with_suffix(".png"))
        for name, (before, after, *more) in zip(names, found, strict=True)
    ]


def parse(args: argparse.Namespace) -> dict[str, Any]:
    """Label pictures (grey values 0 to 19) and background masks."""
    from PIL import Image

    from core.image import load_image
    from core.progress import TqdmProgress, part_of
    from core.ripple.components import choose_parser
    from core.ripple.paper.masks import background

    parser, label = choose_parser(args.parser, args.single_scale)
    files, written = pictures_of(args.inputs), []
    args.out.mkdir(parents=True, exist_ok=True)
    with TqdmProgress(quiet=args.json) as bar:
        for index, file in enumerate(files):
            labels = parser(load_image(file), part_of(bar, index / len(files), (index + 1) / len(files)))
            for name, picture in (("gray", labels), ("background", background(labels))):
                path = args.out / f"{file.stem}_{name}.png"
                Image.fromarray(picture).save(path)
                written.append(str(path))
    return {"written": written, "parser": label}


def inpaint(args: argparse.Namespace) -> dict[str, Any]:
    """One picture and its mask, or a folder of them."""
    import numpy as np

    from core.image import load_image
    from core.progress import TqdmProgress, part_of
    from core.ripple.components import choose_inpainter

    fill, label = choose_inpainter(args.inpainter)
    jobs, written = _inpainting_jobs(args), []
    with TqdmProgress(quiet=args.json) as bar:
        for index, (picture, hole, out) in enumerate(jobs):
            seen = np.asarray(load_image(hole).convert("L"))
            result = fill(load_image(picture), seen, part_of(bar, index / len(jobs), (index + 1) / len(jobs)))
            out.parent.mkdir(parents=True, exist_ok=True)
            result.save(out)
            written.append(str(out))
    return {"written": written, "inpainter": label}


def _inpainting_jobs(args: argparse.Namespace) -> list[tuple[Path, Path, Path]]:
    source = Path(args.picture)
    if not source.is_dir():
        if args.mask is None:
            raise InputError("the mask is missing: add --mask PICTURE, white where it shall be repainted")
        return [(source, Path(args.mask), args.out)]
    folder = args.out.with_suffix("") if args.out.suffix else args.out
    masks = sorted(source.rglob("*mask*.png"))
    jobs = [(hole.with_name(hole.stem.rpartition("_mask")[0] + ".png"), hole, folder / hole.name) for hole in masks]
    missing = [str(picture) for picture, _, _ in jobs if not picture.is_file()]
    if missing or not jobs:
        raise InputError(
            f"{source} needs NAME.png beside every NAME_mask.png; missing: {', '.join(missing) or 'all masks'}"
        )
    return jobs


def invert(args: argparse.Namespace) -> dict[str, Any]:
    """The inversion's picture, and codes as .npy."""
    import numpy as np

    from core.ripple.options import RippleOptions

    pipe, written, quality = _pipeline(args), [], []
    options = RippleOptions(edit="inversion", align=args.align, clean=False, detail=0.0)
    args.out.mkdir(parents=True, exist_ok=True)
    for file in pictures_of(args.inputs):
        prepared = pipe.prepare(file, options=options)
        result = pipe.edit(prepared, 0.0)
        result.plain.save(args.out / f"{file.stem}_inversion.png")
        np.save(args.out / f"{file.stem}_codes.npy", result.codes.numpy())
        written += [str(args.out / f"{file.stem}_inversion.png"), str(args.out / f"{file.stem}_codes.npy")]
        quality.append(prepared.figures["inversion_psnr_db"])
    return {"written": written, "mean_psnr_db": sum(quality) / len(quality), "weights": pipe.weights_label}


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Train one part until its steps are done, going on from the folder's newest checkpoint."""
    from core.progress import TqdmProgress
    from core.ripple.training.run import list_options, run_part

    if args.list:
        return {"options": list_options(args.part)}
    named = {name: getattr(args, name) for name in FLAGS}
    given = {name: value for name, value in named.items() if value is not None}
    for text in args.option:
        name, found, value = text.partition("=")
        if not found:
            raise OptionError(f"--option {text!r}: write NAME=VALUE")
        given[name.strip().replace("-", "_")] = value
    with TqdmProgress(quiet=args.json) as bar:
        return run_part(args.part, given, args.origin, args.export, bar)


def calibrate(args: argparse.Namespace) -> dict[str, Any]:
    """Measure how far known points move on training heads, and scale the pre-aligner's flow to one."""
    from core.ripple.training.calibrate import calibrate as calibrate_record

    return calibrate_record(args.record, args.data, args.heads)
