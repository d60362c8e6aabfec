"""What the trainer learns from: labelled photos, sequences of pictures, or a teacher's inventions.

Each source has `classes` (their names) and `draw(rng, size)`, the contract of `core.training`; the keys of a batch are
the fields of `RealBatch` or `TeacherBatch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from scipy.special import ndtr, ndtri
from torch import Tensor
from torch.nn import functional as F

from core.crossbreed.interpolation import slerp
from core.crossbreed.network import lerp
from core.crossbreed.network_biggan import BigGANDeep
from core.crossbreed.options import HEAD_MARGIN
from core.crossbreed.preprocessing import centre_square, resize_generated, to_network
from core.errors import InputError, NothingFoundError, OptionError
from core.image import Box, crop_box, load_image
from core.progress import Progress, silent
from core.training.photo_table import PhotoArchive, box_of, read_rows

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
FIRST_DOG, LAST_DOG = 151, 268


class PairSource(Protocol):
    """Where training pairs come from."""

    classes: list[str]

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`size` pairs, drawn with nothing but `rng`."""


def distinct_pairs(rng: np.random.Generator, count: int, size: int) -> tuple[Tensor, Tensor]:
    """`size` pairs of different indices below `count`."""
    first = rng.integers(count, size=size)
    second = (first + rng.integers(1, count, size=size)) % count
    return torch.from_numpy(first), torch.from_numpy(second)


def positions(rng: np.random.Generator, size: int) -> Tensor:
    """(size,) uniform on [0, 1)."""
    return torch.from_numpy(rng.random(size, dtype=np.float32))


def head_crop(picture: Image.Image, box: Box, size_px: int, margin: float = HEAD_MARGIN) -> Image.Image:
    """The square around a head with some room on every side, at `size_px`."""
    return crop_box(picture, box.squared(margin), (size_px, size_px))


@dataclass
class LabelledPhotos:
    """Pairs of real pictures of any two classes, with nothing known about what lies between.

    Attributes:
        pictures: (N, 3, S', S') uint8 crops, S' larger than the training size so that crops can shift.
        labels: (N,) class of each.
        classes: names of the classes.
        size_px: training size.
        window_px: size of the random windows that are shown; `size_px` shows (nearly) whole crops.
    """

    pictures: Tensor
    labels: Tensor
    classes: list[str]
    size_px: int
    window_px: int

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """Pairs of two different pictures, each mirrored at random and cut at a random place."""
        first, second = distinct_pairs(rng, len(self.pictures), size)
        batch = {"x_a": self._shown(first, rng), "x_b": self._shown(second, rng), "alpha": positions(rng, size)}
        return {**batch, "class_a": self.labels[first], "class_b": self.labels[second]}

    def _shown(self, index: Tensor, rng: np.random.Generator) -> Tensor:
        """(B, 3, window, window) in [-1, 1]."""
        room = self.pictures.shape[-1] - self.window_px + 1
        shown = []
        for item, (top, left), mirrored in zip(
            index.tolist(), rng.integers(room, size=(len(index), 2)).tolist(), rng.random(len(index)) < 0.5, strict=True
        ):
            cut = self.pictures[item, :, top : top + self.window_px, left : left + self.window_px]
            shown.append(cut.flip(-1) if mirrored else cut)
        return torch.stack(shown).float() / 127.5 - 1


def read_table(
    table: Path, archive: Path, size_px: int, window_px: int, label: str = "species", progress: Progress = silent
) -> LabelledPhotos:
    """Head crops from a table (`file`, the `label` column, and `x0, y0, x1, y1` where a box is known) and a zip archive.

    Photos without a box are boxed by the head detector; those in which it finds nothing are left out.
    """
    rows = read_rows(table, ("file", label))
    classes = sorted({row[label] for row in rows})
    side = round(size_px * 1.08)
    crops, labels = [], []
    with PhotoArchive(archive) as photos:
        for index, row in enumerate(rows):
            progress(index / len(rows), "cutting out heads")
            picture = load_image(photos.open(row["file"]))
            box = _known_or_found(row, picture)
            if box is not None:
                crops.append(as_bytes(head_crop(picture, box, side)))
                labels.append(classes.index(row[label]))
    return LabelledPhotos(torch.stack(crops), torch.tensor(labels), classes, size_px, window_px)


def _known_or_found(row: dict[str, str], picture: Image.Image) -> Box | None:
    from core.detect.pets import detect_head

    try:
        if box := box_of(row):
            return box
        return detect_head(picture)
    except NothingFoundError:
        return None


