"""What stands under a film, how long it takes, and several pictures at once."""

from __future__ import annotations

import json
import re
import zipfile

import gradio as gr
import pytest
from PIL import Image

from core.errors import InputError
from core.ui.build import TEXTS, catalogue
from core.ui.parts.batch import Batch, draw_batch
from core.ui.parts.desk import Watched
from core.ui.parts.handlers import time_left
from core.ui.parts.pace import Pace, rounded
from core.ui.parts.points import PointEditor
from tests.conftest import gradient_picture


def test_a_film_is_measured_as_it_passes():
    black, white = Image.new("RGB", (8, 8)), Image.new("RGB", (8, 8), "white")
    watched = Watched(iter([black, black, white]))
    assert list(watched) == [black, black, white]
    facts = watched.facts(12, {"t": [0, 0.5, 1], "other": [0, 1]})
    assert facts == {"fps": 12.0, "change": [0.0, 100.0], "at": {"t": [0, 0.5, 1]}}


def test_the_time_of_a_film_follows_the_last_ones():
    pace = Pace(0.5)
    assert pace.about(48) == "48 frames: about 25 s here."
    for seconds in (10, 1000, 12):
        pace.add(seconds, 10)
    assert pace.about(10) == "10 frames: about 10 s here." and pace.about(100) == "100 frames: about 2 minutes here."
    assert [rounded(s) for s in (0.4, 3.4, 33, 89, 200)] == [
        "a few seconds", "about 3 s", "about 35 s", "about 90 s", "about 3 minutes"
    ]  # fmt: skip


def test_the_time_left_is_told_when_it_is_known():
    assert time_left(0.25, 10) == ", about 30 s left"
    assert time_left(0.05, 10) == time_left(0.5, 1) == time_left(1.0, 10) == time_left(0.0, 10) == ""


def batch(handler):
    """A batch over a picture, a number and points: what its button runs."""
    with gr.Blocks() as demo:
        inputs = [gr.Number(2), gr.Image(label="Photo"), PointEditor(paired=False)]
        draw_batch(Batch("toy", handler, inputs, inputs[1]))
    return next(event.fn for event in demo.fns.values() if event.concurrency_id == "work")


def test_several_pictures_come_as_one_archive(tmp_path):
    def handler(times, picture, points):
        if picture.width > 48:
            raise InputError("too wide")
        yield None
        yield picture.resize((picture.width * times, 10)), points

    files = []
    for name, width in (("a b", 16), ("wide", 64), ("c", 32)):
        files.append(str(tmp_path / f"{name}.png"))
        gradient_picture(width, 20).save(files[-1])
    archive, said = [*batch(handler)(files, 2, None, ["points of another picture"])][-1]
    with zipfile.ZipFile(archive) as packed:
        assert packed.namelist() == ["001_a-b_toy.png", "003_c_toy.png"]
        assert Image.open(packed.open("003_c_toy.png")).size == (64, 10)
    assert "2 of 3 pictures" in said and "wide.png: too wide" in said
    with pytest.raises(InputError, match="none of the 1 pictures could be taken, .*too wide"):
        list(batch(handler)(files[1:2], 2, None, []))
    with pytest.raises(InputError, match="drop in several"):
        list(batch(handler)([], 2, None, []))


def test_every_text_has_its_three_translations():
    texts = json.loads(TEXTS.read_text(encoding="utf-8"))
    assert list(catalogue().translations) == ["de", "ko", "zh-CN"]
    for english, others in texts.items():
        assert len(others) == 3 and all(others), english
        values = re.findall(r"\{\d\}", english)
        assert values == [f"{{{place + 1}}}" for place in range(len(values))], english
        assert all(set(re.findall(r"\{\d\}", text)) == set(values) for text in others), english
        # The page would translate what it translated.
        for number, text in enumerate(others):
            assert texts.get(text, others)[number] == text, text
