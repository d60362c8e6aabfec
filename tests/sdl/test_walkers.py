"""Sequences of walking figures, on a small data pack made here."""

import csv
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError
from core.sdl.data.sequences import frames_of, sequence_folders
from core.sdl.data.walkers import make_walkers, people, walk
from tests.sdl.conftest import textured


def stored(archive, name, picture, kind):
    stream = io.BytesIO()
    picture.save(stream, kind)
    archive.writestr(name, stream.getvalue())


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walkers")
    for name in ("content.zip", "pets.zip"):
        with zipfile.ZipFile(folder / name, "w") as archive:
            for index in range(3):
                stored(archive, f"{index}.jpg", textured(160, 160, index), "JPEG")
    with zipfile.ZipFile(folder / "people.zip", "w") as archive, (folder / "people.csv").open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(["file", "split"])
        mask = np.zeros((64, 44), np.uint8)
        mask[8:56, 14:30] = 3
        for split, grey in (("train", 200), ("test", 40)):
            stored(archive, f"images/{split}_0.jpg", Image.new("RGB", (44, 64), (grey,) * 3), "JPEG")
            stored(archive, f"masks/{split}_0.png", Image.fromarray(mask), "PNG")
            writer.writerow([f"{split}_0.jpg", split])
    return folder


def test_people_of_the_training_split_alone_are_cut_out(pack):
    for picture, mask in people(pack, 5, np.random.default_rng(0)):
        assert picture.shape == (64, 44, 3) and picture.mean() > 150
        assert mask[32, 22] == 1 and mask[2, 2] == 0 and 0 < mask.sum() < 48 * 16


def test_walkers_cross_mostly_still_backgrounds(pack, tmp_path):
    make_walkers(pack, tmp_path / "out", 12, 96, 1)
    folders, still = sequence_folders([tmp_path / "out"]), 0
    for folder in folders:
        frames = np.stack([np.asarray(Image.open(file)).astype(float) for file in frames_of(folder)])
        assert frames.shape == (7, 96, 96, 3)
        change = np.abs(frames[0] - frames[-1]).mean(2)
        assert change.max() > 30
        still += np.quantile(change, 0.25) < 5
    assert len(folders) == 12 and 3 <= still <= 11


def test_a_walk_leads_mostly_sideways():
    rng = np.random.default_rng(0)
    shifts = np.abs([walk(64, rng).shift_px for _ in range(200)])
    assert np.median(shifts[:, 0]) > 3 * np.median(shifts[:, 1]) and shifts[:, 0].max() > 30


def test_a_pack_without_people_says_so(tmp_path):
    with pytest.raises(InputError, match="people.zip"):
        next(people(tmp_path, 1, np.random.default_rng(0)))
