"""What the page promises about pictures: they are gone when their time is over, though nobody comes."""

from __future__ import annotations

import os
import time

import gradio as gr
import pytest

from core.ui import build
from core.ui.parts import cleaner, handlers, store
from tests.conftest import gradient_picture

HOUR_S = 3600


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "STORE", tmp_path / "shared")
    monkeypatch.setattr(handlers, "RESULTS", tmp_path / "results")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    monkeypatch.setenv("MORPHOSPACE_SHARE_HOURS", "24")


def left_behind(tmp_path):
    """A shared picture, a result and an upload; and two files that are none of these."""
    share = store.STORE / store.keep({"picture": gradient_picture()})
    result = handlers.result_folder()
    (result / "morph.mp4").write_bytes(b"x")
    upload = tmp_path / "uploads" / ("a" * 64)
    other = tmp_path / "uploads" / "models"
    for folder in (upload, other):
        folder.mkdir(parents=True)
        (folder / "a.png").write_bytes(b"x")
    return share, result, upload, other


def test_everything_has_its_time(tmp_path):
    share, result, upload, other = left_behind(tmp_path)
    start = time.time()
    cleaner.sweep(now=start + cleaner.KEPT_HOURS * HOUR_S - 60)
    assert share.exists() and result.exists() and upload.exists()
    cleaner.sweep(now=start + cleaner.KEPT_HOURS * HOUR_S + 60)
    assert share.exists() and not result.exists() and not upload.exists()
    cleaner.sweep(now=start + 24 * HOUR_S - 60)
    assert share.exists()
    cleaner.sweep(now=start + 24 * HOUR_S + 60)
    assert not share.exists() and other.exists()


def test_the_pages_own_files_stay(tmp_path):
    _, _, upload, _ = left_behind(tmp_path)
    late = time.time() + 9 * HOUR_S
    cleaner.sweep([upload / "a.png", tmp_path / "gone.png"], now=late)
    assert (upload / "a.png").exists()
    cleaner.sweep(now=late + cleaner.KEPT_HOURS * HOUR_S + 1)
    assert not upload.exists()


def test_a_long_job_keeps_its_folder(tmp_path):
    _, result, _, _ = left_behind(tmp_path)
    late = time.time() + 3 * HOUR_S
    (result / "more.png").write_bytes(b"x")
    os.utime(result / "more.png", (late, late))
    cleaner.sweep(now=late + 60)
    assert result.exists()


def test_the_clock_alone_deletes(tmp_path, monkeypatch):
    """A thread that sweeps while the app runs, and ends with it."""
    paths = left_behind(tmp_path)[:3]
    monkeypatch.setattr(cleaner, "EVERY_S", 0.02)
    real, ahead = time.time, [0.0]
    monkeypatch.setattr(cleaner.time, "time", lambda: real() + ahead[0])
    with gr.Blocks() as demo:
        pass
    demo.is_running = True
    thread = cleaner.start_cleaner(demo)
    time.sleep(0.1)
    assert all(path.exists() for path in paths)
    ahead[0] = 25 * HOUR_S
    deadline = time.monotonic() + 20
    while any(path.exists() for path in paths) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(path.exists() for path in paths)
    demo.is_running = False
    thread.join(20)
    assert not thread.is_alive()


def test_the_promise_says_what_is_true(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert "stay on the machine that runs this page" in build.promise() and "after 2 hours" in build.promise()
    assert "shared link after 24" in build.promise()
    monkeypatch.setenv("SPACE_ID", "someone/morphospace")
    monkeypatch.setenv("MORPHOSPACE_SHARE_HOURS", "0")
    assert "go to this Space's server" in build.promise() and "shared link" not in build.promise()
