"""`python -m core api-docs`: write docs/api.md from the app."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from core.cli.flags import Result, checked_file, verb

app = typer.Typer()


@verb(app)
def api_docs(
    out: Annotated[Path, Option(help="the file to write")] = Path(__file__).parents[2] / "docs/api.md",
) -> Result:
    """Describe every endpoint of the app."""
    from core.ui.api import api_markdown
    from core.ui.build import build_demo

    checked_file(out, (".md",))
    text = api_markdown(build_demo())
    out.write_text(text)
    return {"written": str(out), "endpoints": text.count("\n## ")}
