"""A value that does not fit is answered by a sentence: which parameter, what came, what fits; by every way in."""

from __future__ import annotations

import asyncio
import io
import json
import math
from concurrent.futures import ThreadPoolExecutor

import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from core.ui.values import shown
from tests.conftest import HEADS, ROOT

MARK = {"_type": "gradio.FileData"}
NUMBER = "what fits: number, 0 to 1"
FILE = "what fits: picture file"
# Endpoint, what differs from a right call, and the words that the answer must have.
VALUES = [
    ("implicit_frame", {"shape": "big"}, ["shape is 'big'", NUMBER]),
    ("implicit_frame", {"shape": None}, ["shape is null", NUMBER]),
    ("implicit_frame", {"shape": [1]}, ["shape is a list", NUMBER]),
    ("implicit_frame", {"shape": {}}, ["shape is an object", NUMBER]),
    ("implicit_frame", {"shape": True}, ["shape is true", NUMBER]),
    ("implicit_frame", {"shape": math.nan}, ["shape is nan", NUMBER]),
    ("implicit_frame", {"shape": -math.inf}, ["shape is -inf", NUMBER]),
    ("implicit_frame", {"shape": 1.01}, ["shape is 1.01", NUMBER]),
    ("implicit_frame", {"size_px": 64.5}, ["size_px", "64.5", "whole number, 64 to 2048"]),
    ("implicit_frame", {"seed": 10**40}, ["seed", "too many digits", "number"]),
    ("implicit_frame", {"blend": "mixx"}, ["unknown blend 'mixx'", "Known: layers"]),
    ("implicit_frame", {"blend": 5}, ["blend is 5", "one of `layers`"]),
    ("implicit_frame", {"outline": "maybe"}, ["outline", "'maybe'", "true or false"]),
    ("implicit_morph", {"apart": "maybe"}, ["apart", "'maybe'", "true or false"]),
    ("implicit_frame", {"picture_a": "text"}, ["picture_a (First picture) is 'text'", FILE]),
    ("implicit_frame", {"picture_a": 5}, ["picture_a (First picture) is 5", FILE]),
    ("implicit_frame", {"picture_a": None}, ["picture_a (First picture) is missing", FILE]),
    ("implicit_frame", {"picture_b": {"path": "/etc/passwd"}}, ["picture_b", "an object with path", FILE]),
    ("implicit_frame", {"picture_b": {"path": "/etc/passwd", "meta": MARK}}, ["picture_b", "was not uploaded here"]),
    ("implicit_frame", {"picture_b": {"path": "x" * 5000, "meta": MARK}}, ["picture_b", "was not uploaded here"]),
    ("implicit_frame", {"picture_b": {"path": "http://nobody.invalid/a.png", "meta": MARK}}, ["picture_b", "nobody.invalid"]),
    ("implicit_frame", {"picture_b": {"url": "data:image/png;base64,#"}}, ["picture_b", "no base64"]),
    ("implicit_frame", {"picture_b": {"url": "data:image/png;base64,AAAA"}}, ["picture_b", "not a picture"]),
    ("implicit_frame", {"points": 5}, ["points (Landmarks)", "damaged", "panels"]),
    ("implicit_frame", {"shap": 1}, ["unknown parameter 'shap'", "did you mean 'shape'"]),
    ("compare_engines", {"chosen": "fade"}, ["chosen (Engines) is 'fade'"]),
    ("compare_engines", {"chosen": ["fade", "fad"]}, ["chosen", "'fad'", "did you mean 'fade'"]),
    ("crossbreed_morph", {"files": {"path": "/etc/passwd", "meta": MARK}}, ["files", "was not uploaded here"]),
    ("ripple_edit", {"picture_a": None, "picture_b": None}, ["unknown parameter 'picture_a'"]),
]  # fmt: skip


def refusal(answer: tuple[int, str]) -> str:
    """The sentence of an answer that must be one."""
    status, text = answer
    assert status < 500 and "event: complete" not in text and "Traceback" not in text, text[:500]
    said = json.loads(text.rpartition("data: ")[2] if "event: error" in text else text)["error"]
    assert isinstance(said, str) and len(said) > 20
    return said


