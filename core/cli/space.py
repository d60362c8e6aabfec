"""`python -m core space`: the suite, or one tab of it, as a Space of the Hugging Face Hub."""

from __future__ import annotations

import argparse
from typing import Any

EPILOG = """examples:
  python -m core space build crossbreed --to build/crossbreed
  python -m core space push crossbreed --to me/crossbreed --hardware zero-a10g"""


def add_commands(subparsers: Any) -> None:
    """Add `space list|build|push|lists`."""
    parser = subparsers.add_parser(
        "space",
        help="stage and upload Spaces",
        description="A Space is a folder with an app, its lists of packages, and only the code and weights it needs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    verb = verbs.add_parser("list", help="the Spaces that can be staged")
    verb.set_defaults(run=run_list)

    verb = verbs.add_parser("build", help="write a complete Space into a folder, and start its app once")
    verb.add_argument("name", help="a Space, see `list`")
    verb.add_argument("--to", required=True, metavar="FOLDER", help="an empty folder, or one staged before")
    verb.add_argument("--no-try", action="store_true", help="do not start the app")
    verb.set_defaults(run=run_build)

    verb = verbs.add_parser("push", help="stage a Space and upload it")
    verb.add_argument("name", help="a Space, see `list`")
    verb.add_argument("--to", required=True, metavar="USER/SPACE", help="where on the Hub; made if it does not exist")
    verb.add_argument("--public", action="store_true", help="let everybody see a new Space")
    verb.add_argument("--hardware", help="hardware of a new Space, such as zero-a10g (ZeroGPU), cpu-basic or t4-small")
    verb.set_defaults(run=run_push)

    verb = verbs.add_parser("lists", help="renew requirements.txt and packages.txt of all Spaces from the project's")
    verb.set_defaults(run=run_lists)


def run_list(args: argparse.Namespace) -> dict[str, Any]:
    """Names and tabs."""
    from core.publish import space_names, tabs_of

    return {name: ", ".join(tabs_of(name)) for name in space_names()}


def run_build(args: argparse.Namespace) -> dict[str, Any]:
    """Stage one Space."""
    from core.publish import stage, try_out

    folder = stage(args.name, args.to)
    files = [file for file in folder.rglob("*") if file.is_file()]
    megabytes = round(sum(file.stat().st_size for file in files) / 1e6, 1)
    result: dict[str, Any] = {"folder": str(folder), "files": len(files), "megabytes": megabytes}
    return result if args.no_try else {**result, "endpoints": try_out(folder)}


def run_push(args: argparse.Namespace) -> dict[str, Any]:
    """Stage one Space in a temporary folder, start it once, upload it."""
    import tempfile

    from core.publish import push, stage, try_out

    with tempfile.TemporaryDirectory() as space:
        folder = stage(args.name, f"{space}/{args.name}")
        try_out(folder)
        return {"address": push(folder, args.to, private=not args.public, hardware=args.hardware)}


def run_lists(args: argparse.Namespace) -> dict[str, Any]:
    """Write the generated lists."""
    from core.publish import write_lists

    return {"written": [str(path) for path in write_lists()]}
