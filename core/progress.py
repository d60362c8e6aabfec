"""Progress and cancellation: one callable that long work calls, and that may stop it.

Work takes `progress: Progress = silent` and calls `progress(fraction, text)` at least a few times a
second. Whoever listens may raise `CancelledError` from that call: it unwinds the work.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Generator
from typing import Protocol, TypeVar

from core.errors import CancelledError

Result = TypeVar("Result")
WORK_THREAD = "morphospace-work"
# A cancelled thread that is deep in one long step ends by itself at its next word; nobody waits for it longer.
GRACE_S = 0.5


class Progress(Protocol):
    """What long work reports to."""

    def __call__(self, fraction: float, text: str = "") -> None:
        """Say that `fraction` in [0, 1] is done, doing `text` now; raises to cancel."""


def silent(fraction: float, text: str = "") -> None:
    """Progress that nobody watches."""


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """Progress for one stage of a longer job: its [0, 1] becomes [start, end]."""

    def report(fraction: float, text: str = "") -> None:
        progress(start + (end - start) * fraction, text)

    return report


class TqdmProgress:
    """Progress as one tqdm bar on standard error, for the command line."""

    def __init__(self, quiet: bool = False) -> None:
        from tqdm import tqdm

        self.bar = tqdm(total=100, disable=quiet, bar_format="{desc:<32.32}{percentage:3.0f}%|{bar}| {elapsed}")

    def __call__(self, fraction: float, text: str = "") -> None:
        """Move the bar to `fraction` and name the stage."""
        if text:
            self.bar.set_description_str(text, refresh=False)
        self.bar.update(max(0.0, 100 * fraction - self.bar.n))

    def __enter__(self) -> TqdmProgress:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()


def watch(work: Callable[[Progress], Result], poll_s: float = 0.1) -> Generator[tuple[float, str] | Result, None, None]:
    """Run `work(progress)` in a thread; yield (fraction, text) as it goes and its result at last.

    Closing the generator (which is how gradio cancels) cancels the work at its next progress call,
    so the processor is soon free again; the caller is, after `GRACE_S` at most. An exception of the work is raised here.
    """
    said: queue.SimpleQueue[tuple[float, str]] = queue.SimpleQueue()
    stopped = threading.Event()
    outcome: list[Result] = []
    failure: list[BaseException] = []

    def progress(fraction: float, text: str = "") -> None:
        if stopped.is_set():
            raise CancelledError("stopped")
        said.put((fraction, text))

    def run() -> None:
        try:
            outcome.append(work(progress))
        except BaseException as error:  # handed to the caller's thread below
            failure.append(error)

    # The thread keeps the caller's context: ZeroGPU finds there whose request it is.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name=WORK_THREAD, daemon=True)
    thread.start()
    try:
        while thread.is_alive() or not said.empty():
            try:
                yield said.get(timeout=poll_s)
            except queue.Empty:
                continue
    finally:
        stopped.set()
        thread.join(GRACE_S)
    if failure:
        raise failure[0]
    yield outcome[0]
