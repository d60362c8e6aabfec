"""Every trainer in two processes: one start, one mean gradient, and a run that was cut off equals one that was not."""

import json

import pytest
import torch

from core.training import train
from core.training.checkpoint import load, newest
from tests.training.everyone import TRAINERS
from tests.training.toy import assert_same, launch_two

pytestmark = pytest.mark.slow
# One of each system by default, the others in the exhaustive run: all share one loop.
BY_DEFAULT = (
    "toy",
    "crossbreed heads",
    "pet heads",
    "gfla limb flow",
    "gfla face",
    "sdl pixels",
    "sdl adversarial",
    "ripple fusion",
)


@pytest.fixture(scope="module")
def runs(request, tmp_path_factory):
    """Two steps of the trainers that are asked for, and once more the second step alone from the first one's checkpoint."""
    asked = {item.callspec.params.get("trainer") for item in request.session.items if hasattr(item, "callspec")}
    folder = tmp_path_factory.mktemp("runs")
    launch_two({name: job for name, job in TRAINERS.items() if name in asked or name == "toy"}, folder)
    return folder


@pytest.mark.parametrize(
    "trainer",
    [pytest.param(name, marks=() if name in BY_DEFAULT else pytest.mark.exhaustive) for name in TRAINERS],
)
def test_two_processes_end_alike_and_go_on_exactly(runs, trainer):
    folder = runs / trainer
    whole, parts = (load(newest(folder / name)) for name in ("whole", "parts"))
    assert whole["step"] == parts["step"] == 2
    assert_same(whole, parts)
    ended = [json.loads((folder / f"process-{rank}.json").read_text()) for rank in (0, 1)]
    assert ended[0] == ended[1]
    first = load(folder / "parts" / "step-1.pt")["networks"]
    assert any(not torch.equal(first[name][key], whole["networks"][name][key]) for name in first for key in first[name])


def test_the_second_process_counts(runs, tmp_path):
    recipe, source, options = TRAINERS["toy"](str(tmp_path), 2)
    train(recipe, source, options)
    alone, both = (load(newest(folder))["networks"]["critic"] for folder in (tmp_path, runs / "toy" / "whole"))
    assert not torch.equal(alone["weight"], both["weight"])
