"""The app as on ZeroGPU: networks work in a forked worker, everything that crosses the border is picklable."""

from __future__ import annotations

import os
import re
import tempfile
import time
from pathlib import Path

import gradio as gr
import pytest
import torch
from PIL import Image

from core.content import content_key
from core.errors import InputError
from core.gfla.options import PoseOptions
from core.gfla.pipeline import PosePipeline
from core.implicit.pipeline import ImplicitMorphPipeline
from core.once import Once
from core.pipeline import Prepared, TransitionPipeline
from core.ripple.options import RippleOptions
from core.ripple.pipeline import RipplePipeline
from core.timeline import Timeline
from core.ui.parts import engines
from core.ui.parts.examples import EXAMPLES
from core.ui.parts.gpu import LONGEST_S, SHORTEST_S, on_gpu
from tests.conftest import ROOT
from tests.gpu.forked import Lender


class Fade(TransitionPipeline):
    """A cross-fade with a network that says in which process it ran."""

    name = "fade"
    Options = type("None", (), {})

    def __init__(self, net: torch.nn.Conv2d):
        super().__init__()
        self.register_modules(net=net)
        self.pid = os.getpid()

    def prepare(self, a, b, options=None, progress=None):
        if a.size != b.size:
            raise InputError(f"sizes {a.size} and {b.size} differ: give two of one size")
        prepared = Prepared(content_key(a.tobytes(), b.tobytes()), {"pid": float(os.getpid())})
        object.__setattr__(prepared, "ends", (a, b))
        return prepared

    @torch.no_grad()
    def render(self, prepared, t, **controls):
        pictures = torch.stack([torch.full((3, 16, 16), float(x)) for x in t])
        return self.net(pictures)


@pytest.fixture
def lender():
    return Lender()


@pytest.fixture
def fade(lender):
    net = torch.nn.Conv2d(3, 3, 1, bias=False)
    torch.nn.init.dirac_(net.weight)
    return on_gpu(Fade(net), lender)


def pair(size=(32, 24)):
    return Image.new("RGB", size, "red"), Image.new("RGB", size, "blue")


def test_work_runs_in_the_worker_and_results_come_home(fade, lender):
    prepared = fade.prepare(*pair())
    assert prepared.figures["pid"] != os.getpid()
    assert torch.equal(fade.render(prepared, [0.0, 0.5])[:, 0, 0, 0], torch.tensor([0.0, 0.5]))
    assert len(set(lender.workers)) == 2


