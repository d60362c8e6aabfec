"""More than a hundred malformed inputs and requests: each is refused or mended, none shows a traceback, the server lives on."""

from __future__ import annotations

import json
import math

import pytest

ODD = [
    None,
    "",
    "x" * 5000,
    "🌀",
    [],
    {},
    [[[]]],
    {"a": {"b": 1}},
    -1,
    0,
    10**30,
    1.5,
    -0.0,
    True,
    "true",
    "../..",
    "1; rm -rf /",
]
NUMBERS = ["shape", "appearance", "size_px", "smoothing", "seed", "face_a"]
WORDS = ["blend", "recipe", "background"]
# A number and a choice by default, the others in the exhaustive run: one reader refuses for all.
BY_DEFAULT = ("size_px", "blend")
BROKEN_BODIES = [
    b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b'{"picture_a": NaN}', b"[" * 3000, b'"text"', b"1e999",
    b'{"picture_a": {"path": 5}}', b'{"picture_a": []}', b"{}" * 3,
]  # fmt: skip
PICTURES = [
    None, "", "text", 7, [], {}, {"path": None}, {"path": ""}, {"path": 5, "meta": {"_type": "gradio.FileData"}},
    {"url": "data:image/png;base64,AAAA"}, {"url": "data:text/html,<script>"}, {"path": "\x00"},
    {"path": "a" * 5000, "meta": {"_type": "gradio.FileData"}}, {"meta": {"_type": "gradio.FileData"}},
]  # fmt: skip
POINTS = [
    {"panels": 5}, {"panels": [{}]}, {"panels": [{"points": "no"}]}, {"panels": [{"points": [[1]]}]},
    {"panels": [{"points": [[None, 2]]}] * 2}, {"panels": [{"points": [["a", "b"]]}] * 2}, [1, 2, 3], "text", 9,
    {"panels": [{"points": [[1, 2]] * 2000}] * 2}, {"panels": [{"points": [[1e308, -1e308]] * 9}] * 2},
    {"panels": [{"points": [[0, 0]] * 8}] * 2}, {"panels": [{"points": [[1, 2], [3, 4]]}, {"points": [[1, 2]]}]},
]  # fmt: skip
FILES = {
    "empty.png": b"", "text.png": b"not a picture", "cut.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "bomb.png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x02\x00\x00\x00\x00\x00\x00\x00",
    "script.svg": b"<svg onload='alert(1)'/>", "zip.png": b"PK\x03\x04" + bytes(60), "page.html": b"<html>",
    "null\x00.png": b"x", "gif.gif": b"GIF89a\x01\x00\x01\x00", "tiff.tif": b"II*\x00" + bytes(40),
}  # fmt: skip


def body(uploaded, **changes):
    return {"picture_a": uploaded["a"], "picture_b": uploaded["b"], "size_px": 64, **changes}


def harmless(status: int, text: str) -> None:
    """An answer for a stranger: no trace of our code, no path of this machine, no crash."""
    assert "Traceback" not in text and 'File "' not in text and "site-packages" not in text, text[:500]
    assert status in (200, 400, 404, 405, 413, 422), status


def count_all() -> int:
    return len(ODD) * len(NUMBERS + WORDS) + len(BROKEN_BODIES) + 2 * len(PICTURES) + len(POINTS) + len(FILES)


def test_there_are_more_than_a_hundred():
    assert count_all() >= 100


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in BY_DEFAULT else pytest.mark.exhaustive) for name in NUMBERS + WORDS],
)
def test_values_of_a_wrong_kind(name, ask, uploaded):
    for value in ODD:
        harmless(*ask("implicit_landmarks", {"picture": uploaded["a"], name: value}))
        # Nothing is computed: the second picture is missing, or the value is refused before.
        status, text = ask("implicit_frame", {"picture_a": uploaded["a"], "picture_b": None, name: value})
        harmless(status, text)
        assert "event: complete" not in text


@pytest.mark.slow
@pytest.mark.parametrize("content", BROKEN_BODIES, ids=range(len(BROKEN_BODIES)))
def test_broken_bodies(content, ask):
    status, text = ask("implicit_frame", content or b" ")
    harmless(status, text)
    assert "event: complete" not in text


@pytest.mark.slow
@pytest.mark.parametrize("picture", PICTURES, ids=range(len(PICTURES)))
def test_pictures_that_are_none(picture, ask, uploaded):
    for name in ("picture_a", "picture_b"):
        status, text = ask("implicit_frame", body(uploaded, **{name: picture}))
        harmless(status, text)
        assert "event: complete" not in text


@pytest.mark.slow
@pytest.mark.parametrize("points", POINTS, ids=range(len(POINTS)))
def test_points_from_strangers(points, ask, uploaded):
    harmless(*ask("implicit_frame", body(uploaded, points=points)))


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_pictures(name, ask, http_client, uploaded):
    sent = http_client.post("/gradio_api/upload", files={"files": (name, FILES[name])})
    harmless(sent.status_code, sent.text)
    if sent.status_code != 200:
        return
    file = {"path": sent.json()[0], "meta": {"_type": "gradio.FileData"}}
    status, text = ask("implicit_frame", body(uploaded, picture_a=file))
    harmless(status, text)
    assert "event: error" in text
    said = json.loads(text.split("data: ", 1)[1].splitlines()[0])
    assert "picture" in str(said), "a person must learn that the file is no picture"


@pytest.mark.slow
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none(value, ask, uploaded):
    content = json.dumps(body(uploaded, shape=value)).encode()
    status, text = ask("implicit_frame", content)
    harmless(status, text)
    assert "event: complete" not in text


@pytest.mark.slow
def test_unknown_endpoints_and_methods(http_client):
    for path in ("/gradio_api/call/v2/nothing", "/gradio_api/call/v2/../../etc", "/gradio_api/call/v2/%00"):
        answer = http_client.post(path, json={})
        harmless(answer.status_code, answer.text)
    for path in ("/gradio_api/call/v2/implicit_frame/unknown", "/gradio_api/queue/data?session_hash=%00"):
        answer = http_client.delete(path)
        harmless(answer.status_code, answer.text)


@pytest.mark.slow
def test_the_server_still_works(ask, uploaded):
    status, text = ask("implicit_frame", body(uploaded))
    assert status == 200 and "event: complete" in text
