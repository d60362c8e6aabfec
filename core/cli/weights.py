"""`python -m core weights`: which weights there are, fetching, converting, sharing and checking them."""

from __future__ import annotations

import argparse
import sys
from typing import Any

EPILOG = """examples:
  python -m core weights list --system sdl
  python -m core weights pull ripple-lama
  python -m core weights convert crossbreed-dog ~/Downloads/best_00174000.pt"""


def add_commands(subparsers: Any) -> None:
    """Add `weights list|pull|convert|push|verify`."""
    parser = subparsers.add_parser(
        "weights",
        help="list, fetch, convert, share and check weights",
        description="Shipped weights lie in the project; published ones are the authors' files, which you fetch yourself.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    verb = verbs.add_parser("list", help="all records: what is here, licence, size, checksum")
    verb.add_argument("--system", help="only this system")
    verb.set_defaults(run=run_list)

    verb = verbs.add_parser("pull", help="fetch a published file (its licence is shown first) and convert it")
    verb.add_argument("name", help="a record's name, see `list`")
    verb.add_argument("--yes", action="store_true", help="accept the licence without being asked")
    verb.add_argument("--quiet", action="store_true", help="no progress bar")
    verb.set_defaults(run=run_pull)

    verb = verbs.add_parser("convert", help="convert a published file that you have fetched yourself")
    verb.add_argument("name", help="a record's name, see `list`")
    verb.add_argument("file", help="the authors' file")
    verb.add_argument("--to", metavar="FOLDER", help="where to write (default: the cache, where it is found)")
    verb.set_defaults(run=run_convert)

    verb = verbs.add_parser("push", help="upload converted or shipped weights to a hub repository of yours")
    verb.add_argument("name", help="a record's name, see `list`")
    verb.add_argument("--repo", required=True, help="hub repository, org/name; made private if it does not exist")
    verb.add_argument("--public", action="store_true", help="make a new repository public (only for shipped weights)")
    verb.set_defaults(run=run_push)

    verb = verbs.add_parser("verify", help="compare weights on this machine with their checksums")
    verb.add_argument("name", nargs="?", help="a record's name (default: all that are here)")
    verb.add_argument("--seal", action="store_true", help="write the checksums anew instead")
    verb.set_defaults(run=run_verify)


def run_list(args: argparse.Namespace) -> dict[str, Any]:
    """Every record with its place, licence, size, checksum and the command to get it."""
    from core.weights import records

    wanted = [entry for entry in records().values() if args.system in (None, entry.system)]
    return {"weights": [Row(entry) for entry in wanted]}


class Row(dict[str, Any]):
    """All facts of a record and where it is; as text, one aligned line."""

    def __init__(self, entry: Any) -> None:
        from dataclasses import asdict

        place = place_of(entry.name)
        super().__init__(asdict(entry), here=str(place) if place else None, command=entry.command, size=size_of(entry))

    def __str__(self) -> str:
        here = "here" if self["here"] else "-"
        digest = "SHA256SUMS" if self["kind"] == "shipped" else (self["sha256"] or "sha256 unknown")[:16]
        start = f"{self['name']:<30} {self['kind']:<9} {here:<5} {self['size']:>9}  {digest:<16}"
        return f"{start} {self['title']} [{self['licence']}]"


def size_of(entry: Any) -> str:
    """The size of the published file, or what lies here."""
    place = place_of(entry.name)
    size = entry.bytes or (sum(f.stat().st_size for f in place.rglob("*.safetensors")) if place else 0)
    return f"{size / 1e6:.1f} MB" if size else "unknown"


def place_of(name: str) -> Any:
    """The folder of a record on this machine, None if it is not here; asks no server."""
    from core.weights.places import local_folder

    return local_folder(name)


def run_pull(args: argparse.Namespace) -> dict[str, Any]:
    """Fetch and convert one published record."""
    from core.progress import TqdmProgress
    from core.weights import pull, record, resolve

    if record(args.name).kind == "shipped":
        found = resolve(args.name)
        return {"folder": str(found.folder), "label": found.label}
    with TqdmProgress(quiet=args.quiet) as progress:
        place = pull(args.name, accept=lambda entry: accepted(entry, args.yes), progress=progress)
    return {"folder" if place.is_dir() else "file": str(place)}


def accepted(entry: Any, yes: bool) -> bool:
    """Show the terms; ask unless `yes`."""
    where = f" ({entry.licence_url})" if entry.licence_url else ""
    print(f"{entry.name}: {entry.title}\npaper: {entry.paper}\nlicence: {entry.licence}{where}", file=sys.stderr)
    if yes or not sys.stdin.isatty():
        if not yes:
            print("no terminal to ask on: add --yes to accept these terms", file=sys.stderr)
        return yes
    return input("Fetch it under these terms? [y/N] ").strip().lower() in ("y", "yes")


def run_convert(args: argparse.Namespace) -> dict[str, Any]:
    """Convert a file that is here."""
    from core.weights import convert

    return {"folder": str(convert(args.name, args.file, args.to))}


def run_push(args: argparse.Namespace) -> dict[str, Any]:
    """Upload one record's folder to `<repo>/<name>/`."""
    from core.weights.share import push

    return {"address": push(args.name, args.repo, public=args.public)}


def run_verify(args: argparse.Namespace) -> dict[str, Any]:
    """Check, or seal, one record or all that are here."""
    from core.weights import check_seal, records, resolve, seal

    if args.name:
        chosen = {args.name: resolve(args.name).folder}
    else:
        chosen = {name: place for name in records() if (place := place_of(name))}
    if args.seal:
        return {name: str(seal(folder)) for name, folder in chosen.items()}
    return {name: f"{check_seal(folder)} files as sealed in {folder}" for name, folder in chosen.items()}
