"""A table of photos (CSV) beside a zip archive of them, as the data pack ships pets."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.errors import InputError
from core.image import Box, crop_box, load_image
from core.progress import Progress, silent
from core.training.store import data_root, opened, part_of

CORNERS = ("x0", "y0", "x1", "y1")
HELD_OUT_STEP = 3
UNSURE = 128
TRIMAP = {1: 255, 2: 0, 3: UNSURE}


@dataclass(frozen=True)
class PhotoRow:
    """One photo.

    Attributes:
        fields: the row of the table.
        trimap: indices: 1 animal, 2 background, 3 unsure; None where there is none.
    """

    fields: dict[str, str]
    trimap: Image.Image | None = None

    @property
    def box(self) -> Box | None:
        """The head's box in pixels; None where it is not known.

        Raises:
            InputError: corners that are no numbers.
        """
        if not self.fields.get("x0"):
            return None
        try:
            return Box(*(float(self.fields[name]) for name in CORNERS))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"the box of {self.fields.get('file')} is no four numbers ({', '.join(CORNERS)}): mend the table"
            ) from error


@dataclass(frozen=True)
class PhotoTable:
    """The rows of a table and the archive of their photos; a folder or shards of its name may stand in its place."""

    name: str
    archive: Path
    rows: list[PhotoRow]

    @classmethod
    def read(
        cls, table: Path, archive: Path, columns: Sequence[str], advice: str = "choose another table"
    ) -> PhotoTable:
        """The table's rows.

        Raises:
            InputError: no rows, or not all `columns`: the message ends with `advice`.
        """
        return cls(Path(table).name, Path(archive), [PhotoRow(row) for row in read_rows(table, columns, advice)])

    def only(self, rows: Sequence[PhotoRow]) -> PhotoTable:
        """The same with fewer rows."""
        return PhotoTable(self.name, self.archive, list(rows))

    def pictures(self, progress: Progress = silent, trimaps: bool = False) -> Iterator[tuple[PhotoRow, Image.Image]]:
        """Each row, on demand with its trimap, and its photo (RGB).

        Raises:
            InputError: no archive, or a photo that it lacks or that is damaged.
        """
        for index, row in enumerate(self.rows):
            progress(index / len(self.rows), "reading photos")
            yield self.with_trimap(row) if trimaps else row, self.photo(row)

    def photo(self, row: PhotoRow) -> Image.Image:
        """The RGB photo of a row; see `pictures`."""
        return load_image(self._opened(row.fields["file"]))

    def with_trimap(self, row: PhotoRow) -> PhotoRow:
        """The row with its trimap, if it has one."""
        return PhotoRow(row.fields, self._opened(row.fields["trimap"])) if row.fields["trimap"] else row

    def _opened(self, file: str) -> Image.Image:
        found = (place for place in (self.photos / file, self.photos / "images" / file) if place.is_file())
        member = next(found, None) or self._by_name.get(Path(file).name)
        if member is None:
            raise InputError(
                f"{self.archive.name} lacks {file}, which {self.name} names: use the archive of this table"
            )
        try:
            return Image.open(opened(member))
        except (OSError, zipfile.BadZipFile) as error:
            raise InputError(f"{file} in {self.archive.name} is no picture that can be read: replace it") from error

    @cached_property
    def photos(self) -> Any:
        """Where the photos lie, a `core.training.store.data_root`; opened when the first is asked for."""
        found = data_root(self.archive) if self.archive.exists() else part_of(self.archive.parent, self.archive.stem)
        if found is None:
            raise InputError(f"{self.archive} is not there: put the photos of {self.name} into it")
        return found

    @cached_property
    def _by_name(self) -> dict[str, Any]:
        return {item.name: item for item in self.photos.rglob("*") if item.is_file()}


def read_rows(table: Path, columns: Sequence[str], advice: str = "choose another table") -> list[dict[str, str]]:
    """The rows of a CSV file by column.

    Raises:
        InputError: no such file, no table, no rows, or not all `columns`; the message ends with `advice`.
    """
    try:
        rows = list(csv.DictReader(Path(table).read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the table {table} cannot be read ({error}): name a CSV file") from error
    if not rows or not set(columns) <= rows[0].keys():
        wanted = f"{', '.join(columns[:-1])} and {columns[-1]}" if columns[1:] else columns[0]
        raise InputError(f"{Path(table).name} needs the columns {wanted}: {advice}")
    return rows


def held_out(rows: Sequence[Mapping[str, str]]) -> set[str]:
    """The photos that no training sees: every third of those without a known box (`x0` empty), by name (`file`)."""
    return set(sorted(row["file"] for row in rows if not row["x0"])[::HELD_OUT_STEP])


def cut_mask(trimap: Image.Image | None, square: Box, size_px: int) -> Tensor:
    """(1, S, S) uint8 of a trimap in a square: 255 animal, 0 background, between them unsure; zeros without a trimap."""
    if trimap is None:
        return torch.zeros(1, size_px, size_px, dtype=torch.uint8)
    values = np.asarray(trimap)
    grey = np.select([values == index for index in TRIMAP], list(TRIMAP.values())).astype(np.uint8)
    cut = crop_box(Image.fromarray(grey).convert("RGB"), square, (size_px, size_px))
    return torch.from_numpy(np.asarray(cut)[..., 0].copy())[None]
