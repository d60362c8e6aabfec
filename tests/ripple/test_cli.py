"""The command line: every verb on real files, and mistakes that are answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.cli import main
from core.cli.ripple import degree_list, pictures_of
from core.errors import InputError, OptionError
from core.ripple import parts
from core.ripple.pipeline import RipplePipeline
from tests.ripple.conftest import grey_fill, halves


@pytest.fixture
def folder(tmp_path: Path, portrait: Image.Image) -> Path:
    """Two portraits, one of them in a folder below."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    portrait.save(tmp_path / "in" / "b.png")
    portrait.save(tmp_path / "in" / "deep" / "a.jpg")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: Any) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_edit_of_a_folder(
    folder: Path, pipe: RipplePipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(RipplePipeline, "from_record", classmethod(lambda *_: pipe))
    said = run(capsys, "ripple", "edit", folder / "in", "--degrees", "-2", "0,2", "--no-align", "--out", folder / "out")
    assert said["pictures"] == 2
    assert len(said["written"]) == 2 * 3 * 4
    assert (folder / "out/pose/00000_b_-2_clean.png").is_file()
    assert (folder / "out/pose/00001_a_+2_mask.png").is_file()
    whole = Image.open(folder / "out/pose/00000_b_+0_whole.png")
    assert whole.mode == "RGB"


def test_invert(
    folder: Path, pipe: RipplePipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(RipplePipeline, "from_record", classmethod(lambda *_: pipe))
    said = run(capsys, "ripple", "invert", folder / "in/b.png", "--no-align", "--out", folder / "codes")
    assert np.load(folder / "codes/b_codes.npy").shape == (1, 8, 16)
    assert said["mean_psnr_db"] > 0


def test_mask_and_collage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32, 3), np.uint8)
    before[:, :8], after[:, :12] = 255, 255
    for name, array in (("before", before), ("after", after)):
        Image.fromarray(array).save(tmp_path / f"{name}.png")
    paths = [tmp_path / "before.png", tmp_path / "after.png"]
    said = run(capsys, "ripple", "mask", *paths, "--out", tmp_path / "m.png", "--pictures", *paths)
    mask = np.asarray(Image.open(tmp_path / "m.png"))
    assert mask[:, 8:12].min() == 255
    assert mask.mean() == 255 * 4 / 32
    assert len(said["written"]) == 4


def test_inpaint_reads_folders_as_lama_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hole = np.zeros((60, 48), np.uint8)
    hole[20:30, 10:20] = 255
    Image.fromarray(hole).save(folder / "in" / "b_mask001.png")
    run(capsys, "ripple", "inpaint", folder / "in", "--inpainter", "opencv", "--out", folder / "filled")
    filled = np.asarray(Image.open(folder / "filled/b_mask001.png"))
    before = np.asarray(Image.open(folder / "in/b.png"))
    assert (filled[hole == 0] == before[hole == 0]).all()


def test_parse_writes_labels_and_background(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(parts, "choose_parser", lambda *_: (halves, "halves"))
    run(capsys, "ripple", "parse", folder / "in", "--out", folder / "labels")
    labels = np.asarray(Image.open(folder / "labels/b_gray.png"))
    background = np.asarray(Image.open(folder / "labels/b_background.png"))
    assert ((labels == 0) == (background[..., 0] == 255)).all()


def test_training_parts_list_their_options(capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, "ripple", "train", "fusion", "--list")
    assert any(line.startswith("distortion_scale = 0.15") for line in said["options"])


@pytest.mark.parametrize(
    "words",
    [
        ["edit", "nowhere.jpg"],
        ["inpaint", "nowhere.jpg"],
        ["train", "parser", "--option", "batsh=3"],
        ["train", "parser", "--option", "batch"],
        ["train", "parser", "--data", "nowhere"],
    ],
)
def test_mistakes_are_answered(words: list[str], pipe: RipplePipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RipplePipeline, "from_record", classmethod(lambda *_: pipe))
    monkeypatch.setattr(parts, "choose_inpainter", lambda *_: (grey_fill, "grey"))
    assert main(["ripple", *words]) == 2


def test_lists() -> None:
    assert degree_list(["-3", "0,3"]) == [-3, 0, 3]
    with pytest.raises(OptionError, match="numbers"):
        degree_list(["a,b"])
    with pytest.raises(InputError, match="no pictures"):
        pictures_of([str(Path(__file__).parent)])