def read_folders(root: Path, size_px: int, window_px: int, find_heads: bool = False) -> LabelledPhotos:
    """Photos in one folder per class (`root/<class>/*.jpg`), cut to their middle or, with `find_heads`, to the head."""
    classes = sorted(entry.name for entry in Path(root).iterdir() if entry.is_dir())
    side = round(size_px * 1.08)
    crops, labels = [], []
    for index, name in enumerate(classes):
        for file in pictures_in(Path(root) / name):
            picture = load_image(file)
            box = _known_or_found({}, picture) if find_heads else None
            if find_heads and box is None:
                continue
            square = centre_square(picture, side) if box is None else head_crop(picture, box, side)
            crops.append(as_bytes(square))
            labels.append(index)
    if len(crops) < 2:
        raise InputError(
            f"{root} holds {len(crops)} usable pictures in {len(classes)} class folders: at least 2 are needed"
        )
    return LabelledPhotos(torch.stack(crops), torch.tensor(labels), classes, size_px, window_px)


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder, by name."""
    return sorted(file for file in Path(folder).iterdir() if file.suffix.lower() in PICTURES)


def as_bytes(picture: Image.Image) -> Tensor:
    """(3, H, W) uint8."""
    return ((to_network(picture)[0] + 1) * 127.5).round().to(torch.uint8)


@dataclass
class SequenceFolders:
    """Teacher pairs from folders of pictures: the first is A, the last is B, the others lie evenly between.

    A folder named `<class A>__<class B>` says the classes; any other name is a class of its own.
    """

    sequences: list[Tensor]
    ends: list[tuple[int, int]]
    classes: list[str]

    @classmethod
    def read(cls, root: Path, size_px: int) -> SequenceFolders:
        """All folders below `root` that hold 3 pictures or more."""
        folders = sorted(entry for entry in Path(root).iterdir() if entry.is_dir() and len(pictures_in(entry)) >= 3)
        if not folders:
            raise InputError(f"{root} holds no folder with 3 pictures or more: one folder per sequence is needed")
        names = [(entry.name.split("__") * 2)[:2] for entry in folders]
        classes = sorted({name for pair in names for name in pair})
        sequences = [
            torch.stack([as_bytes(centre_square(load_image(file), size_px)) for file in pictures_in(entry)])
            for entry in folders
        ]
        return cls(sequences, [(classes.index(a), classes.index(b)) for a, b in names], classes)

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """Ends of random sequences and one picture between them; half of the sequences run backwards."""
        rows = []
        for which in rng.integers(len(self.sequences), size=size).tolist():
            frames, (a, b) = self.sequences[which], self.ends[which]
            if rng.random() < 0.5:
                frames, a, b = frames.flip(0), b, a
            at = int(rng.integers(1, len(frames) - 1))
            rows.append((frames[0], frames[-1], frames[at], at / (len(frames) - 1), a, b))
        first, last, mixed, alpha, a, b = zip(*rows, strict=True)
        x_a, x_b, x_mixed = (torch.stack(part).float() / 127.5 - 1 for part in (first, last, mixed))
        classes = {"class_a": torch.tensor(a), "class_b": torch.tensor(b)}
        return {"x_a": x_a, "x_b": x_b, "mixed": x_mixed, "alpha": torch.tensor(alpha), **classes}


def truncated_noise(rng: np.random.Generator, shape: tuple[int, ...], truncation: float) -> Tensor:
    """Normal noise cut off at plus and minus 2, times the truncation."""
    low, high = ndtr([-2.0, 2.0])
    return torch.from_numpy(truncation * ndtri(rng.uniform(low, high, shape))).float()


def teacher_inputs(
    noise_a: Tensor,
    noise_b: Tensor,
    class_a: Tensor,
    class_b: Tensor,
    alpha: Tensor,
    first_class: int = FIRST_DOG,
    arc: bool = False,
) -> tuple[Tensor, Tensor]:
    """Noise (3B, N) and class vectors (3B, 1000): B rows of A, B rows at `alpha`, B rows of B.

    Classes are mixed linearly, the noise too or, with `arc`, along the arc between the two.
    """
    steps = torch.cat([torch.zeros_like(alpha), alpha, torch.ones_like(alpha)])
    start, end = (F.one_hot(index + first_class, 1000).float().repeat(3, 1) for index in (class_a, class_b))
    mix = slerp if arc else lerp
    return mix(noise_a.repeat(3, 1), noise_b.repeat(3, 1), steps), lerp(start, end, steps)


@dataclass
class BigGANPairs:
    """Pairs and what lies between them, invented by BigGAN-deep while training runs.

    Attributes:
        teacher: the generator, folded.
        size_px: training size.
        truncation: of noise and statistics.
        first_class: first ImageNet class.
        last_class: last ImageNet class; the default range is the dogs.
        arc: mix noises along the arc between them, not straight.
    """

    teacher: BigGANDeep
    size_px: int
    truncation: float = 0.25
    first_class: int = FIRST_DOG
    last_class: int = LAST_DOG
    arc: bool = False

    def __post_init__(self) -> None:
        """Refuse a range without two classes."""
        if not 0 <= self.first_class < self.last_class <= 999:
            raise OptionError(
                f"classes {self.first_class} to {self.last_class}: two ImageNet classes or more within 0 to 999 are needed"
            )
        self.classes = [str(index) for index in range(self.first_class, self.last_class + 1)]

    @torch.no_grad()
    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """Pairs of two different classes and one picture between them."""
        shape = (size, self.teacher.config.z_dim)
        noise_a, noise_b = (truncated_noise(rng, shape, self.truncation) for _ in range(2))
        class_a, class_b = distinct_pairs(rng, len(self.classes), size)
        alpha = positions(rng, size)
        z, vectors = teacher_inputs(noise_a, noise_b, class_a, class_b, alpha, self.first_class, self.arc)
        device = self.teacher.device
        pictures = self.teacher(z.to(device), vectors.to(device), self.truncation).cpu()
        x_a, mixed, x_b = resize_generated(pictures, self.size_px).chunk(3)
        return {"x_a": x_a, "x_b": x_b, "mixed": mixed, "alpha": alpha, "class_a": class_a, "class_b": class_b}
