"""A person's path through the SDL tab: job, pictures, slider, video, link."""

from __future__ import annotations

import pytest

from tests.ui.conftest import emptied

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def preview_source(page) -> str:
    return page.locator("#sdl-preview img").first.get_attribute("src", timeout=60_000)


def upload(page, which, file):
    page.locator(f"#sdl-picture-{which} input[type=file]").first.set_input_files(str(file))


def wait_for_change(page, before):
    page.wait_for_function(
        "before => { const i = document.querySelector('#sdl-preview img'); return i && i.src !== before; }",
        arg=before, timeout=60_000,
    )  # fmt: skip


def test_two_pictures_become_a_playing_video(blank_page, server, heads):
    page = blank_page
    page.goto(f"{server}?tab=sdl&frames=26")
    page.get_by_role("tab", name="SDL transitions").click()
    emptied(page, "sdl")
    upload(page, "a", heads[0])
    upload(page, "b", heads[1])
    middle = preview_source(page)
    slider = page.locator("#sdl-t input[type=range]")
    slider.focus()
    for _ in range(12):
        slider.press("ArrowRight")
    wait_for_change(page, middle)
    page.locator("#sdl-go").click()
    page.wait_for_function(
        "() => { const v = document.querySelector('#sdl-video video');"
        " return v && v.readyState >= 2 && v.duration > 1 && v.src.includes('morph'); }",
        timeout=180_000,
    )


def test_a_job_of_one_picture_hides_the_second_and_widens_the_slider(page, heads):
    page.get_by_role("tab", name="SDL transitions").click()
    page.get_by_label("Face ageing").check()
    page.locator("#sdl-picture-b").wait_for(state="hidden", timeout=60_000)
    page.wait_for_function("document.querySelector('#sdl-t input[type=range]').min === '-1'", timeout=60_000)
    upload(page, "a", heads[2])
    preview_source(page)


def test_an_example_leaves_the_slider_as_wide_as_its_job(page):
    page.get_by_role("tab", name="SDL transitions").click()
    page.locator("#sdl-examples button").nth(2).click()
    page.wait_for_function("document.querySelector('#sdl-t input[type=range]').min === '0'", timeout=60_000)
    page.wait_for_function("document.querySelector('#sdl-t input[type=range]').max === '1.5'", timeout=60_000)
    page.wait_for_function("document.querySelector('#sdl-job input:checked').value === 'style'", timeout=60_000)


def test_a_cleared_tab_stays_empty_and_tells_what_is_missing(page, heads):
    page.get_by_role("tab", name="SDL transitions").click()
    emptied(page, "sdl")
    upload(page, "a", heads[0])
    upload(page, "b", heads[1])
    page.wait_for_function("document.querySelectorAll('[id^=sdl-picture] img').length === 2", timeout=60_000)
    busy = "#sdl-preview .wrap:not(.hide)"
    page.wait_for_selector(busy, timeout=60_000)
    page.locator("#sdl-clear").click()
    gone = f"() => !document.querySelector('{busy}, #sdl-preview img, [id^=sdl-picture] img')"
    page.wait_for_function(gone, timeout=90_000)
    # Between what was on its way and the look at the emptied tab nothing is busy for a moment.
    page.wait_for_timeout(2000)
    page.wait_for_function(gone, timeout=60_000)
    assert not page.locator("#sdl-found").inner_text(), "what was on its way came to a cleared tab"
    page.locator("#sdl-go").click()
    page.get_by_text("is missing; what fits: picture file").first.wait_for(timeout=60_000)


@pytest.mark.exhaustive  # the implicit tab's link brings back all kinds of settings
def test_link_restores_job_and_place(blank_page, server):
    page = blank_page
    page.goto(f"{server}?tab=sdl&job=toon&weights=sdl-toon&t=0.8&frames=33&rate_factor=4")
    page.wait_for_function(
        "() => { const s = document.querySelector('#sdl-t input[type=range]'); return s && s.value === '0.8'; }",
        timeout=90_000,
    )
    assert page.get_by_role("radio", name="Toon").is_checked()
    page.wait_for_function("document.querySelector('#sdl-weights input').value === 'sdl-toon'", timeout=60_000)
    page.get_by_text("A whole film").first.click()
    page.wait_for_function(
        "document.querySelector('#sdl-rate-factor input[type=number]').value === '4'", timeout=60_000
    )


def test_the_page_tells_who_answered(page, heads):
    page.get_by_role("tab", name="SDL transitions").click()
    page.get_by_role("radio", name="Toon").check()
    page.wait_for_function("document.querySelector('#sdl-t input[type=range]').min === '-0.5'", timeout=60_000)
    upload(page, "a", heads[1])
    preview_source(page)
    page.locator("#sdl-fits").get_by_text("Answered by: drawing").wait_for(timeout=60_000)


def test_no_answer_of_the_opening_page_comes_after_a_chosen_job():
    """The range is set by the browser: the server's answer could come after a job that was chosen meanwhile."""
    from core.ui.build import build_demo

    demo = build_demo(["sdl"])
    late = [event for event in demo.fns.values() if event.fn and any(kind == "load" for _, kind in event.targets)]
    assert not [event for event in late if any(block.elem_id == "sdl-job" for block in event.inputs)]
