"""Pose transfer as a service, with the weights that ship."""

from __future__ import annotations

import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError

from core.ui.parts.examples import PEOPLE
from core.video import read_settings, read_video

pytestmark = pytest.mark.slow
PERSON = PEOPLE / "ada.jpg"


def test_keypoints_and_a_frame(client):
    found = client.predict(handle_file(PERSON), 1, api_name="/gfla_keypoints")
    assert len(found["points"]) == 18 == len(found["names"])
    frame = client.predict(handle_file(PERSON), None, "walking", 1.0, api_name="/gfla_frame")
    assert frame.endswith(".png")


def test_video_by_client(client):
    video, file, details = client.predict(
        handle_file(PERSON), None, None, "walking", None, frames=4, height_px=128, api_name="/gfla_video"
    )
    path = video["video"] if isinstance(video, dict) else video
    assert len(list(read_video(path).frames())) == 4
    assert read_settings(file)["system"] == "gfla" and "preview" in details["weights"]


def test_missing_weights_are_a_message(client):
    with pytest.raises(AppError, match="gfla-car"):
        client.predict(handle_file(PERSON), None, "car", 0, api_name="/gfla_further")
