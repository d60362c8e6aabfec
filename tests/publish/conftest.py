"""A hub that takes Spaces: what it was told is kept."""

from __future__ import annotations

import base64
import http.server
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from core import publish


@dataclass
class Hub:
    """What the hub holds after the requests."""

    address: str = ""
    created: list[dict] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=lambda: {"left_over.py": b"old"})
    tokens: set[str] = field(default_factory=set)
    refuses: bool = False


class Handler(http.server.BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *_):
        pass

    def answer(self, body, status=200):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.hub.tokens.add(self.headers.get("Authorization", ""))
        if "/tree/" in self.path:
            listing = [{"type": "file", "path": p, "size": len(d), "oid": "0" * 40} for p, d in self.hub.files.items()]
            return self.answer(listing)
        siblings = [{"rfilename": path} for path in self.hub.files]
        return self.answer({"id": "me/space", "sha": "0" * 40, "private": True, "tags": [], "siblings": siblings})

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_POST(self):
        body = self.body()
        if self.hub.refuses:
            return self.answer({"error": "Invalid token"}, 401)
        if self.path == "/api/repos/create":
            self.hub.created.append(json.loads(body))
            return self.answer({"url": f"{self.hub.address}/spaces/me/space", "id": "me/space"})
        if "/preupload/" in self.path:
            wanted = json.loads(body)["files"]
            modes = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in wanted]
            return self.answer({"files": modes})
        if "/commit/" in self.path:
            for line in body.decode().splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    self.hub.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
                elif entry["key"] == "deletedFile":
                    self.hub.files.pop(entry["value"]["path"])
            return self.answer(
                {
                    "commitUrl": f"{self.hub.address}/spaces/me/space/commit/{'1' * 40}",
                    "commitOid": "1" * 40,
                    "success": True,
                }
            )
        return self.answer({}, 200)


@pytest.fixture
def hub(monkeypatch):
    state = Hub()
    host = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": state}))
    state.address = f"http://127.0.0.1:{host.server_address[1]}"
    thread = threading.Thread(target=host.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", state.address)
    monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", state.address)
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    yield state
    host.shutdown()
    host.server_close()
    thread.join()


@pytest.fixture(scope="session")
def staged(tmp_path_factory):
    """Folder of a staged Space by its name, made once; tests that change one stage their own."""

    @cache
    def folder(name: str) -> Path:
        return publish.stage(name, tmp_path_factory.mktemp("staged") / name)

    return folder


# Packages of others are imported once; each Space then starts in a process that has none of the project's modules yet.
START_EACH = """
import os, sys, traceback
import torch, gradio, accelerate, scipy.ndimage, scipy.optimize, pandas, spaces
from diffusers import DiffusionPipeline, ModelMixin
from diffusers.models.autoencoders import autoencoder_kl
for place in sys.argv[1:]:
    if not os.fork():
        os.chdir(place)
        sys.path.insert(0, place)
        try:
            import app, core
            assert core.__file__.startswith(place), core.__file__
            assert callable(spaces.GPU)
            # What it works with comes behind the page: without it the first call would fail.
            from core.ui.rooms import opened
            opened().result()
            print(place, *app.demo.get_api_info()["named_endpoints"], flush=True)
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="session")
def endpoints_of(staged):
    """What a staged Space's endpoints are when it starts alone, by the Space's name."""
    folders = {name: staged(name) for name in publish.space_names()}
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-IB", "-c", START_EACH, *map(str, folders.values())], capture_output=True, text=True,
        cwd=folders[publish.SUITE], env=clean | {"SPACE_ID": "me/space", "SYSTEM": "spaces"}, timeout=250,
    )  # fmt: skip
    started = {place: endpoints for place, *endpoints in map(str.split, done.stdout.splitlines())}

    def endpoints(name: str) -> list[str]:
        assert str(folders[name]) in started, done.stderr[-3000:]
        return started[str(folders[name])]

    return endpoints
