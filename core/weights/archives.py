"""Archives that authors publish: the one member that is wanted, or all of it."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

from core.errors import WeightsError

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".rar", ".7z")
PACKED_OTHERWISE = {b"Rar!": "RAR", b"7z\xbc\xaf": "7-Zip"}


def is_archive_name(name: str) -> bool:
    """Whether a file is an archive by its name."""
    return name.lower().endswith(ENDINGS)


def member_of(source: Path, member: str, space: Path) -> Path:
    """The file `member` (a name, or the end of a path) of an archive, written to `space`; `source` itself where it is none.

    A checkpoint of torch is a zip archive too: one without the member is handed back as it is.

    Raises:
        WeightsError: an archive without it, or one that nothing here unpacks.
    """
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            names = [name for name in archive.namelist() if f"/{name}".endswith("/" + member)]
            return Path(archive.extract(names[0], space)) if names else source
    if tarfile.is_tarfile(source):
        with tarfile.open(source) as archive:
            found = [item for item in archive if item.isfile() and f"/{item.name}".endswith("/" + member)]
            if not found:
                raise WeightsError(f"the archive {source.name} holds no {member}")
            archive.extract(found[0], space, filter="data")
            return space / found[0].name
    if _other_kind(source):
        unpacked = [path for path in _unpacked_by_tool(source, space).rglob(Path(member).name) if path.is_file()]
        if not unpacked:
            raise WeightsError(f"the archive {source.name} holds no {member}")
        return unpacked[0]
    return source


def unpack(source: Path, folder: Path) -> Path:
    """All of a zip or tar archive in `folder`, which is returned."""
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            archive.extractall(folder)
    else:
        with tarfile.open(source) as archive:
            archive.extractall(folder, filter="data")
    return folder


def _other_kind(source: Path) -> str | None:
    if not source.is_file():
        return None
    with source.open("rb") as file:
        return PACKED_OTHERWISE.get(file.read(4))


def _unpacked_by_tool(source: Path, space: Path) -> Path:
    """RAR and 7-Zip have no reader in Python: bsdtar or 7z, where the machine has one."""
    folder = space / "unpacked"
    folder.mkdir()
    for tool, command in (
        ("bsdtar", ["-xf", str(source), "-C", str(folder)]),
        ("7z", ["x", f"-o{folder}", str(source)]),
    ):
        if path := shutil.which(tool):
            done = subprocess.run([path, *command], capture_output=True, check=False)
            if done.returncode == 0:
                return folder
    raise WeightsError(
        f"{source.name} is a {_other_kind(source)} archive, which needs bsdtar (libarchive-tools) or 7z on this machine: "
        "install one, or unpack it and convert what is inside"
    )
