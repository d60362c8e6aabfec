"""SDL on real pictures: ageing, toon, style and morphs of animals, with sheets to look at.

The pictures lie in ../shared/real and ../shared/examples and are never shipped; whether a picture is good is judged by
eye on the sheets (see docs/sdl.md for the rule), what is measured here is what can be.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bench import Row, sheet_path
from core.detect.faces import detect_faces
from core.errors import MorphospaceError, NothingFoundError
from core.image import limit_size, load_image, to_pil
from core.sdl.methods.drawing.drawing import DrawingLayers
from core.sdl.options import SDLOptions
from core.sdl.pipeline import SDLPipeline

SHARED = Path(__file__).parents[2] / "shared"
REAL, SHIPPABLE = SHARED / "real", SHARED / "examples"
PORTRAITS = ("real/faces_ffhq", "real/faces_celeba", "real/portraits", "examples/people")
PHOTOS = ("real/faces_ffhq", "real/style_content", "examples/scenes", "examples/pets", "examples/people")
CONTENTS, STYLES = ("real/style_content", "examples/scenes"), ("real/style_style", "examples/styles")
# Sides of the squares in which smooth areas are looked for, how many of the smoothest count, and which waves of the
# painter's stride of 4 pixels are its grid: in cycles by 64 pixels.
TILE_PX, SMOOTHEST, GRID = 64, 12, ((16, 0), (0, 16), (16, 16), (32, 0), (0, 32), (32, 32))
# Ink below this is no contour.
NO_INK = 0.02
# How far from a face a head with long hair reaches, in face heights: beyond nothing may change.
HEAD_REACH = (1.3, 1.5, 1.3, 1.5)


def pictures(folders: tuple[str, ...], most: int) -> list[Path]:
    """Files of the folders in turn, at most so many."""
    rows = [sorted(path for path in (SHARED / folder).glob("*") if path.suffix != ".md") for folder in folders]
    longest = max((len(row) for row in rows), default=0)
    return [row[number] for number in range(longest) for row in rows if number < len(row)][:most]


def save_sheet(name: str, rows: list[list[np.ndarray]], side_px: int = 640) -> None:
    """Rows of pictures below one another, each of one height."""
    strips = []
    for row in rows:
        shown = [Image.fromarray(item) for item in row]
        shown = [item.resize((max(1, round(item.width * side_px / item.height)), side_px)) for item in shown]
        strips.append(np.concatenate([np.asarray(item) for item in shown], 1))
    width = max(strip.shape[1] for strip in strips)
    padded = [np.pad(strip, ((0, 0), (0, width - strip.shape[1]), (0, 0))) for strip in strips]
    Image.fromarray(np.concatenate(padded)).save(sheet_path(name))


def levels(picture: torch.Tensor) -> np.ndarray:
    """(H, W, 3) uint8 of (3, H, W) in [0, 1]."""
    return np.asarray(to_pil(picture)[0])


def ageing(most: int = 20) -> list[Row]:
    """What changes outside of head and neck, and whether t = 0 is the photo."""
    pipe, far, kept, sheet, refused = SDLPipeline.from_record("face-retouch"), 0, 0, [], []
    for file in pictures(PORTRAITS, 40):
        if len(sheet) == most:
            break
        photo = load_image(file).convert("RGB")
        try:
            box = detect_faces(photo)[0].box
            prepared = pipe.prepare(photo)
        except NothingFoundError:
            refused.append(file.name)
            continue
        young, same, old = (levels(item) for item in pipe.render(prepared, [-1.0, 0.0, 1.0]))
        source = np.asarray(photo)
        kept += int(np.array_equal(same, source))
        left, up, right, down = HEAD_REACH
        height, (x, y) = max(box.height, 1.1 * box.width), ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        head = np.s_[
            max(0, int(y - up * height)) : int(y + down * height),
            max(0, int(x - left * height)) : int(x + right * height),
        ]
        outside = np.ones(source.shape[:2], bool)
        outside[head] = False
        far += int(((old != source) | (young != source)).any(2)[outside].sum())
        # The head alone, as large as the sheet allows: of a small one in a large picture nothing would be seen.
        sheet.append([item[head] for item in (source, young, old)])
    for start in range(0, len(sheet), 5):
        save_sheet(f"real-age-{start // 5}", sheet[start : start + 5])
    count = len(sheet)
    return [
        Row(f"ageing: pixels that change far from the head, {count} portraits", "0", f"{far}", far == 0),
        Row("ageing: t = 0 is the photo to the bit, at its own size", "all", f"{kept} of {count}", kept == count),
        Row("ageing: pictures without a face are refused", "stated", f"{len(refused)}"),
    ]  # fmt: skip


def toon(most: int = 12) -> list[Row]:
    """Sheets of both looks, and how few colours cover a drawing."""
    pipe, sheet, shares = SDLPipeline.from_record("drawing"), [], []
    for file in pictures(PHOTOS, most):
        photo = limit_size(load_image(file).convert("RGB"), 1024)
        comic, flat = (pipe.prepare(photo, options=SDLOptions(look=look)) for look in ("comic", "flat"))
        row = [levels(pipe.render(drawn, [1.0])[0]) for drawn in (comic, flat)]
        # Contours are shades of what they bound, and not counted.
        assert isinstance(flat.layers, DrawingLayers)
        _, counts = np.unique(row[1][flat.layers.ink < NO_INK], axis=0, return_counts=True)
        shares.append(float(np.sort(counts)[-16:].sum() / counts.sum()))
        sheet.append([np.asarray(photo), *row])
    for start in range(0, len(sheet), 4):
        save_sheet(f"real-toon-{start // 4}", sheet[start : start + 4])
    return [
        Row(f"toon, flat: pixels beside contours that the 16 most frequent colours cover, {len(sheet)} photos, least", ">= 80 %",
            f"{100 * min(shares):.0f} %", min(shares) >= 0.8)
    ]  # fmt: skip


def style(most: int = 12) -> list[Row]:
    """Energy of the painter's grid in smooth areas by what the content has there itself."""
    pipe, sheet, found = SDLPipeline.from_record("sdl-style", precision="float32"), [], {True: [], False: []}
    for content, painting in pairs(most):
        photo, other = (limit_size(load_image(file).convert("RGB"), 1024) for file in (content, painting))
        places = smooth_places(np.asarray(photo).mean(2))
        own = grid_energy(np.asarray(photo).mean(2), places)
        for clean in (False, True):
            made = levels(pipe.render(pipe.prepare(photo, other, options=SDLOptions(clean=clean)), [1.0])[0])
            found[clean].append(grid_energy(made.mean(2), places) / own)
        sheet.append([np.asarray(photo), np.asarray(other), made])
    for start in range(0, len(sheet), 4):
        save_sheet(f"real-style-{start // 4}", sheet[start : start + 4])
    raw, clean = (float(np.median(found[key])) for key in (False, True))
    worst = max(found[True])
    return [
        Row(f"style: energy of the grid in smooth areas by the content's own, {len(sheet)} pairs, median", "<= 1.1x",
            f"{clean:.2f}x, worst {worst:.2f}x (not cleaned {raw:.2f}x)", worst <= 1.1)
    ]  # fmt: skip


