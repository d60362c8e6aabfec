"""The first minute, on a desktop and on a phone: every tab is alive when it opens, without a click and without computing."""

from __future__ import annotations

import pytest

from core.ui.tabs import all_tabs

pytestmark = [pytest.mark.browser, pytest.mark.slow]
VIEWS = {"desktop": (1280, 800), "phone": (390, 844)}
SLIDERS = {"implicit": "shape", "crossbreed": "appearance", "sdl": "t", "ripple": "degree", "gfla": "position"}
SHOWN = "() => { const i = document.querySelector('#%s-preview img'); return i && i.naturalWidth > 0 && i.src; }"


@pytest.fixture
def opened(chromium, server, request):
    """A fresh page in one of the views, and the events that it asked the server for."""
    width, height = VIEWS[request.param]
    context = chromium.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    page, asked = context.new_page(), []
    page.on("request", lambda sent: asked.append(sent.post_data) if sent.url.endswith("queue/join?") else None)
    page.goto(server)
    yield page, asked, request.param
    context.close()


@pytest.mark.parametrize("opened", VIEWS, indirect=True)
def test_every_tab_is_alive_when_it_opens(opened):
    page, asked, view = opened
    for tab in all_tabs():
        page.get_by_role("tab", name=tab.title).click()
        first = page.wait_for_function(SHOWN % tab.id, timeout=60_000).json_value()
        top = page.locator(f"#{tab.id}-preview").evaluate("e => e.getBoundingClientRect().top + window.scrollY")
        assert top <= 900, f"{tab.id} shows its preview {top:.0f} px down on a {view}"
        sideways = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert sideways <= 1, f"{tab.id} scrolls sideways on a {view}"
        assert page.locator(f"#{tab.id}-video video").count() == 0
        if tab.id in SLIDERS:
            before = len(asked)
            page.locator(f"#{tab.id}-{SLIDERS[tab.id]} input[type=range]").press("Home")
            page.wait_for_function(f"before => ({SHOWN % tab.id})() !== before", arg=first, timeout=60_000)
            assert "/frame-0" in page.evaluate(SHOWN % tab.id) or tab.id == "crossbreed"
            assert len(asked) - before <= 1, "the browser chooses a prepared frame by itself"


def test_the_preview_stays_in_sight_on_a_desktop(page):
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator("#implicit-points circle").last.scroll_into_view_if_needed()
    box = page.locator("#implicit-preview").bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= 800