def test_frames_stream_with_progress_and_stop(fade, lender):
    prepared, told = fade.prepare(*pair()), []
    frames = fade.frames(prepared, Timeline(frames=5), progress=lambda fraction, text="": told.append(fraction))
    first = next(frames)
    assert first.size == (16, 16) and len(told) == 2 and told[-1] == 0.2
    worker = lender.workers[-1]
    frames.close()
    time.sleep(0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    assert len(list(fade.frames(prepared, Timeline(frames=5)))) == 5


@pytest.mark.slow
def test_no_message_is_large_and_nothing_is_left_over(fade, lender):
    """Photos of 3 megapixels are 9 MB each way; issue 23 wants less than 2 MB per call."""
    prepared = fade.prepare(*pair((2000, 1500)))
    assert prepared.ends[1].size == (2000, 1500)
    list(fade.frames(prepared, Timeline(frames=3)))
    assert max(lender.crossed) < 2**20 + 1000
    lender.kill_after = 1
    with pytest.raises(gr.Error):
        fade.prepare(*pair((2000, 1500)))
    made = f"morphospace-{os.getpid()}-*"
    assert not [*Path("/dev/shm").glob(made), *Path(tempfile.gettempdir()).glob(made)]


def test_networks_are_lent_a_gpu_in_one_place_alone():
    """So every message of the app goes through the same packing."""
    users = [file for file in (ROOT / "core").rglob("*.py") if re.search(r"= spaces\.GPU\b", file.read_text())]
    assert [file.name for file in users] == ["gpu.py"]


def test_mistakes_keep_their_words(fade):
    with pytest.raises(InputError, match="give two of one size"):
        fade.prepare(pair()[0], Image.new("RGB", (5, 5)))


def test_a_killed_worker_is_reported_and_the_next_job_works(fade, lender):
    lender.kill_after = 1
    with pytest.raises(gr.Error, match="GPU task aborted"):
        fade.prepare(*pair())
    assert fade.prepare(*pair()).key


@pytest.mark.slow
def test_duration_grows_with_frames_and_size(fade, lender):
    prepared = fade.prepare(*pair())
    for frames in (2, 48, 600):
        next(iter(fade.frames(prepared, Timeline(frames=frames))))
    asked = lender.asked[-3:]
    assert asked == sorted(asked) and asked[0] >= SHORTEST_S and asked[-1] <= LONGEST_S and asked[0] < asked[-1]
    fade.prepare(*pair((4000, 2000)))
    large = lender.asked[-1]
    fade.prepare(*pair((64, 64)))
    assert large > lender.asked[-1]


def test_without_networks_or_at_home_nothing_changes(lender):
    plain = ImplicitMorphPipeline()
    assert "prepare" not in vars(on_gpu(plain, lender))
    home = Fade(torch.nn.Conv2d(3, 3, 1))
    assert "render" not in vars(on_gpu(home))


@pytest.mark.slow
@pytest.mark.parametrize("system", ["ripple", "gfla"])
def test_detection_stays_home_and_networks_go(system, lender):
    """MediaPipe works in the main process, the networks in the worker; the pictures are those of a machine without one."""
    if system == "ripple":
        make, given = RipplePipeline.from_record, (EXAMPLES / "heads" / "clara.jpg",)
        options = RippleOptions(turn="network")
    else:
        make, given = PosePipeline.from_record, (EXAMPLES / "people" / "ada.jpg", "arms spread")
        options = PoseOptions(painter="network", background="studio")
    home = make(device="cpu")
    wanted = home.render(home.prepare(*given, options=options), [1.0])
    lent = on_gpu(make(device="cpu"), lender)
    prepared = lent.prepare(*given, options=options)
    assert len(lender.workers) == 1 and lent.gpu_is_lent and not home.gpu_is_lent
    assert torch.allclose(lent.render(prepared, [1.0]), wanted, atol=0.02)
    assert len(lender.workers) == 2


@pytest.mark.slow
def test_a_tab_works_through_the_worker(monkeypatch, lender, tmp_path):
    """The crossbreed tab's handlers, by a client, with its networks in a forked worker."""
    from gradio_client import Client, handle_file
    from gradio_client.exceptions import AppError

    from core.crossbreed.pipeline import CrossbreedPipeline
    from core.ui.build import build_demo, launch

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engines, "_ENGINES", Once())
    engines.engine("crossbreed", lambda: on_gpu(CrossbreedPipeline.from_record(), lender))
    y, x = torch.meshgrid(torch.arange(64), torch.arange(80), indexing="ij")
    files = []
    for index in range(2):
        file = tmp_path / f"{index}.png"
        Image.fromarray(torch.stack([3 * x, 3 * y, (x + y) * (index + 1)], -1).byte().numpy()).save(file)
        files.append(file)
    demo = build_demo(["crossbreed"])
    _, url, _ = launch(demo, prevent_thread_lock=True, quiet=True)
    try:
        client = Client(url, verbose=False, download_files=str(tmp_path))
        given = [handle_file(file) for file in files]
        frame = client.predict(*given, shape=0.3, appearance=0.6, crop="middle", api_name="/crossbreed_frame")
        assert Image.open(frame).size[0] >= 128
        before = len(lender.workers)
        results = client.predict(*given, files=None, frames=3, crop="middle", api_name="/crossbreed_morph")
        assert len(lender.workers) > before and results[2]["seconds"] > 0
        with pytest.raises(AppError, match="head"):
            client.predict(*given, crop="head", api_name="/crossbreed_frame")
        client.close()
    finally:
        demo.close()


def test_start_up_places_models_on_zero_gpu(monkeypatch):
    from core.ui import build
    from core.ui.tabs import Tab

    made = []
    tab = Tab("toy", "Toy", 1, lambda: gr.Markdown("toy"), lambda: made.append("pipeline"))
    monkeypatch.setattr(build, "all_tabs", lambda: [tab])
    build.build_demo()
    assert made == []
    monkeypatch.setattr(build, "zero_gpu", lambda: True)
    build.build_demo()
    assert made == ["pipeline"]
