"""A person's path through the implicit tab: two portraits, landmarks, morph, slider, video, link."""

from __future__ import annotations

import re

import pytest
from PIL import Image

from tests.ui.conftest import drag, emptied, wait_until_still

pytestmark = [pytest.mark.browser, pytest.mark.slow]


SMALL = "tab=implicit&size_px=64"


def upload_pair(page, heads):
    page.get_by_role("tab", name="Implicit face morph").click()
    emptied(page, "implicit")
    for which, head in zip(("a", "b"), heads, strict=False):
        page.locator(f"#implicit-picture-{which} input[type=file]").first.set_input_files(str(head))
    page.locator("#implicit-points circle").first.wait_for(timeout=60_000)
    page.wait_for_function("document.querySelectorAll('#implicit-points svg').length === 2", timeout=60_000)
    page.locator("#implicit-preview img").first.wait_for(timeout=60_000)
    wait_until_still(page, "#implicit-points")


def preview_source(page) -> str:
    return page.locator("#implicit-preview img").first.get_attribute("src", timeout=60_000)


def test_two_faces_become_a_playing_video(blank_page, server, heads, tmp_path):
    page = blank_page
    page.goto(f"{server}?{SMALL}&frames=26")
    upload_pair(page, heads)
    counts = page.evaluate(
        "[...document.querySelectorAll('#implicit-points svg')].map(s => s.querySelectorAll('circle').length)"
    )
    assert counts[0] == counts[1] > 50

    middle = preview_source(page)
    slider = page.locator("#implicit-shape input[type=range]")
    slider.focus()
    for _ in range(12):
        slider.press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('#implicit-preview img').src !== before", arg=middle, timeout=60_000
    )

    page.locator("#implicit-go").click()
    page.wait_for_function(
        "() => { const v = document.querySelector('#implicit-video video');"
        " return v && v.readyState >= 2 && v.duration > 1 && v.src.includes('morph'); }",
        timeout=120_000,
    )
    started = page.evaluate("document.querySelector('#implicit-video video').currentTime")
    page.evaluate("document.querySelector('#implicit-video video').play()")
    assert page.locator("#implicit-takes").inner_text().startswith("26 frames: ")
    page.wait_for_function(
        "before => document.querySelector('#implicit-video video').currentTime !== before", arg=started, timeout=60_000
    )
    with page.expect_download() as download:
        page.locator("#implicit-file a[download], #implicit-file a").first.click()
    path = tmp_path / "morph.mp4"
    download.value.save_as(path)
    assert path.stat().st_size > 4_000

    # A frame of the strip leads the slider, a slider leads the film, and the next page has the film and its settings again.
    page.locator("#implicit-desk .strip button").nth(9).click(timeout=60_000)
    at = "document.querySelector('#implicit-shape input[type=range]').value"
    page.wait_for_function(f"{at} === '1'", timeout=60_000)
    slider.press("Home")
    page.wait_for_function("document.querySelector('#implicit-video video').currentTime < 0.1", timeout=60_000)
    page.goto(f"{server}?tab=implicit")
    page.locator("#implicit-desk .visit button").click(timeout=60_000)
    page.locator("#implicit-desk .strip button").nth(9).wait_for(timeout=60_000)
    page.get_by_text("Timeline and file").first.click()
    page.wait_for_function(
        "document.querySelector('#implicit-frames input[type=number]').value === '26'", timeout=60_000
    )


def test_points_can_be_moved_and_taken_back(blank_page, server, heads):
    page = blank_page
    page.goto(f"{server}?{SMALL}")
    upload_pair(page, heads)
    circle = page.locator('#implicit-points circle[data-key="0-0"]')
    before = circle.get_attribute("cx")
    drag(page, circle, 20, 12)
    assert page.locator('#implicit-points circle[data-key="0-0"]').get_attribute("cx") != before
    page.locator("#implicit-points").get_by_role("button", name="Undo").click()
    assert page.locator('#implicit-points circle[data-key="0-0"]').get_attribute("cx") == before

    # Two fingers zoom at their middle, and move no point.
    svg = page.locator("#implicit-points svg").first
    svg.scroll_into_view_if_needed()
    box, whole, fingers = svg.bounding_box(), svg.get_attribute("viewBox"), page.context.new_cdp_session(page)
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for kind, apart in (("touchStart", 20), *(("touchMove", 20 + 5 * step) for step in range(1, 9)), ("touchEnd", 0)):
        places = [{"x": middle[0] + side * apart, "y": middle[1], "id": side} for side in (-1, 1) if apart]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})
    page.wait_for_function(
        "before => document.querySelector('#implicit-points svg').getAttribute('viewBox') !== before", arg=whole
    )
    x, y, width, height = (float(part) for part in svg.get_attribute("viewBox").split())
    full = [float(part) for part in whole.split()][2:]
    assert width == pytest.approx(full[0] / 3, rel=0.1) and x + width / 2 == pytest.approx(full[0] / 2, rel=0.1)
    assert y + height / 2 == pytest.approx(full[1] / 2, rel=0.1)
    assert page.locator('#implicit-points circle[data-key="0-0"]').get_attribute("cx") == before
    page.locator("#implicit-points [data-zoom=fit]").click()

    # The Tab key stops at one point of each picture; from there its neighbours are reached.
    assert page.locator('#implicit-points circle[tabindex="0"]').count() == 2
    page.locator('#implicit-points circle[data-key="0-0"]').press("PageDown")
    assert page.evaluate("document.activeElement.dataset.key") == "0-1"
    page.keyboard.press("ArrowRight")
    moved = page.evaluate("[document.activeElement.dataset.key, document.activeElement.tabIndex]")
    assert moved == ["0-1", 0] and page.locator('#implicit-points circle[tabindex="0"]').count() == 2
    page.locator("#implicit-points").get_by_role("button", name="Undo").click()

    # Near by, a point still goes where the pointer goes, and groups that are in the way can go.
    page.locator("#implicit-points [data-zoom=in]").click()
    seen = [float(part) for part in page.locator("#implicit-points svg").first.get_attribute("viewBox").split()]
    chin = page.locator('#implicit-points circle[data-key="0-18"]')
    drag(page, chin, 0, 0)
    box, place = chin.bounding_box(), page.locator("#implicit-points svg").first.bounding_box()
    shown = (box["x"] + box["width"] / 2 - place["x"]) / place["width"]
    assert shown == pytest.approx((float(chin.get_attribute("cx")) - seen[0]) / seen[2], abs=0.02)
    count = page.locator("#implicit-points circle").count()
    page.locator("#implicit-points .groups button", has_text="Eyes").click()
    assert page.locator("#implicit-points circle").count() == count - 2 * 48


