"""Labelled photos, from folders or from a table, cut to their middle or to a head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.animals import HEAD_MARGIN
from core.animals.head_alignment.detector import crop_head, find_head
from core.crossbreed.data.pairs import as_bytes, distinct_pairs, pictures_in, positions
from core.crossbreed.data.tables import PhotoTable
from core.crossbreed.paper.preprocessing import centre_square
from core.errors import InputError, NothingFoundError
from core.image import Box, load_image
from core.progress import Progress, silent
from core.training.store import OnDemand

# Crops are larger than the training size by this, so that they can shift.
ROOM = 1.08


@dataclass
class LabelledPhotos:
    """Pairs of real pictures of any two classes, with nothing known about what lies between.

    Attributes:
        pictures: (N, 3, S', S') uint8 crops, S' larger than the training size so that crops can shift; read on demand.
        labels: (N,) class of each.
        classes: names of the classes.
        size_px: training size.
        window_px: size of the random windows that are shown; `size_px` shows (nearly) whole crops.
    """

    pictures: Tensor | OnDemand[Tensor]
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
            cut = self.pictures[item][:, top : top + self.window_px, left : left + self.window_px]
            shown.append(cut.flip(-1) if mirrored else cut)
        return torch.stack(shown).float() / 127.5 - 1


def read_table(
    table: Path, archive: Path, size_px: int, window_px: int, label: str = "species", progress: Progress = silent
) -> LabelledPhotos:
    """Head crops from a table (`file`, the `label` column, and `x0, y0, x1, y1` where a box is known) and a zip archive.

    Photos without a box are boxed by the head detector; those in which it finds nothing are left out.
    """
    photos = PhotoTable.read(table, archive, ("file", label), "choose another table or label")
    photos.photo(photos.rows[0])  # an archive that cannot be read is told now, not by the first batch
    classes = sorted({row.fields[label] for row in photos.rows})
    photos, boxes = with_boxes(photos, progress)
    labels = torch.tensor([classes.index(row.fields[label]) for row in photos.rows])
    crops = OnDemand(partial(read_head, photos, boxes, round(size_px * ROOM)), len(boxes))
    return LabelledPhotos(crops, labels, classes, size_px, window_px)


def with_boxes(photos: PhotoTable, progress: Progress = silent) -> tuple[PhotoTable, list[Box]]:
    """The rows in which a head is known or found, and its box."""
    found = []
    for index, row in enumerate(photos.rows):
        progress(index / len(photos.rows), "reading photos")
        if (box := row.box or known_or_found(None, photos.photo(row))) is not None:
            found.append((row, box))
    return photos.only([row for row, _ in found]), [box for _, box in found]


def read_head(photos: PhotoTable, boxes: Sequence[Box], size_px: int, index: int) -> Tensor:
    """(3, S, S) uint8: the head of a row, with its margin."""
    return as_bytes(crop_head(photos.photo(photos.rows[index]), boxes[index], size_px, HEAD_MARGIN))


def known_or_found(box: Box | None, picture: Image.Image) -> Box | None:
    """A head's box: the known one or the detector's; None where it finds nothing."""
    try:
        return box or find_head(picture).box
    except NothingFoundError:
        return None


def read_folders(root: Any, size_px: int, window_px: int) -> LabelledPhotos:
    """Photos in one folder per class (`<class>/*.jpg` in a `data_root`), cut to their middle."""
    classes = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    files = [(file, index) for index, name in enumerate(classes) for file in pictures_in(root / name)]
    if len(files) < 2:
        raise InputError(
            f"{root} holds {len(files)} usable pictures in {len(classes)} class folders: at least 2 are needed"
        )
    crops = OnDemand(partial(read_middle, [file for file, _ in files], round(size_px * ROOM)), len(files))
    return LabelledPhotos(crops, torch.tensor([label for _, label in files]), classes, size_px, window_px)


def read_middle(files: Sequence[Any], size_px: int, index: int) -> Tensor:
    """(3, S, S) uint8: the middle square of a file's picture."""
    return as_bytes(centre_square(load_image(files[index].read_bytes()), size_px))
