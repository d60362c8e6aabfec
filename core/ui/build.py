"""The suite: its tabs on one page, its queue and its limits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import gradio as gr

from core.errors import unknown_name
from core.ui.parts.examples import EXAMPLES
from core.ui.tabs import Tab, all_tabs
from core.ui.theme import CSS, THEME

MAX_FILE_SIZE = "60mb"
QUEUE_SIZE = 64
CACHE_SWEEP_S = (3600, 7200)

INTRODUCTION = """# Morphospace
Turn one picture into another: morphs, transitions and edits, each with its own slider. Your pictures stay on this machine."""


def build_demo(only: Sequence[str] | None = None) -> gr.Blocks:
    """The app with all tabs, or with the tabs named in `only`.

    Raises:
        OptionError: a tab that does not exist.
    """
    tabs = all_tabs()
    known = [tab.id for tab in tabs]
    for name in only or ():
        if name not in known:
            raise unknown_name("tab", name, known)
    chosen = [tab for tab in tabs if only is None or tab.id in only]
    with gr.Blocks(title="Morphospace", analytics_enabled=False, delete_cache=CACHE_SWEEP_S) as demo:
        gr.Markdown(INTRODUCTION, elem_id="masthead")
        _draw(chosen, demo)
    return demo.queue(max_size=QUEUE_SIZE, default_concurrency_limit=2)


def _draw(tabs: list[Tab], demo: gr.Blocks) -> None:
    with gr.Tabs() as strip:
        for tab in tabs:
            with gr.Tab(tab.title, id=tab.id, elem_id=f"tab-{tab.id}"):
                tab.build()

    def choose(request: gr.Request) -> Any:
        wanted = request.query_params.get("tab") if request is not None else None
        return gr.Tabs(selected=wanted) if wanted in [tab.id for tab in tabs] else gr.skip()

    demo.load(choose, None, strip, api_visibility="private", show_progress="hidden")


def launch(demo: gr.Blocks, **overrides: Any) -> Any:
    """Start serving, with the suite's limits; returns what `Blocks.launch` returns."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    settings: dict[str, Any] = {
        "theme": THEME,
        "css": CSS,
        "max_file_size": MAX_FILE_SIZE,
        "allowed_paths": [str(EXAMPLES)],
        "mcp_server": True,
        "show_error": False,
        "footer_links": ["api", "gradio", "settings"],
    }
    return demo.launch(**{**settings, **overrides})