def test_link_restores_every_setting(blank_page, server):
    page = blank_page
    page.goto(f"{server}?tab=implicit&frames=77&easing=sine&ping_pong=True&blend=max&shape=0.25")
    page.get_by_text("Timeline and file").first.click()
    page.locator("#implicit-frames input[type=number]").wait_for(timeout=60_000)
    page.wait_for_function(
        "document.querySelector('#implicit-frames input[type=number]').value === '77'", timeout=60_000
    )
    assert page.locator("#implicit-easing input").input_value() == "sine"
    assert page.locator("#implicit-ping_pong input[type=checkbox]").is_checked()
    page.locator("#implicit-share").click()
    link = page.locator("#implicit-link textarea")
    link.wait_for(timeout=60_000)
    page.wait_for_function(
        "document.querySelector('#implicit-link textarea').value.includes('frames=77')", timeout=60_000
    )
    value = link.input_value()
    for part in ("tab=implicit", "easing=sine", "ping_pong=True", "blend=max", "shape=0.25"):
        assert part in value, value
    assert not re.search(r"fps=", value), "defaults do not belong into a link"


def test_one_of_several_faces_is_chosen_and_a_missing_picture_is_told(page, heads, tmp_path):
    page.get_by_role("tab", name="Implicit face morph").click()
    emptied(page, "implicit")
    both = Image.new("RGB", (512, 256))
    for place, head in enumerate(heads[:2]):
        both.paste(Image.open(head).convert("RGB").resize((256, 256)), (256 * place, 0))
    both.save(tmp_path / "both.png")
    page.locator("#implicit-picture-a input[type=file]").first.set_input_files(str(tmp_path / "both.png"))
    page.locator("#implicit-who button").nth(1).click(timeout=60_000)
    page.wait_for_function(
        "document.querySelector('#implicit-face_a input[type=number]').value === '2'", timeout=60_000
    )
    page.locator("#implicit-who button[aria-pressed=true][aria-label='face 2']").wait_for(timeout=60_000)
    page.locator("#implicit-go").click()
    page.get_by_text("is missing; what fits: picture file").first.wait_for(timeout=60_000)


def test_narrow_and_dark(blank_page, server):
    page = blank_page
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{server}?__theme=dark")
    page.get_by_role("tab", name="Implicit face morph").wait_for(timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), "the page scrolls sideways"


def test_link_with_the_pictures_restores_them_and_moved_points(blank_page, server, heads):
    page = blank_page
    page.goto(f"{server}?{SMALL}")
    upload_pair(page, heads)
    circle = page.locator('#implicit-points circle[data-key="0-3"]')
    drag(page, circle, 24, 16)
    moved = float(circle.get_attribute("cx"))
    page.locator("#implicit-share-pictures").click()
    page.wait_for_function(
        "() => document.querySelector('#implicit-link textarea')?.value.includes('pictures=')", timeout=60_000
    )
    address = page.locator("#implicit-link textarea").input_value()
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_function(
        "() => document.querySelectorAll('#implicit-picture-a img, #implicit-picture-b img').length >= 2",
        timeout=60_000,
    )
    page.wait_for_function("document.querySelectorAll('#implicit-points svg').length === 2", timeout=60_000)
    page.get_by_text("Points as they came with the link").wait_for(timeout=60_000)
    assert abs(float(circle.get_attribute("cx")) - moved) < 0.1
    # Detection forgets them.
    page.locator("button:visible", has_text="Detect again").click()
    page.wait_for_function(
        "before => Math.abs(document.querySelector('#implicit-points circle[data-key=\"0-3\"]').getAttribute('cx') - before)"
        " > 1",
        arg=moved,
        timeout=60_000,
    )


def test_an_exported_file_restores_its_settings(page, tmp_path, heads):
    from core.video import write_picture
    from tests.conftest import gradient_picture

    made = {"system": "implicit", "frames": "77", "easing": "sine"}
    path = write_picture(gradient_picture(), tmp_path / "old.png", made)
    page.get_by_role("tab", name="Implicit face morph").click()
    page.get_by_text("Settings from an exported file").first.click()
    page.locator("#implicit-restore input[type=file]").set_input_files(str(path))
    page.get_by_text("Restored 2 settings").first.wait_for(timeout=60_000)
    page.get_by_text("Timeline and file").first.click()
    page.wait_for_function(
        "document.querySelector('#implicit-frames input[type=number]').value === '77'", timeout=60_000
    )
    assert page.locator("#implicit-easing input").input_value() == "sine"
