"""`python -m core app`: start the browser app."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Option

from core.cli.flags import Result, verb

app = typer.Typer()


@verb(app, "--port 7861", "app")
def start(
    host: Annotated[str, Option(help="address to listen on; 0.0.0.0 for the whole network")] = "127.0.0.1",
    port: Annotated[int | None, Option(min=1, max=65535, help="the first free one from 7860 if left out")] = None,
) -> Result:
    """Start the browser app; it serves until it is interrupted."""
    from core.ui.build import build_demo, launch

    launch(build_demo(), server_name=host, server_port=port)
    return {}
