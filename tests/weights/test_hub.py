"""`MORPHOSPACE_WEIGHTS_REPO` through the hub's own client, against a local imitation of the hub."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from urllib.parse import unquote, urlsplit

import pytest

from core.weights import save_model, seal
from tests.conftest import ROOT
from tests.weights.conftest import ToyNetwork

COMMITS = {"main": "a" * 40, "v2": "b" * 40}
REPO = "someone/weights"


class Hub(http.server.BaseHTTPRequestHandler):
    """One repository: its tree, its information and its files, as huggingface.co answers."""

    files: dict[str, bytes] = {}
    asked: list[str] = []

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        self.asked.append(path)
        parts = path.strip("/").split("/")
        if path.startswith(f"/api/models/{REPO}"):
            revision = parts[5] if len(parts) > 5 else "main"
            commit = COMMITS.get(revision, revision)
            if parts[4:5] == ["tree"]:
                tree = [{"type": "file", "path": p, "size": len(c), "oid": "0" * 40} for p, c in self.files.items()]
                return self.answer(json.dumps(tree).encode())
            siblings = [{"rfilename": name} for name in self.files]
            return self.answer(json.dumps({"id": REPO, "modelId": REPO, "sha": commit, "siblings": siblings}).encode())
        name = "/".join(parts[4:])
        if path.startswith(f"/{REPO}/resolve/") and name in self.files:
            return self.answer(self.files[name], COMMITS.get(parts[3], parts[3]))
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer(self, body: bytes, commit: str = ""):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
        if commit:
            self.send_header("X-Repo-Commit", commit)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def hub(tmp_path):
    folder = save_model(ToyNetwork(), tmp_path / "made")
    seal(folder)
    files = {f"ripple-lama/{file.name}": file.read_bytes() for file in folder.iterdir()}
    handler = type("BoundHub", (Hub,), {"files": files, "asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    handler.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield handler
    server.shutdown()
    server.server_close()


def ask(hub, tmp_path, repo, **environment) -> tuple[int, str]:
    code = (
        "import sys; from core.errors import WeightsError; from core.weights import resolve, check_seal\n"
        "try: found = resolve('ripple-lama')\n"
        "except WeightsError as error: print(error); sys.exit(2)\n"
        "print(check_seal(found.folder), found.kind, found.folder)"
    )
    kept = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "MORPHOSPACE_OFFLINE")}
    settings = {
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(tmp_path / "hf"),
        "MORPHOSPACE_CACHE": str(tmp_path / "cache"),
        "MORPHOSPACE_WEIGHTS_REPO": repo,
        "HF_HUB_DISABLE_XET": "1",
        **environment,
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**kept, **settings}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode in (0, 2), done.stderr
    return done.returncode, done.stdout.strip()


def test_weights_come_from_the_hub_pinned_and_stay_offline(hub, tmp_path):
    code, said = ask(hub, tmp_path, f"{REPO}@v2")
    assert code == 0 and said.startswith("2 published") and COMMITS["v2"] in said, said
    before = len(hub.asked)
    assert ask(hub, tmp_path, f"{REPO}@v2", MORPHOSPACE_OFFLINE="1") == (code, said)
    assert len(hub.asked) == before, "offline asks nobody"


def test_an_unknown_repository_is_told(hub, tmp_path):
    code, said = ask(hub, tmp_path, "someone/nothing")
    assert code == 2 and "someone/nothing cannot be read" in said and "MORPHOSPACE_WEIGHTS_REPO" in said
