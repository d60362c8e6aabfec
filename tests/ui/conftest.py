"""A real browser on the live server."""

from __future__ import annotations

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Chromium looks up its makers' hosts at every start unless it is told not to.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: run `make system`")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, server):
    """A fresh page of the suite; an error in its scripts fails the test."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server)
    yield page
    context.close()
    assert not errors, errors


def drag(page, circle, right_px: float, down_px: float) -> None:
    """Take a point of an editor by its middle and let it go elsewhere."""
    circle.scroll_into_view_if_needed()
    box = circle.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + right_px, box["y"] + down_px)
    page.mouse.up()


def emptied(page, tab: str) -> None:
    """Take the first example out of a tab."""
    page.locator(f"#{tab}-clear").click()
    left = f"#{tab}-preview img, [id^={tab}-picture] img, #tab-{tab} circle[data-key]"
    page.wait_for_function(f"!document.querySelector('{left}')", timeout=60_000)
