"""What the page offers by itself: who is meant, folders that are found again, names, and that no control is forgotten."""

from __future__ import annotations

import base64
import io
import json
import re

import gradio as gr
import pytest
from PIL import Image

from core.errors import CancelledError
from core.image import Box
from core.sdl.options import RateOptions
from core.ui.build import TEXTS, build_demo
from core.ui.parts import handlers
from core.ui.parts.handlers import kept_folder
from core.ui.parts.restore import restored
from core.ui.parts.who import others
from core.ui.rate import film_name
from core.ui.tabs import all_tabs
from core.ui.tabs.sdl import choose_job

CONTROLS = (gr.Slider, gr.Checkbox, gr.Dropdown, gr.Radio, gr.Number, gr.CheckboxGroup, gr.Textbox)
# What a person decides anew each time.
OF_THE_MOMENT = re.compile(r"-(authors-record|authors-accept|send-to|backing|link)$")


@pytest.fixture(scope="module", params=[tab.id for tab in all_tabs()])
def demo(request):
    return build_demo([request.param])


def test_a_link_brings_back_every_control(demo):
    restoring = [event for event in demo.fns.values() if event.fn is not None and event.fn.__name__ == "restore"]
    back = {block.elem_id for event in restoring for block in event.outputs}
    shown = [block for block in demo.blocks.values() if isinstance(block, CONTROLS) and block.interactive is not False]
    kept = {str(block.elem_id) for block in shown if block.elem_id and not OF_THE_MOMENT.search(str(block.elem_id))}
    assert not kept - back


def test_every_word_beside_a_control_is_in_the_catalogue(demo):
    words = json.loads(TEXTS.read_text(encoding="utf-8"))
    shown = [block for block in demo.blocks.values() if isinstance(block, CONTROLS) and block.visible]
    said = {text for block in shown for text in (block.label, block.info) if text}
    unit = re.compile(r" \((seconds|pixels|degrees)\)$")
    ways = {text: {text, unit.sub("", text), re.sub(r"\d+", "#", text)} for text in said}
    unknown = {text for text in said if not ways[text] & set(words)}
    assert unknown <= {"t"}, "no translation in core/ui/texts.json"


def test_who_is_meant_is_asked_only_where_there_are_several():
    picture = Image.new("RGB", (200, 100), "red")
    picture.paste("blue", (100, 0, 200, 100))
    boxes = [Box(110, 10, 190, 90), Box(-20, 10, 60, 90)]
    assert others(picture, boxes[:1], "face_a", "First picture", "face", 1) == []
    (row,) = others(picture, boxes, "face_a", "First picture", "face", 2)
    assert row["number"] == 2 and row["name"] == "face_a" and len(row["thumbs"]) == 2
    shown = io.BytesIO(base64.b64decode(row["thumbs"][0].partition(",")[2]))
    seen = Image.open(shown).getpixel((28, 28))
    assert seen[2] > 200 > 60 > seen[0]


def test_the_same_work_finds_its_folder_again(tmp_path, monkeypatch):
    monkeypatch.setattr(handlers, "RESULTS", tmp_path)
    with pytest.raises(CancelledError), kept_folder("clip.mp4", 2) as first:
        (first / "part").touch()
        with kept_folder("clip.mp4", 2) as beside, kept_folder("clip.mp4", 3) as other:
            assert len({first, beside, other}) == 3
        raise CancelledError("stopped")
    with kept_folder("clip.mp4", 2) as again:
        assert again == first and (again / "part").exists()


def test_a_film_is_named_after_its_clip():
    assert film_name("/tmp/x/holiday.mov", RateOptions(target_fps=59.94)) == "holiday_59.94fps"
    assert film_name("holiday.mov", RateOptions(factor=4, slow_motion=True)) == "holiday_slow_x4"


def test_weights_stay_with_their_job():
    assert choose_job("toon", 0.5, "sdl-toon")[0]["value"] == "sdl-toon"
    assert choose_job("morph", 0.5, "sdl-toon")[0]["value"] == "shipped"


def test_a_choice_of_several_comes_back():
    with gr.Blocks():
        several = gr.CheckboxGroup([("Fade", "fade"), ("SDL", "sdl")], value=["fade"])
    assert restored(several, "sdl,fade")["value"] == ["sdl", "fade"]
    assert "value" not in restored(several, "sdl,nothing")
