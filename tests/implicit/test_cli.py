"""The command line of the implicit morph."""

import json

import pytest

from core.cli import main


def said(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_fit_render_and_video(tmp_path, heads, capsys):
    pair = [str(path) for path in heads[:2]]
    fit, frames = tmp_path / "fit", tmp_path / "frames"
    assert main(["implicit", "fit", *pair, "--size-px", "96", "--out", str(fit), "--json"]) == 0
    assert said(capsys)["folded_share"] == 0
    words = [
        "implicit",
        "render",
        str(fit),
        "-t",
        "0",
        "0.5",
        "-b",
        "linear",
        "max",
        "-l",
        "--out",
        str(frames),
        "--json",
    ]
    assert main(words) == 0
    assert len(said(capsys)["frames"]) == 4 and (frames / "frame_0.5_max_landmarks.png").is_file()
    assert main(["implicit", "video", str(fit), "--frames", "3", "--out", str(tmp_path / "m.mp4"), "--json"]) == 0
    assert said(capsys)["frames"] == 3 and (tmp_path / "m.mp4").stat().st_size > 0


@pytest.mark.slow
def test_landmarks_and_experiment(tmp_path, heads, capsys):
    pair = [str(path) for path in heads[:2]]
    words = ["implicit", "landmarks", *pair, "--pair", "--experiment", "--plot", "--out", str(tmp_path), "--json"]
    assert main(words) == 0
    files = said(capsys)["files"]
    assert len(files) == 3 and (tmp_path / f"{heads[0].stem}_landmarks.png").is_file()
    words = ["implicit", "fit", *pair, "--source-landmarks", files[0], "--target-landmarks", files[1]]
    assert main([*words, "--size-px", "64", "--out", str(tmp_path / "fit"), "--json"]) == 0


@pytest.mark.slow
def test_batch_align_poisson_and_image_fit(tmp_path, heads, capsys):
    (tmp_path / "pairs.txt").write_text(f"{heads[0].stem} {heads[1].stem}\n")
    words = ["implicit", "batch", str(tmp_path / "pairs.txt"), "--pictures", str(heads[0].parent), "--size-px", "64"]
    assert main([*words, "--no-reconstruction", "--out", str(tmp_path / "out"), "--json"]) == 0
    assert said(capsys)["done"] == 1
    assert main(["implicit", "align", str(heads[0]), str(tmp_path / "aligned"), "--output-size", "64", "--json"]) == 0
    assert len(said(capsys)["aligned"]) == 1
    for extra in ((), ("--neural", "--epochs", "1")):
        words = ["implicit", "poisson", *map(str, heads[:2]), "--size-px", "64", "-g", "avgclone", *extra]
        assert main([*words, "--out", str(tmp_path / "p.png"), "--json"]) == 0
        assert (tmp_path / "p.png").is_file()
        capsys.readouterr()
    words = ["implicit", "image-fit", str(heads[0]), "--dims", "12", "10", "--steps", "2", "--width", "16"]
    assert main([*words, "--out", str(tmp_path / "nets"), "--json"]) == 0
    net = tmp_path / "nets" / f"{heads[0].stem}.pth"
    assert net.is_file()
    assert (
        main(["implicit", "image-fit", str(net), "--dims", "20", "20", "--out", str(tmp_path / "drawn"), "--json"]) == 0
    )


@pytest.mark.parametrize(
    "words",
    [
        ("fit", "one.jpg", "two.jpg"), ("fit", "a", "b", "c"), ("render", "nothing-here"), ("batch", "none.txt"),
        ("poisson", "a.jpg", "b.jpg", "-g", "unknown"), ("align", "nowhere", "out"),
    ],
)  # fmt: skip
def test_mistakes_end_with_code_2(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["implicit", *words]) == 2
    assert "error:" in capsys.readouterr().err
