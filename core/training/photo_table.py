"""Photos of a data pack: a CSV table of what they show beside a zip archive of the files."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from PIL import Image

from core.errors import InputError
from core.image import Box

CORNERS = ("x0", "y0", "x1", "y1")


def read_rows(table: str | Path, needed: Iterable[str]) -> list[dict[str, str]]:
    """The rows of a CSV file by column.

    Raises:
        InputError: no such file, no table, no row, or one of the `needed` columns is missing.
    """
    try:
        rows = list(csv.DictReader(Path(table).read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the table {table} cannot be read ({error}): name a CSV file") from error
    needed = list(needed)
    missing = [name for name in needed if not rows or rows[0].get(name) is None]
    if missing:
        raise InputError(f"{Path(table).name} needs the columns {', '.join(needed)}; missing: {', '.join(missing)}")
    return rows


def box_of(row: Mapping[str, str]) -> Box | None:
    """The box of a row in pixels, None where `x0` is empty or there is no such column.

    Raises:
        InputError: corners that are no numbers.
    """
    if not row.get("x0"):
        return None
    try:
        return Box(*(float(row[name]) for name in CORNERS))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the box of {row['file']} is no four numbers ({', '.join(CORNERS)}): mend the table"
        ) from error


class PhotoArchive:
    """The zip archive beside a table, as a context.

    Raises:
        InputError: no such file, or no zip archive.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.archive = zipfile.ZipFile(self.path)
        except (OSError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{self.path} is no zip archive that can be read ({error}): put the photos there"
            ) from error
        listed = self.archive.namelist()
        self.names = {Path(name).name: name for name in listed} | {n.removeprefix("images/"): n for n in listed}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.archive.close()

    def open(self, name: str) -> Image.Image:
        """A picture by its name, or path, in the table; its pixels are not read yet.

        Raises:
            InputError: the archive has no such picture, or it is damaged.
        """
        found = self.names.get(name) or self.names.get(Path(name or "").name)
        if found is None:
            raise InputError(f"{name} stands in the table but not in {self.path}: add the picture or delete its row")
        try:
            return Image.open(io.BytesIO(self.archive.read(found)))
        except (OSError, zipfile.BadZipFile) as error:
            raise InputError(f"{name} in {self.path} is no picture that can be read ({error}): replace it") from error