def pairs(most: int) -> Iterator[tuple[Path, Path]]:
    """Contents with styles, every content with other styles in turn."""
    contents, styles = pictures(CONTENTS, 9), pictures(STYLES, 9)
    for number in range(most if contents and styles else 0):
        yield contents[number % len(contents)], styles[(number + number // len(contents)) % len(styles)]


def smooth_places(grey: np.ndarray) -> list[tuple[int, int]]:
    """Upper left corners of the smoothest squares."""
    rows, columns = (range(0, side - TILE_PX, TILE_PX // 2) for side in grey.shape)
    found = sorted((grey[y : y + TILE_PX, x : x + TILE_PX].std(), y, x) for y in rows for x in columns)
    return [(y, x) for _, y, x in found[:SMOOTHEST]]


def grid_energy(grey: np.ndarray, places: list[tuple[int, int]]) -> float:
    """Mean energy of the grid's waves, 0 to 255 squared, in squares."""
    window = np.hanning(TILE_PX)[:, None] * np.hanning(TILE_PX)
    total = 0.0
    for y, x in places:
        tile = grey[y : y + TILE_PX, x : x + TILE_PX]
        waves = np.abs(np.fft.fft2((tile - tile.mean()) * window)) ** 2
        total += sum(float(waves[at]) for at in GRID)
    return max(1e-9, total / max(1, len(places)))


def animals(most: int = 6) -> list[Row]:
    """Sheets alone: the morph of this system knows faces of people."""
    pipe, sheet = SDLPipeline.from_record("sdl-morph"), []
    for kind in ("cats_flickr", "dogs_flickr"):
        files = pictures((f"real/{kind}",), most + 1)
        for first, second in zip(files, files[1:], strict=False):
            made = pipe.render(pipe.prepare(first, second), [0.0, 0.5, 1.0])
            sheet.append([levels(item) for item in made])
    save_sheet("real-animals", sheet, 384)
    return [Row(f"morphs of cats and dogs, {len(sheet)} pairs", "by eye", "sheet real-animals")]


def rows() -> list[Row]:
    """Measure; without the pictures one row says so."""
    if not REAL.is_dir() or not SHIPPABLE.is_dir():
        return [Row("SDL on real pictures", "stated", f"skipped: no pictures at {REAL} and {SHIPPABLE}")]
    answer = []
    for part in (ageing, toon, style, animals):
        try:
            answer += part()
        except MorphospaceError as error:
            answer.append(Row(f"{part.__name__} on real pictures", "stated", f"skipped: {error}"))
    return answer
