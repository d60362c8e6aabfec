"""Published files into our layout: the system's converter writes beside the cache, one rename puts it in place."""

from __future__ import annotations

import importlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from core.errors import WeightsError, unknown_name
from core.progress import Progress, part_of, silent
from core.weights.catalogue import Record, record
from core.weights.fetch import download
from core.weights.layout import seal
from core.weights.places import cache_folder, holds_weights

AS_PUBLISHED = "as-published"


def convert(name: str, file: str | Path, folder: str | Path | None = None) -> Path:
    """Convert a published file (or the folder that holds a converter's several files) and seal the result.

    Args:
        name: the record that the file is.
        file: what the authors publish; a zip archive is searched for the record's member.
        folder: where to write; the cache's folder of this record by default.

    Raises:
        WeightsError: a file that does not hold the record's networks.
    """
    entry, source = record(name), Path(file)
    if entry.converter == AS_PUBLISHED:
        raise WeightsError(f"{name} needs no conversion: {entry.note}")
    if not source.exists():
        raise WeightsError(f"{source} does not exist: check the path")
    converter = converter_of(entry)
    target = Path(folder) if folder else cache_folder() / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{name}-") as space:
            fresh = Path(space) / "converted"
            converter(_member(entry, source, Path(space)), fresh)
            seal(fresh)
            if target.exists():
                if not holds_weights(target) and any(target.iterdir()):
                    raise WeightsError(f"{target} holds other things: choose an empty folder")
                shutil.rmtree(target)
            fresh.rename(target)
    except OSError as error:
        raise WeightsError(f"{target} cannot be written ({error}): free space, or choose another folder") from error
    return target


def pull(name: str, accept: Callable[[Record], bool], progress: Progress = silent) -> Path:
    """Fetch the authors' file, convert it, and return the folder that `resolve` will find.

    A record that is read as published has no folder: the file itself is returned.
    """
    entry = record(name)
    file = download(entry, accept=accept, progress=part_of(progress, 0.0, 0.9))
    if entry.converter == AS_PUBLISHED:
        return file
    progress(0.9, "converting")
    folder = convert(name, file)
    progress(1.0, "done")
    return folder


def converter_of(entry: Record) -> Callable[[Path, Path], object]:
    """The function (file, folder) of the record's system."""
    for place in ("paper.convert", "convert"):
        try:
            table = importlib.import_module(f"core.{entry.system}.{place}").CONVERTERS
            break
        except ModuleNotFoundError:
            continue
    else:
        raise WeightsError(f"{entry.name}: the system {entry.system} has no converter")
    key = entry.converter or entry.name
    if key not in table:
        raise unknown_name("converter", key, table)
    return table[key]


def _member(entry: Record, source: Path, space: Path) -> Path:
    """The checkpoint itself: the source, or the record's member of a zip archive."""
    if not entry.member or not zipfile.is_zipfile(source):
        return source
    with zipfile.ZipFile(source) as archive:
        names = [name for name in archive.namelist() if name == entry.member or name.endswith("/" + entry.member)]
        if not names:
            # A checkpoint of torch is a zip archive too: hand it on as it is.
            return source
        with archive.open(names[0]) as packed, (space / Path(entry.member).name).open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    return space / Path(entry.member).name
