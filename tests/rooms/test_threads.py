"""What one thread loads, fits or trains changes nothing for the others: no patch, no thread count, no random state stays behind."""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from core.construction import BUILDING, building
from core.errors import WeightsError
from core.implicit.methods.landmark_flow.flow import FlowWarp
from core.implicit.paper.network import Siren
from core.implicit.paper.recipe import WarpRecipe, train_warp
from core.once import Once, Recent, load_once
from core.weights import load_strict, open_checkpoint, save_model
from tests.weights.conftest import ToyNetwork

THREADS = 8
FILLS = {name: getattr(nn.init, name) for name in ("uniform_", "normal_", "kaiming_uniform_", "zeros_", "ones_")}
REGISTER = nn.Module.register_parameter


def together(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """What the works return, each in a thread of its own; all begin at the same moment."""
    barrier = threading.Barrier(len(works))

    def begin(work: Callable[[], Any]) -> Any:
        barrier.wait(30)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(begin, works))


@pytest.fixture(autouse=True)
def torch_as_it_was():
    """The promise of this file, asked after each of its tests."""
    count, state = torch.get_num_threads(), torch.get_rng_state()
    yield
    assert {name: getattr(nn.init, name) for name in FILLS} == FILLS
    assert nn.Module.register_parameter is REGISTER
    assert [torch.get_num_threads(), *together([torch.get_num_threads] * 2)] == [count] * 3
    assert torch.equal(torch.get_rng_state(), state)
    layer = nn.Linear(64, 64)
    assert layer.weight.device.type == "cpu" and 0 < layer.weight.abs().max() <= 1 / 8
    assert torch.get_default_dtype() == torch.float32
    assert BUILDING.acquire(timeout=5)
    BUILDING.release()


def test_all_shipped_networks_loaded_at_once_are_what_each_is_alone():
    from core.crossbreed.pipeline import CrossbreedPipeline
    from core.gfla.pipeline import PosePipeline
    from core.ripple.pipeline import RipplePipeline
    from core.sdl.pipeline import SDLPipeline

    loaders = [partial(SDLPipeline.from_record, f"sdl-{name}") for name in ("morph", "vfi", "ageing", "toon", "style")]
    loaders += [CrossbreedPipeline.from_record, PosePipeline.from_record, RipplePipeline.from_record]
    fresh = [partial(Siren, hidden_features=[4]), partial(nn.Linear, 64, 64)] * 4
    with torch.random.fork_rng([]):
        *found, layer = together([*loaders, *fresh])
    assert layer.weight.device.type == "cpu" and 0 < layer.weight.abs().max() <= 1 / 8
    for pipe, load in zip(found, loaders, strict=False):
        for name, alone in load().networks.items():
            mine, wanted = pipe.networks[name].state_dict(), alone.state_dict()
            assert mine.keys() == wanted.keys()
            assert all(value.device.type == "cpu" and torch.equal(value, wanted[key]) for key, value in mine.items())


def test_networks_are_built_beside_a_published_pipeline(tmp_path):
    """diffusers patches torch while it loads; nobody of ours builds meanwhile."""
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    from core.ripple.methods.repainting.inpainters import diffusers_pipeline

    with torch.random.fork_rng([]):
        unet = UNet2DModel(
            8, block_out_channels=(32,), layers_per_block=1, down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",)
        )  # fmt: skip
        toy = save_model(ToyNetwork(width=16), tmp_path / "toy")
    DDPMPipeline(unet, DDPMScheduler()).save_pretrained(tmp_path / "published")
    points = torch.rand(6, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1

    def published() -> Any:
        for _ in range(5):
            with pytest.raises(WeightsError, match="takes no image"):
                diffusers_pipeline(str(tmp_path / "published"))

    def ours() -> Any:
        return [load_strict(ToyNetwork, toy) for _ in range(20)]

    def fitted() -> Any:
        return train_warp(points, points + 0.1, WarpRecipe(steps=2, samples=50, warmup_steps=1)).last.state_dict()

    *_, first, second = together([published, published, ours, ours, ours, ours, fitted, fitted])
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_overlapping_fits_leave_the_thread_count():
    rng = np.random.default_rng(0)
    a = rng.uniform(20, 100, (40, 2))
    b = a + rng.normal(0, 2, (40, 2))
    alone = FlowWarp(a, b, (128, 128)).carry(a, 0, 1)
    for carried in together([lambda: FlowWarp(a, b, (128, 128)).carry(a, 0, 1)] * 4):
        assert np.array_equal(carried, alone)


def test_a_start_by_seed_needs_no_global_generator():
    from core.crossbreed.paper.discriminator import CrossbreedDiscriminator

    makers: list[Callable[[], nn.Module]] = [
        Siren, lambda: CrossbreedDiscriminator(n_f=4, n_res=1, n_class=3, spectral_norm=True),
    ]  # fmt: skip
    for make in makers:
        with torch.random.fork_rng([]):
            torch.manual_seed(5)
            wanted = make().state_dict()

        def started(make: Callable[[], nn.Module] = make) -> dict[str, torch.Tensor]:
            with building(5):
                return make().state_dict()

        for state in together([started] * THREADS):
            assert all(torch.equal(state[key], wanted[key]) for key in wanted)


def test_what_a_constructor_computes_is_there_without_a_file():
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)
            self.register_buffer("ramp", torch.linspace(0, 1, 5), persistent=False)
            self.register_buffer("noise", torch.empty(1000).normal_(), persistent=False)
            self.halves = (self.ramp * 2).tolist()

    with building():
        network = Net()
    assert network.ramp.tolist() == [0, 0.25, 0.5, 0.75, 1] and network.halves == [0, 0.5, 1, 1.5, 2]
    assert 0.9 < network.noise.std() < 1.1


