"""The tab's handlers on a tiny network: keypoints to editor, editor to preview, video, and messages."""

import gradio as gr
import numpy as np
import pytest

from core.errors import NothingFoundError, WeightsError
from core.gfla.pipeline import PosePipeline
from core.ui.build import build_demo
from core.ui.further import further
from core.ui.tabs import gfla as tab
from tests.gfla import tiny


@pytest.fixture(scope="module")
def pipe():
    return PosePipeline(tiny.generator(attn_layers=(2, 3), kernel_sizes=(3, 3)))


@pytest.fixture(autouse=True)
def tiny_pipeline(pipe, monkeypatch):
    monkeypatch.setattr(tab, "pipeline", lambda: pipe)
    monkeypatch.setattr(pipe, "people", lambda *_: [tiny.body(tiny.points("standing", (160, 110)))])


@pytest.fixture(scope="module")
def picture():
    return tiny.figure(tiny.points("standing", (160, 110)), (160, 110))


@pytest.fixture
def wiring():
    with gr.Blocks():
        return tab.PoseTab()


def values(wiring, **changed):
    changed = {"painter": "network", "background": "studio", **changed}
    return [changed.get(name, item.value) for name, item in wiring.method.by_name.items()]


def test_the_editor_gets_both_skeletons(picture):
    panels, said = tab.find_points(picture, None, "walking", 1)
    assert [p["label"] for p in panels] == list(tab.LABELS) and "18 of 18" in said
    assert all(len(p["points"]) == 18 for p in panels)


def test_nobody_found_offers_a_skeleton(picture, pipe, monkeypatch):
    def nobody(*_):
        raise NothingFoundError("no person found in the photo")

    monkeypatch.setattr(pipe, "people", nobody)
    panels, said = tab.find_points(picture, None, "walking", 1)
    assert "no person" in said and np.array(panels[0]["points"]).min() >= 0


def test_preview_follows_the_editor(picture, wiring):
    panels, _ = tab.find_points(picture, None, "walking", 1)
    points = [np.array(p["points"]) for p in panels]
    prepared, image, why, *_, details = wiring.preview(
        picture, points, 1.0, "", False, "walking", *values(wiring, height_px=64, cut_out=False)
    )
    points[1][4] += 12
    dragged, other, *_ = wiring.preview(
        picture, points, 1.0, "", False, "walking", *values(wiring, height_px=64, cut_out=False)
    )
    assert image.size == (44, 64) and image.tobytes() != other.tobytes() and why.width > image.width
    assert details["figures"]["keypoints"] == 18
    again, _ = wiring.show(prepared, 1.0)
    assert again.tobytes() == image.tobytes()


def test_video_of_the_way(picture, wiring):
    rest = [item.value for item in wiring.export.components]
    rest[list(wiring.export.by_name).index("frames")] = 3
    *_, last = wiring.video(picture, None, None, "walking", [], *values(wiring, height_px=64, cut_out=False), *rest)
    assert last[0].endswith(".mp4") and last[2]["settings"]["system"] == "gfla"


def test_messages(picture, wiring, monkeypatch, tmp_path):
    monkeypatch.setenv("MORPHOSPACE_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match="gfla-face"):
        list(further(picture, None, "face", 0))
    with pytest.raises(WeightsError, match="gfla-chair"):
        list(further(picture, None, "chair", 0))


def test_the_tab_builds():
    names = {endpoint["api_name"] for endpoint in build_demo(["gfla"]).get_config_file()["dependencies"]}
    assert {"gfla_video", "gfla_frame", "gfla_keypoints", "gfla_further"} <= names