@pytest.mark.parametrize("endpoint, change, words", VALUES, ids=[f"{e}-{str(c)[:40]}" for e, c, _ in VALUES])
def test_a_wrong_value(endpoint, change, words, ask, uploaded):
    body = json.dumps({"picture_a": uploaded["a"], "picture_b": uploaded["b"], **change}).encode()
    said = refusal(ask(endpoint, body))
    assert all(word in said for word in words), said


def test_missing_and_surplus_parameters(ask, http_client, uploaded):
    assert refusal(ask("implicit_frame", {"picture_a": uploaded["a"]})).startswith("picture_b is missing; what fits")
    for body in ([1], "text", b"{", b"null"):
        assert "what fits: a JSON object with picture_a, picture_b" in refusal(ask("implicit_frame", body))
    assert "unknown endpoint 'nothing'" in refusal(ask("nothing", {}))
    for data in ([], [uploaded["a"]] * 3):
        address = "/gradio_api/call/implicit_landmarks"
        job = http_client.post(address, json={"data": data}).json()["event_id"]
        said = refusal((200, http_client.get(f"{address}/{job}").text))
        assert said == f"{len(data)} values came; what fits: 1, namely picture (First picture)"


def test_a_picture_of_this_machine_is_no_input(ask):
    """gradio looks only at paths that carry its mark: a plain one would be opened."""
    for file in ({"path": str(HEADS / "kofi.jpg")}, {"path": str(HEADS / "kofi.jpg"), "meta": {}}):
        assert "picture" in refusal(ask("implicit_landmarks", {"picture": file}))


def test_calls_past_the_queue_are_refused(http_client, uploaded):
    answer = http_client.post("/gradio_api/run/implicit_landmarks", json={"data": [uploaded["a"]]})
    assert answer.status_code == 404 and "queue" in answer.text


@pytest.fixture(scope="module")
def send(http_client):
    def upload(name: str, content: bytes) -> dict:
        return {
            "path": http_client.post("/gradio_api/upload", files={"files": (name, content)}).json()[0],
            "meta": MARK,
        }

    return upload


def encoded(picture: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind)
    return stream.getvalue()


def test_files_that_are_no_pictures_for_the_remover(ask, send):
    head = (HEADS / "kofi.jpg").read_bytes()
    files = {
        "cut.png": (encoded(Image.open(HEADS / "kofi.jpg"), "PNG")[:3000], "damaged"), "drawing.svg": (b"<svg/>", "SVG drawing"),
        "page.html": (b"<html>", "not a picture"), "none.jpg": (head[:100], "damaged"),
        "huge.png": (encoded(Image.new("1", (10_000, 10_000)), "PNG"), "100.0 megapixels, 80 fit"),
    }  # fmt: skip
    for name, (content, words) in files.items():
        file = send(name, content)
        for picture in ({"background": file, "layers": []}, {"background": send("a.jpg", head), "layers": [file]}):
            said = refusal(ask("ripple_remove", {"picture": {**picture, "composite": None}}))
            assert said.startswith("picture (Brush over what shall go)") and name in said and words in said


def test_a_picture_is_no_clip(ask, send, given, uploaded):
    still = Image.open(HEADS / "kofi.jpg").resize((64, 64))
    for kind in ("PNG", "JPEG"):
        file = send("clip.mp4", encoded(still, kind))
        for endpoint, name, body in (
            ("crossbreed_clip", "clip", {}), ("sdl_rate", "video", {}),
            ("gfla_video", "driving", {"picture": uploaded["a"]}), ("gfla_further", "driving", {"picture": uploaded["a"]}),
        ):  # fmt: skip
            said = refusal(ask(endpoint, {**body, name: file}))
            assert said.startswith(name) and "clip.mp4 is a still picture, not a video" in said


