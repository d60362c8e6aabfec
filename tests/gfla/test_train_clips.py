"""Tiny runs of face animation, dance and view synthesis on made-up data in the published folders."""

import builtins
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.cli import main
from core.errors import InputError
from core.gfla import pipeline_animation
from core.gfla.data import clips, test_sets, view_data
from core.gfla.options import GflaTrainOptions
from core.gfla.paper import pose
from core.gfla.paper.network_animation import DanceGenerator, FaceGenerator
from core.gfla.paper.network_views import ShapeNetGenerator
from core.gfla.paper.views import view_code
from core.gfla.training import run as train
from core.training.checkpoint import load, newest
from core.weights import load_strict, save_model

pytestmark = pytest.mark.slow

SIDE = 64
SMALL = {"batch": 1, "width": 0.125, "log_every": 1, "sample_every": 0, "save_every": 1, "cpu": True, "lr": 1e-3}


@pytest.fixture(autouse=True)
def small_frames(monkeypatch):
    monkeypatch.setattr(train, "FRAMES", {**train.FRAMES, "face": (SIDE, SIDE), "dance": (SIDE, SIDE)})


def landmarks(shift=0.0):
    """68 points of a drawn face in an 80 x 80 picture."""
    jaw = [(40 + 28 * np.cos(a), 36 + 34 * np.sin(a)) for a in np.linspace(np.pi, 0, 17)]
    brows = [(18 + 4 * i, 24 - (i % 3)) for i in range(5)] + [(46 + 4 * i, 24 - (i % 3)) for i in range(5)]
    nose = [(40, 28 + 5 * i) for i in range(4)] + [(34 + 3 * i, 46 + (i % 2)) for i in range(5)]
    eyes = [(x + 5 * np.cos(a), 30 + 2 * np.sin(a)) for x in (27, 53) for a in np.linspace(np.pi, 3 * np.pi, 7)[:6]]
    mouth = [(40 + 11 * np.cos(a), 56 + 5 * np.sin(a)) for a in np.linspace(np.pi, 3 * np.pi, 13)[:12]]
    inner = [(40 + 7 * np.cos(a), 56 + 2 * np.sin(a)) for a in np.linspace(np.pi, 3 * np.pi, 9)[:8]]
    return np.array(jaw + brows + nose + eyes + mouth + inner) + shift


def picture(file, seed, side=80):
    file.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).resize((side, side)).save(file)


@pytest.fixture
def faces(tmp_path):
    for clip in ("a", "b"):
        for index in range(5):
            picture(tmp_path / "train_data" / clip / f"{index:03d}.png", index)
            text = tmp_path / "train_keypoints" / clip / f"{index:03d}.txt"
            text.parent.mkdir(parents=True, exist_ok=True)
            np.savetxt(text, landmarks(index).round(), fmt="%d", delimiter=",")
    return tmp_path


def skeleton(file, joints, seed):
    file.parent.mkdir(parents=True, exist_ok=True)
    points = np.random.default_rng(seed).uniform(10, 70, (joints, 2))
    numbers = np.concatenate([points, np.ones((joints, 1))], 1).ravel().tolist()
    file.write_text(json.dumps({"people": [{"pose_keypoints_2d": numbers}]}))


@pytest.fixture
def dancers(tmp_path):
    base = tmp_path / "train_256"
    for clip in ("a", "b"):
        for index in range(8):
            picture(base / "train_A" / clip / f"{index:03d}.png", index)
            picture(base / "train_C" / clip / f"{index:03d}.png", index + 50)
            skeleton(base / "train_video2d" / clip / f"{index:03d}.json", 17, index)
            skeleton(base / "train_alphapose" / clip / f"{index:03d}.json", 18, index + 9)
    return tmp_path


@pytest.fixture
def objects(tmp_path):
    h5py = pytest.importorskip("h5py")
    names = [f"m1_{azimuth}_{elevation}" for azimuth in range(0, 36, 2) for elevation in (0, 20)]
    with h5py.File(tmp_path / "data_chair.hdf5", "w") as file:
        for index, name in enumerate(names):
            group = file.create_group(name)
            group["image"] = np.full((20, 20, 3), index * 5, np.uint8)
            group["pose"] = [int(number) for number in name.split("_")[1:]]
    (tmp_path / "id_chair_train.txt").write_text("\n".join(names))
    return tmp_path


def generator_of(folder):
    return load(newest(Path(folder)))["networks"]["generator"]


