"""Training data that need not fit into memory: folders, zip archives and tar shards read in place, decoded when drawn.

An archive is indexed once (names and places, no contents), then any file of it is one read: batches are drawn from the whole
set, without a shuffle buffer, and depend on seed, step and process alone, so that a resumed run goes on where it stopped.
Shards of WebDataset are such tars, and so is `tar -cf` of any folder that a trainer reads.
"""

from __future__ import annotations

import glob
import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import total_ordering
from pathlib import Path, PurePosixPath
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from core.errors import InputError

# What a source keeps decoded, per process: as much as a small set needs, which is then decoded once.
KEPT_BYTES = 2**30
Made = TypeVar("Made", np.ndarray, torch.Tensor)


class Archives:
    """The files of zip archives and tar shards under one root, by name. Survives forks and pickling.

    Raises:
        InputError: no archive, a damaged one, or a packed tar, within which nothing can be found without unpacking it.
    """

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        # By name: the archive's number, and in a tar where the contents begin and how many bytes they have.
        self.places: dict[str, tuple[int, int, int]] = {}
        self.folders: dict[str, set[str]] = {".": set()}
        self._opened: dict[tuple[int, int], Any] = {}
        for number, path in enumerate(paths):
            try:
                self._index(number, path)
            except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
                raise InputError(
                    f"{path} is no zip archive or plain tar that can be read ({error}): unpack .tar.gz, fetch damaged ones again"
                ) from error

    def _index(self, number: int, path: Path) -> None:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                found = [(item.filename, 0, item.file_size) for item in archive.infolist() if not item.is_dir()]
        else:
            with tarfile.open(path, "r:") as shard:
                found = [(item.name, item.offset_data, item.size) for item in shard if item.isfile()]
        for name, start, size in found:
            at = PurePosixPath(name)
            self.places[str(at)] = number, start, size
            for below, above in zip((at, *at.parents), at.parents, strict=False):
                self.folders.setdefault(str(above), set()).add(str(below))

    def read(self, name: str) -> bytes:
        """The contents of one file."""
        number, start, size = self.places[name]
        # Each process opens its own: a place in a file is shared with the process that it was forked from.
        key = os.getpid(), number
        if key not in self._opened:
            path = self.paths[number]
            self._opened[key] = zipfile.ZipFile(path) if zipfile.is_zipfile(path) else path.open("rb")
        opened = self._opened[key]
        return opened.read(name) if isinstance(opened, zipfile.ZipFile) else os.pread(opened.fileno(), size, start)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": {}}


@total_ordering
@dataclass(frozen=True, eq=False)
class Stored:
    """A file or folder within archives: what the sources ask a `pathlib.Path` for, read only."""

    archives: Archives
    at: PurePosixPath = PurePosixPath(".")

    @property
    def name(self) -> str:
        """Of the file or folder itself."""
        return self.at.name

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return self.at.stem

    @property
    def suffix(self) -> str:
        """What the name ends with, from the last dot on."""
        return self.at.suffix

    @property
    def parent(self) -> Stored:
        """The folder above."""
        return Stored(self.archives, self.at.parent)

    def __truediv__(self, name: str | Path) -> Stored:
        return Stored(self.archives, self.at / name)

    def __str__(self) -> str:
        return f"{self.archives.paths[0]}:{self.at}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stored) and (self.archives, self.at) == (other.archives, other.at)

    def __lt__(self, other: Stored) -> bool:
        return self.at < other.at

    def __hash__(self) -> int:
        return hash(self.at)

    def is_file(self) -> bool:
        """Whether there is such a file."""
        return str(self.at) in self.archives.places

    def is_dir(self) -> bool:
        """Whether there is such a folder."""
        return str(self.at) in self.archives.folders

    def exists(self) -> bool:
        """Whether there is either."""
        return self.is_file() or self.is_dir()

    def iterdir(self) -> Iterator[Stored]:
        """What lies in this folder, in no order."""
        return (Stored(self.archives, PurePosixPath(name)) for name in self.archives.folders.get(str(self.at), ()))

    def glob(self, pattern: str) -> Iterator[Stored]:
        """What lies in this folder and has a name like that."""
        return (item for item in self.iterdir() if fnmatch(item.name, pattern))

    def rglob(self, pattern: str) -> Iterator[Stored]:
        """The same of all folders below too."""
        for item in self.iterdir():
            if fnmatch(item.name, pattern):
                yield item
            yield from item.rglob(pattern)

    def read_bytes(self) -> bytes:
        """The file's contents."""
        if not self.is_file():
            raise FileNotFoundError(f"{self} is not in its archive")
        return self.archives.read(str(self.at))

    def read_text(self, encoding: str = "utf-8") -> str:
        """The file's text."""
        return self.read_bytes().decode(encoding)


def data_root(path: str | Path) -> Any:
    """Where a trainer finds its files: a folder as it is, or a zip, a tar, a folder of tars, a pattern of them as one.

    Args:
        path: of a folder or archive; `*` and `?` in it name several shards, which count as one folder.

    Raises:
        InputError: a pattern that fits nothing, or an archive that cannot be read.
    """
    folder = Path(path)
    if folder.is_dir():
        entries = sorted(folder.iterdir())
        return Stored(Archives(entries)) if entries and all(item.suffix == ".tar" for item in entries) else folder
    shards = sorted(map(Path, glob.glob(str(path))))
    if glob.has_magic(str(path)) and not shards:
        raise InputError(f"no archive fits {path}: name zip archives or tar shards")
    packed = shards and all(shard.is_file() for shard in shards)
    return Stored(Archives(shards)) if packed else folder


def part_of(folder: Path, name: str) -> Any:
    """One of the sets that lie beside each other: `name`.zip, the folder `name`, or the shards `name`*.tar; None without."""
    for path in (folder / f"{name}.zip", folder / name):
        if path.exists():
            return data_root(path)
    return data_root(folder / f"{name}*.tar") if any(folder.glob(f"{name}*.tar")) else None


def opened(path: Any) -> io.BytesIO:
    """A file of a `data_root`, for whatever reads open files."""
    return io.BytesIO(path.read_bytes())


class OnDemand(Generic[Made]):
    """Arrays or tensors of one shape that are made when they are asked for; the first ones up to a budget are kept.

    Args:
        make: an item from its number.
        numbers: which there are; their count for all from 0.
        budget: bytes to keep.
    """

    def __init__(self, make: Callable[[int], Made], numbers: Any, budget: int = KEPT_BYTES) -> None:
        self.make: Callable[[int], Made] = make
        self.budget, self.used = budget, 0
        self.numbers = np.arange(numbers) if isinstance(numbers, int) else np.asarray(numbers)
        self.kept: dict[int, Made] = {}

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: Any) -> Made:
        """One item by an integer, several stacked by an array of them, a part of one by a tuple."""
        if isinstance(index, tuple):
            return self[index[0]][index[1:]]
        if np.ndim(index):
            items = [self[int(one)] for one in index]
            return torch.stack(items) if isinstance(items[0], torch.Tensor) else np.stack(items)
        number = int(self.numbers[index])
        if number in self.kept:
            return self.kept[number]
        item = self.make(number)
        if self.used + item.nbytes <= self.budget:
            self.kept[number] = item
            self.used += item.nbytes
        return item

    @property
    def shape(self) -> tuple[int, ...]:
        """As of one array or tensor."""
        return len(self), *self[0].shape

    def only(self, which: np.ndarray) -> OnDemand[Made]:
        """Those that an array of booleans or integers chooses; each keeps its own."""
        return OnDemand(self.make, self.numbers[which], self.budget)
