"""Every endpoint by the Python client, by curl and, for some, by node; its description for people and for agents."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError

from tests.api.samples import SAMPLES, files, filled
from tests.conftest import ROOT

# By plain HTTP too: one film and one picture by default, the others in the exhaustive run.
BY_CURL = ("/implicit_morph", "/ripple_edit", "/gfla_keypoints")
CURL, NODE = shutil.which("curl"), shutil.which("node")


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> dict[str, Path]:
    return files(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def endpoints(client) -> dict:
    return client.view_api(return_format="dict", print_info=False)["named_endpoints"]


def ready(name: str, endpoints: dict):
    sample = SAMPLES[name]
    if name not in endpoints:
        pytest.skip("its tab is not in the suite")
    if sample.needs and not (ROOT / "weights" / sample.needs).is_dir():
        pytest.skip(f"the weights {sample.needs} are not shipped yet")
    return sample


def test_the_table_is_complete(endpoints):
    assert set(endpoints) == set(SAMPLES), "every endpoint needs a sample in tests/api/samples.py, and no sample more"


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_by_python_client(name, client, endpoints, given):
    sample = ready(name, endpoints)
    send = filled(sample.send, lambda file: handle_file(given[file]))
    if sample.refusal:
        with pytest.raises(AppError, match=sample.refusal):
            client.predict(**send, api_name=name)
        return
    result = client.predict(**send, api_name=name)
    results = result if isinstance(result, tuple) else (result,)
    assert all(item is not None for item in results)
    for item in results:
        path = item.get("video") if isinstance(item, dict) else item
        if isinstance(path, str) and path.startswith("/"):
            assert Path(path).stat().st_size > 100


def curl(*words: str) -> str:
    done = subprocess.run([CURL, "-sS", "-N", "--max-time", "240", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(CURL is None, reason="no curl on this machine")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in BY_CURL else pytest.mark.exhaustive) for name in SAMPLES]
)
def test_by_curl(name, server, endpoints, given):
    sample = ready(name, endpoints)

    def send(file: str) -> dict:
        path = json.loads(curl(f"{server}gradio_api/upload", "-F", f"files=@{given[file]}"))[0]
        return {"path": path, "meta": {"_type": "gradio.FileData"}}

    body = filled(sample.send, send)
    address = f"{server}gradio_api/call/v2{name}"
    started = curl(address, "-H", "Content-Type: application/json", "-d", json.dumps(body))
    events = curl(f"{address}/{json.loads(started)['event_id']}")
    assert "Traceback" not in events
    if sample.refusal:
        assert "event: error" in events and sample.refusal in events
        return
    assert "event: complete" in events, events[-500:]
    data = json.loads(events.split("event: complete")[1].split("data: ", 1)[1].splitlines()[0])
    # What a session keeps has a place in the answer too, always empty.
    assert len(data) >= len(endpoints[name]["returns"])


@pytest.mark.slow
@pytest.mark.skipif(NODE is None, reason="no node on this machine")
def test_by_node(server, given, tmp_path):
    out = tmp_path / "middle.png"
    words = [f"picture_a=@{given['a']}", f"picture_b=@{given['b']}", "shape=0.5", "size_px=128"]
    script = ROOT / "docs/client.mjs"
    done = subprocess.run(
        [NODE, str(script), server.rstrip("/"), "implicit_frame", str(out), *words], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert out.read_bytes().startswith(b"\x89PNG") and json.loads(done.stdout)[0]["url"]
    words[-1] = "size_px=7"
    refused = subprocess.run(
        [NODE, str(script), server.rstrip("/"), "implicit_frame", str(out), *words], capture_output=True, text=True
    )
    assert refused.returncode == 1 and "7" in refused.stderr and "Traceback" not in refused.stderr


def test_every_parameter_is_named_and_explained(endpoints, demo):
    from core.ui.api import parameter_texts

    for event in demo.fns.values():
        name = f"/{event.api_name}"
        if name not in endpoints or event.api_visibility != "public":
            continue
        texts = parameter_texts(event.fn)
        assert endpoints[name]["description"], name
        for parameter in endpoints[name]["parameters"]:
            key = parameter["parameter_name"]
            assert not key.startswith("param_") and texts.get(key, "").endswith("."), f"{name}: {key} is not explained"


def test_every_parameter_reaches_the_control_of_its_name(demo):
    """A control's id ends with its option's name: positions and names must not part ways."""
    info = demo.get_api_info()["named_endpoints"]
    for event in demo.fns.values():
        parameters = [p["parameter_name"] for p in info.get(f"/{event.api_name}", {"parameters": []})["parameters"]]
        inputs = [component for component in event.inputs if not component.skip_api] if parameters else []
        for name, component in zip(parameters, inputs, strict=True):
            tail = (component.elem_id or "").rpartition("-")[2]
            assert tail == name or tail not in parameters, f"{event.api_name}: {name} is sent to {component.elem_id}"


def test_the_document_is_current(demo):
    from core.ui.api import api_markdown

    assert (ROOT / "docs/api.md").read_text() == api_markdown(demo), "run `python -m core api-docs`"


def test_tools_for_agents_read_well(server, endpoints):
    with urllib.request.urlopen(f"{server}gradio_api/mcp/schema", timeout=60) as answer:
        tools = {tool["name"]: tool for tool in json.load(answer)}
    assert set(tools) == {name.strip("/") for name in endpoints}
    for name, tool in tools.items():
        assert len(tool["description"]) > 20 and tool["description"][0].isupper(), name
        assert "Returns" in tool["description"], name
        for key, facts in tool["inputSchema"]["properties"].items():
            assert facts.get("description"), f"{name}: {key} has no description for agents"
