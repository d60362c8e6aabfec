"""Every pipeline is one of diffusers': it moves, names its parts, is saved and comes back, and can lend its networks a GPU."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch
from torch import nn

from core.construction import BUILDING
from core.devices import Policy
from core.errors import DeviceError
from core.offload import lend
from core.pipeline import TransitionPipeline
from core.timeline import Timeline
from tests.conftest import HEADS


def implicit() -> TransitionPipeline:
    from core.implicit.pipeline import ImplicitMorphPipeline

    return ImplicitMorphPipeline()


def crossbreed() -> TransitionPipeline:
    from tests.crossbreed.tiny import pipeline

    return pipeline()


def sdl() -> TransitionPipeline:
    from core.sdl.pipeline import SDLPipeline
    from tests.sdl.conftest import tiny

    return SDLPipeline(tiny(num_in_ch=6), "morph")


def ripple() -> TransitionPipeline:
    from tests.ripple.conftest import tiny_pipeline

    return tiny_pipeline(pre_aligner=True, painter=True)


def gfla() -> TransitionPipeline:
    from core.gfla.pipeline import PosePipeline
    from tests.gfla.tiny import generator

    return PosePipeline(generator())


MAKERS: dict[str, Callable[[], TransitionPipeline]] = {
    maker.__name__: maker for maker in (implicit, crossbreed, sdl, ripple, gfla)
}


@pytest.fixture(scope="module", params=MAKERS)
def pipe(request) -> TransitionPipeline:
    return MAKERS[request.param]()


def devices(pipe: TransitionPipeline) -> set[str]:
    return {tensor.device.type for network in pipe.networks.values() for tensor in network.state_dict().values()}


def test_the_constructor_takes_exactly_what_is_registered(pipe):
    again = type(pipe)(**pipe.components)
    assert again.components == pipe.components
    assert all(isinstance(part, nn.Module) for part in pipe.components.values() if part is not None)


@pytest.mark.parametrize("how", ["the pipeline", "its networks"])
def test_inputs_go_where_the_networks_are(pipe, how):
    parts = {name: part and type(part).from_config(part.config) for name, part in pipe.components.items()}
    other = type(pipe)(**parts)
    for moved in [other] if how == "the pipeline" else other.networks.values():
        moved.to("meta")
    expected = "meta" if other.networks else "cpu"
    assert devices(other) <= {expected}
    assert other.device.type == other.policy.device.type == expected


def test_a_dtype_is_what_networks_compute_in(pipe):
    try:
        assert pipe.to("cpu", torch.bfloat16) is pipe
        assert pipe.policy.dtype == torch.bfloat16
        assert {p.dtype for network in pipe.networks.values() for p in network.parameters()} <= {torch.float32}
    finally:
        pipe.use(Policy(torch.device("cpu"), torch.float32, channels_last=True))


def test_a_saved_pipeline_comes_back_to_the_bit(pipe, tmp_path):
    pipe.save_pretrained(tmp_path)
    again = type(pipe).from_pretrained(tmp_path, torch_dtype=torch.bfloat16)
    assert again.policy.dtype == torch.bfloat16
    assert {name: type(part) for name, part in again.components.items()} == {
        name: type(part) for name, part in pipe.components.items()
    }
    for name, network in pipe.networks.items():
        assert not again.networks[name].training
        mine, saved = network.state_dict(), again.networks[name].state_dict()
        assert mine.keys() == saved.keys()
        assert all(torch.equal(mine[key], saved[key]) for key in mine)
    plain = {key: value for key, value in pipe.config.items() if not isinstance(value, tuple) and key[0] != "_"}
    assert {key: again.config[key] for key in plain} == plain
    assert nn.Linear(2, 2).weight.device.type == "cpu" and BUILDING.acquire(blocking=False)
    BUILDING.release()


def test_offloading_needs_a_gpu(pipe):
    with pytest.raises(DeviceError, match="needs a GPU"):
        pipe.enable_model_cpu_offload()


def test_networks_have_the_gpu_while_a_method_runs(pipe, monkeypatch):
    """The processor stands in for main memory, torch's meta device for the GPU."""
    moves: list[str] = []
    monkeypatch.setattr(type(pipe), "to", lambda self, device: moves.append(str(device)))
    barrier = threading.Barrier(2)
    names = type(pipe).gpu_methods
    for name in names:
        monkeypatch.setattr(type(pipe), name, lambda self, wait: wait() and None)
    lend(pipe, torch.device("meta"), index=None)
    try:
        threads = [threading.Thread(target=getattr(pipe, name), args=(barrier.wait,)) for name in (names[0], names[-1])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert moves == ["cpu", "meta", "cpu"], "two calls at a time share one stay"
    finally:
        for name in names:
            del pipe.__dict__[name]


def test_a_pipeline_without_prepare_or_render_cannot_be_made():
    with pytest.raises(TypeError, match="prepare"):
        TransitionPipeline()


@pytest.mark.slow
def test_one_call_prepares_and_renders():
    made = implicit()(HEADS / "anders.jpg", HEADS / "kofi.jpg", timeline=Timeline(frames=3), size_px=64)
    assert made.t == [0.0, 0.5, 1.0] and len(made.frames) == 3
