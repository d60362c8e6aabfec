"""Real photos of cats and dogs, and of what is neither: what is found, what is refused, and middles to look at (needs ../shared/real).

Heads: of photos of cats and dogs, how many have a head found; of portraits, people, paintings, streets and Kodak photos, how many are
refused; both by `find_heads`, as the tab does. Boxes are drawn on a sheet and judged by eye.
Middles: pairs of real photos in a fixed random order, at 0, a quarter, a half, three quarters and 1, on a sheet, to be counted by this
rule: good shows one outline, two ears, two eyes and no streak; bad shows two of something, or a torn face; all else is passable.
Clips: every other frame made from its neighbours, against their mean, in two clips in which things move.
Speed: 24 frames at 512 px from two prepared photos.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from bench import Row, seconds, sheet_path
from core.animals.head_alignment.detector import find_heads
from core.crossbreed.options import CrossbreedOptions
from core.crossbreed.pipeline import CrossbreedPipeline
from core.crossbreed.sheet import tile
from core.errors import InputError
from core.image import limit_size, load_image, to_pil, to_tensor
from core.metrics import psnr
from core.ops.motion import pictures_between
from core.timeline import Timeline
from core.video import read_video

SHARED = Path(__file__).parents[2] / "shared"
REAL = SHARED / "real"
PETS = ("cats_flickr", "dogs_flickr", "dogs_crossbreed")
OTHERS = ("portraits", "people", "faces_celeba", "faces_ffhq", "style_content", "style_style", "car-turn")
# Of the folder `pets`: other animals, and dogs without a face.
NO_PETS = ("17", "19", "21", "23", "25", "27", "29", "31", "33")
PAIRS, SIZE_PX, CELL_PX, PER_ROW = 20, 256, 192, 10
CLIP_PX = 448
LINE = (0.0, 0.25, 0.5, 0.75, 1.0)


def cats_and_dogs() -> list[Path]:
    """Photos with the head of a cat or dog."""
    files = [file for folder in PETS for file in sorted((REAL / folder).iterdir())]
    files += [file for file in sorted((REAL / "pets").iterdir()) if file.name[:2] not in NO_PETS]
    return files + sorted((SHARED / "examples" / "pets").glob("*.jpg"))


def others() -> Iterator[tuple[str, Image.Image]]:
    """Pictures without a cat or dog, by name."""
    for folder in (
        *(REAL / name for name in OTHERS),
        *(SHARED / "examples" / n for n in ("portraits", "scenes", "styles")),
    ):
        for file in sorted(folder.iterdir()):
            yield file.name, load_image(file)
    with zipfile.ZipFile(SHARED / "data" / "content.zip") as archive:
        for name in sorted(set(archive.namelist()) - {"chelsea.jpg"}):
            yield name, load_image(Image.open(io.BytesIO(archive.read(name))))


def with_boxes(picture: Image.Image) -> tuple[Image.Image, bool]:
    """The picture, small, with a box around each head, and whether there is one."""
    shown, heads = picture.convert("RGB"), find_heads(picture)
    draw = ImageDraw.Draw(shown)
    for index, head in enumerate(heads):
        draw.rectangle(tuple(head.box), outline="yellow" if index else "lime", width=max(2, max(shown.size) // 100))
    cell = Image.new("RGB", (CELL_PX, CELL_PX))
    cell.paste(limit_size(shown, CELL_PX))
    return cell, bool(heads)


def write_boxes(cells: list[Image.Image], name: str) -> None:
    """A sheet of pictures with boxes."""
    sheet = Image.new("RGB", (PER_ROW * CELL_PX, -(-len(cells) // PER_ROW) * CELL_PX))
    for index, cell in enumerate(cells):
        sheet.paste(cell, (index % PER_ROW * CELL_PX, index // PER_ROW * CELL_PX))
    sheet.save(sheet_path(name))


def head_rows() -> list[Row]:
    """Found and refused."""
    pets = [with_boxes(load_image(file)) for file in cats_and_dogs()]
    rest = [with_boxes(picture) for _, picture in others()]
    for name, cells in (("real_animals_found", pets), ("real_animals_others", rest)):
        write_boxes([cell for cell, _ in cells], name)
    found, refused = sum(hit for _, hit in pets), sum(not hit for _, hit in rest)
    return [
        Row("real photos of cats and dogs with a head found", ">= 97 %", f"{found} of {len(pets)}", found >= 0.97 * len(pets)),
        Row("real pictures without cat or dog refused", ">= 97 %", f"{refused} of {len(rest)}", refused >= 0.97 * len(rest)),
    ]  # fmt: skip


def pairs() -> list[tuple[Path, Path]]:
    """Pairs of real photos in a fixed random order."""
    files = cats_and_dogs()
    order = np.random.default_rng(1).permutation(len(files))
    return [(files[a], files[b]) for a, b in zip(order[::2], order[1::2], strict=False)][:PAIRS]


def morph_rows(pipe: CrossbreedPipeline) -> list[Row]:
    """Sheets of the middles, and the speed."""
    shown, refused = [], 0
    for pair in pairs():
        try:
            prepared = pipe.prepare(*pair, options=CrossbreedOptions(size_px=SIZE_PX))
        except InputError:
            refused += 1
            continue
        shown.append(pipe.render(prepared, LINE))
    for first in range(0, len(shown), 7):
        to_pil(tile(torch.stack(shown[first : first + 7])))[0].save(sheet_path(f"real_animals_{first // 7 + 1}"))
    large = pipe.prepare(*pairs()[0], options=CrossbreedOptions(size_px=512))
    (taken,) = seconds(lambda: list(pipe.frames(large, Timeline(frames=24))), repeats=3)
    return [
        Row("pairs of real photos on sheets, refused", "", f"{len(shown)}, {refused}"),
        Row("24 frames at 512 px from two prepared photos", "<= 4 s", f"{taken:.1f} s", taken <= 4),
    ]


def clip_rows() -> list[Row]:
    """Frames between those of a clip, against the mean of their neighbours."""
    found = []
    for file in (
        REAL / "video" / "01_person_jumping_50fps_audio.mp4",
        SHARED / "data" / "video" / "bigbuckbunny_5s.mp4",
    ):
        frames = [
            np.asarray(limit_size(frame, CLIP_PX))
            for frame, _ in zip(read_video(file).frames(), range(60), strict=False)
        ]
        gains = []
        for at in range(20, len(frames) - 2, 8):
            before, wanted, after = (to_tensor(Image.fromarray(frame)) for frame in frames[at : at + 3])
            (made,) = pictures_between(frames[at], frames[at + 2], 2)
            gains.append((psnr(to_tensor(Image.fromarray(made)), wanted), psnr((before + after) / 2, wanted)))
        made_db, mean_db = np.mean(gains, 0)
        text = f"{made_db:.1f} dB against {mean_db:.1f} dB"
        found.append(Row(f"frames between, {file.stem}, against the mean", ">= +4 dB", text, made_db >= mean_db + 4))
    return found


def rows() -> list[Row]:
    """Measure."""
    if not REAL.is_dir():
        return [Row("real photos", "", "not measured: ../shared/real is absent")]
    pipe = CrossbreedPipeline.from_record(device="cpu", precision="float32")
    return [*head_rows(), *morph_rows(pipe), *clip_rows()]
