"""What is shipped of a run: averaged weights, a card that says where they come from, checksums."""

import json

import pytest
import torch

from core.errors import WeightsError
from core.training import Card, TrainOptions, export, load_trained, train
from core.weights import check_seal, load_strict
from tests.training.toy import Points, ToyRecipe
from tests.weights.conftest import ToyNetwork

CARD = Card("Toys", "toy", "Adds numbers.", "random numbers (CC0)", "CC0 1.0", "Four numbers only.", "cc0-1.0")


class NetworkRecipe(ToyRecipe):
    """The toy with a network that has a config."""

    def __init__(self):
        super().__init__()
        self.networks["generator"] = ToyNetwork()
        self.optimizers["generator"] = torch.optim.Adam(self.networks["generator"].parameters(), 1e-2)

    def step(self, batch, run):
        loss = run.networks["generator"].last(batch["x"].repeat(1, 2)).square().mean()
        run.update("generator", loss)
        return {"loss": loss}

    def samples(self, networks):
        return None


def trained(folder, **changes) -> str:
    options = {"out": str(folder), "steps": 6, "save_every": 3, "cpu": True, "log_every": 1}
    return str(train(NetworkRecipe(), Points(), TrainOptions(**{**options, **changes})))


def test_the_average_is_exported_with_card_curves_and_seal(tmp_path):
    run = trained(tmp_path / "run")
    folder = export(run, {"generator": ToyNetwork()}, tmp_path / "weights" / "toy", CARD)
    wanted = ToyNetwork()
    load_trained(run, {"generator": wanted})
    assert torch.equal(load_strict(ToyNetwork, folder).last.weight, wanted.last.weight)
    assert check_seal(folder) == 2 and (folder / "curves.png").is_file()
    card = (folder / "README.md").read_text()
    for part in ("# Toys", "license: cc0-1.0", "random numbers (CC0)", "| steps | 6 |", "seed=0", "Four numbers only."):
        assert part in card
    assert str(tmp_path) not in card


def test_several_networks_get_a_folder_each(tmp_path):
    run = trained(tmp_path / "run", ema_decay=0.5)
    folder = export(run, {"generator": ToyNetwork()}, tmp_path / "one", CARD, averaged=False)
    assert (folder / "config.json").is_file()
    with pytest.raises(WeightsError, match="no network 'other'"):
        export(run, {"generator": ToyNetwork(), "other": ToyNetwork()}, tmp_path / "two", CARD)
    with pytest.raises(WeightsError, match="does not fill"):
        export(run, {"generator": ToyNetwork(width=3)}, tmp_path / "three", CARD)


def test_a_resumed_run_remembers_its_starts(tmp_path):
    trained(tmp_path, steps=3)
    trained(tmp_path, steps=6)
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["resumed_from_step"] == 3 and facts["options"]["steps"] == 6
    assert [start["options"]["steps"] for start in facts["earlier"]] == [3]


def test_a_folder_without_a_run_is_told(tmp_path):
    with pytest.raises(WeightsError, match="train first"):
        export(tmp_path, {"generator": ToyNetwork()}, tmp_path / "out", CARD)
