"""The suite: its tabs on one page, its queue and its limits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import gradio as gr
from starlette.requests import Request
from starlette.responses import JSONResponse

from core import settings
from core.devices import choose_device
from core.errors import unknown_name
from core.ui.parts.examples import EXAMPLES
from core.ui.parts.gpu import zero_gpu
from core.ui.tabs import Tab, all_tabs
from core.ui.theme import CSS, THEME

WORK = "work"
# What gradio raises over a body that is no call of the endpoint.
MISFITS = (TypeError, KeyError, ValueError, AttributeError)
CACHE_SWEEP_S = (3600, 7200)

INTRODUCTION = """# Morphospace
Turn one picture into another: morphs, transitions and edits, each with its own slider. Your pictures stay on this machine."""


def build_demo(only: Sequence[str] | None = None) -> gr.Blocks:
    """The app with all tabs, or with the tabs named in `only`.

    Raises:
        OptionError: a tab that does not exist, or a setting of the environment that does not fit.
        DeviceError: the environment asks for a device that this machine does not have.
    """
    settings.check_settings()
    if os.environ.get(settings.DEVICE):
        choose_device()
    tabs = all_tabs()
    known = [tab.id for tab in tabs]
    for name in only or ():
        if name not in known:
            raise unknown_name("tab", name, known)
    chosen = [tab for tab in tabs if only is None or tab.id in only]
    with gr.Blocks(title="Morphospace", analytics_enabled=False, delete_cache=CACHE_SWEEP_S) as demo:
        with gr.Row():
            gr.Markdown(INTRODUCTION, elem_id="masthead")
            # Duplicating means something on the Hub only.
            gr.DuplicateButton("Duplicate for a private copy", visible=bool(os.environ.get("SPACE_ID")), size="sm")
        _draw(chosen, demo)
    if zero_gpu():
        for tab in chosen:
            if tab.load is not None:
                tab.load()
    workers = settings.number(settings.WORKERS)
    for event in demo.fns.values():
        if event.concurrency_id == WORK:
            event.concurrency_limit = workers
        if event.fn is not None and isinstance(event.api_name, str) and event.api_visibility == "public":
            # Agents see a tool under its function's name; tabs have functions of the same name.
            event.fn.__name__ = event.api_name
    return demo.queue(max_size=settings.number(settings.QUEUE_SIZE), default_concurrency_limit=workers)


def _draw(tabs: list[Tab], demo: gr.Blocks) -> None:
    with gr.Tabs() as strip:
        for tab in tabs:
            with gr.Tab(tab.title, id=tab.id, elem_id=f"tab-{tab.id}"):
                tab.build()

    def choose(request: gr.Request) -> Any:
        wanted = request.query_params.get("tab") if request is not None else None
        return gr.Tabs(selected=wanted) if wanted in [tab.id for tab in tabs] else gr.skip()

    demo.load(choose, None, strip, api_visibility="private", show_progress="hidden")


async def refuse(_: Request, error: Exception) -> JSONResponse:
    """The answer to a request that gradio cannot take apart: its words about parameters, never a trace of code."""
    said = str(error)
    known = said.startswith(("Parameter ", "No value provided", "Too many arguments"))
    return JSONResponse({"error": said if known else "the request does not fit this endpoint: see docs/api.md"}, 422)


def launch(demo: gr.Blocks, **overrides: Any) -> Any:
    """Start serving, with the suite's limits; returns what `Blocks.launch` returns."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    chosen: dict[str, Any] = {
        "theme": THEME,
        "css": CSS,
        "max_file_size": f"{settings.number(settings.UPLOAD_MB)}mb",
        "allowed_paths": [str(EXAMPLES)],
        "mcp_server": True,
        "show_error": False,
        "app_kwargs": {"exception_handlers": dict.fromkeys(MISFITS, refuse)},
        "footer_links": ["api", "gradio", "settings"],
    }
    return demo.launch(**{**chosen, **overrides})
