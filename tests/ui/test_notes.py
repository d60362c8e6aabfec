"""What reading a picture had to change is told in the details, for every endpoint alike."""

import gradio as gr
from PIL import Image

from core.ui.parts.notes import notes_in, with_notes


def noted(*notes):
    picture = Image.new("RGB", (20, 20))
    picture.info["notes"] = notes
    return picture


def test_each_note_of_any_picture_among_the_values_is_told_once():
    values = (noted("the file is cut off"), None, (noted("the file is cut off", "clear parts"), "mask"), 0.5)
    assert notes_in(values) == ["the file is cut off", "clear parts"] and notes_in((noted(), "text")) == []


def test_details_carry_the_notes_and_gradio_still_sees_the_handler():
    def film(first, second, bar: gr.Progress = gr.Progress()):  # noqa: B008
        """Text."""
        yield gr.skip(), gr.skip()
        yield "film.mp4", {"seconds": 1.0, "notes": ["weaker"]}

    told = with_notes(film)
    waiting, (file, details) = list(told(noted("cut"), (noted("over white"), "mask")))
    assert waiting == (gr.skip(), gr.skip())
    assert file == "film.mp4" and details == {"seconds": 1.0, "notes": ["cut", "over white", "weaker"]}
    assert told.__doc__ == "Text." and list(told(noted(), None))[1][1]["notes"] == ["weaker"]
