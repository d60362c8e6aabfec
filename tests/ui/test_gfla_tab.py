"""A person's path through the pose tab: example, dragged keypoint, library, second photo, flow view, clip, messages.

What is asserted is the picture on the page: body detection must find the asked pose in it.
"""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from core.detect.body import detect_bodies
from core.gfla.data.people import STUDIO_GREY
from core.gfla.paper import pose
from core.ui.parts.examples import PEOPLE
from core.video import write_video
from tests.ui.conftest import emptied

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOSE, NECK, WRISTS, HIPS, ANKLES = 0, 1, (4, 7), (8, 11), (10, 13)
WAIT_MS = 120_000


def shown(page, name="preview"):
    """The bytes of a picture on the page."""
    source = page.locator(f"#gfla-{name} img").first.get_attribute("src", timeout=WAIT_MS)
    code = """async source => {
        const bytes = new Uint8Array(await (await fetch(source)).arrayBuffer());
        return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''));
    }"""
    return source, Image.open(io.BytesIO(base64.b64decode(page.evaluate(code, source)))).convert("RGB")


def changed(page, before, name="preview"):
    page.wait_for_function(
        f"before => {{ const i = document.querySelector('#gfla-{name} img'); return i && i.src !== before; }}",
        arg=before, timeout=WAIT_MS,
    )  # fmt: skip
    return shown(page, name)


def body(picture):
    return detect_bodies(picture.resize((picture.width * 2, picture.height * 2)))[0].points / 2


def torso(points):
    return np.linalg.norm(points[NECK] - points[list(HIPS)].mean(0))


def span(points):
    """How far the wrists are apart across, in torso lengths."""
    seen = [points[i] for i in WRISTS if points[i, 0] != pose.MISSING]
    return abs(seen[0][0] - seen[1][0]) / torso(points) if len(seen) == 2 else 0.0


def person_share(picture):
    apart = np.abs(np.asarray(picture, float) / 255 - STUDIO_GREY).max(-1)
    return float((apart > 0.15).mean())


def upload(page, which, file):
    page.locator(f"#gfla-{which} input[type=file]").first.set_input_files(str(file))


def choose(page, name, place="library"):
    box = page.locator(f"#gfla-{place} input").first
    box.click()
    box.fill(name)
    page.get_by_role("option", name=name, exact=True).click()


def opened(page):
    page.get_by_role("tab", name="Pose-guided generation").click()


def test_an_example_takes_the_poses_it_is_given(page):
    opened(page)
    emptied(page, "gfla")
    page.locator("#gfla-examples button").last.click()
    page.wait_for_function("document.querySelectorAll('#gfla-points circle').length >= 30", timeout=WAIT_MS)
    source, _ = shown(page)
    page.get_by_role("button", name="Method", exact=False).first.click()
    choose(page, "network", "painter")
    source, _ = changed(page, source)
    choose(page, "studio", "background")
    source, spread = changed(page, source)
    assert 0.04 < person_share(spread) < 0.5
    assert span(body(spread)) > 1.4, "the library's first pose spreads the arms"

    choose(page, "hands together")
    source, together = changed(page, source)
    assert span(body(together)) < 0.9 < span(body(spread))

    circle = page.locator('#gfla-points circle[data-key="1-4"]')
    place = circle.get_attribute("cx")
    circle.focus()
    for _ in range(6):
        circle.press("Shift+ArrowLeft")
    assert circle.get_attribute("cx") != place
    # Every press repaints; the last picture counts.
    page.wait_for_timeout(500)
    moved, tries = 0.0, 0
    while moved < 0.002 and tries < 40:
        page.wait_for_timeout(1000)
        source, dragged = shown(page)
        apart = np.abs(np.asarray(dragged, float) - np.asarray(together, float)).max(-1) > 40
        moved, tries = float(apart.mean()), tries + 1
    assert 0.002 < moved < 0.2, "the arm moved and little else did"

    page.get_by_role("button", name="Flow, mask and attention").click()
    _, why = shown(page, "why")
    assert why.width == 3 * dragged.width and np.asarray(why).std() > 20


def test_a_second_photo_gives_the_pose_and_a_clip_leads(page, tmp_path):
    opened(page)
    emptied(page, "gfla")
    people = sorted(PEOPLE.glob("*.jpg"))
    upload(page, "picture", people[1])
    source, _ = shown(page)
    upload(page, "target", people[0])
    _, after = changed(page, source)
    own, given = body(after), body(Image.open(people[0]).convert("RGB"))
    seen = [i for i in (*WRISTS, *HIPS, *ANKLES) if min(own[i, 0], given[i, 0]) >= 0]
    assert len(seen) >= 3
    # Each body measured from its own neck in its own torso lengths.
    relative = [(points[seen] - points[NECK]) / torso(points) for points in (own, given)]
    assert np.linalg.norm(relative[0] - relative[1], axis=1).mean() < 0.4

    clip = tmp_path / "clip.mp4"
    frames = [Image.open(people[i]).convert("RGB").resize((176, 256)) for i in (0, 0, 2, 2)]
    write_video(frames, clip, 4, {})
    page.get_by_role("button", name="A clip to follow").click()
    upload(page, "driving", clip)
    page.locator("#gfla-driving video").first.wait_for(timeout=WAIT_MS)
    page.locator("#gfla-go").click()
    page.wait_for_function(
        "() => { const v = document.querySelector('#gfla-video video');"
        " return v && v.readyState >= 2 && v.duration > 0.5 && v.src.includes('pose'); }",
        timeout=240_000,
    )


def test_other_networks_say_what_they_need(page):
    opened(page)
    page.get_by_role("button", name="Faces, dance, objects").click()
    upload(page, "further-picture", sorted(PEOPLE.glob("*.jpg"))[0])
    # The choice itself says that its weights are absent, and where to get them.
    page.get_by_label("chair (not here").check()
    page.locator("#gfla-further-go").click()
    page.get_by_text("the weights gfla-chair").first.wait_for(timeout=60_000)
