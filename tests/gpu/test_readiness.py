"""Ready for a GPU, proved without one: shapes at published sizes, no host copy per frame, half precision, too little memory."""

from __future__ import annotations

import collections

import gradio as gr
import pytest
import torch
from torch.overrides import TorchFunctionMode

from core.crossbreed.options import CrossbreedOptions
from core.devices import policy
from core.errors import DeviceError
from core.gfla.options import PoseOptions
from core.gfla.paper.network import PoseGenerator
from core.gfla.paper.network_motion import MotionExtractionNet
from core.gfla.paper.network_views import ShapeNetGenerator
from core.gfla.pipeline import PosePipeline
from core.metrics import psnr
from core.pipeline import TransitionPipeline
from core.sdl.paper.network import SDLNet
from core.sdl.pipeline import SDLPipeline
from core.timeline import Timeline
from core.ui.parts import wiring
from tests.crossbreed import tiny as small_pets
from tests.gfla import tiny as small_people
from tests.sdl.conftest import textured
from tests.sdl.conftest import tiny as small_sdl

# Published inputs, (channels, height, width) each, and the size of the picture that comes out.
PUBLISHED = {
    "fashion": (lambda: PoseGenerator(), [(3, 256, 256), (18, 256, 256), (18, 256, 256)], (3, 256, 256)),
    "market": (
        lambda: PoseGenerator(attn_layers=(2,), kernel_sizes=(3,)),
        [(3, 128, 64), (18, 128, 64), (18, 128, 64)], (3, 128, 64),
    ),
    "views": (lambda: ShapeNetGenerator(), [(3, 256, 256), (21, 1, 1), (21, 1, 1)], (3, 256, 256)),
    "motion": (MotionExtractionNet, [(34, 104)], (34, 24)),
    "sdl pair": (lambda: SDLNet(num_in_ch=6), [(6, 512, 512), ()], (3, 512, 512)),
}  # fmt: skip
COPIES = ("cpu", "item", "numpy", "tolist", "__bool__", "__float__", "__int__", "__array__")


@pytest.mark.parametrize("name", PUBLISHED)
@torch.no_grad()
def test_networks_have_no_other_device_or_shape_inside(name):
    """On the meta device nothing is computed, and a tensor made on the CPU, or read from, fails."""
    make, inputs, wanted = PUBLISHED[name]
    with torch.device("meta"):
        network = make().eval()
        given = [torch.empty(2, *shape) if shape else torch.empty(2) for shape in inputs]
    made = network(*given)
    made = getattr(made, "image", made)
    made = made[0] if isinstance(made, tuple | list) else made
    assert made.device.type == "meta" and tuple(made.shape) == (2, *wanted)


class Copies(TorchFunctionMode):
    """Counts what would wait for a GPU: copies to the host, and numbers read out of tensors."""

    def __init__(self):
        super().__init__()
        self.found = collections.Counter()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        moved = name == "to" and any(str(x) == "cpu" for x in [*args[1:], *(kwargs or {}).values()])
        if name in COPIES or moved:
            self.found[name] += 1
        return func(*args, **(kwargs or {}))


def crossbreed():
    pipe = small_pets.pipeline()
    pictures = (small_pets.picture(1), small_pets.picture(2))
    return pipe, pipe.prepare(*pictures, options=CrossbreedOptions(crop="middle", exact_ends=False))


def sdl():
    pipe = SDLPipeline(small_sdl(num_in_ch=6), "morph")
    return pipe, pipe.prepare(textured(64, 64, 0), textured(64, 64, 1))


def pose():
    pipe = PosePipeline(small_people.generator())
    own = small_people.points("standing", (160, 110))
    options = PoseOptions(height_px=64, cut_out=False, painter="network", background="studio")
    return pipe, pipe.prepare(small_people.figure(own, (160, 110)), "walking", options=options, points=own)


PIPELINES = {"crossbreed": crossbreed, "sdl": sdl, "pose": pose}


@pytest.mark.parametrize("name", PIPELINES)
def test_more_frames_of_a_batch_need_no_more_host_copies(name):
    pipe, prepared = PIPELINES[name]()
    counted = []
    for frames in (2, 6):
        with Copies() as copies:
            pipe.render(prepared, [index / 7 for index in range(1, frames + 1)])
        counted.append(copies.found.total())
    assert counted[1] <= counted[0], f"{counted[1] - counted[0]} copies more for 4 frames more: {copies.found}"


@pytest.mark.parametrize("precision, least_db", [("bfloat16", 30), ("float16", 40)])
@pytest.mark.parametrize("name", ["crossbreed", "sdl"])
def test_half_precision_renders_nearly_the_same(name, precision, least_db):
    pipe, prepared = PIPELINES[name]()
    exact = pipe.render(prepared, [0.4])
    half = pipe.use(policy("cpu", precision)).render(prepared, [0.4])
    assert psnr(half, exact) >= least_db


class Cramped(TransitionPipeline):
    """Its GPU holds `room` pictures."""

    name, Options, room = "cramped", type("None", (), {}), 3

    def prepare(self, *inputs, **settings):
        return None

    def render(self, prepared, t, **controls):
        if len(t) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return torch.tensor(t)[:, None, None, None].expand(-1, 3, 2, 2)


def test_too_little_memory_becomes_smaller_batches_then_a_sentence():
    pipe = Cramped()
    frames = list(pipe.frames(None, Timeline(frames=11)))
    assert len(frames) == 11 and pipe.batch_size <= 3 and Cramped.batch_size == 8
    pipe.room = 0
    with pytest.raises(DeviceError, match="memory does not suffice for one picture"):
        next(pipe.frames(None, Timeline(frames=2)))


def test_a_dragged_slider_borrows_one_gpu(monkeypatch):
    """A drag of five seconds is dozens of changes and one release: on ZeroGPU the server hears of the release alone."""
    tab = type("Some", (wiring.Wiring,), {})()
    with gr.Blocks():
        slider, box = gr.Slider(0, 1), gr.Checkbox()
    heard = [tab.followed(slider).event_name]
    monkeypatch.setattr(wiring, "zero_gpu", lambda: True)
    heard += [tab.followed(slider).event_name, tab.followed(box).event_name]
    tab.asks_a_network = False
    assert [*heard, tab.followed(slider).event_name] == ["change", "release", "change", "change"]
