"""Ready for a GPU, proved without one: shapes at published sizes, no host copy per frame, half precision, too little memory."""

from __future__ import annotations

import collections
import functools
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image
from torch.overrides import TorchFunctionMode

from core.crossbreed.paper.network import CrossbreedGenerator
from core.devices import Policy, policy
from core.errors import GpuMemoryError
from core.gfla.paper.network import PoseGenerator
from core.gfla.paper.network_animation import DanceGenerator, FaceGenerator
from core.gfla.paper.network_motion import MotionExtractionNet
from core.gfla.paper.network_views import ShapeNetGenerator
from core.image import to_tensor
from core.implicit.paper.network import Siren
from core.metrics import psnr
from core.ops.warp import fine_warp
from core.pipeline import TransitionPipeline
from core.progress import silent
from core.ripple.paper.e4e import Encoder
from core.ripple.paper.fusion import ResidualAligner, ResidualEncoder
from core.ripple.paper.graphonomy import Graphonomy
from core.ripple.paper.inpainting import lama_inpainter
from core.ripple.paper.inversion import Inversion
from core.ripple.paper.lama import Lama
from core.ripple.paper.parsing import graphonomy_parser
from core.ripple.paper.stylegan2 import Generator
from core.sdl.options import SDLOptions
from core.sdl.paper.network import SDLNet
from core.sdl.pipeline import SDLPipeline
from core.timeline import Timeline
from core.ui.parts import wiring
from tests.gpu.paths import PATHS
from tests.ripple.conftest import tiny_pipeline
from tests.sdl.conftest import FORMS, textured
from tests.sdl.conftest import tiny as small_sdl

