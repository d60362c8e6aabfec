"""A film is never made through points that were found in other pictures than those on the page."""

from __future__ import annotations

import numpy as np
import pytest

from core.ui.parts.points import PointEditor
from tests.conftest import gradient_picture


@pytest.fixture(scope="module")
def events(demo):
    return list(demo.fns.values())


def settling(events, film: str):
    """The event that the film's follows, and the film's editor."""
    made = next(event for event in events if event.api_name == film)
    before = next(event for event in events if event._id == made.trigger_after)
    return before, next(component for component in made.inputs if isinstance(component, PointEditor))


@pytest.mark.parametrize("film", ["implicit_morph", "crossbreed_morph", "crossbreed_grid", "gfla_video"])
def test_points_of_other_pictures_are_found_anew(film, events, monkeypatch):
    event, editor = settling(events, film)
    assert event.inputs[1] is editor and event.outputs[0] is editor
    find, asked = event.fn.__closure__, []
    looked = next(cell.cell_contents for cell in find if getattr(cell.cell_contents, "__name__", "") == "looked")
    place = looked.__code__.co_freevars.index("find")

    def stand_in(*values):
        asked.append(values)
        return [{"points": [[1.0, 2.0]]}, {"points": [[3.0, 4.0]]}], "found"

    monkeypatch.setattr(looked.__closure__[place], "cell_contents", stand_in)
    blank = [None] * (len(event.inputs) - 2)
    first, second = ([gradient_picture(48 + more), *blank[1:]] for more in (0, 16))
    panels, said, _ = looked(*first)
    assert said == "found" and len(asked) == 1

    panels[0]["points"] = [[9.0, 9.0]]  # moved by hand
    moved = editor.preprocess({"panels": panels})
    assert event.fn(None, moved, *first)[0]["__type__"] == "update" and len(asked) == 1, "fresh ones stay, moved or not"
    assert event.fn(None, moved, *second)[0][0]["points"] == [[1.0, 2.0]] and len(asked) == 2

    own = editor.preprocess({"panels": [{"points": np.zeros((2, 2)).tolist()}] * 2})
    assert event.fn(None, own, *second)[0]["__type__"] == "update", "a program's own points count as they are"
    opened = editor.preprocess(editor.first)
    assert opened.found_for and event.fn({"example": 1}, opened, *second)[1] == "found", "the example's do not"
