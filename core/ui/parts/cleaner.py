"""What visitors leave behind is deleted when its time is over, whether anybody comes or not."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from core import settings
from core.ui.parts import handlers, store

KEPT_HOURS = 2
EVERY_S = 60.0
# gradio puts every file into a folder named after its content.
UPLOAD = re.compile(r"[0-9a-f]{64}")


def sweep(own: Iterable[str | Path] = (), now: float | None = None) -> None:
    """Delete uploads and results after `KEPT_HOURS`, inputs of links after `MORPHOSPACE_SHARE_HOURS`.

    Args:
        own: files of the page itself, such as its examples, which stay.
        now: seconds since the epoch; the clock by default.
    """
    now = time.time() if now is None else now
    for file in own:
        # Another suite on this machine may sweep the same folder: what is used stays young.
        with contextlib.suppress(OSError):
            os.utime(file, (now, now))
    for folder, hours in _left_behind():
        if now - _youngest_s(folder) >= 3600 * hours:
            shutil.rmtree(folder, ignore_errors=True)


def start_cleaner(demo: gr.Blocks) -> threading.Thread:
    """Sweep now, then every minute as long as the app runs, in the thread that is returned."""

    def run() -> None:
        sweep(_own_files(demo))
        time.sleep(EVERY_S)
        while demo.is_running:
            sweep(_own_files(demo))
            time.sleep(EVERY_S)

    thread = threading.Thread(target=run, name="morphospace-cleaner", daemon=True)
    thread.start()
    return thread


def _own_files(demo: gr.Blocks) -> list[str]:
    return [file for block in list(demo.blocks.values()) for file in block.keep_in_cache]


def _left_behind() -> Iterator[tuple[Path, float]]:
    """Every folder that may be deleted, with the hours that it is kept."""
    shares = settings.number(settings.SHARE_HOURS)
    places = ((store.STORE, shares), (handlers.RESULTS, KEPT_HOURS), (Path(get_upload_folder()), KEPT_HOURS))
    for place, hours in places:
        for folder in place.iterdir() if place.is_dir() else ():
            if place in (store.STORE, handlers.RESULTS) or UPLOAD.fullmatch(folder.name):
                yield folder, hours


def _youngest_s(folder: Path) -> float:
    """When anything in a folder was last written; a folder that just went counts as new."""
    try:
        return max(part.stat().st_mtime for part in (folder, *folder.rglob("*")))
    except OSError:
        return float("inf")
