"""A run that was cut off and resumed equals one that was not, to the bit; in two processes see test_processes."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from core.errors import GpuMemoryError, InputError, OptionError, WeightsError
from core.training import TrainOptions, load_trained, train
from core.training.checkpoint import load, newest
from core.training.journal import PLOT_PX, draw_curve, draw_curves, read_curves
from tests.training.toy import Points, ToyRecipe, assert_same


def options(folder, **changes) -> TrainOptions:
    base = {
        "out": str(folder),
        "steps": 12,
        "batch": 8,
        "log_every": 1,
        "save_every": 4,
        "sample_every": 6,
        "cpu": True,
    }
    return TrainOptions(**{**base, **changes})


def test_resumed_run_equals_uninterrupted_run(tmp_path):
    train(ToyRecipe(), Points(), options(tmp_path / "whole"))
    train(ToyRecipe(), Points(), options(tmp_path / "parts", steps=7))
    train(ToyRecipe(), Points(), options(tmp_path / "parts"))
    assert_same(load(newest(tmp_path / "whole")), load(newest(tmp_path / "parts")))
    assert read_curves(tmp_path / "whole") == read_curves(tmp_path / "parts")


def test_a_run_learns_and_leaves_its_traces(tmp_path):
    said = []
    train(ToyRecipe(), Points(), options(tmp_path, steps=150), lambda fraction, text="": said.append((fraction, text)))
    rows = read_curves(tmp_path)
    assert len(rows) == 150 and rows[-1]["loss"] < 0.5 * rows[0]["loss"]
    assert said[-1][0] == 1 and "loss" in said[-1][1]
    assert len(list(tmp_path.glob("step-*.pt"))) == 2 and len(list((tmp_path / "samples").iterdir())) == 25
    for name in ("run.json", "curves.png", "events"):
        assert (tmp_path / name).exists(), name


def test_a_run_of_other_widths_is_not_resumed(tmp_path):
    options = TrainOptions(out=str(tmp_path), steps=1, batch=2, cpu=True, sample_every=0)
    train(ToyRecipe(), Points(), options)
    wider = ToyRecipe()
    wider.networks["generator"] = torch.nn.Linear(4, 9)
    wider.optimizers["generator"] = torch.optim.Adam(wider.networks["generator"].parameters())
    with pytest.raises(
        WeightsError, match=r"other options than these \(generator does not fill.*--no-resume"
    ) as caught:
        train(wider, Points(), dataclasses.replace(options, steps=2))
    assert len(str(caught.value)) < 700


def test_average_follows_and_loads(tmp_path):
    train(ToyRecipe(), Points(), options(tmp_path))
    averaged, last = ToyRecipe().networks["generator"], ToyRecipe().networks["generator"]
    assert load_trained(tmp_path, {"generator": averaged}) == 12
    load_trained(tmp_path, {"generator": last}, averaged=False)
    gap = (averaged[0].weight - last[0].weight).abs().max()
    assert 0 < gap < 0.2
    with pytest.raises(WeightsError, match="generator, critic"):
        load_trained(tmp_path, {"decoder": nn.Linear(1, 1)})
    with pytest.raises(WeightsError, match="train first"):
        load_trained(tmp_path / "none", {})


class Cramped(ToyRecipe):
    """Its GPU holds `room` items."""

    room = 3

    def step(self, batch, run):
        if len(batch["x"]) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().step(batch, run)


def test_a_batch_that_does_not_fit_becomes_smaller_ones_that_train_the_same(tmp_path, caplog):
    train(Cramped(), Points(), options(tmp_path / "cramped"))
    train(ToyRecipe(), Points(), options(tmp_path / "asked", batch=2, accumulate=4))
    assert_same(load(newest(tmp_path / "cramped")), load(newest(tmp_path / "asked")))
    assert "step 0 did not fit into the GPU's memory: going on with --batch 2 --accumulate 4" in caplog.text
    nothing = Cramped()
    nothing.room = 0
    with pytest.raises(GpuMemoryError, match="does not hold a batch of 1: .*smaller pictures"):
        train(nothing, Points(), options(tmp_path / "nothing"))


def test_mistakes_are_told(tmp_path):
    class Diverging(ToyRecipe):
        def step(self, batch, run):
            run.update("critic", run.networks["critic"](batch["y"]).sum() * float("nan"))
            return {}

    with pytest.raises(InputError, match="smaller learning rate"):
        train(Diverging(), Points(), options(tmp_path))
    with pytest.raises(OptionError, match="batch"):
        train(ToyRecipe(), Points(), options(tmp_path, batch=0))
    (tmp_path / "step-9.pt").write_bytes(b"torn")
    with pytest.raises(WeightsError, match="delete it"):
        train(ToyRecipe(), Points(), options(tmp_path))


def test_a_curve_runs_from_corner_to_corner(tmp_path):
    falling = np.asarray(draw_curve("loss", [(step, 5.0 - step) for step in range(100)])).astype(int)
    rows, columns = np.nonzero(falling[..., 2] - falling[..., 0] > 100)
    assert np.corrcoef(rows, columns)[0, 1] > 0.99
    assert np.ptp(rows) > 0.7 * PLOT_PX[1] and np.ptp(columns) > 0.75 * PLOT_PX[0]
    draw_curves([{"step": 1.0, "a": 1.0, "b": math.nan, "c": 2.0, "d": 3.0}], tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as sheet:
        assert sheet.size == (3 * PLOT_PX[0], 2 * PLOT_PX[1])


class PlainRecipe:
    """A generator and a critic without chance and without batch norm, the generator updated twice a step."""

    averaged = ()

    def __init__(self):
        torch.manual_seed(1)
        self.networks = {"generator": nn.Linear(4, 1), "critic": nn.Linear(1, 1)}
        self.optimizers = {name: torch.optim.SGD(net.parameters(), 0.01) for name, net in self.networks.items()}

    def step(self, batch, run):
        fake = run.networks["generator"](batch["x"])
        run.update("generator", (fake - batch["y"]).square().mean() + run.networks["critic"](fake).mean())
        run.update("critic", run.networks["critic"](batch["y"]).square().mean())
        return {}

    def samples(self, networks):
        return None


class Parts:
    """Twelve points in order: the same items whether a step takes them at once or in parts."""

    def __init__(self):
        self.x = torch.linspace(-1, 1, 48).view(12, 4)
        self.taken = 0

    def draw(self, rng, size):
        x = self.x[self.taken : self.taken + size]
        self.taken = (self.taken + size) % len(self.x)
        return {"x": x, "y": x.sum(1, keepdim=True)}


def test_gradients_of_parts_add_up_to_those_of_the_whole(tmp_path):
    shared = {"steps": 2, "sample_every": 0, "clip_norm": 0.5}
    for name, batch, parts in (("whole", 6, 1), ("parts", 2, 3)):
        train(PlainRecipe(), Parts(), options(tmp_path / name, batch=batch, accumulate=parts, **shared))
    whole, parts = (load(newest(tmp_path / name))["networks"] for name in ("whole", "parts"))
    start = PlainRecipe().networks["critic"].weight
    for network, values in whole.items():
        for key, value in values.items():
            torch.testing.assert_close(parts[network][key], value, rtol=1e-5, atol=1e-6)
    assert not torch.equal(whole["critic"]["weight"], start)
