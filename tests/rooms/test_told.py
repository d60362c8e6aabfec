"""What is told beside an input: its level and its reason."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from core.detect.faces import Face
from core.image import Box, load_image, notes_of
from core.ui.parts.backing import backed
from core.ui.parts.told import clip_facts, lines, told, told_face, told_notes, turned_deg
from core.video import write_video
from tests.conftest import gradient_picture


def turned(degrees: float, height: float = 200.0) -> Face:
    """A face whose cheekbones lie on a line turned by `degrees`."""
    points, depths = np.zeros((478, 2)), np.zeros(478)
    points[454, 0] = 100 * np.cos(np.radians(degrees))
    depths[454] = 100 * np.sin(np.radians(degrees))
    return Face(points, Box(0, 0, 150, height), depths)


@pytest.mark.parametrize(("degrees", "level"), [(0, "good"), (14, "good"), (25, "weak"), (-25, "weak"), (50, "bad")])
def test_a_turned_face_is_told(degrees, level):
    assert turned_deg(turned(degrees)) == pytest.approx(abs(degrees), abs=0.01)
    said = told_face("First", turned(degrees))
    assert f"told-{level}" in said
    assert level == "good" or f"{abs(degrees)} degrees" in said


def test_small_faces_and_further_ones_are_told():
    assert "30 pixels" in told_face("First", turned(0, 30)) and "3 faces" in told_face("First", turned(0), 3)


def test_a_clip_tells_its_facts(tmp_path):
    path = write_video([gradient_picture(64, 48)] * 6, tmp_path / "a.mp4", 12)
    assert "64 x 48, 12 fps, 0.5 s" in clip_facts(str(path)) and clip_facts(None) == ""


def test_notes_of_a_result_stand_beside_it():
    assert "one side is stretched" in told_notes(["one side is stretched"]) and told_notes([]) == ""
    assert lines([told("good", "A", "x"), "", told("bad", "B", "y")]).count("<br>") == 1


def test_another_colour_can_be_chosen_again_for_clear_parts(tmp_path):
    clear = Image.new("RGBA", (32, 32), (200, 100, 50, 255))
    clear.paste((200, 100, 50, 128), (0, 0, 16, 32))
    clear.paste((0, 0, 0, 0), (0, 0, 32, 8))
    clear.save(path := tmp_path / "clear.png")
    for colour, expected in (("green", (0, 128, 0)), ("black", (0, 0, 0))):
        again, opaque = backed(colour, load_image(path), Image.new("RGB", (32, 32)))
        picture = load_image(path := again)
        assert notes_of(picture) == (f"clear parts are laid over {colour}",) and "path" not in str(opaque)
        assert picture.getpixel((2, 2)) == expected and picture.getpixel((20, 20)) == (200, 100, 50)
        half = np.array(picture.getpixel((2, 20))) - (np.array((200, 100, 50)) * 128 + np.array(expected) * 127) / 255
        assert np.abs(half).max() <= 2
