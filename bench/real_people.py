"""Real people: ten photos in the five poses that each bears best, cut out and moved in place (needs ../shared/real or ../shared/examples)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from bench import Row, sheet_path
from core.errors import MorphospaceError
from core.gfla.methods.puppet.offers import offers
from core.gfla.methods.puppet.puppet import make_puppet
from core.gfla.methods.retargeting import framing
from core.gfla.paper import pose
from core.gfla.pipeline import PosePipeline, PosePrepared
from core.image import Box, crop_box, load_image

SHARED = Path(__file__).parents[2] / "shared"
POSES = 5
PHOTOS = 10
SHOWN_PX = 560
# Hands, hair and the mended rim reach beyond joints and cut-out by no more than this share of the frame's height.
REACH = 0.25


def photos() -> list[Path]:
    """The photos of people that are there, in the order in which they are taken until ten bear five poses."""
    real, ours = (sorted((SHARED / folder / "people").glob("*.*")) for folder in ("real", "examples"))
    whole = [file for file in ours if file.stem.endswith("_full")]
    first = PHOTOS - len(whole)
    return [*real[:first], *whole, *real[first:], *(file for file in ours if file not in whole)]


def rows() -> list[Row]:
    """Bit-equality away from the person, limbs that follow, and a sheet to count good and bad by eye."""
    files = photos()
    if not files:
        return [Row("real people", "", "not measured: ../shared is absent")]
    pipe = PosePipeline.from_record("gfla-people", device="cpu")
    equal, moved, refused, still = [], [], [], []
    for file in files:
        if len(moved) == PHOTOS:
            break
        picture = load_image(file)
        try:
            people, index = pipe.among(picture, None, 1)
            puppet = make_puppet(picture, people, index)
            shown = [item for item in offers(puppet) if not item.reason][:POSES]
            if len(shown) < POSES:
                still.append(f"{file.stem}: {len(shown)}")
                continue
            prepared = pipe.prepare(picture, *(item.name for item in shown))
        except MorphospaceError as error:
            refused.append(f"{file.stem}: {error}")
            continue
        ways = [framing.out_of_frame(points, prepared.box, pipe.size_hw) for points in prepared.path[1:]]
        # Each alone, as the page shows them: what does not move apart in a pose stays joined.
        limbs = [puppet.limbs_of([way]) for way in ways]
        results = [pipe.moved(prepared, puppet, at, only) for at, only in zip(prepared.path[1:], limbs, strict=True)]
        equal += [far_equal(picture, result, prepared, way) for result, way in zip(results, ways, strict=True)]
        moved.append(len(prepared.puppet.moving))
        strip(picture, prepared, results, [item.caption for item in shown]).save(
            sheet_path(f"real_people_{len(moved):02d}")
        )
    return [
        Row("photos that bear five poses, until ten", "10", f"{len(moved)}{said(refused)}", len(moved) == PHOTOS),
        Row(
            "photos passed over, that bear fewer than five poses: the page says why",
            "",
            f"{len(still)} ({', '.join(still)})",
        ),
        Row("pixels far from the person equal to the bit", "all", f"{np.mean(equal):.4f}", min(equal) == 1),
        Row("limbs that follow a pose, of 4", "", f"{np.mean(moved):.1f} in the mean"),
    ]


def said(refused: list[str]) -> str:
    """The refusals in brackets."""
    return f" ({'; '.join(refused)})" if refused else ""


def far_equal(picture: Image.Image, result: Image.Image, prepared: PosePrepared, places: np.ndarray) -> float:
    """The share of pixels away from where the person was and where its joints (18, 2) are now that are as they were."""
    before, after = np.asarray(picture), np.asarray(result)
    own = np.argwhere(prepared.hole > 0)[:, ::-1]
    covered = np.concatenate([own, places[pose.present(places)]])
    reach = REACH * prepared.box.height
    (left, top), (right, bottom) = covered.min(0) - reach, covered.max(0) + reach
    rows, columns = np.mgrid[: before.shape[0], : before.shape[1]]
    far = (columns < left) | (columns > right) | (rows < top) | (rows > bottom)
    return float((before[far] == after[far]).mean()) if far.any() else 1.0


def strip(picture: Image.Image, prepared: PosePrepared, results: list[Image.Image], names: list[str]) -> Image.Image:
    """Photo and results in two lines round the person, with what was said below."""
    box = prepared.box
    reach = 0.25 * box.height
    part = Box(
        max(0, box.left - reach),
        max(0, box.top),
        min(picture.width, box.right + reach),
        min(picture.height, box.bottom),
    )
    size = (max(1, round(part.width * SHOWN_PX / part.height)), SHOWN_PX)
    tiles = [("photo", picture), *zip(names, results, strict=True)]
    whole = Image.new("RGB", (size[0] * 3, 2 * SHOWN_PX + 16), "white")
    for number, (name, tile) in enumerate(tiles):
        place = (number % 3 * size[0], number // 3 * SHOWN_PX)
        whole.paste(crop_box(tile, part, size), place)
        ImageDraw.Draw(whole).text((place[0] + 4, place[1] + 4), name, fill="red", stroke_width=2, stroke_fill="white")
    ImageDraw.Draw(whole).text((4, 2 * SHOWN_PX + 2), " ".join(prepared.notes), fill="black")
    return whole
