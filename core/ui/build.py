"""The suite: its tabs on one page, its queue and its limits."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi.exceptions import RequestValidationError
from gradio.route_utils import FnIndexInferError
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse

from core import settings
from core.errors import OptionError, unknown_name
from core.ui.agents import answer_agents
from core.ui.parts.cleaner import EVERY_S, KEPT_HOURS, start_cleaner
from core.ui.parts.examples import CREDITS, EXAMPLES
from core.ui.parts.gpu import zero_gpu
from core.ui.parts.handlers import PRIVATE
from core.ui.parts.onwards import connect
from core.ui.parts.transition import TransitionTab
from core.ui.rooms import open_soon
from core.ui.shown import ShownPictures
from core.ui.suite import DISK_FULL, FULL, Suite, event_named, parameters_of
from core.ui.tabs import Tab, all_tabs
from core.ui.theme import CSS, THEME
from core.ui.values import kind_of

WORK = "work"
TEXTS = Path(__file__).parent / "texts.json"
SCRIPTS = ("names.js", "hold.js", "ahead.js", "hand.js")
# In the order of each entry of the catalogue.
LANGUAGES = ("de", "ko", "zh-CN")
# What gradio raises over a body that is no call of the endpoint.
MISFITS = (TypeError, KeyError, ValueError, AttributeError, RecursionError, FnIndexInferError, RequestValidationError)

# The tab that a link names. In the browser: an event here would have to wait for the rooms.
CHOOSE = """() => {
    const selected = new URLSearchParams(location.search).get("tab");
    return { __type__: "update", ...(%s.includes(selected) && { selected }) };
}"""

INTRODUCTION = """# Morphospace
Turn one picture into another and move between them. {promise}"""


def build_demo(only: Sequence[str] | None = None) -> gr.Blocks:
    """The app with all tabs, or with the tabs named in `only`.

    Raises:
        OptionError: a tab that does not exist, or a setting of the environment that does not fit.
        DeviceError: the environment asks for a device that this machine does not have.
    """
    settings.check_settings()
    if os.environ.get(settings.DEVICE):
        from core.devices import choose_device

        choose_device()
    tabs = all_tabs()
    known = [tab.id for tab in tabs]
    for name in only or ():
        if name not in known:
            raise unknown_name("tab", name, known)
    chosen = [tab for tab in tabs if only is None or tab.id in only]
    kept_s = round(3600 * KEPT_HOURS)
    with Suite(title="Morphospace", analytics_enabled=False, delete_cache=(round(EVERY_S), kept_s)) as demo:
        with gr.Row():
            gr.Markdown(INTRODUCTION.format(promise=promise()), elem_id="masthead")
            # Duplicating means something on the Hub only.
            gr.DuplicateButton("Duplicate for a private copy", visible=bool(os.environ.get("SPACE_ID")), size="sm")
        _draw(chosen, demo)
        with gr.Accordion("Credits of the example pictures", open=False):
            gr.Markdown(CREDITS.read_text(encoding="utf-8").partition("\n")[2], elem_id="credits")
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
    # Calls past the queue would take no turn, and answer a mistake as a failure of the server.
    return demo.queue(max_size=settings.number(settings.QUEUE_SIZE), default_concurrency_limit=workers, api_open=False)


def promise() -> str:
    """Where a visitor's pictures go and how long they stay there."""
    hosted = bool(os.environ.get("SPACE_ID"))
    where = "go to this Space's server and no further" if hosted else "stay on the machine that runs this page"
    hours = settings.number(settings.SHARE_HOURS)
    shared = f", those of a shared link after {hours}" if hours else ""
    dropped = "What a photo says of place, time and camera (EXIF) is dropped on purpose."
    return f"Your pictures {where}; they are deleted there after {KEPT_HOURS} hours{shared}. {dropped}"


def _draw(tabs: list[Tab], demo: gr.Blocks) -> None:
    drawn: list[TransitionTab] = []
    with gr.Tabs(overflow_behavior="wrap") as strip:
        for tab in tabs:
            with gr.Tab(tab.title, id=tab.id, elem_id=f"tab-{tab.id}"):
                built = tab.build()
                if isinstance(built, TransitionTab):
                    built.title = tab.title
                    drawn.append(built)
    connect(drawn, strip)

    choose = CHOOSE % json.dumps([tab.id for tab in tabs])
    demo.load(None, None, strip, js=choose, **PRIVATE)


async def refuse(request: Request, error: Exception) -> JSONResponse:
    """The answer to a request that gradio cannot take apart: which parameter, never a trace of code."""
    path, name = request.url.path.rstrip("/").rsplit("/", 1)
    if "/call" not in path:
        return JSONResponse({"error": "the request does not fit: docs/api.md shows how to call the suite"}, 422)
    try:
        known = parameters_of(event_named(request.app.get_blocks(), name))
    except OptionError as unknown:
        return JSONResponse({"error": str(unknown)}, 422)
    said, listed = str(error), ", ".join(known)
    if found := re.search(r"Parameter `(.*?)` is not a valid", said, re.S):
        said = str(unknown_name("parameter", found.group(1), known))
    elif found := re.search(r"No value provided for required argument: (\w+)", said):
        said = f"{found.group(1)} is missing; what fits: {kind_of(known[found.group(1)][1])}"
    else:
        said = f"the body is no call of this endpoint; what fits: a JSON object with {listed}"
    return JSONResponse({"error": said}, 422)


async def disk_full(_: Request, error: Exception) -> JSONResponse:
    """The answer to an upload that could not be stored."""
    full = isinstance(error, OSError) and error.errno in FULL
    said = DISK_FULL if full else f"the server could not store or read a file ({type(error).__name__}): try again"
    return JSONResponse({"error": said}, 507)


def catalogue() -> gr.I18n:
    """The page's words in other languages, by the English ones; `names.js` shows those of the browser's language.

    Under a mark, so that gradio finds none by itself: it would translate the values of lists, which no handler takes then.
    """
    words: dict[str, list[str]] = json.loads(TEXTS.read_text(encoding="utf-8"))
    return gr.I18n(**{name: {f"~{text}": told[i] for text, told in words.items()} for i, name in enumerate(LANGUAGES)})


def scripts() -> str:
    """What every page does when it opens, as one function."""
    parts = Path(__file__).parent / "parts"
    return "() => {\n" + "".join(f"({(parts / name).read_text().strip()})();\n" for name in SCRIPTS) + "}"


def launch(demo: gr.Blocks, **overrides: Any) -> Any:
    """Start serving, with the suite's limits; returns what `Blocks.launch` returns."""
    chosen: dict[str, Any] = {
        "theme": THEME,
        "css": CSS,
        "js": scripts(),
        "max_file_size": f"{settings.number(settings.UPLOAD_MB)}mb",
        "allowed_paths": [str(EXAMPLES)],
        "i18n": catalogue(),
        "mcp_server": True,
        "show_error": False,
        "app_kwargs": {
            "exception_handlers": {**dict.fromkeys(MISFITS, refuse), OSError: disk_full},
            "middleware": [Middleware(ShownPictures)],
        },
        "footer_links": ["api", "gradio", "settings"],
        **overrides,
    }
    served = demo.launch(**{**chosen, "prevent_thread_lock": True})
    open_soon()
    answer_agents(demo)
    start_cleaner(demo)
    if not chosen.get("prevent_thread_lock"):
        demo.block_thread()
    return served
