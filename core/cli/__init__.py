"""The command line: `python -m core <system> <verb>`; one thin file per system.

Each module has an `app` (typer) with its verbs. A verb is a function that returns a dict, shown as lines or, with
`--json`, as JSON. Heavy imports stay inside the verbs, so that `--help` is instant.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Annotated, Any

import typer
from typer import Option

from core import __version__
from core.errors import CancelledError, MorphospaceError

SYSTEMS = (
    "implicit",
    "crossbreed",
    "sdl",
    "ripple",
    "gfla",
    "weights",
    "app",
    "space",
    "examples",
    "api_docs",
    "tasks",
)
PROGRAM = "python -m core"
EPILOG = """\b
examples:
  python -m core implicit video anna.jpg ben.jpg --out morph.mp4
  python -m core weights list
Each system teaches its verbs: python -m core implicit --help"""


def show_version(wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        print(f"Morphospace {__version__}")
        raise typer.Exit


def suite(
    version: Annotated[
        bool, Option("--version", is_eager=True, callback=show_version, help="show the version")
    ] = False,
    json: Annotated[bool, Option("--json", help="print the result as JSON; understood after the verb too")] = False,
    behind: Annotated[
        str,
        Option(
            "--behind",
            metavar="white|black|grey|green",
            help="colour under clear parts of pictures; understood after the verb too",
        ),
    ] = "white",
    verbose: Annotated[bool, Option("--verbose", help="tell what long jobs do, line by line")] = False,
) -> None:
    """Morphospace: five ways to turn one picture into another."""


@cache
def command_line() -> Any:
    """The whole command line."""
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
    whole = typer.Typer(rich_markup_mode=None, add_completion=False, epilog=EPILOG, context_settings=settings)
    whole.callback()(suite)
    for name in SYSTEMS:
        whole.add_typer(importlib.import_module(f"core.cli.{name}").app)
    return typer.main.get_command(whole)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 is success, 1 a batch of which a part failed, 2 a mistake to mend, 130 an interruption."""
    words = list(sys.argv[1:] if argv is None else argv)
    as_json, verbose = "--json" in words, "--verbose" in words
    words, behind = _without_behind([word for word in words if word not in ("--json", "--verbose")])
    try:
        with logging_to_stderr(verbose), _clear_parts_over(behind):
            result = command_line()(words, prog_name=PROGRAM, standalone_mode=False, obj={"quiet": as_json or verbose})
        if isinstance(result, int):  # typer's own ends: help, version, Ctrl-C
            return result
        report(result, as_json)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output (`| head`) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, CancelledError, typer.Abort):
        print("stopped", file=sys.stderr)
        return 130
    except typer.TyperException as error:
        return refuse(usage_text(error, words), "UsageError", as_json)
    except MorphospaceError as error:
        return refuse(str(error), type(error).__name__, as_json)
    except OSError as error:
        logging.getLogger("core").debug("a file", exc_info=True)
        place = f"{error.filename}: " if error.filename else ""
        return refuse(
            f"{place}{error.strerror or error}: check the path, its rights and the free space", "OSError", as_json
        )
    return 1 if result and result.get("failed") else 0


def _without_behind(words: list[str]) -> tuple[list[str], str | None]:
    """The words without `--behind COLOUR`, and the colour."""
    kept, colour = [], None
    for word in (left := iter(words)):
        name, mark, value = word.partition("=")
        if name == "--behind":
            colour = value if mark else next(left, "")
        else:
            kept.append(word)
    return kept, colour


def _clear_parts_over(colour: str | None) -> AbstractContextManager[None]:
    if colour is None:
        return nullcontext()
    # Pictures are slow to import, and most commands ask nothing of them here.
    from core.image import behind_clear_parts

    return behind_clear_parts(colour)


def usage_text(error: typer.TyperException, words: list[str]) -> str:
    """What the parser found, with the value that came and the help to look at."""
    context, param = getattr(error, "ctx", None), getattr(error, "param", None)
    hint = f" (see {context.command_path} --help)" if context else ""
    flags = [index for index, word in enumerate(words[:-1]) if param and word in param.opts]
    came = f"{words[flags[-1] + 1]!r} came. " if flags else ""
    return f"{came}{error.format_message().rstrip('.')}{hint}"


def refuse(text: str, kind: str, as_json: bool) -> int:
    """Say in one line what has to change; the exit code for it."""
    text = " ".join(text.split())
    if as_json:
        print(json.dumps({"error": text, "kind": kind}))
    print(f"error: {text}", file=sys.stderr)
    return 2


@contextmanager
def logging_to_stderr(verbose: bool) -> Iterator[None]:
    """The suite's loggers speak on standard error for the time of one command: warnings, or with `verbose` all steps."""
    logger, handler = logging.getLogger("core"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s" if verbose else "%(message)s"))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO if verbose else logging.WARNING)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def report(result: dict[str, Any] | None, as_json: bool) -> None:
    """Print what a verb returned; an empty list of failures only to programs."""
    if as_json:
        print(json.dumps(result or {}, indent=2, default=str))
        return
    for name, value in (result or {}).items():
        if isinstance(value, list):
            if value or name != "failed":
                print(f"{name}:")
            for item in value:
                print(f"  {item}")
        else:
            print(f"{name}: {value:.6g}" if isinstance(value, float) else f"{name}: {value}")
