"""A server that imitates a plain host, the hub and a drive, with their faults; a clean place for weights."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import threading
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config

from core.weights import Record, catalogue, places, records

CONTENT = bytes(range(256)) * 9000  # 2.3 MB: several reads
CONFIRM_PAGE = """<!DOCTYPE html><html><head><title>Virus scan warning</title></head><body>
<form id="download-form" action="/usercontent" method="get"><input type="submit" value="Download anyway"/>
<input type="hidden" name="id" value="ID1"><input type="hidden" name="confirm" value="t"></form></body></html>"""
LINK_PAGE = '<html><body><a href="/usercontent?id=ID1&amp;confirm=abc">Download anyway</a></body></html>'
OTHERS = {
    "/json": ("application/octet-stream", "", b'{"error": "quota exceeded"}'),
    "/commented": ("application/octet-stream", "", b"\xef\xbb\xbf<!-- mirror --><html><title>Gone</title></html>"),
    "/words": ("text/plain", "", "zu viele Zugriffe, später wieder".encode()),
    "/packed": ("application/octet-stream", "gzip", gzip.compress(CONTENT[:1000])),
    "/cut": ("application/octet-stream", "", CONTENT[:500_000]),
    "/archive": ("application/octet-stream", "", b"PK\x03\x04" + CONTENT[:500_000]),
}
QUOTA_PAGE = "<!DOCTYPE html><html><head><title>Quota exceeded</title></head><body>Too many users</body></html>"


@dataclass
class Server:
    """The address, what was asked, and faults left to commit."""

    address: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    faults: int = 0
    # What a drive shares: files by identity, and the embedded view of folders.
    shared: dict[str, bytes] = field(default_factory=dict)
    folders: dict[str, list[tuple[str, str, bool]]] = field(default_factory=dict)
    version: str = '"one"'


class Handler(http.server.BaseHTTPRequestHandler):
    state: Server

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.split("?")[0]
        self.state.asked.append((self.path, self.headers.get("Range")))
        wanted = parse_qs(urlsplit(self.path).query).get("id", [""])[0]
        if path == "/embeddedfolderview" and wanted in self.state.folders:
            self.page(folder_page(self.state.folders[wanted]))
        elif path == "/embeddedfolderview":
            self.send_error(404)
        elif path in ("/uc", "/file") and wanted in self.state.shared:
            self.file(path, self.state.shared[wanted])
        elif path in ("/plain", "/interrupted", "/stops", "/norange", "/shifted", "/unasked"):
            self.file(path)
        elif path in OTHERS:
            kind, packing, body = OTHERS[path]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            if packing:
                self.send_header("Content-Encoding", packing)
            self.end_headers()  # no length: the end of the connection is the end of the answer
            self.wfile.write(body)
        elif path == "/hub/resolve/main/file.bin":
            self.send_response(302)
            self.send_header("Location", "/plain")
            self.end_headers()
        elif path == "/usercontent":
            self.file("/plain") if "confirm=" in self.path and "id=ID1" in self.path else self.page(QUOTA_PAGE)
        elif path == "/busy" and self.state.faults:
            self.state.faults -= 1
            self.send_error(503)
        elif path == "/busy":
            self.file("/plain")
        elif path == "/missing":
            self.send_error(404)
        else:
            self.page(
                {"/uc": CONFIRM_PAGE, "/old": LINK_PAGE, "/loop": CONFIRM_PAGE.replace("usercontent", "loop")}.get(
                    path, QUOTA_PAGE
                )
            )

    def page(self, text):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def file(self, path, content=None):
        content = CONTENT if content is None else content
        wanted = self.headers.get("Range")
        same = self.headers.get("If-Range") in (None, self.state.version)
        start = int(wanted[6:-1]) if wanted and same and path != "/norange" else 0
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start or path == "/unasked" else 200)
        if start:
            first = start + 7 if path == "/shifted" else start
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", self.state.version)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content)
        if path == "/stops" or (path in ("/interrupted", "/norange", "/shifted") and self.state.faults):
            self.state.faults -= 1
            end = start + 700_000 if path != "/stops" else start + 100
        self.wfile.write(content[start:end])


def folder_page(items):
    """A shared folder as a drive's embedded view lists it: (identity, name, whether a folder)."""
    entries = "".join(
        f'<div class="flip-entry" id="entry-{key}"><a href="https://drive.google.com/'
        f'{"drive/folders/" if folder else "file/d/"}{key}{"" if folder else "/view?usp=drive_web"}">'
        f'<div class="flip-entry-title">{name}</div></a></div>'
        for key, name, folder in items
    )
    return f"<!DOCTYPE html><html><head><title>Shared</title></head><body>{entries}</body></html>"


@contextlib.contextmanager
def serving():
    """The imitation of a host, a hub and a drive, while it runs."""
    state = Server()
    handler = type("BoundHandler", (Handler,), {"state": state})
    host = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    state.address = f"http://127.0.0.1:{host.server_address[1]}"
    thread = threading.Thread(target=host.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        host.shutdown()
        host.server_close()
        thread.join()


@pytest.fixture
def server():
    with serving() as state:
        yield state


@pytest.fixture
def clean(tmp_path, monkeypatch):
    """Online, with an empty cache, an empty shipped folder and no repository."""
    for name in (*places.OFFLINE_VARIABLES, places.FOLDER_VARIABLE, places.REPO_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(places.CACHE_VARIABLE, str(tmp_path / "cache"))
    (tmp_path / "shipped").mkdir()
    monkeypatch.setattr(places, "WEIGHTS", tmp_path / "shipped")
    return tmp_path


@pytest.fixture
def known(monkeypatch):
    """Make records known to the room: `known(Record(...))`."""
    extra: dict[str, Record] = {}

    def add(entry: Record) -> Record:
        extra[entry.name] = entry
        return entry

    listed = records()
    monkeypatch.setattr(catalogue, "records", lambda: {**listed, **extra})
    return add


def remote(url: str, **changes) -> Record:
    facts = {
        "name": "toy-net",
        "system": "toy",
        "title": "toy network",
        "kind": "published",
        "licence": "CC BY-NC 4.0",
        "licence_url": "https://example.org/terms",
        "paper": "Toy et al. 2020",
        "url": url,
        "filename": "file.bin",
        "bytes": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    return Record(**{**facts, **changes})


class ToyNetwork(ModelMixin, ConfigMixin):
    @register_to_config
    def __init__(self, width: int = 8):
        super().__init__()
        self.first = torch.nn.Conv2d(3, width, 3)
        self.last = torch.nn.Linear(width, 4)
