"""Names of files that say what they are, and what Compare takes."""

from __future__ import annotations

import gradio as gr
import pytest
from PIL import Image

from core.errors import InputError
from core.ui.parts.onwards import fold_of, frame_of, named_after, place_of
from core.ui.parts.picture import NAME, PictureInput
from core.ui.tabs.compare import neighbours
from tests.conftest import gradient_picture


def test_a_file_is_named_after_its_pictures():
    pair = [gradient_picture(), gradient_picture()]
    pair[0].info[NAME], pair[1].info[NAME] = "Mona Lisa (1503)", "../Girl with a pearl earring, the large one"
    assert named_after("t050", *pair) == "mona-lisa-1503_girl-with-a-pearl-earrin_t050"
    assert named_after("morph", None, gradient_picture()) == "morph"
    assert [place_of(values) for values in ((0.5, True), ("arms spread", 1), (15,), ())] == [
        "t050",
        "t100",
        "15",
        "frame",
    ]


def test_an_input_keeps_its_files_name(tmp_path):
    path = tmp_path / "a b.png"
    gradient_picture().save(path)
    field = PictureInput("First", first=str(path))
    served = field.data_model(**field.first)
    assert field.preprocess(served).info[NAME] == "a b" and field.value is None


def test_the_frame_among_what_a_slider_answers():
    first, second = Image.new("RGB", (1, 1)), Image.new("RGB", (2, 2))
    assert frame_of((first, second)) is first and frame_of((first, first, first, second, {})) is second
    with pytest.raises(InputError, match="no preview"):
        frame_of((None, None))


def test_strangers_are_no_neighbouring_frames():
    one = gradient_picture(64, 64)
    neighbours((one, one.rotate(2)))
    with pytest.raises(InputError, match="no neighbouring frames"):
        neighbours((one, Image.effect_noise((64, 64), 90).convert("RGB")))


def test_what_is_sent_into_an_accordion_opens_it():
    with gr.Blocks():
        with gr.Accordion("A whole film", open=False) as fold, gr.Row():
            inside = gr.Video()
        beside = gr.Video()
    assert fold_of(inside) is fold and fold_of(beside) is None
