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
from core.ui.tabs import all_tabs
from tests.ui.conftest import DESKTOP, PHONE

TABS = {tab.id: tab.title for tab in all_tabs()}
# Pictures are there, letters too, and two frames were drawn since.
DRAWN = """() => document.fonts.ready.then(() => [...document.images].every(image => image.complete)
    && new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true)))))"""
CONTROLS = (gr.Slider, gr.Checkbox, gr.Dropdown, gr.Radio, gr.Number, gr.CheckboxGroup, gr.Textbox)


def test_every_control_has_a_help_text(demo):
    lacking = [
        f"{block.label} ({block.elem_id})"
        for block in demo.blocks.values()
        if isinstance(block, CONTROLS) and block.visible and block.interactive is not False and not block.info
    ]
    assert not lacking, f"no help at {lacking}"


def test_every_picture_has_a_name(demo):
    kinds = (gr.Image, gr.Video, gr.File, gr.Gallery, gr.ImageSlider)
    assert not [block.elem_id for block in demo.blocks.values() if isinstance(block, kinds) and not block.label]


def test_no_result_stands_there_before_anything_was_made(demo):
    shown = [b.elem_id for b in demo.blocks.values() if isinstance(b, gr.Video) and b.value is not None]
    assert not shown, f"{shown}: films that nobody made"


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.exhaustive)])
def test_picture_of_every_tab(theme, blank_page, server, tmp_path):
    page, folder = blank_page, Path(os.environ.get("MORPHOSPACE_SCREENSHOTS", tmp_path))
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    page.goto(f"{server}?__theme={theme}")
    for name, title in TABS.items():
        page.set_viewport_size(DESKTOP)
        page.get_by_role("tab", name=title).click()
        # Only the chosen tab is drawn.
        page.locator(f"#{name}-video").wait_for(state="attached", timeout=60_000)
        for view, size in {"desktop": DESKTOP, "phone": PHONE}.items():
            page.set_viewport_size(size)
            page.wait_for_function(DRAWN, timeout=60_000)
            place = folder / f"{name}-{theme}-{view}.png"
            page.screenshot(path=str(place), full_page=True)
            sideways = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert sideways <= 1, f"{name} scrolls sideways by {sideways} px on a {view}"
            brightness = float(to_tensor(Image.open(place)).mean())
            assert brightness < 0.4 if theme == "dark" else brightness > 0.5, f"{name} is not {theme}: {brightness:.2f}"
    strangers = [url for url in outside if not url.startswith((server.rstrip("/"), "data:", "blob:"))]
    assert not strangers, f"the page asks others: {strangers}"
