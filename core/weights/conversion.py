"""Published files into our layout: the system's converter writes beside the cache, one rename puts it in place."""

from __future__ import annotations

import importlib
import logging
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from core.errors import WeightsError, unknown_name
from core.progress import Progress, part_of, silent
from core.weights.archives import is_archive_name, member_of, unpack
from core.weights.catalogue import Record, record
from core.weights.checkpoint import foreign_kind
from core.weights.checksums import remember, wrong_checksum
from core.weights.fetch import download
from core.weights.layout import seal
from core.weights.places import cache_folder, holds_weights

AS_PUBLISHED = "as-published"
log = logging.getLogger(__name__)


def convert(name: str, file: str | Path, folder: str | Path | None = None) -> Path:
    """Convert a published file (or the folder that holds a converter's several files) and seal the result.

    Args:
        name: the record that the file is.
        file: what the authors publish; an archive is searched for the record's member, or its file name.
        folder: where to write; the cache's folder of this record by default.

    Raises:
        WeightsError: a file that does not hold the record's networks.
    """
    entry, source = record(name), Path(file)
    if entry.converter == AS_PUBLISHED:
        raise WeightsError(f"{name} needs no conversion: {entry.note}")
    if entry.kind == "shipped":
        raise WeightsError(f"{name} is shipped with the project and needs no conversion")
    if not source.exists():
        raise WeightsError(f"{source} does not exist: check the path")
    converter = converter_of(entry)
    target = _free(Path(folder) if folder else cache_folder() / name)
    _refuse_foreign(entry, source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{name}-") as space:
            fresh = Path(space) / "converted"
            _run(converter, entry, member_of(source, entry.member or entry.filename, Path(space)), fresh)
            seal(fresh)
            if target.exists():
                shutil.rmtree(target)
            fresh.rename(target)
        remember(entry, source)
    except OSError as error:
        raise WeightsError(f"{target} cannot be written ({error}): free space, or choose another folder") from error
    return target


def pull(name: str, accept: Callable[[Record], bool], progress: Progress = silent) -> Path:
    """Fetch the authors' file, convert it, and return the folder that `resolve` will find.

    A record that is read as published has no such folder: the file itself is returned, or what it was unpacked to. A file that is not what the record says
    is not kept.
    """
    entry = record(name)
    if entry.converter != AS_PUBLISHED:
        converter_of(entry)
        _free(cache_folder() / name)
    file = download(entry, accept=accept, progress=part_of(progress, 0.0, 0.9))
    if entry.beside:
        name = entry.beside.rsplit("/", 1)[-1]
        second = replace(entry, url=entry.beside, filename=name, bytes=None, sha256=None)
        download(second, file.parent, accept=lambda _: True)
    if entry.converter == AS_PUBLISHED:
        return unpack(file, file.parent / "unpacked") if is_archive_name(file.name) else file
    progress(0.9, "converting")
    try:
        folder = convert(name, file)
    except WeightsError as error:
        if isinstance(error.__cause__, OSError):  # the place's fault, not the file's
            raise
        file.unlink(missing_ok=True)
        raise WeightsError(f"{error}; what was fetched is deleted, `{entry.command}` begins anew") from error
    progress(1.0, "done")
    return folder


def _free(target: Path) -> Path:
    """A folder that may be written: one of weights, an empty one, or none yet."""
    if target.exists() and (not target.is_dir() or (not holds_weights(target) and any(target.iterdir()))):
        raise WeightsError(f"{target} holds other things: choose an empty folder")
    return target


def _refuse_foreign(entry: Record, source: Path) -> None:
    if not source.is_file():
        return
    with source.open("rb") as file:
        kind = foreign_kind(file.read(512))
    if kind:
        raise WeightsError(
            f"{source} is {kind}, not a checkpoint: {entry.filename or 'a checkpoint'} of {entry.name} fits"
        )
    if fault := wrong_checksum(entry, source):
        log.warning("%s %s: it is converted all the same", source, fault)


def _run(converter: Callable[[Path, Path], object], entry: Record, source: Path, folder: Path) -> None:
    """Convert; what a converter does not find in the file is the file's fault."""
    try:
        converter(source, folder)
    except (KeyError, IndexError, AttributeError, TypeError, RuntimeError) as error:
        said = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise WeightsError(f"{source.name} does not hold what {entry.name} consists of ({said})") from error


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
