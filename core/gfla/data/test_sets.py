"""Whole test sets: every pair of a published list painted and written under the published names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import default_collate

from core.gfla.data.clips import DanceClips, FaceClips
from core.gfla.data.pairs import AnnotatedPairs
from core.gfla.data.view_data import ViewPairs, tested_views
from core.gfla.paper.network import PoseGenerator
from core.gfla.paper.network_animation import AnimationGenerator
from core.gfla.paper.network_views import ShapeNetGenerator
from core.gfla.paper.pictures import published_bytes
from core.progress import Progress, silent
from core.video import write_video

JPEG_QUALITY = 95
CLIP_FPS = 15


def result_name(source: str, target: str) -> str:
    """`<source>_2_<target>_vis.jpg`, as `core.gfla.paper.evaluate` reads it back."""
    return f"{Path(source).stem}_2_{Path(target).stem}_vis.jpg"


@torch.inference_mode()
def painted_pairs(
    generator: PoseGenerator, pairs: AnnotatedPairs, batch: int = 8, progress: Progress = silent
) -> Iterator[tuple[str, np.ndarray]]:
    """(name, (H, W, 3) uint8) of every pair of the list, in order."""
    rng = np.random.default_rng(0)
    for start in range(0, len(pairs), batch):
        numbers = range(start, min(start + batch, len(pairs)))
        items = default_collate([pairs.pair(number, rng) for number in numbers])
        items = {key: value.to(generator.device) for key, value in items.items()}
        source, points = items["source"], (items["source_points"], items["target_points"])
        made = generator(source, *generator.structures(*points, (source.shape[2], source.shape[3]))).image
        for number, picture in zip(numbers, made, strict=True):
            yield result_name(*pairs.pairs[number]), published_bytes(picture[None])
        progress(numbers[-1] / len(pairs), f"pair {numbers[-1] + 1} of {len(pairs)}")


@torch.inference_mode()
def write_views(
    generator: ShapeNetGenerator, objects: ViewPairs, folder: Path, progress: Progress = silent, batch: int = 6
) -> int:
    """Every object of a test list from all 18 sides, as the official script writes them; returns how many objects.

    Below `folder` each object has one with `source.png`, `gt_0000.png` and `result_0000.png` to `.._0017.png`.
    """
    for index, name in enumerate(objects.names):
        progress(index / len(objects), f"object {name}")
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        source_id, ids = tested_views(objects, index)
        source, own = (item[None].to(generator.device) for item in objects.view(source_id))
        Image.fromarray(published_bytes(source)).save(place / "source.png")
        tables = generator.encode(source)
        for start in range(0, len(ids), batch):
            real, codes = zip(*(objects.view(view) for view in ids[start : start + batch]), strict=True)
            wanted = torch.stack(codes).to(generator.device)
            made = generator.paint(tables, source, own.expand(len(wanted), -1, -1, -1), wanted).image
            for number, (truth, picture) in enumerate(zip(real, made, strict=True), start):
                Image.fromarray(published_bytes(truth[None])).save(place / f"gt_{number:04d}.png")
                Image.fromarray(published_bytes(picture[None])).save(place / f"result_{number:04d}.png")
    return len(objects)


@torch.inference_mode()
def write_clips(
    generator: AnimationGenerator,
    clips: FaceClips | DanceClips,
    folder: Path,
    progress: Progress = silent,
    cross: bool = False,
    chunk: int = 6,
) -> int:
    """Every clip of a test set followed by a reference, as the official script writes them; returns how many clips.

    Each has a folder with `<frame>_vis.png` and a video beside it, `<clip>.mp4` at 15 frames per second.

    Args:
        generator: of faces or of dance.
        clips: of the test phase.
        folder: for the results.
        progress: called as the work goes on.
        cross: take the reference of another clip, drawn by chance.
        chunk: frames at a time; the last painted one is carried on, so that it does not change the result.
    """
    rng = np.random.default_rng(0)
    for index in range(len(clips)):
        name, other = clips.name(index), int(rng.integers(len(clips))) if cross else index
        progress(index / len(clips), f"clip {name}")
        label = name if other == index else f"{name}_with_{clips.name(other)}"
        reference, own = (item[None].to(generator.device) for item in clips.reference(other, rng))
        place = folder / label
        place.mkdir(parents=True, exist_ok=True)
        previous = previous_structure = None
        pictures = []
        for names, structures in clips.followed(index, chunk):
            wanted = structures[None].to(generator.device)
            for stem, painted in zip(
                names, generator.animate(wanted, reference, own, previous, previous_structure), strict=True
            ):
                previous = painted.image
                pictures.append(Image.fromarray(published_bytes(previous)))
                pictures[-1].save(place / f"{stem}_vis.png")
            previous_structure = wanted[:, -1]
        write_video(pictures, folder / f"{label}.mp4", CLIP_FPS, {"system": "gfla"})
    return len(clips)


def write_pairs(
    generator: PoseGenerator,
    pairs: AnnotatedPairs,
    folder: Path,
    display_hw: tuple[int, int] | None,
    progress: Progress,
) -> int:
    """Write every pair to `folder`, squeezed to `display_hw` where given (fashion: 256 x 176); returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for name, array in painted_pairs(generator, pairs, progress=progress):
        picture = Image.fromarray(array)
        if display_hw:
            picture = picture.resize(display_hw[::-1], Image.Resampling.BICUBIC)
        picture.save(folder / name, quality=JPEG_QUALITY)
        count += 1
    return count
