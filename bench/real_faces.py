"""Face morphs of real portraits and paintings: contact sheets to look at, landmarks missed and whether it is said, seconds.

Reads ../shared/real and ../shared/examples; without them there is nothing to measure and no row. Sheets show the first picture,
t = 0.25, 0.5, 0.75 and the second one; hairlines, outlines and collars are counted by eye on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from bench import Row, sheet_path
from core.errors import MorphospaceError
from core.image import load_image, to_pil
from core.implicit.options import ImplicitOptions
from core.implicit.pipeline import ImplicitMorphPipeline

SHARED = Path(__file__).parents[1] / "../shared"
FOLDERS = ("real/faces_celeba", "real/faces_ffhq", "real/portraits", "examples/portraits", "examples/people")
NAMED = (
    ("leonardo_mona_lisa", "vermeer_girl_with_a_pearl_earring"),
    ("van_gogh_self_portrait_1889", "raphael_baldassare_castiglione"),
    ("nasa_sally_ride", "nasa_eileen_collins"),
)
PAIRS = 20
TIMES = (0.0, 0.25, 0.5, 0.75, 1.0)
OPTIONS = ImplicitOptions(size_px=512)
FILM = 24
# Said beside the picture from this miss on.
MISSED_PX = 2.0


@dataclass(frozen=True)
class Job:
    """What came of one pair."""

    names: tuple[str, str]
    sheet: Path | None
    missed_px: float = 0.0
    outline_px: float = 0.0
    said: tuple[str, ...] = ()
    cpu_s: float = 0.0
    refused: str = ""
    largest_step: float = 0.0


def portraits() -> dict[str, Path]:
    """All pictures by name, in a fixed order that mixes the folders."""
    found = [path for folder in FOLDERS for path in sorted((SHARED / folder).glob("*.*g"))]
    order = np.random.RandomState(0).permutation(len(found))
    return {found[index].stem: found[index] for index in order}


def pairs() -> list[tuple[str, str]]:
    """The named pairs and neighbours in the order of `portraits`, those that no face is found in left out later."""
    names = [name for name in portraits() if "_full" not in name and "no_face" not in name]
    return [*NAMED, *pairwise(names)][: PAIRS + len(NAMED)]


def morph(names: tuple[str, str]) -> Job:
    """One pair at the defaults, with its contact sheet."""
    paths, pipe = portraits(), ImplicitMorphPipeline()
    pictures = [load_image(paths[name]) for name in names]
    try:
        prepared = pipe.prepare(*pictures, options=OPTIONS)
    except MorphospaceError as error:
        return Job(names, None, refused=str(error))
    spent = prepared.figures["fit_cpu_s"]
    frames = to_pil(pipe.render(prepared, TIMES))
    height = 400
    tiles = [picture.resize((round(picture.width * height / picture.height), height)) for picture in (pictures[0], *frames, pictures[1])]  # fmt: skip
    sheet = Image.new("RGB", (sum(tile.width for tile in tiles), height))
    left = 0
    for tile in tiles:
        sheet.paste(tile, (left, 0))
        left += tile.width
    path = sheet_path(f"faces-{names[0][:24]}-{names[1][:24]}")
    sheet.save(path)
    scale = 512 / max(frames[0].size)
    missed, outline = (prepared.figures[name] * scale for name in ("landmark_error_max_px", "outline_error_max_px"))
    # In one shape, so that what moves does not count.
    seen = pipe.render(prepared, [0.5] * FILM, appearance=np.linspace(0, 1, FILM).tolist()).diff(dim=0).abs()
    steps = seen.mean((1, 2, 3))
    return Job(names, path, missed, outline, prepared.notes, spent, largest_step=float(steps.max() / steps.mean()))


def rows() -> list[Row]:
    """Issue 17's table."""
    if not portraits():
        return []
    done = [morph(pair) for pair in pairs()]
    fitted = [job for job in done if not job.refused]
    missed = [job for job in fitted if max(job.missed_px, job.outline_px) > MISSED_PX]
    # Another note of the pair, on a turned face or a missing person, does not count.
    silent = [job for job in missed if not any("are missed by more than" in note for note in job.said)]
    steps = [job.largest_step for job in fitted]
    slowest = max(job.cpu_s for job in fitted)
    return [
        Row(f"real pairs morphed, of {len(done)}; the others are refused with a reason", "", f"{len(fitted)}"),
        Row("pairs with a point missed by more than 2 px of 512", "", f"{len(missed)}"),
        Row("of these, pairs where it is not said", "0", f"{len(silent)}", not silent),
        Row("worst miss, of the face, in px of 512", "", f"{max(job.missed_px for job in fitted):.1f}"),
        Row("worst miss, of the outline of head and shoulders", "", f"{max(job.outline_px for job in fitted):.1f}"),
        Row(
            f"largest step of a film of {FILM} frames beside the mean step, in one shape: median and worst pair",
            "<= 1.8",
            f"{np.median(steps):.1f}, {max(steps):.1f}",
            max(steps) <= 1.8,
        ),
        Row("CPU seconds of the fit, worst pair", "<= 2", f"{slowest:.2f}", slowest <= 2),
    ]
