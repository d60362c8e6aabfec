"""GPU loans on ZeroGPU while a slider is dragged for 5 s in a real browser, counted by the imitation of its worker."""

from __future__ import annotations

import shutil
import time
from unittest import mock

from bench import Row
from core.once import Once
from core.ui.parts import engines, wiring
from core.ui.parts.examples import EXAMPLES
from core.ui.parts.gpu import on_gpu
from tests.gpu.forked import Lender

DRAG_S, STEPS, MOST = 5.0, 50, 1
# Long enough for the answer of a loan; nothing else is asked for then.
SETTLED_S = 15.0
SHOWN = "() => { const i = document.querySelector('#crossbreed-preview img'); return i && i.naturalWidth > 0; }"


def rows() -> list[Row]:
    """Two photos of one's own on the crossbreed tab, then the slider."""
    from playwright.sync_api import sync_playwright

    from core.ui.build import build_demo, launch

    lender = Lender()
    with (
        mock.patch.object(wiring, "zero_gpu", lambda: True),
        mock.patch.object(engines, "_ENGINES", Once()),
        mock.patch.object(engines, "on_gpu", lambda pipeline: on_gpu(pipeline, lender)),
    ):
        demo = build_demo(["crossbreed"])
        _, address, _ = launch(demo, prevent_thread_lock=True, quiet=True)
        try:
            with sync_playwright() as driver:
                path = shutil.which("chromium") or shutil.which("google-chrome")
                browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
                dropped, dragged, moves = drag(browser.new_page(), address, lender)
                browser.close()
        finally:
            demo.close()
    return [
        Row("two photos dropped in", "", f"{dropped} loans"),
        Row(f"a slider dragged for {DRAG_S:g} s, {moves} moves, then let go", f"<= {MOST} loan", str(dragged), dragged == MOST),
    ]  # fmt: skip


def drag(page, address: str, lender: Lender) -> tuple[int, int, int]:
    """Loans of two photos, loans of the drag, and how many values the slider took on the way."""
    page.set_default_timeout(180_000)
    page.goto(address)
    page.wait_for_function(SHOWN)
    for letter, file in zip("ab", ("2-rusty.png", "4-snow.png"), strict=True):
        page.locator(f"#crossbreed-picture-{letter} input[type=file]").set_input_files(EXAMPLES / "pets" / file)
    settled(lender, 0)
    dropped, seen = len(lender.asked), set()
    slider = page.locator("#crossbreed-shape input[type=range]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] * float(slider.input_value()), box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(STEPS):
        page.mouse.move(box["x"] + box["width"] * step / STEPS, box["y"] + box["height"] / 2)
        seen.add(slider.input_value())
        time.sleep(DRAG_S / STEPS)
    page.mouse.up()
    settled(lender, dropped)
    return dropped, len(lender.asked) - dropped, len(seen)


def settled(lender: Lender, before: int) -> None:
    """Wait for a loan more than before, and until none came for a while."""
    deadline = time.monotonic() + 180
    while len(lender.asked) == before and time.monotonic() < deadline:
        time.sleep(0.5)
    count, since = len(lender.asked), time.monotonic()
    while time.monotonic() - since < SETTLED_S:
        if len(lender.asked) != count:
            count, since = len(lender.asked), time.monotonic()
        time.sleep(0.5)
