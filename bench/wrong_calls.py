"""Wrong calls to every endpoint: each must be answered with a sentence that names the parameter."""

from __future__ import annotations

import io
import itertools
import json
import math
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from bench import Row
from bench.load import HEADS, ROOT, serving
from core.video import write_video

CLIENTS = 4
LEAST = 600
MARK = {"_type": "gradio.FileData"}
PERSON = ROOT / "core/ui/examples/people/ben.jpg"
NUMBERS = ["big", None, [1], {}, True, math.nan, math.inf, -math.inf, 1e300, -1e300, "0.5", [[]]]
WRONG: dict[str, list[Any]] = {
    "Slider": NUMBERS,
    "Number": NUMBERS,
    "Dropdown": ["no such name", 5, None, ["x"], {}, True],
    "Radio": ["no such name", 5, None, ["x"], {}, True],
    "Checkbox": ["maybe", 1, None, [], {}, "true"],
    "Checkboxgroup": ["fade", 5, None, ["no such name"], {}, [5]],
    "Textbox": [5, [], {}, True],
    "Pointeditor": [5, "text", [1], {"panels": 5}, {"panels": [{"points": [["a", "b"]]}]}],
}
# What stands for a file that is none.
REFERENCES: list[Any] = [
    "text", 7, [], {}, True, [[{}]], {"path": "/etc/passwd"}, {"path": "/etc/passwd", "meta": MARK}, {"path": 5, "meta": MARK},
    {"path": "app.py", "meta": MARK}, {"path": "../../etc/passwd", "meta": MARK}, {"path": "", "meta": MARK},
    {"path": "file:///etc/passwd", "meta": MARK}, {"path": "http://no-such-host.invalid/a.png", "meta": MARK},
    {"path": "http://127.0.0.1:1/a.png", "meta": MARK}, {"path": "a\u0000b", "meta": MARK}, {"url": "data:image/png;base64,AAAA"},
    {"url": "data:text/html,<script>"}, {"url": "http://no-such-host.invalid/a.png"}, {"path": "x" * 5000, "meta": MARK},
]  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One wrong call and the parameter that its answer must name, if it is one parameter."""

    endpoint: str
    body: Any
    names: str


def rows() -> list[Row]:
    """How many calls were tried, and how many answers were not as promised."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with serving(log) as (address, *_), httpx.Client(base_url=address, timeout=300) as client:
            calls = list(wrong_calls(client, Path(folder)))
            with ThreadPoolExecutor(CLIENTS) as pool:
                found = Counter(itertools.chain.from_iterable(pool.map(lambda call: faults(client, call), calls)))
        found["tracebacks in the log"] = log.read_text(errors="replace").count("Traceback (most recent call last)")
    kinds = (
        "null answers",
        "tracebacks in answers",
        "500s",
        "tracebacks in the log",
        "accepted",
        "parameter not named",
    )
    endpoints = len({call.endpoint for call in calls})
    tried = Row(f"wrong calls to {endpoints} endpoints", f">= {LEAST}", str(len(calls)), len(calls) >= LEAST)
    return [tried, *(Row(kind, "0", str(found[kind]), found[kind] == 0) for kind in kinds)]


