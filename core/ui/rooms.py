"""What the tabs work with: torch, diffusers and the systems, imported once, behind a page that stands already.

Drawing the page needs none of it, so `core.ui` imports it inside the functions that work, as `core.cli` does. All at once in
one thread: visitors' threads that each imported a part would find modules of the others half made.
"""

from __future__ import annotations

import importlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from core.once import load_once
from core.ui.tabs import all_tabs

# By tab, with what they import themselves, all that functions in `core.ui` ask for. A Space of one system has its own only.
ROOMS = {
    "implicit": ("core.implicit.chain",),
    "crossbreed": ("core.crossbreed.pipeline", "core.crossbreed.sheet"),
    "sdl": ("core.sdl.methods.video_rate.preview",),
    "ripple": ("core.ripple.pipeline", "core.ripple.methods.repainting.removal"),
    "gfla": ("core.gfla.pipeline", "core.gfla.pipeline_animation", "core.gfla.pipeline_views"),
    "compare": ("core.metrics",),
}
# A page that was opened at once stands by then; imports beside it would hold it up.
WAIT_S = 5.0


def open_soon() -> None:
    """Begin when the first page stands, unless a call asks for it before."""
    timer = threading.Timer(WAIT_S, opened)
    timer.daemon = True
    timer.start()


@load_once
def opened() -> Future[None]:
    """Done when everything is imported, which begins when this is asked for the first time."""
    return ThreadPoolExecutor(1, "morphospace-rooms").submit(_open)


def _open() -> None:
    for tab in all_tabs():
        for name in ROOMS[tab.id]:
            importlib.import_module(name)
