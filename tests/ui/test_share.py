"""What a link and an exported file bring back: the parts by themselves."""

from __future__ import annotations

import json
import os
import time

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from core import settings
from core.errors import ExportError, InputError
from core.ui.parts import store
from core.ui.parts.restore import restored, settings_from_file
from core.ui.portraits import load_points, save_points
from core.video import write_picture, write_video
from tests.conftest import gradient_picture


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "STORE", tmp_path / "shared")


def test_kept_pictures_come_back_and_end(monkeypatch):
    name = store.keep({"picture_a": gradient_picture()})
    assert Image.open(store.fetch_all(name, "picture_a")[0]).tobytes() == gradient_picture().tobytes()
    assert store.fetch_all(name, "picture_b") == []
    past = time.time() - 25 * 3600
    os.utime(store.STORE / name, (past, past))
    with pytest.raises(InputError, match="24 hours"):
        store.fetch_all(name, "picture_a")


def test_clips_files_and_points_are_kept_too(tmp_path):
    clips = []
    for index in range(11):
        clips.append(str(tmp_path / f"clip {index}.MP4"))
        (tmp_path / f"clip {index}.MP4").write_bytes(bytes([index]))
    points = {"key": "k", "points": [[[1.5, 2.0]]]}
    name = store.keep({"clip": clips[3], "files": clips, "points": points})
    (clip,) = store.fetch_all(name, "clip")
    assert clip.read_bytes() == b"\x03" and clip.suffix == ".mp4"
    assert [file.read_bytes()[0] for file in store.fetch_all(name, "files")] == list(range(11))
    assert json.loads(store.fetch_all(name, "points")[0].read_text()) == points
    assert store.fetch_all(name, "other") == []


def test_a_file_too_large_for_a_link_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "SHARED_FILE_MB", 0)
    (tmp_path / "clip.mp4").write_bytes(b"x")
    with pytest.raises(InputError, match="shorten it"):
        store.keep({"clip": str(tmp_path / "clip.mp4")})


@pytest.mark.parametrize("name", ["../../etc", "..", "", "a" * 15, "a/../" + "b" * 11, "%2e%2e%2f%2e%2e%2f%2e%2e"])
@pytest.mark.parametrize("field", ["picture_a", "../picture_a", "/etc/passwd"])
def test_names_from_outside_never_leave_the_store(name, field, tmp_path):
    gradient_picture().save(tmp_path / "picture_a.png")
    store.STORE.mkdir()
    with pytest.raises(InputError):
        store.fetch_all(name, field)


def test_a_server_may_keep_nothing_or_be_full(monkeypatch):
    monkeypatch.setattr(store, "MOST_SHARES", 1)
    store.keep({"a": gradient_picture()})
    with pytest.raises(ExportError, match="too many"):
        store.keep({"a": gradient_picture()})
    monkeypatch.setenv(settings.SHARE_HOURS, "0")
    with pytest.raises(ExportError, match="keeps no pictures"):
        store.keep({"a": gradient_picture()})


@pytest.fixture
def controls():
    with gr.Blocks():
        return {
            "frames": gr.Slider(2, 600, 48, step=1),
            "ping_pong": gr.Checkbox(False),
            "easing": gr.Dropdown(["smooth", "sine"], value="smooth"),
            "format": gr.Dropdown(["mp4", "png"], value="mp4"),
        }


@pytest.mark.parametrize("kind", ["mp4", "gif", "webp", "png", "zip"])
def test_every_exported_file_gives_its_settings_back(kind, controls, tmp_path):
    made = {"system": "implicit", "frames": "77", "ping_pong": "True", "easing": "sine"}
    path = write_video([gradient_picture(), gradient_picture()], tmp_path / f"a.{kind}", 12, made)
    updates, said = settings_from_file("implicit", str(path), controls)
    assert [update.get("value") for update in updates] == [77, True, "sine", None]
    assert said.startswith("Restored 3 settings")


def test_what_the_file_leaves_out_is_the_default(controls, tmp_path):
    path = write_picture(gradient_picture(), tmp_path / "a.png", {"system": "implicit", "frames": "9999"})
    updates, said = settings_from_file("implicit", str(path), controls)
    assert updates[1]["value"] is False and updates[2]["value"] == "smooth"
    assert "value" not in updates[0] and "frames = 9999" in said


def test_files_of_others_are_refused(controls, tmp_path):
    path = write_picture(gradient_picture(), tmp_path / "a.png", {"system": "sdl"})
    with pytest.raises(InputError, match="tab 'sdl'"):
        settings_from_file("implicit", str(path), controls)
    gradient_picture().save(tmp_path / "plain.png")
    with pytest.raises(InputError, match="exported here"):
        settings_from_file("implicit", str(tmp_path / "plain.png"), controls)
    with pytest.raises(InputError, match="missing"):
        settings_from_file("implicit", None, controls)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "<script>", "7" * 1000, "", "None", "0x10", "601"])
def test_a_slider_takes_nothing_that_does_not_fit(value, controls):
    assert "value" not in restored(controls["frames"], value)


def test_landmarks_are_loaded_from_files_and_saved_to_them():
    pictures = [Image.new("RGB", size, "grey") for size in ((64, 48), (40, 80))]
    points = [np.array([[1.5, 2.5], [30, 40], [10, 20]]), np.array([[3.0, 4], [20, 60], [12, 30]])]
    with pytest.raises(InputError, match="no landmarks to save"):
        save_points([], *pictures)
    files = save_points(points, *pictures)
    panels = load_points(files, pictures, ("First", "Second"))
    assert [shown["points"] for shown in panels] == [own.tolist() for own in points]
    assert [shown["label"] for shown in panels] == ["First", "Second"]
    with pytest.raises(InputError, match="both pictures first"):
        load_points(files, [pictures[0], None], ("First", "Second"))
    fewer = save_points([points[0], points[1][:2]], *pictures)
    with pytest.raises(InputError, match="3 and 2 points"):
        load_points(fewer, pictures, ("First", "Second"))
