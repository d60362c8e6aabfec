"""What is told beside an input: its level and its reason."""

from __future__ import annotations

import numpy as np
import pytest

from core.detect.faces import Face
from core.image import Box
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
