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
DESKTOP = {"width": 1400, "height": 1000}
PHONE = {"width": 390, "height": 844}
# Once per page, before the suite's own scripts; about:blank has no storage.
FORGET = """if (location.protocol.startsWith('http') && !sessionStorage.visited) {
    localStorage.clear(); sessionStorage.visited = 1; }"""


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


@pytest.fixture(scope="session")
def browser_context(chromium):
    """One profile for all pages: the suite's scripts are fetched and compiled once."""
    context = chromium.new_context(viewport=DESKTOP)
    yield context
    context.close()


@pytest.fixture
def blank_page(browser_context):
    """An empty page without anything kept from pages before it; an error in its scripts fails the test."""
    page = browser_context.new_page()
    page.add_init_script(FORGET)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert not errors, errors


@pytest.fixture
def page(blank_page, server):
    """A fresh page of the suite."""
    blank_page.goto(server)
    return blank_page


def drag(page, circle, right_px: float, down_px: float) -> None:
    """Take a point of an editor by its middle and let it go elsewhere."""
    circle.scroll_into_view_if_needed()
    box = circle.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + right_px, box["y"] + down_px)
    page.mouse.up()


# Two pictures that come together are looked at twice: the editor is drawn anew, and in between it is empty.
STILL = """place => {
    const editor = document.querySelector(place);
    if (!editor?.querySelector('svg')) return false;
    if (!editor.changedAt) {
        editor.changedAt = performance.now();
        new MutationObserver(() => { editor.changedAt = performance.now(); })
            .observe(editor, {childList: true, subtree: true});
    }
    return performance.now() - editor.changedAt > 1500;
}"""


def wait_until_still(page, editor: str) -> None:
    """Wait until a point editor was not drawn anew for a while."""
    page.wait_for_function(STILL, arg=editor, timeout=90_000)


def emptied(page, tab: str) -> None:
    """Take the first example out of a tab."""
    page.locator(f"#{tab}-clear").click()
    left = f"#{tab}-preview img, [id^={tab}-picture] img, #tab-{tab} circle[data-key]"
    page.wait_for_function(f"!document.querySelector('{left}')", timeout=60_000)
