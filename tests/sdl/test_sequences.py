"""The makers of training sequences, on a small data pack made here."""

import csv
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError
from core.sdl.data.faces import (
    add_guides,
    add_motions,
    fetch_map,
    landmark_morph,
    make_heads,
    make_landmark_morphs,
)
from core.sdl.data.moving_planes import LINES, Motion, make_moved, make_windows
from core.sdl.data.sequences import frames_of, read_zip, sequence_folders, write_sequence
from core.sdl.data.toons import make_toons, toonify
from core.ui.parts.examples import HEADS
from core.video import write_video
from tests.sdl.conftest import textured


def jpeg(picture):
    stream = io.BytesIO()
    picture.save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """The data pack's files, two pictures each."""
    folder = tmp_path_factory.mktemp("pack")
    for name in ("content.zip", "pets.zip", "style.zip", "faces.zip"):
        with zipfile.ZipFile(folder / name, "w") as archive:
            for index in range(2):
                archive.writestr(f"neutral/{index}.jpg", jpeg(textured(120, 120, index)))
    rng = np.random.default_rng(0)
    points = rng.uniform(20, 100, (2, 189, 2)).astype(np.float32)
    points[1] = points[0] + 6
    np.savez(folder / "faces_landmarks.npz", files=["neutral/0.jpg", "neutral/1.jpg"], points=points)
    with zipfile.ZipFile(folder / "heads.zip", "w") as archive, (folder / "heads.csv").open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(["file", "set", "identity", "step", "split", "hair"])
        for identity, hair in (("a0001", "short"), ("a0002", "short>long")):
            for step in range(4):
                archive.writestr(f"images/{identity}_{step}.jpg", jpeg(textured(32, 32, step)))
                writer.writerow([f"{identity}_{step}.jpg", "age", identity, step, "train", hair])
    return folder


def test_moved_pictures(pack, tmp_path):
    make_moved(pack, tmp_path / "moved", 2, 64, 1)
    folders = sequence_folders([tmp_path / "moved"])
    frames = [np.asarray(Image.open(file)).astype(float) for file in frames_of(folders[0])]
    assert len(folders) == 2 and len(frames) == 7 and frames[0].shape == (64, 64, 3)
    assert np.abs(frames[0] - frames[-1]).mean() > np.abs(frames[0] - frames[1]).mean() > 0


def test_lines_are_thin_and_alone(pack, tmp_path):
    for name, shapes in (("bare", (1.0, 0.0, 0.0)), ("lines", LINES)):
        make_moved(pack, tmp_path / name, 1, 64, 1, shapes)
    bare, lines = (
        np.asarray(Image.open(frames_of(sequence_folders([tmp_path / name])[0])[3])).astype(float)
        for name in ("bare", "lines")
    )
    assert 0.005 < (np.abs(lines - bare).max(2) > 24).mean() < 0.15


def test_a_plain_shift_moves_its_content_along():
    motion = Motion(np.array([8.0, 0.0]), 0.0, 0.0, np.zeros((16, 16, 2), np.float32))
    maps = motion.maps(0.5)
    assert np.allclose(maps[..., 0] - np.arange(16), -4) and np.allclose(maps[..., 1] - np.arange(16)[:, None], 0)


def test_windows_leave_out_stills_and_cuts(tmp_path):
    whole = np.asarray(textured(400, 64, cell_px=24))
    moving = [Image.fromarray(np.ascontiguousarray(whole[:, i : i + 96])) for i in range(16)]
    still = [moving[0]] * 16
    cut = [textured(96, 64, 5 + i // 8) for i in range(16)]
    found = {}
    for name, frames in (("moving", moving), ("still", still), ("cut", cut)):
        path = write_video(frames, tmp_path / f"{name}.mp4", 10)
        found[name] = make_windows(path, tmp_path / name, 5, 48, 1)
    assert found["moving"] > 0 and found["still"] == 0 and found["cut"] == 0


def test_toons_grow_and_flatten(pack, tmp_path):
    photo = np.asarray(textured(96, 96)).copy()
    photo[:, 48:] = 255 - photo[:, 48:] // 4
    noisy = np.clip(photo.astype(int) + np.random.default_rng(0).integers(-9, 10, photo.shape), 0, 255).astype(np.uint8)
    toon = toonify(noisy)
    assert np.abs(toonify(noisy, 0.0).astype(int) - noisy).max() <= 2
    inner = (slice(10, 80), slice(60, 90))
    assert (
        np.abs(np.diff(toon[inner].astype(int), axis=0)).mean()
        < np.abs(np.diff(noisy[inner].astype(int), axis=0)).mean()
    )
    make_toons(pack, tmp_path / "toon", 1, 64, 1)
    assert len(frames_of(sequence_folders([tmp_path / "toon"])[0])) == 5


def test_landmark_morphs_meet_their_ends(pack, tmp_path):
    pictures = [np.asarray(textured(64, 64, seed)) for seed in range(2)]
    points = np.random.default_rng(1).uniform(10, 54, (30, 2))
    frames = landmark_morph(pictures, [points, points + 3])
    assert np.abs(frames[0].astype(int) - pictures[0]).mean() < 2
    assert np.abs(frames[-1].astype(int) - pictures[1]).mean() < 2
    fetch = fetch_map(points, points + 3, 64)
    middle = fetch[30:34, 30:34] - np.stack(np.meshgrid(np.arange(30, 34), np.arange(30, 34)), -1)
    assert np.allclose(middle, 3, atol=0.7)
    make_landmark_morphs(pack, tmp_path / "faces", 1, 64, 1)
    assert len(frames_of(sequence_folders([tmp_path / "faces"])[0])) == 7


def test_heads_without_crossfaded_hair(pack, tmp_path):
    assert make_heads(pack, tmp_path / "heads", "age") == 1
    assert len(frames_of(tmp_path / "heads" / "a0001")) == 4
    with pytest.raises(InputError, match="no sequences of kind"):
        make_heads(pack, tmp_path / "none", "morph")


@pytest.mark.slow
def test_faces_get_motions_and_guides_and_other_sequences_none(tmp_path):
    heads = [np.asarray(Image.open(file).convert("RGB")) for file in sorted(HEADS.glob("*.jpg"))[:3]]
    write_sequence(tmp_path / "faces", heads)
    write_sequence(tmp_path / "patterns", [np.asarray(textured(64, 64, seed)) for seed in range(3)])
    assert add_motions(tmp_path) == 1 and add_guides(tmp_path) == 1
    motion, guides = np.load(tmp_path / "faces" / "motion.npy"), np.load(tmp_path / "faces" / "guides.npy")
    assert motion.shape == (8, 160, 160) and guides.shape == (3, 4, 160, 160)
    person, oval = guides[0, 2].astype(float), guides[0, 3].astype(float)
    assert oval[80:90, 75:85].mean() > 0.9 and oval[:10].max() < 0.01, "the face is in the middle of a training head"
    assert oval.mean() < person.mean() < 0.9
    assert not (tmp_path / "patterns" / "motion.npy").exists() and not (tmp_path / "patterns" / "guides.npy").exists()


def test_splits_share_no_picture(tmp_path):
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for index in range(40):
            archive.writestr(f"pet_{index}.jpg", jpeg(textured(24, 24, index)))
    train, test, every = (read_zip(tmp_path / "pets.zip", None, split) for split in ("train", "test", "all"))
    assert len(every) == 40 and not train.keys() & test.keys() and train.keys() | test.keys() == every.keys()
    assert 1 <= len(test) <= 12
    with pytest.raises(InputError, match="split"):
        read_zip(tmp_path / "pets.zip", None, "half")
