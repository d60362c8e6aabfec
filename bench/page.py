"""The page: how soon it is alive in a cold browser, its way to an own film, its height on a phone, and axe-core's verdict."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import Row
from bench.load import HEADS, serving

AXE = "axe-core@4.14.1"
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
FIRST_S, FURTHER_S, PHONE_PX, CLICKS = 4, 1, 900, 4
SHOWN = "id => { const i = document.querySelector(`#${id}-preview img`); return i && i.naturalWidth > 0; }"
VERDICT = """() => axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations
    .filter(one => ['serious', 'critical'].includes(one.impact)).map(one => [one.id, one.nodes.length]))"""


def rows() -> list[Row]:
    """All of it, on one fresh app."""
    from playwright.sync_api import sync_playwright

    from core.ui.tabs import all_tabs

    titles = {tab.id: tab.title for tab in all_tabs()}
    with serving() as (address, *_), sync_playwright() as driver:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        made = [*alive(browser, address, titles), tall(browser, address, titles), way(browser, address)]
        made.append(accessible(browser, address, list(titles)))
        browser.close()
    return made


def alive(browser: Any, address: str, titles: dict[str, str]) -> list[Row]:
    """Seconds until the preview of each tab stands there, and those of them in which the page's own thread worked."""
    page = browser.new_context(viewport=DESKTOP).new_page()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def worked() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")

    seconds, own, start = [], [], time.perf_counter()
    page.goto(address)
    for number, (tab, title) in enumerate(titles.items()):
        before = 0.0 if number == 0 else worked()
        if number:
            start = time.perf_counter()
            page.get_by_role("tab", name=title).click()
        page.wait_for_function(SHOWN, arg=tab, timeout=120_000)
        seconds.append(time.perf_counter() - start)
        own.append(worked() - before)
    load = f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores"
    said, slowest = "{:.1f} s, of which the page's thread worked {:.1f} s ({}, {})", seconds.index(max(seconds[1:]))
    first, further = (said.format(seconds[i], own[i], list(titles)[i], load) for i in (0, slowest))
    return [
        Row("opening the page in a cold browser until the first tab's preview", f"<= {FIRST_S} s", first, seconds[0] <= FIRST_S),
        Row("a further tab until its preview, the slowest", f"<= {FURTHER_S} s", further, max(seconds[1:]) <= FURTHER_S),
    ]  # fmt: skip


def tall(browser: Any, address: str, titles: dict[str, str]) -> Row:
    """Where the preview begins on a phone, in the tab where it lies lowest."""
    page = browser.new_context(viewport=PHONE).new_page()
    tops = {}
    for tab in titles:
        page.goto(f"{address}?tab={tab}")
        page.wait_for_function(SHOWN, arg=tab, timeout=120_000)
        place = "e => e.getBoundingClientRect().top + window.scrollY"
        tops[tab] = page.locator(f"#{tab}-preview").evaluate(place)
    lowest = max(tops, key=lambda tab: tops[tab])
    what = "page height on 390 x 844 until the preview"
    return Row(what, f"<= {PHONE_PX} px", f"{tops[lowest]:.0f} px ({lowest})", tops[lowest] <= PHONE_PX)


def way(browser: Any, address: str) -> Row:
    """From the open page to an own morph on the disk."""
    page = browser.new_context(viewport=DESKTOP).new_page()
    page.goto(address)
    page.wait_for_function(SHOWN, arg="implicit", timeout=120_000)
    done = 0
    for which, head in zip("ab", sorted(HEADS.glob("*.jpg")), strict=False):
        page.locator(f"#implicit-picture-{which} input[type=file]").first.set_input_files(str(head))
        done += 1
    page.wait_for_function("document.querySelectorAll('#implicit-points svg').length === 2", timeout=120_000)
    page.locator("#implicit-go").click()
    with page.expect_download(timeout=300_000) as saved:
        page.locator("#implicit-file a").first.click(timeout=300_000)
    done += 2
    large = Path(saved.value.path()).stat().st_size > 10_000
    what = "drops and clicks from the open page to an own morph downloaded"
    return Row(what, f"<= {CLICKS}", f"{done}{'' if large else ', but no film came'}", done <= CLICKS and large)


def accessible(browser: Any, address: str, tabs: list[str]) -> Row:
    """What axe-core holds against the tabs with everything unfolded, light and dark."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", AXE, "--silent"], cwd=folder, check=True, capture_output=True)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as packed:
            member = packed.extractfile("package/axe.min.js")
            script = member.read().decode() if member is not None else ""
    page = browser.new_context(viewport=DESKTOP).new_page()
    found: dict[str, int] = {}
    for theme in ("light", "dark"):
        for tab in tabs:
            page.goto(f"{address}?tab={tab}&__theme={theme}")
            page.wait_for_function(SHOWN, arg=tab, timeout=120_000)
            page.locator(f"#tab-{tab} button.label-wrap:not(.open)").evaluate_all(
                "all => all.forEach(one => one.click())"
            )
            page.wait_for_timeout(1500)
            page.evaluate(script)
            for name, count in page.evaluate(VERDICT):
                found[name] = found.get(name, 0) + count
    said = ", ".join(f"{name} {count}" for name, count in found.items())
    what = f"{AXE}: serious and critical violations, {len(tabs)} tabs unfolded, light and dark"
    return Row(what, "0", str(sum(found.values())) + (f" ({said})" if said else ""), not found)
