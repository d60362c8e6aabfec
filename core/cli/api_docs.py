"""`python -m core api-docs`: write docs/api.md from the app."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

PLACE = Path(__file__).parents[2] / "docs/api.md"


def add_commands(subparsers: Any) -> None:
    """Add `api-docs`."""
    parser = subparsers.add_parser(
        "api-docs",
        help="describe every endpoint of the app",
        description="Write the endpoints' description from the app.",
    )
    parser.add_argument("--out", default=str(PLACE), help="the file to write (default: docs/api.md)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Build the app and write its description."""
    from core.ui.api import api_markdown
    from core.ui.build import build_demo

    text = api_markdown(build_demo())
    Path(args.out).write_text(text)
    return {"written": args.out, "endpoints": text.count("\n## ")}