def test_a_face_run_steps_resumes_and_exports(faces, tmp_path):
    options = GflaTrainOptions(
        task="face", stage="all", data=str(faces), out=str(tmp_path / "run"), steps=2, clip_frames=4, chunk_frames=3,
        **SMALL,
    )  # fmt: skip
    train.run_training(dataclasses.replace(options, steps=1))
    first = generator_of(options.out)
    train.run_training(options)
    train.run_training(dataclasses.replace(options, out=str(tmp_path / "once")))
    resumed, once = generator_of(options.out), generator_of(tmp_path / "once")
    assert all(torch.equal(value, resumed[key]) for key, value in once.items())
    moved = {key.split(".")[0] for key, value in once.items() if not torch.equal(value, first[key])}
    assert moved == {"source_previous", "source_reference", "flow_net", "target"}
    folder = train.export(options.out, tmp_path / "weights")
    assert isinstance(load_strict(FaceGenerator, folder), FaceGenerator)
    assert "face" in (folder / "README.md").read_text()


@pytest.mark.parametrize("subset", ["fashion", "iper"])
def test_a_dance_run_steps_and_exports(dancers, tmp_path, subset):
    options = GflaTrainOptions(
        task="dance", stage="all", subset=subset, data=str(dancers), out=str(tmp_path / "run"), steps=1, clip_frames=7,
        **SMALL,
    )  # fmt: skip
    train.run_training(options)
    state = load(newest(Path(options.out)))
    assert {"generator", "discriminator", "clip_discriminator"} == set(state["networks"])
    assert load_strict(DanceGenerator, train.export(options.out, tmp_path / "weights")) is not None


def test_views_run_in_two_stages_and_export(objects, tmp_path):
    flow = GflaTrainOptions(
        task="views", subset="chair", data=str(objects), out=str(tmp_path / "flow"), steps=1, **SMALL
    )
    train.run_training(flow)
    whole = dataclasses.replace(flow, stage="all", start=flow.out, out=str(tmp_path / "all"))
    recipe = train.recipe_of(whole)
    trained = load(newest(Path(flow.out)))["networks"]["flow"]
    for key, value in recipe.networks["generator"].flow_net.state_dict().items():
        assert torch.equal(value, trained[f"flow_net.{key}"]), key
    train.run_training(whole)
    assert load_strict(ShapeNetGenerator, train.export(whole.out, tmp_path / "weights")) is not None


def test_learning_lowers_the_loss_of_a_clip(faces):
    options = GflaTrainOptions(task="face", stage="all", clip_frames=3, chunk_frames=3, lambda_g=0.0, **SMALL)
    batch = clips.FaceClips(faces, "train", SIDE, 3).draw(np.random.default_rng(0), 1)
    torch.manual_seed(0)
    recipe = train.recipe_of(options)
    seen = []
    for _ in range(6):
        painted = recipe.networks["generator"](batch["structures"], batch["reference"], batch["reference_structure"])
        found = recipe.generator_losses(painted, batch, batch["reference"], batch["reference"], None)
        recipe.optimizers["generator"].zero_grad()
        loss = recipe.total(found)
        loss.backward()
        recipe.optimizers["generator"].step()
        seen.append(loss.item())
    assert seen[-1] < seen[0]


def test_face_clips_hold_what_the_network_reads(faces):
    batch = clips.FaceClips(faces, "train", SIDE, 4).draw(np.random.default_rng(1), 2)
    assert batch["frames"].shape == (2, 4, 3, SIDE, SIDE) and batch["structures"].shape == (2, 4, 16, SIDE, SIDE)
    assert torch.equal(batch["reference"], batch["frames"][:, 0])


def test_dance_clips_move_frames_and_skeletons_alike(dancers):
    data = clips.DanceClips(dancers, "train", "iper", SIDE, 6)
    batch = data.draw(np.random.default_rng(1), 2)
    assert batch["structures"].shape == (2, 6, 20, SIDE, SIDE) and batch["masks"].shape == (2, 6, 1, SIDE, SIDE)
    assert batch["masks"].min() >= 0 and batch["masks"].max() <= 1 and batch["frames"].min() >= -1
    movements = np.eye(3), pose.affine_matrix((SIDE, SIDE), 0, (9.0, 0.0), 1.0)
    maps = [data.structure(0, 0, moved)[3] for moved in movements]
    assert maps[1].argmax() % SIDE - maps[0].argmax() % SIDE == 9


def test_windows_stay_inside_the_clip():
    rng = np.random.default_rng(0)
    for _ in range(50):
        numbers = clips.window(rng, 9, 4, 5)
        assert len(numbers) == 4 and numbers[0] >= 0 and numbers[-1] < 9 and len(set(np.diff(numbers))) == 1
    assert clips.window(rng, 3, 30, 1) == [0, 1, 2]


