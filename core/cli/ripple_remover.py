"""`python -m core ripple inpaint`: the object remover."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from core.cli.flags import PICTURES, Result, checked_file, each, verb
from core.errors import InputError, unknown_name
from core.progress import Progress
from core.ripple.options import INPAINTERS, REMOVER_SIDE_PX, RemoverOptions

app = typer.Typer(name="ripple")


@verb(app, "room.jpg --mask room_mask.png --out clean.png")
def inpaint(
    picture: Annotated[
        Path, Argument(help="a picture, or a folder of NAME.png beside NAME_mask*.png as LaMa reads it")
    ],
    progress: Progress,
    seam: RemoverOptions,
    mask: Annotated[Path | None, Option(help="white or grey = hole; not needed for a folder")] = None,
    inpainter: Annotated[str, Option(help="auto, lama, patches, opencv, or diffusers:<hub id or folder>")] = "auto",
    out: Annotated[Path, Option(help="a picture, or a folder")] = Path("inpainted.png"),
) -> Result:
    """Repaint what a mask covers; the picture keeps its size, and beyond the mask and its feather its pixels."""
    import numpy as np

    from core.image import load_image
    from core.ripple.components import choose_inpainter
    from core.ripple.methods.repainting.removal import remove_object

    if not inpainter.startswith("diffusers:") and inpainter not in INPAINTERS:
        raise unknown_name("inpainter", inpainter, (*INPAINTERS, "diffusers:<hub id or folder>"))
    jobs, notes = _inpainting_jobs(picture, mask, out), dict[str, list[str]]()
    fill, label = choose_inpainter(inpainter)

    def one(job: tuple[Path, Path, Path], progress: Progress) -> list[str]:
        source, hole, target = job
        whole, covered = (load_image(file, max_side_px=REMOVER_SIDE_PX) for file in (source, hole))
        result, notes[str(target)] = remove_object(whole, np.asarray(covered.convert("L")), fill, seam, progress)
        target.parent.mkdir(parents=True, exist_ok=True)
        result.save(target)
        return [str(target)]

    return {**each(jobs, one, progress), "inpainter": label, "notes": notes}


def _inpainting_jobs(source: Path, mask: Path | None, out: Path) -> list[tuple[Path, Path, Path]]:
    if not source.is_dir():
        if mask is None:
            raise InputError("the mask is missing: add --mask PICTURE, white where it shall be repainted")
        return [(source, mask, checked_file(out, PICTURES))]
    target = out.with_suffix("") if out.suffix else out
    holes = sorted(source.rglob("*mask*.png"))
    jobs = [(hole.with_name(hole.stem.rpartition("_mask")[0] + ".png"), hole, target / hole.name) for hole in holes]
    if not jobs:
        raise InputError(f"{source} needs NAME.png beside every NAME_mask.png; missing: all masks")
    return jobs
