"""Reading and writing weights: every tensor accounted for, no code run, damage told."""

import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.errors import OptionError, WeightsError
from core.weights import check_seal, fill_strict, load_strict, open_checkpoint, save_model, seal, state_dict_of
from tests.weights.conftest import ToyNetwork


@pytest.fixture
def saved(tmp_path):
    network = ToyNetwork(width=16).to(memory_format=torch.channels_last)
    return network, save_model(network, tmp_path / "toy")


def test_a_network_comes_back_to_the_bit(saved):
    network, folder = saved
    again = load_strict(ToyNetwork, folder)
    assert again.config.width == 16 and not again.training
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_large_networks_are_sharded(tmp_path):
    network = ToyNetwork(width=64)
    folder = save_model(network, tmp_path, max_shard_size="4KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert torch.equal(load_strict(ToyNetwork, folder).last.weight, network.last.weight)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("first.weight"), "1 missing: first.weight"),
        (lambda state: state.update(more=torch.ones(2)), "1 unexpected: more"),
        (lambda state: state.update({"last.bias": torch.ones(7)}), "1 misshaped: last.bias"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(saved, change, said):
    (file,) = saved[1].glob("*.safetensors")
    state = load_file(file)
    change(state)
    save_file(state, file)
    with pytest.raises(WeightsError, match=said):
        load_strict(ToyNetwork, saved[1])


def test_a_cut_file_and_an_empty_folder_are_told(saved, tmp_path):
    (file,) = saved[1].glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(WeightsError, match="cannot be loaded as ToyNetwork"):
        load_strict(ToyNetwork, saved[1])
    with pytest.raises(WeightsError, match=r"no config\.json"):
        load_strict(ToyNetwork, tmp_path, subfolder="nothing")


def test_first_five_and_the_number_of_the_rest():
    with pytest.raises(WeightsError, match="7 unexpected: a, b, c, d, e and 2 more"):
        fill_strict(torch.nn.Identity(), dict.fromkeys("abcdefg", torch.ones(1)))


def test_checkpoints_of_tensors_and_plain_values_open(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"G": {"w": torch.ones(2)}, "iter": 3}, path)
    assert open_checkpoint(path)["iter"] == 3
    torch.save({"w": torch.ones(2)}, path, _use_new_zipfile_serialization=False)
    assert open_checkpoint(path)["w"].sum() == 2
    save_file({"w": torch.ones(3)}, tmp_path / "a.safetensors")
    assert open_checkpoint(tmp_path / "a.safetensors")["w"].sum() == 3


class Foreign:
    """A class of another package, as lightning leaves it in its checkpoints."""


class Evil:
    def __reduce__(self):
        return (print, ("code was run",))


def test_a_pickle_that_runs_code_is_refused(tmp_path, capsys):
    torch.save({"w": torch.ones(2), "evil": Evil()}, tmp_path / "evil.pt")
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps({"evil": Evil()}))
    for name in ("evil.pt", "plain.pkl"):
        with pytest.raises(WeightsError, match=f"{name} .*refused"):
            open_checkpoint(tmp_path / name)
    with pytest.raises(WeightsError, match="refused"):
        open_checkpoint(tmp_path / "evil.pt", inert=("tests.",))
    assert capsys.readouterr().out == ""


def test_foreign_classes_become_inert_on_request(tmp_path):
    torch.save({"state_dict": {"w": torch.ones(2)}, "callbacks": {Foreign: Foreign()}}, tmp_path / "lit.ckpt")
    with pytest.raises(WeightsError, match="refused"):
        open_checkpoint(tmp_path / "lit.ckpt")
    opened = open_checkpoint(tmp_path / "lit.ckpt", inert=("tests.",))
    assert state_dict_of(opened)["w"].sum() == 2
    assert not any(isinstance(value, Foreign) for value in opened["callbacks"].values())


@pytest.mark.parametrize("content", [b"", b"\x80\x02", b"PK\x03\x04 not a zip", b"random words", bytes(1000)])
def test_damaged_files_are_told(tmp_path, content):
    for name in ("a.pt", "a.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError, match=f"{name} .*fetch it again|refused"):
            open_checkpoint(tmp_path / name)


def test_a_truncated_checkpoint_and_a_web_page_are_told(tmp_path):
    torch.save({"w": torch.ones(1000)}, tmp_path / "a.pt")
    (tmp_path / "a.pt").write_bytes((tmp_path / "a.pt").read_bytes()[:2000])
    with pytest.raises(WeightsError, match="damaged, incomplete or no checkpoint"):
        open_checkpoint(tmp_path / "a.pt")
    (tmp_path / "page.pt").write_text("\n <!DOCTYPE html><html></html>")
    with pytest.raises(WeightsError, match="is a web page"):
        open_checkpoint(tmp_path / "page.pt")
    with pytest.raises(WeightsError, match="does not exist"):
        open_checkpoint(tmp_path / "none.pt")


@pytest.mark.parametrize(
    "wrap", [lambda s: s, lambda s: {"params": s}, lambda s: {"params": {"other": 1}, "params_ema": s}]
)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_state_dicts_are_unwrapped(wrap, prefix):
    state = {f"{prefix}a.weight": torch.ones(1), f"{prefix}b": torch.ones(2)}
    assert list(state_dict_of(wrap(state))) == ["a.weight", "b"]


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [torch.ones(1)], torch.ones(1)])
def test_what_is_no_state_dict_is_told(content):
    with pytest.raises(WeightsError, match="holds no state dict"):
        state_dict_of(content)


def test_a_seal_notices_every_change(saved):
    folder = saved[1]
    with pytest.raises(WeightsError, match="has no SHA256SUMS"):
        check_seal(folder)
    seal(folder)
    assert check_seal(folder) == 2
    (folder / "extra.safetensors").write_bytes(b"x")
    with pytest.raises(WeightsError, match="extra.safetensors is not listed"):
        check_seal(folder)
    (folder / "extra.safetensors").unlink()
    (folder / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"config\.json changed"):
        check_seal(folder)


def test_unknown_names_are_refused_with_the_nearest():
    from core.weights import record

    with pytest.raises(OptionError, match="did you mean 'crossbreed-dog'"):
        record("crossbreed-dogs")