def wrong_calls(client: httpx.Client, folder: Path) -> Iterator[Call]:
    """Calls that differ from a right one in one thing, from what the server says about its endpoints."""
    endpoints = client.get("/gradio_api/info").json()["named_endpoints"]
    stills = [Image.fromarray(np.full((64, 64, 3), 40 * index, np.uint8)) for index in range(3)]
    clip = write_video(stills, folder / "clip.mp4", 8).read_bytes()
    head = sorted(HEADS.glob("*.jpg"))[0].read_bytes()
    right = {"Pictureinput": upload(client, "a.jpg", head), "Clipinput": upload(client, "clip.mp4", clip)}
    # Where files are asked for, they are portraits in a row.
    right["File"] = [right["Pictureinput"]] * 3
    bad = {kind: [upload(client, *file) for file in files] for kind, files in bad_files(folder).items()}
    picture = {"background": right["Pictureinput"], "layers": [], "composite": None}
    # In turn, not all for every slider: the layer is one, the parameters are many.
    turns = {kind: itertools.cycle(values) for kind, values in WRONG.items()}
    for endpoint, facts in endpoints.items():
        base = {}
        for parameter in facts["parameters"]:
            name, kind = parameter["parameter_name"], parameter["component"]
            if not parameter["parameter_has_default"]:
                base[name] = picture if kind == "Maskinput" else right.get(kind)
        yield from (Call(endpoint, body, "") for body in ([], "text", 5, None))
        yield Call(endpoint, {**base, "no_such_parameter": 1}, "no_such_parameter")
        for parameter in facts["parameters"]:
            name, kind = parameter["parameter_name"], parameter["component"]
            if kind in ("Pictureinput", "Clipinput", "File"):
                # No further files are an empty list.
                values = [value for value in (*REFERENCES, *bad[kind]) if kind != "File" or value != []]
                values += [] if parameter["parameter_has_default"] else [None]
            elif kind == "Maskinput":
                values = [
                    *REFERENCES[:6],
                    *({**picture, "background": file} for file in (*REFERENCES[6:], *bad["Pictureinput"])),
                ]
            else:
                values = list(itertools.islice(turns[kind], len(WRONG[kind]) // 3))
            yield from (Call(endpoint, {**base, name: value}, name) for value in values)
            if not parameter["parameter_has_default"]:
                yield Call(endpoint, {key: value for key, value in base.items() if key != name}, name)


def bad_files(folder: Path) -> dict[str, list[tuple[str, bytes]]]:
    """Files that are not what they are sent as, by the kind of component."""
    encoded = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(encoded, "PNG")
    head = PERSON.read_bytes()
    still = io.BytesIO()
    Image.open(io.BytesIO(head)).save(still, "PNG")
    small = write_video(
        [Image.fromarray(np.full((8, 8, 3), 40 * i, np.uint8)) for i in range(3)], folder / "small.mp4", 8
    )
    no_pictures = [
         ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), ("page.html", b"<html>"),
        ("page.png", b"<html>"), ("empty.png", b""), ("large.png", encoded.getvalue()), ("cut.png", still.getvalue()[:3000]),
    ]  # fmt: skip
    no_clips = [
        ("still.mp4", still.getvalue()),
        ("photo.mp4", head),
        ("text.mp4", b"text"),
        ("small.mp4", small.read_bytes()),
    ]
    return {"Pictureinput": no_pictures, "Clipinput": no_clips, "File": no_pictures}


def upload(client: httpx.Client, name: str, content: bytes) -> dict[str, Any]:
    """A file on the server, as programs name it."""
    answer = client.post("/gradio_api/upload", files={"files": (name, content)})
    return {"path": answer.json()[0], "meta": MARK}


def faults(client: httpx.Client, call: Call) -> list[str]:
    """What is wrong with the answer to one call."""
    address = f"/gradio_api/call/v2{call.endpoint}"
    answer = client.post(address, content=json.dumps(call.body), headers={"Content-Type": "application/json"})
    text, status, accepted = answer.text, answer.status_code, False
    if status == 200 and "event_id" in text:
        events = client.get(f"{address}/{answer.json()['event_id']}")
        status, accepted = events.status_code, "event: complete" in events.text
        text = events.text.rpartition("event: error")[2]
    found = {
        "null answers": not accepted and (re.search(r'"error": ?null', text) is not None or not text.strip()),
        "tracebacks in answers": "Traceback" in text or "site-packages" in text or 'File \\"' in text,
        "500s": status >= 500,
        "accepted": accepted,
        "parameter not named": not accepted and call.names not in text,
    }
    told = [kind for kind, is_so in found.items() if is_so]
    if told:
        print(
            f"{call.endpoint} {call.names} {str(call.body.get(call.names) if call.names else call.body)[:80]}: {told} {text[:300]}"
        )
    return told
