"""Handlers that behave: long work shows progress and stops at once; results go to folders of their own."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import gradio as gr

from core.content import content_key
from core.errors import ExportError
from core.progress import Progress, watch
from core.ui.parts.pace import rounded

Result = TypeVar("Result")
# Of events that the page needs and no program, and that lay no waiting sign over what they set.
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# gradio finds a handler's progress bar by this default.
BAR = gr.Progress()
# Before that the time left is a guess.
KNOWN_FROM, TOLD_FROM_S = 0.1, 3.0
# Folders that a run works in.
_IN_USE: set[Path] = set()
_KEPT = threading.Lock()
RESULTS = Path(tempfile.gettempdir()) / "morphospace-results"


def follow(work: Callable[[Progress], Result], bar: gr.Progress, idle: Any) -> Generator[Any, None, Result]:
    """Run `work` in a thread, moving `bar`; yields `idle` while it runs and returns the result.

    A generator handler forwards the idle values, so that gradio can close it (Stop button, closed page): the work is
    cancelled at its next progress call.
    """
    stages, start = watch(work), time.monotonic()
    try:
        for said in stages:
            if not (isinstance(said, tuple) and len(said) == 2 and isinstance(said[0], float | int)):
                return cast(Result, said)
            done = min(max(float(said[0]), 0.0), 1.0)
            bar(done, desc=said[1] + time_left(done, time.monotonic() - start))
            yield idle
    finally:
        stages.close()
    raise RuntimeError("the work ended without a result")


def time_left(done: float, seconds: float) -> str:
    """How long work still takes of which a part is done; nothing while that is a guess, or no matter."""
    left = seconds * (1 - done) / max(done, 1e-6)
    known = done >= KNOWN_FROM and seconds >= TOLD_FROM_S and left >= 1
    return f", {rounded(left)} left" if known else ""


def stream(work: Callable[[Progress], Any], bar: gr.Progress, outputs: int) -> Iterator[Any]:
    """The outputs of a handler: nothing new while `work` runs, then what it made, one value per output."""
    yield (yield from follow(work, bar, (gr.skip(),) * outputs if outputs > 1 else gr.skip()))


@contextmanager
def kept_folder(*work: Any) -> Iterator[Path]:
    """A folder that the same `work` finds again after a stop; one of its own while another run of it is in it.

    Raises:
        ExportError: as `result_folder`.
    """
    folder = result_folder()
    own, kept = folder, RESULTS / f"kept-{content_key(*work)}"
    with _KEPT:
        if kept not in _IN_USE:
            folder.rmdir()
            kept.mkdir(exist_ok=True)
            _IN_USE.add(kept)
            own = kept
    try:
        yield own
    finally:
        with _KEPT:
            _IN_USE.discard(own)


def result_folder() -> Path:
    """A fresh folder for one result; `core.ui.parts.cleaner` deletes it when its time is over.

    Raises:
        ExportError: the disk is full, or the temporary folder cannot be written.
    """
    try:
        RESULTS.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=RESULTS))
    except OSError as error:
        raise ExportError(f"no result can be written to {RESULTS} ({error}): free space on the server") from error
