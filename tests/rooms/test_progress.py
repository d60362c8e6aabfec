"""Long work can be watched and stopped."""

import threading
import time

import pytest

from core.errors import CancelledError, InputError
from core.progress import TqdmProgress, part_of, watch


def test_watch_yields_progress_then_the_result():
    def work(progress):
        progress(0.5, "half")
        return 42

    assert list(watch(work)) == [(0.5, "half"), 42]


def test_closing_the_watch_stops_the_work_within_a_step():
    ended = threading.Event()

    def work(progress):
        try:
            for step in range(10_000):
                time.sleep(0.01)
                progress(step / 10_000, "")
        except CancelledError:
            ended.set()
            raise

    stages = watch(work)
    next(stages)
    stages.close()
    assert ended.wait(0.5)


def test_errors_come_through():
    def work(progress):
        raise InputError("bad picture: use another")

    with pytest.raises(InputError, match="bad picture"):
        list(watch(work))


def test_parts_of_a_job():
    said = []
    part_of(lambda f, text="": said.append((f, text)), 0.5, 1.0)(0.5, "second half")
    assert said == [(0.75, "second half")]


def test_command_line_bar(capsys):
    with TqdmProgress() as progress:
        progress(0.4, "fitting")
        progress(1.0, "done")
    assert "100%" in capsys.readouterr().err
