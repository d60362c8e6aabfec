"""Handlers that behave: long work shows progress and stops at once; results go to folders of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr

from core.errors import ExportError
from core.progress import Progress, watch

Result = TypeVar("Result")
RESULTS = Path(tempfile.gettempdir()) / "morphospace-results"


def follow(work: Callable[[Progress], Result], bar: gr.Progress, idle: Any) -> Iterator[Any]:
    """Run `work` in a thread, moving `bar`; yields `idle` while it runs, then ("done", result).

    A generator handler forwards the idle values, so that gradio can close it (Stop button, closed page): the work is
    cancelled at its next progress call.
    """
    stages = watch(work)
    try:
        for said in stages:
            if isinstance(said, tuple) and len(said) == 2 and isinstance(said[0], float | int):
                bar(min(max(float(said[0]), 0.0), 1.0), desc=said[1])
                yield idle
            else:
                yield ("done", said)
    finally:
        stages.close()


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
