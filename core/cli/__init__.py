"""The command line: `python -m core <system> <verb>`; one thin file per system.

Each module here has `add_commands(subparsers)`. A verb is a function of the parsed arguments that returns a dict,
shown as lines or, with `--json`, as JSON. Heavy imports stay inside the verbs, so that `--help` is instant.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Sequence
from typing import Any

from core import __version__
from core.errors import CancelledError, MorphospaceError

EPILOG = """examples:
  python -m core implicit video anna.jpg ben.jpg --out morph.mp4
  python -m core weights list
Each system teaches its verbs: python -m core implicit --help"""


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="python -m core",
        description="Morphospace: five ways to turn one picture into another.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Morphospace {__version__}")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    subparsers = parser.add_subparsers(dest="system", required=True, metavar="SYSTEM")
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"core.cli.{module.name}").add_commands(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 is success, 2 a mistake that the user can mend, 130 an interruption."""
    words = list(sys.argv[1:] if argv is None else argv)
    # --json is understood after the verb too, where people type it.
    as_json = "--json" in words
    args = build_parser().parse_args([word for word in words if word != "--json"])
    try:
        report(args.run(args), as_json)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output (`| head`) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, CancelledError):
        print("stopped", file=sys.stderr)
        return 130
    except MorphospaceError as error:
        if as_json:
            print(json.dumps({"error": str(error), "kind": type(error).__name__}))
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def report(result: dict[str, Any] | None, as_json: bool) -> None:
    """Print what a verb returned."""
    if as_json:
        print(json.dumps(result or {}, indent=2, default=str))
        return
    for name, value in (result or {}).items():
        if isinstance(value, list):
            print(f"{name}:")
            for item in value:
                print(f"  {item}")
        else:
            print(f"{name}: {value:.6g}" if isinstance(value, float) else f"{name}: {value}")
