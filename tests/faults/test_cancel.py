"""A cancelled job frees its worker within a second; the next job gets it."""

from __future__ import annotations

import os
import threading
import time

import pytest
from gradio_client import handle_file

from core.progress import WORK_THREAD, watch

pytestmark = pytest.mark.slow
LIMIT_S = 1.0


def working() -> int:
    return sum(thread.name == WORK_THREAD for thread in threading.enumerate())


def test_closing_stops_the_work_at_its_next_word():
    def work(progress):
        for index in range(10_000):
            time.sleep(0.01)
            progress(index / 10_000, "working")

    stages = watch(work)
    next(stages)
    start = time.perf_counter()
    stages.close()
    assert time.perf_counter() - start < LIMIT_S and working() == 0


def test_cancelled_by_a_client(client, heads):
    """A long export is cancelled while it renders frames."""
    job = client.submit(
        handle_file(heads[0]), handle_file(heads[1]), size_px=256, frames=600, api_name="/implicit_morph"
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        told = job.status().progress_data
        if told and told[0].progress and told[0].progress > 0.45:
            break
        time.sleep(0.1)
    assert working() == 1
    start = time.perf_counter()
    job.cancel()
    while working() and time.perf_counter() - start < 20:
        time.sleep(0.02)
    taken = time.perf_counter() - start
    # On a machine with more work than cores the worker gets its share only.
    share = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert taken < LIMIT_S * share, f"the worker was free after {taken:.2f} s"
    again = client.predict(
        handle_file(heads[0]), handle_file(heads[1]), size_px=64, frames=2, api_name="/implicit_morph"
    )
    assert again[2]["seconds"] > 0
