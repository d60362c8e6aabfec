"""Handlers that behave: user mistakes become messages, long work shows progress and stops at once."""

from __future__ import annotations

import contextlib
import functools
import inspect
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr

from core.errors import CancelledError, ExportError, MorphospaceError
from core.progress import Progress, watch

Result = TypeVar("Result")
RESULTS = Path(tempfile.gettempdir()) / "morphospace-results"
RESULT_AGE_S = 3600


def friendly(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The handler with every `MorphospaceError` shown to the user as `gr.Error`, inputs untouched."""
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def streamed(*args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from handler(*args, **kwargs)
            except CancelledError:
                return
            except MorphospaceError as error:
                raise gr.Error(str(error), print_exception=False) from error

        return streamed

    @functools.wraps(handler)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            return handler(*args, **kwargs)
        except MorphospaceError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return called


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
    """A fresh folder for one result; folders older than an hour are swept away.

    Raises:
        ExportError: the disk is full, or the temporary folder cannot be written.
    """
    try:
        RESULTS.mkdir(parents=True, exist_ok=True)
        for old in RESULTS.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - old.stat().st_mtime > RESULT_AGE_S:
                    shutil.rmtree(old, ignore_errors=True)
        return Path(tempfile.mkdtemp(dir=RESULTS))
    except OSError as error:
        raise ExportError(f"no result can be written to {RESULTS} ({error}): free space on the server") from error
