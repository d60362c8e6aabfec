"""Samples of training sets that are larger than memory, read where they lie: folders, zip archives, WebDataset shards.

    shards = Samples("train-000.tar", "train-001.tar")     # or a folder, or zips; several are one set
    shards.keys[0], shards.endings(0)                        # "0001", ("cls", "jpg")
    picture = Image.open(io.BytesIO(shards.read(0, "jpg")))

Only names and places are held in memory. Any sample can be read at any time, so what a step sees depends on its random
numbers alone: processes and workers share a set without dividing its files, and a resumed run repeats an uninterrupted one.

Source: the layout of WebDataset (Aizman, Maltzahn, Breuel 2019): files of one sample follow each other in a tar and share
their name up to the first full stop.
"""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import InputError

# File, and where its bytes are: a path of its own, a member's name in a zip, or (offset, size) in a tar.
Place = tuple[Path, "str | tuple[int, int] | None"]
PICTURE_ENDINGS = ("jpg", "jpeg", "png", "webp", "bmp")


class Samples:
    """The samples of one or several sources, in the order of their names.

    Args:
        sources: folders, `.zip` files and `.tar` shards.

    Attributes:
        keys: of the samples: folders and the name up to its first full stop.

    Raises:
        InputError: a source that is not there or cannot be read, or nothing in any of them.
    """

    def __init__(self, *sources: str | Path) -> None:
        found: dict[str, dict[str, Place]] = {}
        for number, source in enumerate(sources):
            for name, place in _members(Path(source)):
                folder, _, file = name.rpartition("/")
                stem, dot, ending = file.partition(".")
                if dot and stem:
                    key = f"{number:04d}/{folder}/{stem}" if len(sources) > 1 else f"{folder}/{stem}".lstrip("/")
                    found.setdefault(key, {})[ending.lower()] = place
        if not found:
            raise InputError(f"{', '.join(map(str, sources))}: no samples: folders, zips or tars of <key>.<ending> fit")
        self.keys = sorted(found)
        self.places = [found[key] for key in self.keys]
        self.opened: dict[tuple[int, Path], Any] = {}

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.keys)

    def endings(self, index: int) -> tuple[str, ...]:
        """What a sample consists of."""
        return tuple(sorted(self.places[index]))

    def read(self, index: int, ending: str) -> bytes:
        """The bytes of one part of a sample.

        Raises:
            InputError: the sample lacks that part.
        """
        if ending not in self.places[index]:
            raise InputError(f"the sample {self.keys[index]} has {', '.join(self.endings(index))}, no {ending}")
        file, place = self.places[index][ending]
        if place is None:
            return file.read_bytes()
        if isinstance(place, str):
            # A file that is open does not survive a fork, so every worker opens its own.
            archive = self.opened.setdefault((os.getpid(), file), None) or zipfile.ZipFile(file)
            self.opened[os.getpid(), file] = archive
            return bytes(archive.read(place))
        with file.open("rb") as shard:
            shard.seek(place[0])
            return shard.read(place[1])

    def picture(self, index: int) -> bytes:
        """The bytes of a sample's picture.

        Raises:
            InputError: it has none.
        """
        known = [ending for ending in self.endings(index) if ending in PICTURE_ENDINGS]
        return self.read(index, known[0] if known else PICTURE_ENDINGS[0])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "opened": {}}


def _members(source: Path) -> Iterator[tuple[str, Place]]:
    """Names and places of everything in a source."""
    try:
        if source.is_dir():
            for file in source.rglob("*"):
                if file.is_file():
                    yield file.relative_to(source).as_posix(), (file, None)
        elif source.suffix == ".zip":
            with zipfile.ZipFile(source) as archive:
                for entry in archive.infolist():
                    if not entry.is_dir():
                        yield entry.filename, (source, entry.filename)
        else:
            with tarfile.open(source, "r:") as shard:
                for member in shard:
                    if member.isfile():
                        yield member.name.removeprefix("./"), (source, (member.offset_data, member.size))
    except (OSError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise InputError(
            f"{source} cannot be read as samples ({error}): a folder, a .zip or an uncompressed .tar fits"
        ) from error
