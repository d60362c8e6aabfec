"""The command line on tiny weights: every verb, its files, and its messages."""

import json

import pytest

from core.cli import main
from core.video import read_settings
from core.weights import save_model
from tests.gfla import tiny


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    save_model(tiny.generator(attn_layers=(2, 3), kernel_sizes=(3, 3)), folder)
    return str(folder)


@pytest.fixture
def person(tmp_path):
    points = tiny.points("standing", (160, 110))
    tiny.figure(points, (160, 110)).save(tmp_path / "me.png")
    (tmp_path / "me.json").write_text(json.dumps(points.tolist()))
    (tmp_path / "goal.json").write_text(json.dumps((points + 3).tolist()))
    return tmp_path


def run(capsys, *words):
    code = main([*map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_generate_writes_a_picture_and_its_explanation(capsys, person, weights):
    code, said = run(
        capsys, "gfla", "generate", person / "me.png", "--pose", "arms spread", "--pose", person / "goal.json",
        "--points", person / "me.json", "--checkpoint", weights, "--out", person / "out.png", "--explain", person / "why.png",
        "--height-px", 64,
    )  # fmt: skip
    assert code == 0 and said["poses"] == 2
    assert read_settings(person / "out.png")["poses"][0] == "arms spread" and (person / "why.png").exists()


def test_generate_writes_a_video(capsys, person, weights):
    code, _ = run(
        capsys, "gfla", "generate", person / "me.png", "--pose", "walking", "--points", person / "me.json",
        "--checkpoint", weights, "--out", person / "out.gif", "--frames", 3, "--height-px", 64,
    )  # fmt: skip
    assert code == 0 and read_settings(person / "out.gif")["system"] == "gfla"


def test_test_and_metrics(capsys, tmp_path, weights, monkeypatch):
    (tmp_path / "test").mkdir()
    skeletons = {f"{name}.jpg": tiny.points(name, (128, 64)) for name in ("standing", "walking")}
    for name, skeleton in skeletons.items():
        tiny.figure(skeleton, (128, 64)).save(tmp_path / "test" / name)
    tiny.write_annotations(skeletons, tmp_path / "market-annotation-test.csv")
    (tmp_path / "market-pairs-test.csv").write_text("from,to\nstanding.jpg,walking.jpg\nwalking.jpg,standing.jpg\n")
    code, said = run(
        capsys, "gfla", "test", "--task", "market", "--data", tmp_path, "--out", tmp_path / "out", "--checkpoint", weights
    )  # fmt: skip
    assert code == 0 and said["pairs"] == 2 and (tmp_path / "out" / "standing_2_walking_vis.jpg").exists()
    code, said = run(capsys, "gfla", "metrics", tmp_path / "out", tmp_path / "test")
    assert code == 0 and said["pairs"] == 2 and 0 < said["ssim"] < 1 and "bicubic" in said["protocol"]


def test_poses_are_listed(capsys):
    assert "arms spread" in run(capsys, "gfla", "poses")[1]["poses"]


@pytest.mark.parametrize(
    "words, said",
    [
        (("views", "me.png", "--weights", "gfla-chair"), "gfla-chair"),
        (("generate", "me.png", "--pose", "walking", "--points", "nothing.json"), "18"),
        (("metrics", "nowhere", "nowhere"), "holds no results"),
    ],
)
def test_mistakes_end_with_2(capsys, person, monkeypatch, words, said, tmp_path):
    monkeypatch.chdir(person)
    monkeypatch.setenv("MORPHOSPACE_CACHE", str(tmp_path / "cache"))
    code, answer = run(capsys, "gfla", *words)
    assert code == 2 and said in answer["error"]