def test_a_small_clip_says_what_fits(ask, send, tmp_path):
    from core.video import write_video

    clip = write_video([Image.new("RGB", (32, 32), (40 * i, 0, 0)) for i in range(3)], tmp_path / "clip.mp4", 8)
    said = refusal(ask("crossbreed_clip", {"clip": send("clip.mp4", clip.read_bytes())}))
    assert "clip.mp4 is 32 x 32 pixels; at least 33 x 33 are needed" in said


def test_what_may_be_left_out_is_left_out(ask, uploaded, given, send):
    person = send("person.jpg", (ROOT / "core/ui/examples/people/ben.jpg").read_bytes())
    calls = {"gfla_frame": {"picture": person, "height_px": 64}, "sdl_frame": {"job": "toon", "first": uploaded["a"]}}
    for endpoint, body in calls.items():
        status, text = ask(endpoint, body)
        assert "event: complete" in text, text[-500:]
    said = refusal(ask("sdl_frame", {"job": "morph", "first": uploaded["a"]}))
    assert said.startswith("second (Second picture) is missing")


def test_the_python_client_is_told_too(client, heads):
    with pytest.raises(AppError, match=r"shape is 'big'; what fits: number, 0 to 1"):
        client.predict(handle_file(heads[0]), handle_file(heads[1]), shape="big", api_name="/implicit_frame")
    with pytest.raises(AppError, match=r"picture_a \(First picture\) is 'text'"):
        client.predict("text", handle_file(heads[1]), api_name="/implicit_frame")


def test_agents_are_told_too(server):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    address = "http://nobody.invalid/a.png"
    pair = {"picture_a": address, "picture_b": address}
    calls = [
        ("implicit_frame", {**pair, "shape": "big"}, "shape is 'big'; what fits: number, 0 to 1"),
        (
            "implicit_frame",
            {**pair, "picture_b": "text"},
            "picture_b (Second picture) is 'text'; what fits: picture file",
        ),
        (
            "implicit_frame",
            {**pair, "picture_b": "data:image/png;base64,#"},
            "picture_b (Second picture) is a data URL",
        ),
        ("implicit_frame", {"picture_a": address}, "picture_b (Second picture) is missing"),
        ("implicit_frame", {**pair, "shap": 1}, "unknown parameter 'shap'; did you mean 'shape'?"),
        ("implicit_frame", pair, "picture_a (First picture): nothing could be fetched from"),
        ("implicit_fram", pair, "unknown tool 'implicit_fram'; did you mean 'implicit_frame'?"),
        ("ripple_remove", {"picture": {"background": "text"}}, "picture (Brush over what shall go) is 'text'"),
    ]

    async def ask_all() -> list:
        async with (
            streamablehttp_client(f"{server}gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return [await session.call_tool(name, arguments) for name, arguments, _ in calls]

    # In a thread of its own: browser tests leave a running loop in this one.
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(lambda: asyncio.run(ask_all())).result()
    for (_, _, words), answer in zip(calls, answers, strict=True):
        assert answer.isError and answer.content[0].text.startswith(words), answer.content


def test_no_trace_in_the_log_for_a_users_mistake(ask, uploaded, capfd):
    refusal(ask("implicit_frame", {"picture_a": uploaded["a"], "picture_b": {"path": "/etc/passwd", "meta": MARK}}))
    refusal(ask("implicit_frame", {"picture_a": uploaded["a"], "picture_b": uploaded["b"], "shape": "big"}))
    refusal(ask("implicit_frame", "text"))
    said = "".join(capfd.readouterr())
    assert "Traceback" not in said


def test_a_defect_of_ours_is_said_and_traced(ask, uploaded, monkeypatch, capfd):
    def broken(*_, **__):
        raise ZeroDivisionError("inner words")

    monkeypatch.setattr("core.implicit.methods.framing.upright.find_faces", broken)
    said = refusal(ask("implicit_landmarks", {"picture": uploaded["a"]}))
    assert said == "the suite failed here (ZeroDivisionError): a mistake of ours, which its log explains"
    assert "Traceback" in "".join(capfd.readouterr())


def test_values_are_shown_short():
    assert shown("x" * 500) == "'" + "x" * 59 + "..." and shown(10**400) == "a number of too many digits"
