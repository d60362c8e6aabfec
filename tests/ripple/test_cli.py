"""The command line: every verb on real files, and mistakes that are answered."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.cli import main
from core.cli.ripple import degree_list, pictures_of
from core.errors import InputError, OptionError
from core.ripple import components as parts
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
    seam = ("--grow-px", "0", "--feather-px", "0")
    run(capsys, "ripple", "inpaint", folder / "in", "--inpainter", "opencv", *seam, "--out", folder / "filled")
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


def test_masks_of_an_edit_pair_up_again_by_folder(
    folder: Path, pipe: RipplePipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`edit --masks` writes the thesis' two folders of parsed backgrounds, and `mask` reads them as folders."""
    monkeypatch.setattr(RipplePipeline, "from_record", classmethod(lambda *_: pipe))
    words = ["--degrees", "0", "2", "--masks", "--limit", "1", "--no-align", "--out", folder / "out"]
    run(capsys, "ripple", "edit", folder / "in", *words)
    before, after = folder / "out/original_mask", folder / "out/pose_mask"
    assert [p.name for p in before.iterdir()] == [p.name for p in after.iterdir()] == ["00000_b_+2.png"]
    said = run(capsys, "ripple", "mask", before, after, "--side", "both", "--out", folder / "holes")
    assert said["written"] == [str(folder / "holes/00000_b_+2.png")]
    hole, a, b = (
        np.asarray(Image.open(p).convert("L")) for p in (folder / "holes/00000_b_+2.png", *_pair(before, after))
    )
    assert ((hole > 0) == ((a > 127) != (b > 127))).all()
    (after / "00000_b_+2.png").unlink()
    assert main(["ripple", "mask", str(before), str(after), "--out", str(folder / "holes")]) == 2


def _pair(before: Path, after: Path) -> tuple[Path, Path]:
    return before / "00000_b_+2.png", after / "00000_b_+2.png"


@pytest.mark.slow
def test_calibrated_weights_turn_as_far_as_they_are_asked(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half the flow of the shipped weights is measured as half, and set right."""
    from core.ripple.components import load_networks
    from core.ripple.training.calibrate import scale_flow
    from core.weights import save_model

    shipped, record = Path(__file__).parents[2] / "weights/ripple-preview", tmp_path / "record"
    shutil.copytree(shipped, record)
    pre_aligner = load_networks(record, ["pre_aligner"])["pre_aligner"]
    scale_flow(pre_aligner, 0.5)
    save_model(pre_aligner, record / "pre_aligner")
    said = run(capsys, "ripple", "calibrate", record, "--data", shared_data, "--heads", "3")
    assert 0.35 < said["share_before"] < 0.65
    assert abs(said["share_after"] - 1) < 1e-3
