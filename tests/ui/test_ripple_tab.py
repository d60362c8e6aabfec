"""A person's path through the ripple tab: first example, degree, edit, cleaned picture, object remover."""

from __future__ import annotations

import io
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

from core.ui.tabs.ripple import slider_of, widened
from tests.conftest import HEADS
from tests.ui.conftest import emptied

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SHOWN = ("plain", "mask", "clean", "preview")


def source(page, name: str) -> str:
    return page.locator(f"#ripple-{name} img").first.get_attribute("src", timeout=120_000)


def picture(page, name: str) -> np.ndarray:
    """What an output shows, (H, W, 3) uint8."""
    with urlopen(source(page, name)) as answer:
        return np.asarray(Image.open(io.BytesIO(answer.read())).convert("RGB"))


def wait_for_change(page, before: str, name: str = "clean") -> None:
    page.wait_for_function(
        "([id, before]) => { const i = document.querySelector(id + ' img'); return i && i.src !== before; }",
        arg=[f"#ripple-{name}", before], timeout=180_000,
    )  # fmt: skip


def set_degree(page, degree: float) -> None:
    """Type into the number beside the slider and wait for the cleaned picture."""
    before = source(page, "clean")
    number = page.locator("#ripple-degree input[type=number]")
    number.fill(str(degree))
    number.press("Enter")
    wait_for_change(page, before)
    page.wait_for_timeout(2000)  # the four pictures come together, a later answer of an earlier place may follow


@pytest.fixture
def example(page):
    """The tab with a portrait in."""
    page.get_by_role("tab", name="Ripple-free pose edit").click()
    page.get_by_role("button", name="Ripple, mask and clean face").click()
    emptied(page, "ripple")
    page.locator("#ripple-picture input[type=file]").first.set_input_files(str(HEADS / "kofi.jpg"))
    for name in SHOWN:
        source(page, name)
    return page


def nose_px(shown: np.ndarray) -> float:
    """How far right of the middle between the cheeks the nose tip lies, in widths of the face."""
    from core.detect.faces import detect_faces

    points = detect_faces(Image.fromarray(shown))[0].points
    return float((points[1, 0] - (points[234, 0] + points[454, 0]) / 2) / (points[454, 0] - points[234, 0]))


def test_a_portrait_turns_both_ways_and_leaves_nothing_to_clean(example):
    """What answers out of the box bends head and background as one surface: nothing is uncovered."""
    places = []
    for degree in (-20, 20):
        set_degree(example, degree)
        plain, mask, clean, whole = (picture(example, name) for name in SHOWN)
        places.append(nose_px(clean))
        assert plain.shape == clean.shape == mask.shape
        assert not mask.any() and np.array_equal(plain, clean)
        assert whole.shape[0] >= clean.shape[0] // 4
    assert places[0] < -0.05
    assert places[1] > 0.05


def test_degree_zero_gives_the_portrait_back_and_age_changes_it(example):
    set_degree(example, 0)
    still = picture(example, "clean")
    assert (picture(example, "mask") == 0).all()
    before = source(example, "clean")
    example.locator("#ripple-edit").get_by_role("listbox").or_(example.locator("#ripple-edit input")).first.click()
    example.get_by_role("option", name="age").click()
    wait_for_change(example, before)
    example.wait_for_timeout(2000)
    aged = picture(example, "clean")
    assert aged.shape == still.shape
    assert np.abs(aged.astype(int) - still).mean() > 0.5


def test_brushing_removes_an_object(page, tmp_path):
    y, x = np.mgrid[:240, :320]
    room = np.stack([120 + y // 4, 140 + 0 * y, 170 - x // 8], axis=-1).astype(np.uint8)
    room[100:130, 140:180] = (220, 20, 20)
    Image.fromarray(room).save(tmp_path / "room.tif")
    page.get_by_role("tab", name="Ripple-free pose edit").click()
    page.get_by_text("Remove an object").click()
    canvas = page.locator("#ripple-canvas canvas").first
    canvas.wait_for(state="visible", timeout=60_000)
    page.wait_for_timeout(4000)  # gradio's editor is not ready when its canvas is there, and does not say when
    page.locator("#ripple-canvas input[type=file]").first.set_input_files(str(tmp_path / "room.tif"))
    page.wait_for_timeout(4000)  # a browser draws no TIFF: what comes back is our PNG of it
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    middle_x, middle_y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for row in (-20, -5, 10):  # the picture lies in the middle of the canvas, a little enlarged
        page.mouse.move(middle_x - 45, middle_y + row)
        page.mouse.down()
        page.mouse.move(middle_x + 45, middle_y + row, steps=8)
        page.mouse.up()
    page.locator("#ripple-remove").click()
    removed = picture(page, "removed")
    assert removed.shape[:2] == (240, 320)
    inside = removed[105:125, 145:175].astype(int)
    assert np.abs(inside - (150, 140, 150)).max() < 40  # the red box is gone, the wall goes on
    assert np.abs(removed[:60].astype(int) - room[:60]).max() <= 2


def test_a_link_that_names_an_edit_alone_starts_where_the_edit_does():
    """The degree of turn that the slider stood at lies beyond the range of ages, and the page said Error."""
    ages = slider_of("age", "ripple-preview")
    assert widened(ages, 15.0)["value"] == 3 and "value" not in widened(ages, -4.0)
