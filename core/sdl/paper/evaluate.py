"""Interpolation quality on folders of known in-betweens: PSNR, SSIM, and a VGG19 distance where its weights lie.

Layouts: Vimeo90K (`sequences/a/b/im1.png im2.png im3.png`, `tri_testlist.txt`), UCF101 (`n/frame_00.png
frame_01_gt.png frame_02.png`), Middlebury (`other-data/scene/frame10.png frame11.png`,
`other-gt-interp/scene/frame10i11.png`), and clips (one folder each; first and last frame go in, all inner ones are
compared at their own t).

Source: the paper's protocol as its released test script shows it: uint8 RGB, no border left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from core.errors import InputError, unknown_name
from core.image import load_image, to_tensor
from core.metrics import psnr, ssim
from core.ops.vgg import VGG19Features
from core.progress import Progress, silent
from core.sdl.options import LAYOUTS, SDLOptions
from core.sdl.paper.frames import pictures_in
from core.sdl.paper.original import to_levels
from core.sdl.pipeline import SDLPipeline

DISTANCE_LAYERS = ("relu1_2", "relu2_2", "relu3_4", "relu4_4", "relu5_4")


@dataclass(frozen=True)
class Item:
    """Two frames and what lies between them."""

    name: str  # for messages
    first: Path  # the frames that go in
    second: Path
    truths: tuple[tuple[float, Path], ...]  # (t, file) of the known in-betweens


def vimeo90k(root: Path) -> Iterator[Item]:
    """Triplets named in tri_testlist.txt, or all where there is no list."""
    listed = root / "tri_testlist.txt"
    if listed.is_file():
        folders = [root / "sequences" / line.strip() for line in listed.read_text().splitlines() if line.strip()]
    else:
        folders = sorted(path.parent for path in (root / "sequences").glob("*/*/im2.png"))
    for folder in folders:
        yield Item(str(folder.relative_to(root)), folder / "im1.png", folder / "im3.png", ((0.5, folder / "im2.png"),))


def ucf101(root: Path) -> Iterator[Item]:
    """One folder per triplet."""
    for truth in sorted(root.glob("*/frame_01_gt.png")):
        folder = truth.parent
        yield Item(folder.name, folder / "frame_00.png", folder / "frame_02.png", ((0.5, truth),))


def middlebury(root: Path) -> Iterator[Item]:
    """The scenes of the set "other" with their known middle frame."""
    for truth in sorted((root / "other-gt-interp").glob("*/frame10i11.png")):
        scene = root / "other-data" / truth.parent.name
        yield Item(scene.name, scene / "frame10.png", scene / "frame11.png", ((0.5, truth),))


def clips(root: Path) -> Iterator[Item]:
    """Folders of at least three frames in name order."""
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        frames = pictures_in(folder)
        if len(frames) >= 3:
            inner = tuple((index / (len(frames) - 1), frames[index]) for index in range(1, len(frames) - 1))
            yield Item(folder.name, frames[0], frames[-1], inner)


READERS: dict[str, Callable[[Path], Iterator[Item]]] = dict(
    zip(LAYOUTS, (vimeo90k, ucf101, middlebury, clips), strict=True)
)


def feature_distance(vgg: VGG19Features, a: Tensor, b: Tensor) -> float:
    """How different two pictures look to VGG19, 0 = equal: LPIPS without its learned weights, not comparable with it.

    Source: Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", equation 1.
    """
    total = 0.0
    with torch.inference_mode():
        ours, theirs = vgg(a, DISTANCE_LAYERS), vgg(b, DISTANCE_LAYERS)
        for name in DISTANCE_LAYERS:
            x, y = (maps / (maps.norm(dim=1, keepdim=True) + 1e-10) for maps in (ours[name], theirs[name]))
            total += float((x - y).square().sum(1).mean())
    return total


def evaluate(
    pipe: SDLPipeline | None,
    root: Path,
    layout: str,
    vgg: VGG19Features | None = None,
    limit: int | None = None,
    progress: Progress = silent,
) -> dict[str, float]:
    """Mean measures over all known in-betweens.

    Args:
        pipe: an interpolation pipeline; None measures the plain blend of the two frames, the floor to beat.
        root: the data set's folder.
        layout: one of `LAYOUTS`.
        vgg: for the feature distance; left out without it.
        limit: at most this many items.
        progress: called per item.

    Returns:
        items, frames, psnr_db, ssim and, with `vgg`, vgg_distance.

    Raises:
        InputError: no item of this layout in the folder.
    """
    if layout not in LAYOUTS:
        raise unknown_name("layout", layout, LAYOUTS)
    items = list(READERS[layout](root))[:limit]
    if not items:
        raise InputError(f"{root} holds nothing in the layout {layout}: see python -m core sdl evaluate --help")
    rows: list[dict[str, float]] = []
    for number, item in enumerate(items):
        progress(number / len(items), item.name)
        both = torch.cat([to_tensor(load_image(file)) for file in (item.first, item.second)], 1)
        for (_, file), picture in zip(item.truths, paint_frames(pipe, both, [t for t, _ in item.truths]), strict=True):
            got = torch.from_numpy(to_levels(picture)).permute(2, 0, 1)[None].double() / 255
            truth = to_tensor(load_image(file)).double()
            row = {"psnr_db": min(psnr(got, truth), 100.0), "ssim": ssim(got, truth)}
            if vgg is not None:
                row["vgg_distance"] = feature_distance(vgg, got.float(), truth.float())
            rows.append(row)
    means = {name: math.fsum(row[name] for row in rows) / len(rows) for name in rows[0]}
    return {"items": len(items), "frames": len(rows), **means}


def paint_frames(pipe: SDLPipeline | None, both: Tensor, t: list[float]) -> Tensor:
    """(T, 3, H, W): the network's frames, or the plain blend."""
    if pipe is None:
        along = torch.tensor(t).reshape(-1, 1, 1, 1)
        return (1 - along) * both[:, :3] + along * both[:, 3:]
    return pipe.pictures_at(pipe.prepare_tensor(both, SDLOptions(exact_ends=False)), t)
