"""A cancelled job frees its worker at its next word; the next job gets it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from gradio_client import handle_file

import core.progress
from core.progress import WORK_THREAD, watch

pytestmark = pytest.mark.slow
PATIENCE_S = 120.0  # only so that a fault ends the test: nothing here is a measurement of speed


def working() -> int:
    return sum(thread.name == WORK_THREAD for thread in threading.enumerate())


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert true(), f"not within {PATIENCE_S:.0f} s"


@pytest.fixture
def unwound(monkeypatch) -> list[str]:
    """What cancelled work was told, a line for each time that it was."""
    told: list[str] = []

    class Recorded(core.progress.CancelledError):
        def __init__(self, text: str) -> None:
            super().__init__(text)
            told.append(text)

    monkeypatch.setattr(core.progress, "CancelledError", Recorded)
    return told


def test_closing_stops_the_work_at_its_next_word(unwound):
    words = []

    def work(progress):
        for index in range(10_000):
            time.sleep(0.01)
            words.append(index)
            progress(index / 10_000, "working")

    stages = watch(work)
    next(stages)
    stages.close()
    said = len(words)
    wait_until(lambda: working() == 0)
    assert unwound == ["stopped"] and len(words) <= said + 1


def test_cancelled_by_a_client(client, heads, unwound):
    """A long export is cancelled while it renders frames: it is unwound by its next frame, not finished."""
    job = client.submit(
        handle_file(heads[0]), handle_file(heads[1]), size_px=256, frames=600, api_name="/implicit_morph"
    )

    def rendering() -> bool:
        told = job.status().progress_data
        return bool(told and told[0].progress and told[0].progress > 0.45)

    wait_until(rendering)
    assert working() == 1
    job.cancel()
    wait_until(lambda: working() == 0)
    assert unwound == ["stopped"], "the film was rendered to its end"
    again = client.predict(
        handle_file(heads[0]), handle_file(heads[1]), size_px=64, frames=2, api_name="/implicit_morph"
    )
    assert again[2]["seconds"] > 0
