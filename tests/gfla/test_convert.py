"""Published files: prefixes, doubled tensors, damage, and back from our layout."""

import pytest
import torch

from core.errors import WeightsError
from core.gfla.paper.convert import CONVERTERS, our_keys
from core.gfla.paper.network import PoseGenerator
from core.weights import convert, load_strict
from tests.gfla.published import checkpoint


def test_a_published_file_becomes_our_layout(tmp_path):
    state = checkpoint("pose_market_G", "gfla-1", prefix="module.")
    torch.save(state, tmp_path / "latest_net_G.pth")
    folder = convert("gfla-market", tmp_path / "latest_net_G.pth", tmp_path / "market")
    network = load_strict(PoseGenerator, folder)
    assert tuple(network.config.attn_layers) == (2,)
    torch.testing.assert_close(network.target.outconv.model[2].weight, state["module.target.outconv.model.2.weight"])
    assert sum(p.numel() for p in network.parameters()) == 12_926_471


def test_doubled_tensors_must_agree():
    state = checkpoint("pose_market_G", "gfla-1")
    state["target.outconv.conv1.bias"] = state["target.outconv.conv1.bias"] + 1
    with pytest.raises(WeightsError, match="damaged"):
        our_keys(state)


def test_other_files_are_refused(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "a.pth")
    with pytest.raises(WeightsError):
        CONVERTERS["gfla-fashion"](tmp_path / "a.pth", tmp_path / "out")
    torch.save(checkpoint("poseflow_G", "gfla-1"), tmp_path / "b.pth")
    with pytest.raises(WeightsError, match="missing"):
        CONVERTERS["gfla-fashion"](tmp_path / "b.pth", tmp_path / "out")
