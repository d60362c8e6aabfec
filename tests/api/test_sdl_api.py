"""SDL as a service: one frame, a transition, a video, and mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from core.video import read_settings, read_video, write_video
from tests.sdl.conftest import textured

pytestmark = pytest.mark.slow
NAMES = ("/sdl_frame", "/sdl_transition", "/sdl_rate")


def path_of(video):
    return video["video"] if isinstance(video, dict) else video


def test_endpoints_are_named_and_described(client):
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    for name in NAMES:
        labels = [p["parameter_name"] for p in endpoints[name]["parameters"]]
        assert not any(label.startswith("param_") for label in labels), (name, labels)


def test_one_frame_is_the_picture_at_the_end(client, heads):
    out = client.predict("morph", "shipped", handle_file(heads[0]), handle_file(heads[1]), 1.0, api_name="/sdl_frame")
    got, want = (np.asarray(Image.open(file).convert("RGB"), dtype=int) for file in (out, heads[1]))
    assert got.shape == want.shape and np.abs(got - want).max() <= 1


def test_transition_by_client(client, heads):
    video, file, details = client.predict(
        "age", "shipped", handle_file(heads[0]), None, frames=4, fps=8, t_start=-1, api_name="/sdl_transition"
    )
    assert len(list(read_video(path_of(video)).frames())) == 4
    assert read_settings(file)["job"] == "age" and "face-retouch" in details["weights"]


def test_a_video_at_twice_the_rate(client, tmp_path):
    clip = write_video([textured(96, 64, seed, cell_px=24) for seed in range(3)], tmp_path / "clip.mp4", 10)
    video, _, details = client.predict(handle_file(clip), "shipped", factor=2, api_name="/sdl_rate")
    made = read_video(path_of(video))
    assert made.fps == pytest.approx(20) and len(list(made.frames())) == 6
    assert details["figures"]["frames_in"] == 3


def test_mistakes_are_messages(client, heads):
    with pytest.raises(AppError, match=r"second \(Second picture\) is missing"):
        client.predict("morph", "shipped", handle_file(heads[0]), None, 0.5, api_name="/sdl_frame")
    with pytest.raises(AppError, match="unknown weights for the job toon"):
        client.predict("toon", "sdl-vfi-psnr", handle_file(heads[0]), None, 0.5, api_name="/sdl_frame")
    with pytest.raises(AppError, match="0 to 1 fit"):
        client.predict(
            "interpolate", "shipped", handle_file(heads[0]), handle_file(heads[1]), -0.5, api_name="/sdl_frame"
        )