def test_views_are_read_as_published(objects):
    pairs = view_data.ViewPairs(objects, "chair", "train", 32)
    shown, code = pairs.view("m1_6_20")
    assert shown.shape == (3, 32, 32) and torch.equal(code, view_code(3, 2))
    item = pairs.pair(np.random.default_rng(0))
    assert torch.equal(item["source_view"][18:], item["target_view"][18:]), "one elevation"
    (objects / "name_chair_test.txt").write_text("\n".join(["m1"] * 20))
    source, ids = view_data.tested_views(view_data.ViewPairs(objects, "chair", "test", 32), 19)
    assert source == ids[1] == "m1_2_0" and len(ids) == 18


def test_every_object_of_a_list_is_turned(objects, tmp_path, capsys):
    torch.manual_seed(0)
    save_model(ShapeNetGenerator(ngf=8, img_f=16, flow_ngf=8, flow_img_f=16), tmp_path / "weights")
    (objects / "name_chair_test.txt").write_text("m1")
    words = ["gfla", "test", "--task", "chair", "--data", objects, "--out", tmp_path / "out"]
    assert main([*map(str, words), "--checkpoint", str(tmp_path / "weights"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["objects"] == 1
    names = {file.name for file in (tmp_path / "out" / "m1").iterdir()}
    assert len(names) == 37 and {"source.png", "gt_0017.png", "result_0000.png"} <= names
    truth = np.asarray(Image.open(tmp_path / "out" / "m1" / "gt_0003.png"))
    assert abs(int(truth.mean()) - 6 * 5) <= 1, "the view of azimuth 60, elevation 0"


def test_every_clip_of_a_set_is_followed(faces, dancers, tmp_path, capsys, monkeypatch):
    narrow = {"ngf": 8, "img_f": 16, "flow_ngf": 8, "flow_img_f": 16}
    for network, data in (
        (FaceGenerator(**narrow), clips.FaceClips(faces, "train", SIDE, 1)),
        (DanceGenerator(**narrow), clips.DanceClips(dancers, "train", "fashion", SIDE, 1)),
    ):
        results = []
        for chunk in (2, 100):
            folder = tmp_path / f"{type(network).__name__}{chunk}"
            assert test_sets.write_clips(network.eval(), data, folder, chunk=chunk) == 2
            results.append({file.name: file.read_bytes() for file in (folder / "a").iterdir()})
            assert (folder / "b.mp4").stat().st_size > 0
        # A chunk's border does not show.
        assert results[0] == results[1] and len(results[0]) == len(data.clips[0][0]) and "004_vis.png" in results[0]
    save_model(FaceGenerator(**narrow), tmp_path / "weights")
    words = ["gfla", "test", "--task", "face", "--phase", "train", "--data", faces, "--out", tmp_path / "cli"]
    monkeypatch.setattr(pipeline_animation, "SIDE_PX", SIDE)
    assert main([*map(str, words), "--checkpoint", str(tmp_path / "weights"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clips"] == 2 and (tmp_path / "cli" / "a" / "000_vis.png").exists()
    crossed = tmp_path / "crossed"
    test_sets.write_clips(network, data, crossed, cross=True)
    assert any("_with_" in item.name for item in crossed.iterdir())


def test_mistakes_are_named(faces, dancers, tmp_path, monkeypatch):
    (faces / "train_keypoints" / "b" / "000.txt").unlink()
    with pytest.raises(InputError, match="clip b has 5 in train_data, 4 in train_keypoints"):
        clips.FaceClips(faces, "train", SIDE, 4)
    with pytest.raises(InputError, match="no folder"):
        clips.DanceClips(tmp_path / "nowhere", "train", "iper", SIDE, 4)
    (tmp_path / "marks.txt").write_text("1,2\n3,4\n")
    with pytest.raises(InputError, match="68 lines"):
        clips.read_landmarks(tmp_path / "marks.txt")
    with pytest.raises(InputError, match="no list at"):
        view_data.ViewPairs(tmp_path, "x", "train", 32)
    (tmp_path / "id_car_train.txt").write_text("m1_0_0\nm1_0_7x\n")
    (tmp_path / "data_car.hdf5").write_text("nothing")
    with pytest.raises(InputError, match="1 bad ids.*m1_0_7x"):
        view_data.ViewPairs(tmp_path, "car", "train", 32)
    with pytest.raises(InputError, match="no view data"):
        view_data.open_hdf5(tmp_path / "data_chair.hdf5")
    with pytest.raises(InputError, match="one stage"):
        train.run_training(GflaTrainOptions(task="dance", **SMALL))
    with pytest.raises(InputError, match="car or chair fits"):
        train.run_training(GflaTrainOptions(task="views", subset="iper", **SMALL))
    with pytest.raises(InputError, match="too short"):
        train.recipe_of(GflaTrainOptions(task="dance", stage="all", chunk_frames=5, **SMALL))
    real = builtins.__import__

    def without(name, *rest):
        if name == "h5py":
            raise ImportError("No module named 'h5py'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match="pip install h5py"):
        view_data.open_hdf5(tmp_path / "data_car.hdf5")
