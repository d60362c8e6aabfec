"""Every tab: help at every control, no result before anything was made, and pictures of it light, dark and on a phone.

The pictures are kept where `MORPHOSPACE_SCREENSHOTS` says, to be looked at.
"""

from __future__ import annotations

import os
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

from core.image import to_tensor
from core.ui.build import build_demo
from core.ui.tabs import all_tabs

TABS = {tab.id: tab.title for tab in all_tabs()}
VIEWS = {"light": (1400, 1000), "dark": (1400, 1000), "phone": (390, 844)}
CONTROLS = (gr.Slider, gr.Checkbox, gr.Dropdown, gr.Radio, gr.Number, gr.CheckboxGroup, gr.Textbox)


@pytest.fixture(scope="module", params=TABS)
def tab(request):
    return request.param, build_demo([request.param])


def test_every_control_has_a_help_text(tab):
    lacking = [
        f"{block.label} ({block.elem_id})"
        for block in tab[1].blocks.values()
        if isinstance(block, CONTROLS) and block.visible and block.interactive is not False and not block.info
    ]
    assert not lacking, f"{tab[0]}: no help at {lacking}"


def test_every_picture_has_a_name(tab):
    kinds = (gr.Image, gr.Video, gr.File, gr.Gallery, gr.ImageSlider)
    assert not [block.elem_id for block in tab[1].blocks.values() if isinstance(block, kinds) and not block.label]


def test_no_result_stands_there_before_anything_was_made(tab):
    shown = [b for b in tab[1].blocks.values() if isinstance(b, gr.Video) and b.value is not None]
    assert not shown, f"{tab[0]} shows a film that nobody made"


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", TABS)
def test_picture_of_every_tab(name, view, chromium, server, tmp_path):
    width, height = VIEWS[view]
    context = chromium.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    theme = "dark" if view == "dark" else "light"
    page.goto(f"{server}?tab={name}&__theme={theme}")
    # Only the chosen tab is drawn.
    page.locator(f"#{name}-video").wait_for(state="attached", timeout=60_000)
    page.wait_for_timeout(1500)
    place = Path(os.environ.get("MORPHOSPACE_SCREENSHOTS", tmp_path)) / f"{name}-{view}.png"
    page.screenshot(path=str(place), full_page=True)
    sideways = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    context.close()
    assert not errors, errors
    assert sideways <= 1, f"{name} scrolls sideways by {sideways} px on a {view}"
    strangers = [url for url in outside if not url.startswith((server.rstrip("/"), "data:", "blob:"))]
    assert not strangers, f"the page asks others: {strangers}"
    brightness = float(to_tensor(Image.open(place)).mean())
    assert brightness < 0.4 if view == "dark" else brightness > 0.5, f"{name} is not {theme}: {brightness:.2f}"