# Published inputs, (channels, height, width) each, and the size of the picture that comes out.
PUBLISHED = {
    "fashion": (PoseGenerator, [(3, 256, 256), (18, 256, 256), (18, 256, 256)], (3, 256, 256)),
    "market": (
        lambda: PoseGenerator(attn_layers=(2,), kernel_sizes=(3,)),
        [(3, 128, 64), (18, 128, 64), (18, 128, 64)], (3, 128, 64),
    ),
    "views": (ShapeNetGenerator, [(3, 256, 256), (21, 1, 1), (21, 1, 1)], (3, 256, 256)),
    "face": (FaceGenerator, [(3, 16, 256, 256), (3, 256, 256), (16, 256, 256)], (3, 256, 256)),
    "dance": (DanceGenerator, [(3, 20, 256, 256), (3, 256, 256), (20, 256, 256)], (3, 256, 256)),
    "motion": (MotionExtractionNet, [(34, 104)], (34, 24)),
    "sdl pair": (lambda: SDLNet(num_in_ch=6), [(6, 512, 512), ()], (3, 512, 512)),
    "sdl one": (lambda: SDLNet(num_in_ch=3), [(3, 1024, 1024), ()], (3, 1024, 1024)),
    "crossbreed": (CrossbreedGenerator, [(3, 128, 128), (3, 128, 128), ()], (3, 128, 128)),
    "lama": (Lama, [(3, 1024, 768), (1, 1024, 768)], (3, 1024, 768)),
    "graphonomy": (Graphonomy, [(3, 512, 512)], (20, 512, 512)),
    "hfgi encoder": (Encoder, [(3, 256, 256)], (18, 512)),
    "hfgi generator": (Generator, [(18, 512)], (3, 1024, 1024)),
    "hfgi aligner": (ResidualAligner, [(6, 256, 256)], (3, 256, 256)),
    "hfgi residual": (ResidualEncoder, [(3, 256, 256)], (512, 64, 64)),
    "implicit warp": (Siren, [(3,)], (2,)),
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
    made = made[0] if isinstance(made, tuple | list) else made
    made = getattr(made, "image", made)
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


@pytest.mark.parametrize("name", ["crossbreed", "sdl", "pose", "views"])
def test_more_frames_of_a_batch_need_no_more_host_copies(name):
    pipe, prepared = PATHS[name]()
    counted = []
    for frames in (2, 6):
        with Copies() as copies:
            pipe.render(prepared, [index / 7 for index in range(1, frames + 1)])
        counted.append(copies.found.total())
    assert counted[1] <= counted[0], f"{counted[1] - counted[0]} copies more for 4 frames more: {copies.found}"


@pytest.mark.parametrize("name", ["face", "dance"])
def test_a_streamed_frame_is_copied_once_as_it_goes_out(name):
    pipe, prepared = PATHS[name]()
    with Copies() as copies:
        frames = list(pipe.play(prepared))
    # Three inputs go to the device, which here is the processor.
    assert copies.found == {"cpu": len(frames), "to": 3}


def test_neither_hfgi_nor_a_fitted_flow_copies_to_the_host():
    """Ripple's chain makes one picture at a time, a flow any number of places: nothing within either waits for a GPU."""
    pipe, codes, siren = tiny_pipeline(), torch.zeros(1, 8, 16), Siren(hidden_features=(8,))
    inversion, places = Inversion(codes, *[torch.zeros(1, 3, 32, 32)] * 2), torch.rand(5, 3)
    with torch.inference_mode(), Copies() as copies:
        pipe.hfgi.edit(inversion, codes)
        siren(places)
    assert not copies.found


@pytest.mark.parametrize("precision, least_db", [("bfloat16", 30), ("float16", 40)])
@pytest.mark.parametrize("name", PATHS)
def test_half_precision_renders_nearly_the_same(name, precision, least_db):
    pipe, prepared = PATHS[name]()
    exact = pipe.render(prepared, [0.4])
    half = pipe.use(policy("cpu", precision)).render(prepared, [0.4])
    assert psnr(half, exact) >= least_db


@pytest.mark.parametrize("precision, least_db", [("bfloat16", 30), ("float16", 40)])
def test_an_edit_in_half_precision_is_nearly_the_same_and_comes_home_in_single(precision, least_db):
    pipe, codes = tiny_pipeline(pre_aligner=True, painter=True), torch.zeros(1, 8, 16)
    inversion = Inversion(codes, *torch.rand(2, 1, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    exact = pipe.edited(inversion, "pose", 3.0)
    half = pipe.use(policy("cpu", precision)).edited(inversion, "pose", 3.0)
    assert half.image.dtype == half.painted.colour.dtype == torch.float32
    assert (
        least_db <= psnr(half.image, exact.image) < 90 and psnr(half.painted.colour, exact.painted.colour) >= least_db
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PATHS if name != "face"])
def test_a_render_path_is_one_graph_and_shows_the_same(name):
    """torch.compile with `fullgraph` refuses whatever breaks a graph; the backend computes as torch itself does."""
    pipe, prepared = PATHS[name]()
    wanted = pipe.render(prepared, [0.4])
    eager = functools.partial(torch.compile, backend="eager")
    made = pipe.use(replace(policy("cpu", "float32"), compiled=eager)).render(prepared, [0.4])
    assert psnr(made, wanted) > 90
    assert all(
        method in vars(getattr(pipe, network)) for network, method in (n.split(".") for n in pipe.render_methods)
    )


@pytest.mark.slow
def test_an_edit_by_hfgi_and_a_fitted_flow_are_one_graph_each():
    pipe, codes = tiny_pipeline(), torch.zeros(1, 8, 16)
    wanted = pipe.hfgi.edit(Inversion(codes, *[torch.zeros(1, 3, 32, 32)] * 2), codes).image
    chosen = Policy(torch.device("cpu"), torch.float32, False, functools.partial(torch.compile, backend="eager"))
    with torch.inference_mode():
        made = pipe.use(chosen).hfgi.edit(Inversion(codes, *[torch.zeros(1, 3, 32, 32)] * 2), codes).image
    torch.testing.assert_close(made, wanted)
    siren, places = Siren(hidden_features=(8,)), torch.rand(5, 3)
    wanted = siren(places)
    chosen.compile(siren, "forward")
    torch.testing.assert_close(siren(places), wanted)


@pytest.mark.slow
def test_shortcuts_that_numbers_decide_are_not_taken_in_a_graph():
    """Shipped interpolation leaves out what stands still, and what is known of t = 1/2; warps of one picture go in strips."""
    pipe = SDLPipeline(small_sdl(**FORMS["thin"]), "interpolate")
    frames = textured(96, 96, 0), textured(96, 96, 0).transform((96, 96), Image.Transform.AFFINE, (1, 0, 3, 0, 1, 0))
    prepared, eager = pipe.prepare(*frames), functools.partial(torch.compile, backend="eager")
    wanted = pipe.render(prepared, [0.4])
    made = pipe.use(replace(policy("cpu", "float32"), compiled=eager)).render(prepared, [0.4])
    assert psnr(made, wanted) > 60
    picture, flow = torch.rand(1, 3, 16, 16), torch.rand(1, 2, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(eager(fine_warp, fullgraph=True)(picture, flow), fine_warp(picture, flow))


def test_networks_are_compiled_where_a_setting_says_so(monkeypatch):
    assert policy("cpu", "float32").compiled is None
    monkeypatch.setenv("MORPHOSPACE_COMPILE", "1")
    assert policy("cpu", "float32").compiled is torch.compile


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
    with pytest.raises(GpuMemoryError, match="the GPU's memory does not suffice: choose a smaller size"):
        next(pipe.frames(None, Timeline(frames=2)))


def full(*_, **__):
    raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.mark.parametrize("name", [*PATHS, "ripple"])
def test_a_network_that_does_not_fit_is_told_in_a_sentence(name, monkeypatch):
    """Wherever a path runs a network, one picture alone that does not fit is no error of torch any more."""
    pipe, prepared = PATHS[name]() if name in PATHS else (tiny_pipeline(), None)
    for network in pipe.networks.values():
        for part in network.children():
            monkeypatch.setattr(part, "forward", full)
    with pytest.raises(GpuMemoryError, match="choose a smaller size"):
        pipe.invert(torch.zeros(1, 3, 32, 32)) if prepared is None else pipe.render(prepared, [0.4])
    if prepared is None:
        inversion = Inversion(torch.zeros(1, 8, 16), *[torch.zeros(1, 3, 32, 32)] * 2)
        with pytest.raises(GpuMemoryError):
            pipe.edited(inversion, "pose", 1.0)


def test_parser_and_inpainter_that_do_not_fit_are_told_in_a_sentence():
    picture, mask = Image.new("RGB", (16, 16)), np.full((16, 16), 255, np.uint8)
    network = torch.nn.Conv2d(1, 1, 1)
    network.forward = full
    for work in (lambda: lama_inpainter(network)(picture, mask), lambda: graphonomy_parser(network)(picture, silent)):
        with pytest.raises(GpuMemoryError, match="choose a smaller size"):
            work()


FILMS = {
    "sdl": ("network", "decode", lambda pipe, _: torch.cat([to_tensor(x) for x in next(pipe.in_betweens(
        [(textured(64, 64, 0), textured(64, 64, 1))], [0.2, 0.3, 0.4, 0.5, 0.6], SDLOptions()))])),
    "crossbreed": ("generator", "decode", lambda pipe, prepared: pipe.grid(prepared, 3)),
    "views": ("generator", "paint", lambda pipe, prepared: pipe.render_fitting(prepared, [0.0, 0.2, 0.4, 0.6, 0.8])),
    "pose": ("generator", "paint", lambda pipe, prepared: pipe.render_fitting(
        prepared, [0.0] * 5, poses=[prepared.path[-1] + step for step in range(5)])),
}  # fmt: skip


@pytest.mark.parametrize("name", FILMS)
def test_films_that_do_not_fit_are_made_in_smaller_parts_and_look_the_same(name, monkeypatch):
    """In-betweens of a clip, a grid, a round, and a person that follows a clip, whose poses go along with their frames."""
    network, method, film = FILMS[name]
    pipe, prepared = PATHS[name]()
    wanted = film(pipe, prepared)
    plain, came = getattr(getattr(pipe, network), method), []

    def tried(*given):
        codes = [part for item in given if isinstance(item, tuple) for part in item]
        came.append(max(len(x) for x in [*given, *codes] if isinstance(x, torch.Tensor)))
        return plain(*given) if came[-1] <= 2 else full()

    monkeypatch.setattr(getattr(pipe, network), method, tried)
    torch.testing.assert_close(film(pipe, prepared), wanted, atol=0.005, rtol=0)
    assert came[0] > 2 and max(came[3:]) <= 2, came


def test_larger_pictures_are_seen_whole_where_a_gpu_has_room(monkeypatch):
    pipe, known = SDLPipeline(small_sdl(num_in_ch=6), "morph"), []
    for gigabytes in (4, 8, 128):
        monkeypatch.setattr("core.sdl.pipeline.free_bytes", lambda device, free=gigabytes * 2**30: free)
        known.append(pipe._pixels())
    assert known == [known[0], 2 * known[0], 32 * known[0]]


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