def test_things_are_made_once_however_many_ask():
    made = []

    @load_once
    def load(name: str, size: int = 1) -> object:
        made.append((name, size))
        time.sleep(0.02)
        return object()

    answers = together([lambda: load("a"), lambda: load("b", size=2)] * 4)
    assert len(set(map(id, answers))) == 2 and sorted(made) == [("a", 1), ("b", 2)]


def test_what_failed_is_made_again():
    once, tries = Once(), []

    def make() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("not yet")
        return "here"

    with pytest.raises(OSError, match="not yet"):
        once("thing", make)
    assert [once("thing", make), once("thing", make)] == ["here", "here"] and len(tries) == 2


def test_only_the_last_things_are_kept():
    recent, made = Recent(2), []
    asked = ["a", "b", "a", "c", "a", "b"]
    answers = [recent(name, lambda name=name: made.append(name) or [name]) for name in asked]
    assert made == ["a", "b", "c", "b"] and [answer[0] for answer in answers] == asked
    together([lambda name=name: recent(name, lambda: [name]) for name in "cdefghij"] * 4)
    made.clear()
    for name in "cdefghij":
        recent(name, lambda name=name: made.append(name) or [name])
    assert len(made) >= 6, "what was asked for long ago is made again"


class Foreign:
    """A class of another package, as checkpoints mention them."""


def test_admitted_classes_are_admitted_for_one_file_only(tmp_path):
    before = set(torch.serialization.get_safe_globals())
    torch.save({"w": torch.ones(2), "more": Foreign()}, tmp_path / "a.ckpt")
    for opened in together([lambda: open_checkpoint(tmp_path / "a.ckpt", inert=("tests.",))] * THREADS):
        assert opened["w"].sum() == 2
    assert set(torch.serialization.get_safe_globals()) == before
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "a.ckpt", weights_only=True)


def test_a_training_run_leaves_the_random_state(tmp_path):
    from core.training import TrainOptions, train
    from tests.training import toy

    with torch.random.fork_rng([]):
        recipe = toy.ToyRecipe()
    options = TrainOptions(out=str(tmp_path), steps=2, batch=4, sample_every=0, cpu=True)
    train(recipe, toy.Points(), options)


def test_only_mediapipes_words_are_kept_off_standard_error(capfd):
    from core.detect.solutions import native_log_dropped

    with native_log_dropped():
        os.write(2, b"W0000 00:00:1 1 graph.cc:114] native\nINFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
        together([lambda: os.write(2, b"a neighbour's line\n")])
    assert capfd.readouterr().err == "a neighbour's line\n"


def test_cuts_by_chance_are_the_same_in_every_thread():
    from core.animals.colour_transfer.masks import apply_grabcut

    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    disc = ((x - 32) ** 2 + (y - 32) ** 2 < 300).float()
    head = torch.stack([0.3 + 0.5 * disc, x / 64, y / 64])[None]
    head = head + 0.1 * torch.rand(head.shape, generator=torch.Generator().manual_seed(0))
    mask = ((x - 30) ** 2 + (y - 34) ** 2 < 250).float()[None, None]
    alone = apply_grabcut(head.clamp(0, 1), mask)
    assert 0 < alone.mean() < 1
    for cut in together([lambda: apply_grabcut(head.clamp(0, 1), mask)] * THREADS):
        assert torch.equal(cut, alone)
