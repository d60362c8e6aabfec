"""`python -m core weights`: which weights there are, fetching, converting, sharing and checking them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from core.cli.flags import Result, system, verb
from core.errors import WeightsError
from core.progress import Progress

Name = Annotated[str, Argument(help="a record's name, see `list`")]

app = system(
    "weights",
    "List, fetch, convert, share and check weights. Shipped weights lie in the project; published ones are the authors' "
    "files, which you fetch yourself.",
    """examples:
  python -m core weights list --system sdl
  python -m core weights setup
  python -m core weights pull ripple-lama
  python -m core weights convert crossbreed-dog ~/Downloads/best_00174000.pt""",
)


@verb(app, "--system sdl", "list")
def list_records(of: Annotated[str | None, Option("--system", help="only this system")] = None) -> Result:
    """All records: what is here, licence, size, checksum and the command to get it."""
    from core.errors import unknown_name
    from core.weights import records

    systems = {entry.system for entry in records().values()}
    if of and of not in systems:
        raise unknown_name("system", of, sorted(systems))
    return {"weights": [Row(entry) for entry in records().values() if of in (None, entry.system)]}


class Row(dict[str, Any]):
    """All facts of a record and where it is; as text, one aligned line."""

    def __init__(self, entry: Any) -> None:
        from dataclasses import asdict

        from core.weights.checksums import expected

        place = place_of(entry.name)
        size = entry.bytes or (sum(f.stat().st_size for f in place.rglob("*.safetensors")) if place else 0)
        said = f"{size / 1e6:.1f} MB" if size else "unknown"
        found = {"here": str(place) if place else None, "command": entry.command, "size": said}
        super().__init__({**asdict(entry), **found, "checksum": expected(entry)})

    def __str__(self) -> str:
        here = "here" if self["here"] else "-"
        digest = "SHA256SUMS" if self["kind"] == "shipped" else (self["checksum"] or "sha256 unknown")[:16]
        start = f"{self['name']:<30} {self['kind']:<9} {here:<5} {self['size']:>9}  {digest:<16}"
        return f"{start} {self['title']} [{self['licence']}]"


def place_of(name: str) -> Path | None:
    """The folder of a record on this machine, None if it is not here; asks no server."""
    from core.weights.places import local_folder

    return local_folder(name)


@verb(app, "ripple-lama")
def pull(
    name: Name,
    progress: Progress,
    yes: Annotated[bool, Option("--yes", help="accept the licence without being asked")] = False,
    quiet: Annotated[bool, Option("--quiet", help="no progress bar")] = False,
) -> Result:
    """Fetch a published file (its licence is shown first) and convert it."""
    from core.progress import silent
    from core.weights import pull as fetch
    from core.weights import record, resolve

    if record(name).kind == "shipped":
        found = resolve(name)
        return {"folder": str(found.folder), "label": found.label}
    place = fetch(name, accept=lambda entry: accepted(entry, yes), progress=silent if quiet else progress)
    return {"folder" if place.is_dir() else "file": str(place)}


def accepted(entry: Any, yes: bool) -> bool:
    """Show the terms; ask unless `yes`."""
    from core.weights import before_consent

    lines = [entry.name, *(f"  {fact}: {said}" for fact, said in before_consent(entry).items())]
    print("\n".join(lines), file=sys.stderr)
    if yes or not sys.stdin.isatty():
        if not yes:
            print("no terminal to ask on: add --yes to accept these terms", file=sys.stderr)
        return yes
    return input("Fetch it under these terms? [y/N] ").strip().lower() in ("y", "yes")


@verb(app, "--system gfla")
def setup(
    progress: Progress,
    of: Annotated[str | None, Option("--system", help="only this system")] = None,
    yes: Annotated[bool, Option("--yes", help="accept all licences without being asked")] = False,
    quiet: Annotated[bool, Option("--quiet", help="no progress bar")] = False,
) -> Result:
    """Fetch and convert the authors' weights of all five systems in one go; what is here already is left alone.

    Each licence is shown and asked for; one that fails or is declined does not stop the others, and running it again goes on.
    """
    from core.progress import part_of, silent
    from core.weights import pull as fetch
    from core.weights import records

    wanted = [entry for entry in records().values() if entry.kind == "published" and of in (None, entry.system)]
    result: Result = {}
    failed: list[str] = []
    for index, entry in enumerate(wanted):
        if place := place_of(entry.name):
            result[entry.name] = f"here: {place}"
            continue
        bar = silent if quiet else part_of(progress, index / len(wanted), (index + 1) / len(wanted))
        try:
            result[entry.name] = str(fetch(entry.name, accept=lambda entry: accepted(entry, yes), progress=bar))
        except WeightsError as error:
            failed.append(f"{entry.name}: {error}")
    return {**result, **({"failed": failed} if failed else {})}


@verb(app, "crossbreed-dog ~/Downloads/best_00174000.pt")
def convert(
    name: Name,
    file: Annotated[Path, Argument(help="the authors' file")],
    to: Annotated[
        Path | None, Option(metavar="FOLDER", help="where to write; the cache, where it is found, if left out")
    ] = None,
) -> Result:
    """Convert a published file that you have fetched yourself."""
    from core.weights import convert as write

    return {"folder": str(write(name, file, to))}


@verb(app, "sdl-toon --repo me/morphospace-weights")
def push(
    name: Name,
    repo: Annotated[str, Option(help="hub repository, org/name; made private if it does not exist")],
    public: Annotated[bool, Option("--public", help="make a new repository public (only for shipped weights)")] = False,
) -> Result:
    """Upload converted or shipped weights to a hub repository of yours, below `<repo>/<name>/`."""
    from core.weights.share import push as upload

    return {"address": upload(name, repo, public=public)}


@verb(app, "sdl-toon")
def verify(
    name: Annotated[str | None, Argument(help="a record's name; all that are here if left out")] = None,
    seal: Annotated[bool, Option("--seal", help="write the checksums anew instead")] = False,
) -> Result:
    """Compare weights on this machine with their checksums."""
    from core.weights import check_seal, records, resolve
    from core.weights import seal as write_seal

    if name:
        folder = resolve(name).folder
        return {name: str(write_seal(folder)) if seal else f"{check_seal(folder)} files as sealed in {folder}"}
    result: Result = {}
    failed: list[str] = []
    for each in records():
        if folder_here := place_of(each):
            try:
                said = (
                    str(write_seal(folder_here))
                    if seal
                    else f"{check_seal(folder_here)} files as sealed in {folder_here}"
                )
                result[each] = said
            except WeightsError as error:
                failed.append(f"{each}: {error}")
    return {**result, **({"failed": failed} if failed else {})}
