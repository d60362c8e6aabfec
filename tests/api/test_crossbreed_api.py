"""Crossbreed as a service: morph, one frame, grid, clip, head, and mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from core.video import read_settings, read_video, write_video
from tests.crossbreed.tiny import picture

pytestmark = pytest.mark.slow
NAMES = ("/crossbreed_morph", "/crossbreed_frame", "/crossbreed_grid", "/crossbreed_clip", "/crossbreed_head")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two pictures without heads: they come with `crop="middle"`."""
    files = [tmp_path_factory.mktemp("pair") / f"{name}.png" for name in "ab"]
    for seed, file in enumerate(files):
        picture(seed, 160, 140).save(file)
    return [handle_file(file) for file in files]


def path_of(video):
    return video["video"] if isinstance(video, dict) else video


def test_endpoints_are_named_and_described(client):
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    for name in NAMES:
        labels = [p["parameter_name"] for p in endpoints[name]["parameters"]]
        assert not any(label.startswith("param_") for label in labels), (name, labels)


def test_morph_by_client(client, pair):
    video, file, details, *_ = client.predict(
        *pair, crop="middle", size_px=128, frames=6, fps=12, even_steps=True, api_name="/crossbreed_morph"
    )
    assert len(list(read_video(path_of(video)).frames())) == 6
    kept = read_settings(file)
    assert [kept[name] for name in ("system", "moving", "format")] == ["crossbreed", "both", "mp4"]
    assert "Crossbreed" in details["weights"]
    assert details["figures"]["reconstruction_psnr_db"] > 5
    assert len(details["film"]["change"]) == 5 and details["film"]["at"]["appearance"][-1] == 1


def test_one_frame_is_a_photograph_at_the_end(client, pair):
    out = client.predict(*pair, shape=0, appearance=0, crop="middle", size_px=128, api_name="/crossbreed_frame")
    got = np.asarray(Image.open(out).convert("RGB"), dtype=int)
    want = np.asarray(
        picture(0, 160, 140).resize((146, 128), Image.Resampling.BILINEAR).crop((9, 0, 137, 128)), dtype=int
    )
    assert np.abs(got - want).max() <= 1


def test_grid_and_clip(client, pair, tmp_path):
    sheet, file = client.predict(*pair, count=3, crop="middle", size_px=64, api_name="/crossbreed_grid")
    assert Image.open(sheet).size == (200, 200) and read_settings(file)["crop"] == "middle"
    clip = write_video([picture(seed, 64, 64) for seed in range(3)], tmp_path / "clip.mp4", 10)
    video = client.predict(handle_file(clip), factor=2, slow=False, api_name="/crossbreed_clip")
    assert len(list(read_video(path_of(video)).frames())) == 5


def test_mistakes_are_messages(client, pair, tmp_path):
    blank = tmp_path / "blank.png"
    Image.new("RGB", (200, 120), "navy").save(blank)
    with pytest.raises(AppError, match="no head of a cat or dog"):
        client.predict(handle_file(blank), api_name="/crossbreed_head")
    with pytest.raises(AppError, match="missing"):
        client.predict(pair[0], None, crop="middle", api_name="/crossbreed_frame")
