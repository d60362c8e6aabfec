"""Plain HTTP to the live suite, without the client's own checks; and a host that must never be asked."""

from __future__ import annotations

import http.server
import threading

import httpx
import pytest

from tests.api.samples import files


@pytest.fixture(scope="session")
def given(tmp_path_factory):
    return files(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="session")
def http_client(server):
    # A fresh connection for each request: a server may close one after an error.
    with httpx.Client(base_url=server, timeout=120, limits=httpx.Limits(max_keepalive_connections=0)) as client:
        yield client


@pytest.fixture(scope="session")
def uploaded(http_client, given):
    """The server's path of an uploaded portrait, as a program sends it."""
    paths = {}
    for name in ("a", "b"):
        answer = http_client.post("/gradio_api/upload", files={"files": (f"{name}.jpg", given[name].read_bytes())})
        paths[name] = {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}
    return paths


@pytest.fixture(scope="session")
def ask(http_client):
    """Call an endpoint with any body; returns (status, text of the answer)."""

    def send(endpoint: str, body: object) -> tuple[int, str]:
        address = f"/gradio_api/call/v2/{endpoint}"
        content = body if isinstance(body, bytes) else None
        started = http_client.post(
            address,
            **({"content": content, "headers": {"Content-Type": "application/json"}} if content else {"json": body}),
        )
        if started.status_code != 200 or "event_id" not in started.text:
            return started.status_code, started.text
        events = http_client.get(f"{address}/{started.json()['event_id']}")
        return events.status_code, events.text

    return send


@pytest.fixture
def trap():
    """(address, requests): a host on this machine; a server that fetches addresses for strangers would ask it."""
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            seen.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET

    host = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=host.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{host.server_address[1]}", seen
    host.shutdown()
    host.server_close()
