"""The command line on the shipped weights: every verb that a person types, and mistakes."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from core.cli import main
from core.ui.parts.examples import HEADS
from core.video import read_settings, read_video, write_video
from tests.sdl.conftest import textured


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two pictures, a folder of frames and a clip."""
    folder = tmp_path_factory.mktemp("sdl")
    (folder / "frames").mkdir()
    frames = [textured(70, 46, seed, cell_px=20) for seed in range(3)]
    for index, frame in enumerate(frames):
        frame.save(folder / f"{'abc'[index]}.png")
        frame.save(folder / "frames" / f"{index:04d}.jpg")
    write_video(frames, folder / "clip.mp4", 8)
    return folder


def call(capsys, *words):
    """(exit code, parsed JSON)."""
    code = main(["--json", "sdl", *map(str, words)])
    out = capsys.readouterr().out
    return code, json.loads(out[out.index("{") :])


@pytest.mark.slow
def test_a_video_of_every_job(place, capsys):
    for job, count in (("interpolate", 2), ("morph", 2), ("age", 1), ("toon", 1), ("style", 2)):
        pictures = [sorted(HEADS.glob("*.jpg"))[0]] if job == "age" else [place / "a.png", place / "b.png"][:count]
        code, said = call(capsys, "video", *pictures, "--job", job, "--frames", 3, "--out", place / f"{job}.mp4")
        answered = {"age": "face-retouch", "toon": "drawing"}.get(job, "preview")
        assert code == 0 and said["frames"] == 3 and answered in said["weights"], said
        assert ("note" in said) == (job == "morph"), "without faces a morph says so"
        assert read_settings(place / f"{job}.mp4")["job"] == job
        assert len(list(read_video(place / f"{job}.mp4").frames())) == 3


def test_rate(place, capsys):
    code, said = call(capsys, "rate", place / "clip.mp4", "--factor", 3, "--out", place / "three.mp4")
    assert code == 0 and (said["frames_in"], said["frames_out"]) == (3, 9)
    assert read_video(place / "three.mp4").fps == pytest.approx(24)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("--task", "vfi", "--num", 3), ["01_sdl.png", "02_sdl.png", "03_sdl.png"]),
        (("--task", "morphing", "--num", 1, "--size", 70), ["01_sdl.png"]),
        (("--task", "i2i", "--num", 1, "--size", 64, "--in_ch", 3), ["00_sdl.png", "01_sdl.png"]),
        (("--task", "i2i", "--num", 1, "--size", 64, "--extend_t"), ["00_sdl.png", "01_sdl.png", "02_sdl.png"]),
        (("--task", "style_transfer", "--num", 1), ["01_sdl.png"]),
    ],
    ids=lambda value: str(value[1]) if isinstance(value, tuple) else "",
)
def test_original_options_give_the_original_files(place, capsys, tmp_path, words, names):
    code, said = call(
        capsys, "original", *words, "--source", place / "a.png", "--target", place / "b.png", "--outdir", tmp_path
    )
    assert code == 0 and [file.rsplit("/", 1)[-1] for file in said["files"]] == names
    assert all(np.asarray(Image.open(tmp_path / name)).ndim == 3 for name in names)


def test_original_folder_of_jpg(place, capsys, tmp_path):
    code, said = call(
        capsys, "original", "--task", "vfi-dir", "--num", 1, "--indir", place / "frames", "--outdir", tmp_path
    )
    assert code == 0 and len(said["files"]) == 5
    assert (tmp_path / "002.jpg").read_bytes() == (place / "frames" / "0001.jpg").read_bytes()
    made, fine = Image.open(tmp_path / "001.jpg"), io.BytesIO()
    made.save(fine, "JPEG", quality=95)
    assert made.quantization == Image.open(fine).quantization, "new frames are as fine as quality 95"


def test_original_with_an_absent_checkpoint_says_both_ways_on(place, capsys, tmp_path):
    code = main(
        ["sdl", "original", "--task", "i2i", "--model", str(tmp_path / "SDL_x.pth"), "--source", str(place / "a.png")]
    )
    said = capsys.readouterr().err
    assert code == 2 and "leave --model out" in said and "weights list --system sdl" in said


def test_evaluate_against_the_blend(place, capsys, tmp_path):
    (tmp_path / "set" / "clip").mkdir(parents=True)
    for index in range(3):
        (tmp_path / "set" / "clip" / f"{index}.jpg").write_bytes((place / "frames" / f"{index:04d}.jpg").read_bytes())
    code, network = call(capsys, "evaluate", tmp_path / "set", "--layout", "clips")
    code_blend, blend = call(capsys, "evaluate", tmp_path / "set", "--layout", "clips", "--blend")
    assert code == code_blend == 0 and network["frames"] == blend["frames"] == 1 and blend["weights"] == "plain blend"


def test_train_and_export_and_use(place, capsys, tmp_path):
    for name in "xy":
        (tmp_path / "data" / name).mkdir(parents=True)
        for index in range(3):
            textured(70, 70, index).save(tmp_path / "data" / name / f"{index}.png")
    run, out = tmp_path / "run", tmp_path / "weights"
    same = ("--task", "i2i", "--network", "sdl-toon")
    code, _ = call(
        capsys, "train", *same, "--data", tmp_path / "data", "--objective", "pixels", "--size-px", 64, "--fit", "crop",
        "--batch", 1, "--lr", 0.001, "--steps", 1, "--out", run, "--cpu",
    )  # fmt: skip
    assert code == 0
    code, said = call(capsys, "export", run, *same, "--folder", out, "--title", "My own toons")
    assert code == 0 and said["folder"] == str(out)
    code, said = call(
        capsys,
        "video",
        place / "a.png",
        "--job",
        "toon",
        "--checkpoint",
        out,
        "--frames",
        2,
        "--out",
        tmp_path / "t.mp4",
    )
    assert code == 0 and "My own toons" in said["weights"]


def test_mistakes_exit_with_2(place, capsys, tmp_path):
    for words, text in (
        (("original", "--task", "vfi", "--source", place / "a.png"), "--source and --target"),
        (("original", "--task", "i2i", "--in_ch", 6, "--source", place / "a.png", "--outdir", tmp_path), "in_ch"),
        (("video", place / "a.png", "--job", "morph"), "takes 2"),
        (("video", place / "a.png", "--job", "age", "--weights", "sdl-aging-512"), "sdl-aging-512"),
    ):
        code, said = call(capsys, *words)
        assert code == 2 and text in said["error"], said
