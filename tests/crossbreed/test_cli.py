"""The command line: every verb on tiny weights, the official options and names, mistakes."""

import json

import numpy as np
import pytest
from PIL import Image

from core.cli import main
from core.video import read_settings, read_video, write_video
from core.weights import save_model
from tests.crossbreed.tiny import picture, pipeline


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with tiny weights and three pictures."""
    folder = tmp_path_factory.mktemp("crossbreed")
    save_model(pipeline().generator, folder / "weights")
    for index, name in enumerate("abc"):
        picture(index, 90, 80).save(folder / f"{name}.png")
    return folder


def call(place, capsys, verb, *words):
    """Run a verb on tiny weights; (exit code, parsed JSON)."""
    code = main(["--json", "crossbreed", verb, *map(str, words)])
    out = capsys.readouterr().out
    return code, json.loads(out[out.index("{") :])


def common(place):
    return ["--checkpoint", place / "weights", "--crop", "middle", "--size-px", "64"]


def test_morph_to_video(place, capsys):
    code, said = call(
        place,
        capsys,
        "morph",
        place / "a.png",
        place / "b.png",
        *common(place),
        "--frames",
        5,
        "--out",
        place / "m.mp4",
    )
    assert code == 0 and said["frames"] == 5
    assert len(list(read_video(place / "m.mp4").frames())) == 5
    assert read_settings(place / "m.mp4")["system"] == "crossbreed"


def test_official_options_give_the_official_files(place, capsys):
    out = place / "frames"
    code, said = call(
        place, capsys, "morph", place / "a.png", place / "b.png", *common(place), "--niter", 1, "--out", out
    )
    assert code == 0 and said["files"][:3] == ["out_tensor(0.).png", "out_tensor(0.5000).png", "out_tensor(1.).png"]
    code, said = call(
        place, capsys, "morph", place / "a.png", place / "b.png", *common(place), "--niter", 0, "--disentangled", "--tau", 0.3,
        "--out", place / "grid",
    )  # fmt: skip
    assert code == 0 and len(said["files"]) == 6 and "out_tensor(1.)_tensor(0.).png" in said["files"]
    assert all((place / "grid" / name).exists() for name in said["files"])
    ends = [np.asarray(Image.open(out / name)) for name in ("x_A.png", "out_tensor(0.).png")]
    assert np.array_equal(*ends), "exact ends are on by default"


@pytest.mark.slow
def test_grid_chain_transfer(place, capsys):
    a, b, c = (place / f"{name}.png" for name in "abc")
    assert call(place, capsys, "grid", a, b, *common(place), "--count", 3, "--out", place / "g.png")[0] == 0
    assert Image.open(place / "g.png").size == (3 * 64 + 8, 3 * 64 + 8)
    assert (
        call(place, capsys, "chain", a, b, c, *common(place), "--closed", "--frames", 7, "--out", place / "c.gif")[0]
        == 0
    )
    assert call(place, capsys, "transfer", a, b, *common(place), "--out", place / "t.png")[0] == 0
    assert read_settings(place / "t.png")["crop"] == "middle"


def test_interpolate(place, capsys):
    write_video([picture(index, 64, 48) for index in range(3)], place / "clip.mp4", 10)
    code, said = call(place, capsys, "interpolate", place / "clip.mp4", *common(place), "--out", place / "smooth.mp4")
    assert code == 0 and said["fps"] == 20
    assert len(list(read_video(place / "smooth.mp4").frames())) == 5


@pytest.mark.slow
def test_train_and_export(place, capsys):
    for index in range(4):
        (place / "photos" / "cat").mkdir(parents=True, exist_ok=True)
        picture(index).save(place / "photos" / "cat" / f"{index}.png")
    sizes = [
        "--img-size",
        64,
        "--n-f",
        4,
        "--max-style-f",
        16,
        "--n-mlp-f",
        8,
        "--n-mlp-blks",
        0,
        "--n-res",
        2,
        "--cpu",
    ]
    code, said = call(
        place, capsys, "train", "--data", "photos", "--from", place / "photos", "--out", place / "run", "--steps", 1, *sizes,
        "--sample-every", 0,
    )  # fmt: skip
    assert code == 0 and said["classes"] == ["cat"]
    assert (
        call(place, capsys, "export", "--run", place / "run", "--to", place / "mine", "--trained-on", "noise")[0] == 0
    )
    code, _ = call(
        place, capsys, "transfer", place / "a.png", place / "b.png", "--checkpoint", place / "mine", "--crop", "middle",
        "--out", place / "mine.png",
    )  # fmt: skip
    assert code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--box", "1,2,3"], "boxes came with 2 pictures"),
        (["--box", "1,2,3", "--box", "auto"], "four numbers"),
        (["--tau", "5"], "tau is 5.0"),
        (["--niter", "-3"], "0 or more"),
    ],
)
def test_mistakes_are_told(place, capsys, words, said):
    code, answer = call(place, capsys, "morph", place / "a.png", place / "b.png", *common(place), *words)
    assert code == 2 and said in answer["error"]


def test_missing_picture_is_told(place, capsys):
    code, answer = call(place, capsys, "morph", place / "a.png", place / "none.png", *common(place))
    assert code == 2 and "does not exist" in answer["error"]


def test_unconverted_checkpoint_is_told_how_to_convert(place, capsys):
    words = [place / "a.png", place / "b.png", "--checkpoint", "best_00174000.pt"]
    code = main(["crossbreed", "morph", *map(str, words)])
    assert code != 0 and "weights convert crossbreed-dog" in capsys.readouterr().err
