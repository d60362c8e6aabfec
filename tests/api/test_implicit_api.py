"""The implicit morph as a service: Python client and plain HTTP."""

from __future__ import annotations

import json
import urllib.request

import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from core.video import read_settings, read_video
from tests.conftest import gradient_picture

pytestmark = pytest.mark.slow


def test_endpoints_are_named_and_described(client):
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    for name in ("/implicit_landmarks", "/implicit_morph", "/implicit_frame"):
        assert name in endpoints, sorted(endpoints)
        labels = [p["parameter_name"] for p in endpoints[name]["parameters"]]
        assert not any(label.startswith("param_") for label in labels), labels


def test_morph_by_client(client, heads, tmp_path):
    lying = tmp_path / "lying.png"
    Image.open(heads[1]).transpose(Image.Transpose.ROTATE_90).save(lying)
    video, file, details, _ = client.predict(
        handle_file(heads[0]), handle_file(lying), frames=6, fps=12, api_name="/implicit_morph"
    )
    assert any("stands upright" in note for note in details["notes"]), "what the page says reaches a program too"
    path = video["video"] if isinstance(video, dict) else video
    assert len(list(read_video(path).frames())) == 6
    settings = read_settings(file)
    assert settings["system"] == "implicit" and settings["frames"] in (6, "6")
    assert details["figures"]["landmark_error"] < 1e-3 and details["figures"]["folded_share"] == 0
    assert details["seconds"] > 0 and details["device"]


def test_one_frame_and_landmarks(client, heads):
    found = client.predict(handle_file(heads[0]), api_name="/implicit_landmarks")
    assert len(found["points"]) > 50 and found["faces"] == 1
    frame = client.predict(handle_file(heads[0]), handle_file(heads[1]), 0.5, 0.0, api_name="/implicit_frame")
    assert frame.endswith(".png")


def test_mistakes_are_messages(client, heads, tmp_path):
    blank = tmp_path / "blank.png"
    gradient_picture(128, 96).save(blank)
    with pytest.raises(AppError, match="no face"):
        client.predict(handle_file(heads[0]), handle_file(blank), frames=4, api_name="/implicit_morph")
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    with pytest.raises(AppError, match="not a picture"):
        client.predict(handle_file(heads[0]), handle_file(text), frames=4, api_name="/implicit_morph")


def test_plain_http_lists_the_endpoints(server):
    with urllib.request.urlopen(f"{server}gradio_api/openapi.json", timeout=30) as answer:
        paths = json.load(answer)["paths"]
    assert any("implicit_morph" in path for path in paths)
