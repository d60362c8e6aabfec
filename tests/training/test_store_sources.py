"""Clips, people and heads are the same from folders, zips and tar shards, and also where none of them stays in memory."""

import csv
import json
import tarfile
import zipfile

import numpy as np
import pytest
import torch

from core.gfla.data.clips import DanceClips, FaceClips
from core.gfla.data.people import PeoplePairs, load_people
from core.ripple.data import head_pairs
from core.ripple.data.head_pairs import HeadPairs
from core.training import store
from core.training.store import data_root
from tests.crossbreed.tiny import picture

COUNT = 4


def save(file, seed, side=64, mask=False):
    file.parent.mkdir(parents=True, exist_ok=True)
    image = picture(seed, side, side)
    (image.convert("L").point(lambda v: 2 * (v > 99)).convert("P") if mask else image).save(file)


def skeleton(file, joints, seed):
    file.parent.mkdir(parents=True, exist_ok=True)
    points = np.random.default_rng(seed).uniform(10, 50, (joints, 2))
    numbers = np.concatenate([points, np.ones((joints, 1))], 1).ravel().tolist()
    file.write_text(json.dumps({"people": [{"pose_keypoints_2d": numbers}]}))


def face_clips(root):
    for index in range(COUNT):
        save(root / f"train_data/a/{index:03d}.png", index)
        text = root / f"train_keypoints/a/{index:03d}.txt"
        text.parent.mkdir(parents=True, exist_ok=True)
        np.savetxt(text, np.random.default_rng(index).uniform(10, 50, (68, 2)).round(), fmt="%d", delimiter=",")


def dance_clips(root):
    for index in range(COUNT):
        for part in ("A", "C"):
            save(root / f"train_256/train_{part}/a/{index:03d}.png", index)
        skeleton(root / f"train_256/train_video2d/a/{index:03d}.json", 17, index)
        skeleton(root / f"train_256/train_alphapose/a/{index:03d}.json", 18, index + 9)


def people(root):
    names = [f"p{index}.png" for index in range(COUNT)]
    for index, name in enumerate(names):
        save(root / "people/images" / name, index)
        save(root / "people/masks" / name, index, mask=True)
    points = np.random.default_rng(0).uniform(5, 55, (COUNT, 18, 2))
    facts = {"files": names, "keypoints": points, "visible": np.ones((COUNT, 18), bool), "identity": [0, 0, 1, 1]}
    np.savez(root / "people.npz", split=["train"] * COUNT, **facts)


def heads(root):
    names = [f"{kind}{index}.png" for kind in "ta" for index in range(COUNT)]
    points = np.random.default_rng(0).uniform(20, 44, (len(names), 63, 2))
    with (root / "heads.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "identity", "split", "set", "yaw_deg", "age"])
        for index, name in enumerate(names):
            save(root / "heads/images" / name, index)
            save(root / "heads/masks" / name, index, mask=True)
            table.writerow([name, f"{name[0]}0", "train", {"t": "turn", "a": "age"}[name[0]], 5 * index, 30 + index])
    np.savez(root / "heads_points.npz", files=names, points=points, visible=np.ones((len(names), 63)))
    faces = [f"f{index}.png" for index in range(COUNT)]
    for index, name in enumerate(faces):
        save(root / "faces" / name, index + 20)
    np.savez(
        root / "faces_landmarks.npz", files=faces, points=np.random.default_rng(1).uniform(20, 44, (COUNT, 478, 2))
    )


# What writes a set as a folder, what draws from it, and which of its folders lie packed beside a table (none: all of it).
SETS = {
    "face clips": (face_clips, lambda root: FaceClips(data_root(root), "train", 32, 2), ()),
    "dance clips": (dance_clips, lambda root: DanceClips(data_root(root), "train", "iper", 32, 2), ()),
    "people": (people, lambda root: PeoplePairs(load_people(data_root(root), (32, 32))), ("people",)),
    "heads": (heads, lambda root: HeadPairs(root, 32, portrait_share=0.3, age_share=0.3), ("heads", "faces")),
}


def pack(folder, kind, to):
    """A folder's files as a zip, or as three shards."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    if kind == "zip":
        with zipfile.ZipFile(to.with_suffix(".zip"), "w") as packed:
            for file in files:
                packed.write(file, str(file.relative_to(folder)))
        return
    for number in range(3):
        with tarfile.open(to.with_name(f"{to.name}-{number}.tar"), "w") as shard:
            for file in files[number::3]:
                shard.add(file, str(file.relative_to(folder)))


def packed(root, to, kind, parts):
    """The same set with its folders packed; a whole set as what its path is then."""
    to.mkdir()
    for part in parts:
        pack(root / part, kind, to / part)
    if not parts:
        pack(root, kind, to / "set")
        return to / "set.zip" if kind == "zip" else to
    for table in root.iterdir():
        if table.is_file():
            (to / table.name).write_bytes(table.read_bytes())
    return to


@pytest.mark.parametrize("name", SETS)
def test_batches_are_the_same_wherever_the_files_lie_and_whatever_is_kept(name, tmp_path, monkeypatch):
    write, source, parts = SETS[name]
    (root := tmp_path / "plain").mkdir()
    write(root)
    wanted = source(root).draw(np.random.default_rng(1), 6)
    assert all(value.float().std() > 0 for key, value in wanted.items() if key in ("source", "target", "frames"))
    monkeypatch.setattr(store.OnDemand.__init__, "__defaults__", (0,))
    monkeypatch.setattr(head_pairs, "KEPT_BYTES", 0)
    for kind in ("zip", "shards"):
        drawn = source(packed(root, tmp_path / kind, kind, parts))
        batch = drawn.draw(np.random.default_rng(1), 6)
        assert batch.keys() == wanted.keys() and all(torch.equal(batch[key], wanted[key]) for key in wanted), kind
        if name == "heads":
            assert not drawn.files.kept
        if name == "people":
            assert not drawn.people.pictures.make.args[0].kept
