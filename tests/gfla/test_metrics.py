"""FID and LPIPS: networks by files, numbers that follow the pictures, clear words where files are missing."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.cli import main
from core.errors import WeightsError
from core.gfla.paper import evaluate
from core.metrics import backbone_files
from core.metrics.fid import InceptionPool
from core.metrics.lpips import Lpips


@pytest.fixture
def folders(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("results", "truth"):
        (tmp_path / name).mkdir()
    for index in range(3):
        array = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(array).save(tmp_path / "truth" / f"t{index}.png")
        noisy = array if index else 255 - array
        Image.fromarray(noisy).save(tmp_path / "results" / f"s_2_t{index}_vis.png")
    return tmp_path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Random weights under torchvision's and LPIPS's names."""
    tmp_path = tmp_path_factory.mktemp("backbones")
    torch.manual_seed(0)
    inception, alex = InceptionPool().state_dict(), Lpips().state_dict()
    head = {"AuxLogits.fc.weight": torch.zeros(1), "fc.weight": torch.zeros(1000, 2048)}
    torch.save({**inception, **head}, tmp_path / "inception.pth")
    features = {key.replace("net.layers.", "features."): v for key, v in alex.items() if "layers" in key}
    torch.save({**features, "classifier.1.weight": torch.zeros(4, 4)}, tmp_path / "alexnet.pth")
    own = {f"lin{key[4]}.model.1.weight": v.abs() for key, v in alex.items() if key.startswith("lin")}
    torch.save(own, tmp_path / "alex.pth")
    return evaluate.Backbones(*(str(tmp_path / name) for name in ("inception.pth", "alexnet.pth", "alex.pth")))


@pytest.mark.slow
def test_both_follow_the_pictures(folders, files):
    found, left_out = evaluate.deep_metrics(folders / "results", folders / "truth", files)
    assert not left_out and found["lpips"] > 0 and found["fid"] >= 0
    for index in range(3):
        (folders / "truth" / f"t{index}.png").rename(folders / "results" / f"s_2_t{index}_vis.png")
        Image.open(folders / "results" / f"s_2_t{index}_vis.png").save(folders / "truth" / f"t{index}.png")
    same, _ = evaluate.deep_metrics(folders / "results", folders / "truth", files)
    assert same["lpips"] == pytest.approx(0, abs=1e-6) and same["fid"] == pytest.approx(0, abs=1e-6)


def test_inception_has_the_published_shape(files):
    network = InceptionPool.from_file(Path(files.inception))
    assert network(torch.rand(2, 3, 40, 40)).shape == (2, 2048)
    # torchvision's network without its classifiers.
    assert sum(p.numel() for p in network.parameters()) == 21_785_568


def test_lpips_is_symmetric_and_zero_for_equal_pictures(files):
    judge = Lpips.from_published(*(backbone_files.read_backbone(f) for f in (files.alexnet, files.lpips)))
    a, b = torch.rand(2, 3, 64, 64) * 2 - 1, torch.rand(2, 3, 64, 64) * 2 - 1
    assert torch.allclose(judge(a, b), judge(b, a)) and judge(a, a).abs().max() == 0 and judge(a, b).min() > 0


def test_missing_files_leave_the_measures_out(folders, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(backbone_files.importlib.util, "find_spec", lambda _: None)
    assert main(["gfla", "metrics", str(folders / "results"), str(folders / "truth"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert "fid" not in said and "lpips" not in said and said["pairs"] == 3
    assert len(said["left_out"]) == 2 and "download.pytorch.org" in said["left_out"][0]
    assert main(["gfla", "metrics", str(folders / "results"), str(folders / "truth"), "--inception", "no.pth"]) != 0
    assert "no.pth" in capsys.readouterr().err


def test_other_weights_are_refused(tmp_path, files):
    with pytest.raises(WeightsError, match="not inception"):
        InceptionPool.from_file(Path(files.alexnet))
    with pytest.raises(WeightsError, match="not alexnet"):
        Lpips.from_published(*(backbone_files.read_backbone(f) for f in (files.inception, files.lpips)))
