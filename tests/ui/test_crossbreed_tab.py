"""A person's path through the Crossbreed tab: two pictures, boxes, sliders, video, grid."""

from __future__ import annotations

import pytest
from PIL import ImageOps

from tests.conftest import gradient_picture
from tests.ui.conftest import emptied, wait_until_still

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def preview_source(page) -> str:
    return page.locator("#crossbreed-preview img").first.get_attribute("src", timeout=60_000)


def test_two_pictures_become_a_playing_video(blank_page, server, tmp_path):
    page = blank_page
    page.goto(f"{server}?tab=crossbreed&frames=26&size_px=128")
    page.get_by_role("tab", name="Crossbreed").click()
    emptied(page, "crossbreed")
    # Of one colour, a moved box would show the same picture again, and the page keeps what does not change.
    picture = gradient_picture(200, 180)
    for drawn, which in ((picture, "a"), (ImageOps.invert(picture), "b")):
        file = tmp_path / f"{which}.png"
        drawn.save(file)
        page.locator(f"#crossbreed-picture-{which} input[type=file]").first.set_input_files(str(file))
    page.wait_for_function("document.querySelectorAll('#crossbreed-corners circle').length === 4", timeout=60_000)
    preview_source(page)
    wait_until_still(page, "#crossbreed-corners")
    assert page.get_by_text("Drag the two corners").first.is_visible()

    middle = preview_source(page)
    slider = page.locator("#crossbreed-appearance input[type=range]")
    slider.focus()
    slider.press("End")  # one answer, so that none of an earlier place comes after it
    page.wait_for_function(
        "before => document.querySelector('#crossbreed-preview img').src !== before", arg=middle, timeout=60_000
    )

    corner = page.locator('#crossbreed-corners circle[data-key="0-0"]')
    before, shown = corner.get_attribute("cx"), preview_source(page)
    corner.focus()
    corner.press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('#crossbreed-corners circle[data-key=\"0-0\"]').getAttribute('cx') !== before",
        arg=before, timeout=60_000,
    )  # fmt: skip
    page.wait_for_function(
        "before => document.querySelector('#crossbreed-preview img').src !== before", arg=shown, timeout=60_000
    )

    page.locator("#crossbreed-go").click()
    page.wait_for_function(
        "() => { const v = document.querySelector('#crossbreed-video video');"
        " return v && v.readyState >= 2 && v.duration > 1 && v.src.includes('morph'); }",
        timeout=120_000,
    )
    page.locator("#crossbreed-desk .steps polyline").wait_for(state="attached", timeout=60_000)
    # The first uploads had no head: both corners of both boxes are still there.
    assert page.locator("#crossbreed-corners circle").count() == 4
