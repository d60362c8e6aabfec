"""`python -m core app`: start the browser app."""

from __future__ import annotations

import argparse
from typing import Any


def add_commands(subparsers: Any) -> None:
    """Add `app` with its address and port."""
    parser = subparsers.add_parser("app", help="start the browser app", description="Start the browser app.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for the whole network")
    parser.add_argument("--port", type=int, default=None, help="port (default: the first free one from 7860)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Serve until interrupted."""
    from core.ui.build import build_demo, launch

    launch(build_demo(), server_name=args.host, server_port=args.port)
    return {}
