"""Published files in every nesting, and what is refused."""

import pytest
import torch

from core.errors import WeightsError
from core.sdl.jobs import JOBS
from core.sdl.paper.convert import CONVERTERS, PUBLISHED, convert, network_of, state_of
from core.sdl.paper.network import SDLNet
from core.sdl.paper.original import open_pipeline
from core.weights import load_strict, records
from tests.sdl.published import state


@pytest.fixture(scope="module")
def bare():
    return state("sdlnet_in6_grid30.manifest.json")


def wrapped(bare, nest, prefix):
    inner = {prefix + key: value for key, value in bare.items()}
    return {nest: inner} if nest else inner


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("nest", [None, "params", "params_ema", "state_dict"])
def test_every_nesting_is_read(bare, nest, prefix):
    found = state_of(wrapped(bare, nest, prefix))
    assert found.keys() == bare.keys()


def test_a_key_can_be_named_and_must_exist(bare):
    both = {"params": bare, "params_ema": {key: value + 1 for key, value in bare.items()}}
    assert torch.equal(state_of(both, "params")["head.0.bias"], bare["head.0.bias"])
    assert torch.equal(state_of(both)["head.0.bias"], bare["head.0.bias"] + 1)
    with pytest.raises(WeightsError, match="no entry 'weights' but params"):
        state_of(both, "weights")


def test_a_file_becomes_a_folder_that_loads_strictly(bare, tmp_path):
    torch.save({"params": {f"module.{key}": value for key, value in bare.items()}}, tmp_path / "SDL.pth")
    convert(tmp_path / "SDL.pth", tmp_path / "out")
    network = load_strict(SDLNet, tmp_path / "out")
    assert network.config.ncol == 0 and network.config.num_in_ch == 6
    assert all(torch.equal(network.state_dict()[key], value) for key, value in bare.items())
    assert open_pipeline("vfi", str(tmp_path / "SDL.pth")).network.config.ncol == 0


def test_another_tasks_file_is_refused(bare, tmp_path):
    torch.save({"params": bare}, tmp_path / "SDL_aging_512.pth")
    with pytest.raises(WeightsError, match="takes 6 input channels, this record takes 3"):
        CONVERTERS["sdl-aging-512"](tmp_path / "SDL_aging_512.pth", tmp_path / "out")


def test_missing_unknown_and_misshapen_tensors_are_named(bare):
    for change in ("missing", "unexpected", "misshap"):
        broken = dict(bare)
        if change == "missing":
            del broken["tail.0.bias"]
        elif change == "unexpected":
            broken["extra.weight"] = torch.zeros(1)
        else:
            broken["tail.0.bias"] = torch.zeros(7)
        with pytest.raises(WeightsError, match=change):
            network_of(broken)
    with pytest.raises(WeightsError, match="no SDL network"):
        network_of({"conv.weight": torch.zeros(1)})


def test_records_converters_and_jobs_agree():
    # VGG19 belongs to the losses, it does no job.
    listed = {name for name, record in records().items() if record.system == "sdl"} - {"sdl-vgg19"}
    of_jobs = {record for job in JOBS.values() for record in job.records}
    assert listed == of_jobs and set(CONVERTERS) == set(PUBLISHED) and len(PUBLISHED) == 11
    assert {name for name in listed if records()[name].kind == "published"} == set(PUBLISHED)
    for name, (file, _) in PUBLISHED.items():
        assert records()[name].filename == file
