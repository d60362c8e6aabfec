"""`python -m core tasks`: write docs/tasks.md, the table of what the papers show and what answers here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from core.cli.flags import Result, checked_file, verb

app = typer.Typer()


@verb(app)
def tasks(
    out: Annotated[Path, Option(help="the file to write")] = Path(__file__).parents[2] / "docs/tasks.md",
) -> Result:
    """List the tasks of the five papers, with an example of each."""
    from core.tasks import TASKS, markdown

    checked_file(out, (".md",))
    out.write_text(markdown(), encoding="utf-8")
    return {"written": str(out), "tasks": len(TASKS)}
