"""Training data are the same from a folder, a zip and tar shards, and no more of them is kept than the budget allows."""

import pickle
import tarfile
import zipfile

import numpy as np
import pytest
import torch

from core.crossbreed.data.photos import read_folders
from core.crossbreed.data.sequences import SequenceFolders
from core.errors import InputError
from core.sdl.data.datasets import SequenceSource, StylePairs
from core.training.store import OnDemand, data_root, part_of
from tests.crossbreed.tiny import picture


@pytest.fixture
def kinds(tmp_path):
    """The same four class folders of four pictures as a folder, a zip, one tar, and a folder of three shards."""
    root = tmp_path / "plain"
    for index in range(16):
        file = root / "abcd"[index % 4] / f"{index:02d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(index).save(file)
    files = sorted(file for file in root.rglob("*.png"))
    (tmp_path / "shards").mkdir()
    with tarfile.open(tmp_path / "one.tar", "w") as tar, zipfile.ZipFile(tmp_path / "one.zip", "w") as packed:
        for file in files:
            packed.write(file, name := str(file.relative_to(root)))
            tar.add(file, f"./{name}")
    for number in range(3):
        with tarfile.open(tmp_path / "shards" / f"{number}.tar", "w") as shard:
            for file in files[number::3]:
                shard.add(file, str(file.relative_to(root)))
    return [root, tmp_path / "one.zip", tmp_path / "one.tar", tmp_path / "shards", tmp_path / "shards" / "*.tar"]


SOURCES = {
    "crossbreed photos": lambda root: read_folders(root, 64, 48),
    "crossbreed sequences": lambda root: SequenceFolders.read(root, 64),
    "sdl sequences": lambda root: SequenceSource("vfi", [root], 32),
    "sdl styles": lambda root: StylePairs(root, root, 32),
}


@pytest.mark.parametrize("name", SOURCES)
def test_batches_are_the_same_wherever_the_files_lie(kinds, name):
    batches = [SOURCES[name](data_root(kind)).draw(np.random.default_rng(1), 3) for kind in kinds]
    for batch in batches[1:]:
        assert all(torch.equal(value, batches[0][key]) for key, value in batch.items())


def test_a_root_is_walked_like_a_folder_and_goes_to_other_processes(kinds):
    for kind in kinds[1:]:
        root = pickle.loads(pickle.dumps(data_root(kind)))
        assert sorted(item.name for item in root.iterdir()) == list("abcd")
        assert len(list(root.rglob("*.png"))) == 16 and not (root / "e").exists()
        assert (root / "a" / "00.png").read_bytes() == (kinds[0] / "a" / "00.png").read_bytes()
    assert str(part_of(kinds[1].parent, "one")).startswith(str(kinds[1])) and part_of(kinds[1].parent, "no") is None


def test_no_more_is_kept_than_the_budget(kinds):
    made = []
    pictures = OnDemand(lambda index: made.append(index) or np.full(10, index, np.uint8), 5, budget=25)
    for _ in range(2):
        assert [int(pictures[index][0]) for index in range(5)] == [0, 1, 2, 3, 4]
    assert made == [0, 1, 2, 3, 4, 2, 3, 4] and len(pictures.kept) == 2
    assert pictures[np.array([4, 1])][:, 0].tolist() == [4, 1] and pictures.shape == (5, 10)
    assert int(pictures.only(np.array([False, True, False, True, False]))[1][0]) == 3


def test_a_packed_tar_is_refused_with_what_to_do(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w:gz"):
        pass
    with pytest.raises(InputError, match=r"x\.tar is no zip archive or plain tar.*unpack"):
        data_root(tmp_path / "x.tar")
    with pytest.raises(InputError, match="no archive fits"):
        data_root(tmp_path / "*.tar.bz2")
