"""A link brings back what a person moved by hand, in every tab with points."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.ui.parts.examples import EXAMPLES
from tests.ui.conftest import drag, emptied, wait_until_still

# The implicit tab's own test goes the same way in every run.
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.exhaustive]

PETS = sorted((EXAMPLES / "pets").glob("*.png"))
# A pose that the photo bears: a dropped photo that does not bear the chosen one gets another, and a drag before it is lost.
BORNE = "head tilted, picture right"
CASES = {
    "crossbreed": ("Crossbreed morph", {"a": PETS[0], "b": PETS[1]}, "corners", "1-1", "Boxes as they came"),
    "gfla": (
        "Pose-guided generation",
        {"": EXAMPLES / "people" / "ada.jpg"},
        "points",
        "1-4",
        "Keypoints as they came",
    ),
}


def open_with(page, title: str, tab: str, pictures: dict[str, Path], editor: str) -> None:
    page.get_by_role("tab", name=title).click()
    emptied(page, tab)
    if tab == "gfla":
        page.locator("#gfla-library input").first.click()
        page.locator("#gfla-library input").first.fill(BORNE)
        page.get_by_role("option", name=BORNE, exact=True).click()
    for which, file in pictures.items():
        name = f"{tab}-picture-{which}".rstrip("-")
        page.locator(f"#{name} input[type=file]").first.set_input_files(str(file))
    page.wait_for_function(f"document.querySelectorAll('#{tab}-{editor} svg').length === 2", timeout=90_000)
    page.locator(f"#{tab}-preview img").first.wait_for(timeout=90_000)
    wait_until_still(page, f"#{tab}-{editor}")


@pytest.mark.parametrize("tab", CASES)
def test_a_moved_point_comes_back(page, tab):
    title, pictures, editor, key, said = CASES[tab]
    open_with(page, title, tab, pictures, editor)
    circle = page.locator(f'#{tab}-{editor} circle[data-key="{key}"]')
    before = float(circle.get_attribute("cx"))
    drag(page, circle, -20, -12)
    moved = float(circle.get_attribute("cx"))
    assert abs(moved - before) > 1
    page.locator(f"#{tab}-share-pictures").click()
    page.wait_for_function(
        f"() => document.querySelector('#{tab}-link textarea')?.value.includes('pictures=')", timeout=60_000
    )
    address = page.locator(f"#{tab}-link textarea").input_value()
    page.goto("about:blank")
    page.goto(address)
    page.get_by_text(said).wait_for(timeout=90_000)
    page.wait_for_function(f"document.querySelectorAll('#{tab}-{editor} svg').length === 2", timeout=60_000)
    assert abs(float(circle.get_attribute("cx")) - moved) < 0.1
    page.locator(f"#{tab}-preview img").first.wait_for(timeout=90_000)
