"""Fixtures that all tests share. Data of the founders lies beside the project and may be absent."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MORPHOSPACE_DEVICE", "cpu")

# Gradio, torch and diffusers make a million objects that live as long as the run: looking through them again and again
# took a tenth of every worker's time. Collecting waits for the end of the imports and leaves them out from then on.
gc.disable()

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
HEADS = ROOT / "core" / "ui" / "examples" / "heads"


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tests of the one running suite and its browser are marked."""
    asks = not {"running", "chromium"}.isdisjoint(getattr(item, "fixturenames", ()))
    if asks and place_of(item.nodeid) in LIVE:
        item.add_marker("live")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The running suite's folders come first and files without slow tests last, so that both workers end together."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (place_of(item.nodeid) not in LIVE, item.path not in slow))


def pytest_collection_finish() -> None:
    """What the imports made stays out of every later collection of garbage, and those come more rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


# Two workers have a running suite each: together, its tests would end last.
LIVE = ("the suite's endpoints", "the suite's pages")


def place_of(nodeid: str) -> str:
    """What has to run on one worker, because it shares fixtures: the running suite's folders, `publish`, or a file."""
    folder = nodeid.split("/")[1]
    if folder in ("api", "faults"):
        return LIVE[0]
    return LIVE[1] if folder == "ui" else folder if folder == "publish" else nodeid.split("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object | None:
    """`--dist loadscope` by the places above."""
    from xdist.scheduler import LoadScopeScheduling

    class ByPlace(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return place_of(nodeid)

    return ByPlace(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The founders' data folder; tests on it skip where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the shared photos are not on this machine")
    return folder


@pytest.fixture(scope="session")
def heads() -> list[Path]:
    """Our rendered example heads."""
    return sorted(HEADS.glob("*.jpg"))


@pytest.fixture(scope="session")
def running(tmp_path_factory) -> Iterator[tuple[Any, str]]:
    """The suite, built once and running, and its address."""
    patch = pytest.MonkeyPatch()
    patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
    patch.chdir(tmp_path_factory.mktemp("cwd"))
    from core.ui.build import build_demo, launch

    demo = build_demo()
    _, url, _ = launch(demo, prevent_thread_lock=True, quiet=True)
    yield demo, url
    demo.close()
    patch.undo()


@pytest.fixture(scope="session")
def demo(running) -> Any:
    """The running suite itself, to look at."""
    return running[0]


@pytest.fixture(scope="session")
def server(running) -> str:
    """Address of the running suite."""
    return running[1]


@pytest.fixture(scope="session")
def client(server, tmp_path_factory) -> Iterator[object]:
    """A Python client of the suite."""
    from gradio_client import Client

    downloads = str(tmp_path_factory.mktemp("downloads"))
    # A busy machine may answer late: 5 s are the client's own limit.
    client = Client(server, verbose=False, download_files=downloads, httpx_kwargs={"timeout": 120})
    yield client
    client.close()


def gradient_picture(width: int = 48, height: int = 32) -> Image.Image:
    """A picture in which every pixel is different enough to tell shifts and flips."""
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], -1).astype(np.uint8))
