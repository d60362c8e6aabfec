"""The head network: frames, joints, what is laid where, its training on top of a generator, and the pipeline's use."""

import dataclasses

import numpy as np
import pytest
import torch

from core.errors import InputError
from core.gfla import head, train, train_head
from core.gfla.head import HeadFrames, HeadMade, HeadNet, cropped, frame_grid, head_frames, joint_maps, laid
from core.gfla.network import PoseGenerator
from core.gfla.options import GflaTrainOptions, PoseOptions
from core.gfla.pipeline import PosePipeline
from core.training.checkpoint import load, newest
from core.weights import load_strict, save_model
from tests.gfla import tiny

SMALL = {
    "batch": 2,
    "width": 0.25,
    "log_every": 1,
    "sample_every": 0,
    "save_every": 1,
    "cpu": True,
    "recipe": "shipped",
}


def points(name="standing", size=(256, 176)):
    return torch.from_numpy(tiny.points(name, size))[None].float()


def test_frames_lie_round_the_heads_and_scale_with_the_body():
    small, large = points(), points(size=(512, 352))
    frames = head_frames(small, large)
    assert frames.usable.all()
    assert torch.allclose(2 * frames.source, frames.target, atol=1e-3)
    middle = small[0, [0, 14, 15, 16, 17]].mean(0)
    assert (frames.source[0, :2] - middle).abs().max() < 0.5
    assert frames.source[0, 2] > (small[0, 0] - small[0, 1]).norm() / 2
    headless = small.clone()
    headless[0, [0, 14, 15, 16, 17]] = -1
    assert not head_frames(headless, large).usable.any()


def test_joints_are_drawn_where_they_are():
    skeleton = points()
    frame = head_frames(skeleton, skeleton).source
    maps = joint_maps(skeleton, frame)
    row, column = divmod(int(maps[0, 0].argmax()), head.SIDE_PX)
    nose = (skeleton[0, 0] - frame[0, :2]) / frame[0, 2]
    assert (frame_grid(frame)[row, column] - nose).abs().max() < 2.1 / head.SIDE_PX
    skeleton[0, 14] = -1
    assert joint_maps(skeleton, frame)[0, 1].max() == 0


def untouched(count=1):
    """Decisions that leave a head as it was."""
    shares = torch.zeros(count, 3, head.SIDE_PX, head.SIDE_PX)
    shares[:, 0] = 1
    grid = frame_grid(shares).expand(count, 2, -1, -1, -1)
    return HeadMade(shares, grid, torch.zeros_like(shares))


def test_laying_nothing_changes_nothing_and_laying_the_source_copies_it_once():
    picture, source = torch.rand(1, 3, 256, 176) * 2 - 1, torch.rand(1, 3, 256, 176) * 2 - 1
    frame = torch.tensor([[88.0, 64.0, 32.0]])
    frames = HeadFrames(frame, frame, torch.tensor([True]))
    same = laid(untouched(), picture, source, frames)
    # A share of 1e-4 each is left to the others.
    assert (same - picture).abs().max() < 2e-3
    shares = torch.zeros(1, 3, 64, 64)
    shares[:, 1] = 1
    copied = laid(untouched()._replace(shares=shares), picture, source, frames)
    inside = (slice(None), slice(None), slice(40, 90), slice(60, 116))
    assert (copied[inside] - source[inside]).abs().max() < 2e-3, "the same pixels, not resampled ones"
    assert torch.equal(copied[:, :, 100:], picture[:, :, 100:])


def test_a_frame_beyond_the_picture_is_cut_off():
    picture = torch.zeros(1, 3, 64, 48)
    for x in (-100.0, 0.0):
        frame = torch.tensor([[x, 10.0, 16.0]])
        made = untouched()._replace(change=torch.ones(1, 3, 64, 64))
        result = laid(made, picture, picture, HeadFrames(frame, frame, torch.tensor([True])))
        assert result.shape == picture.shape and (result.abs().sum() > 0) == (x == 0)


def test_large_heads_are_made_smaller_by_areas():
    stripes = (torch.arange(512) % 2).float().expand(1, 3, 512, 512)
    crop = cropped(stripes, torch.tensor([[256.0, 256.0, 200.0]]))
    assert crop.shape[2:] == (64, 64) and (crop - 0.5).abs().max() < 0.05, "no stripes by chance"


def test_a_new_network_mixes_and_keeps_the_border():
    torch.manual_seed(0)
    parts = [torch.rand(2, channels, 64, 64) for channels in (3, 3, 8, 8)]
    made = HeadNet(8)(*parts)
    assert made.shares.min() >= 0 and made.shares.sum(1).sub(1).abs().max() < 1e-5
    assert made.shares[:, 1:, 0].max() < 0.1 and made.change[:, :, :, 0].abs().max() < 0.1
    assert made.places.shape == (2, 2, 64, 64, 2)


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    """Exported weights of a small generator without head network."""
    options = GflaTrainOptions(stage="all", **SMALL)
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "FRAMES", {**train.FRAMES, "people": tiny.SIZE})
        folder = tmp_path_factory.mktemp("generator")
        save_model(PoseGenerator(**train.network_config(options)), folder)
    return folder


@pytest.fixture
def made_up_people(monkeypatch):
    monkeypatch.setattr(train, "FRAMES", {**train.FRAMES, "people": tiny.SIZE})
    monkeypatch.setattr(train_head, "load_people", lambda *_: tiny.people())


@pytest.mark.usefixtures("made_up_people")
def test_the_head_alone_is_trained_resumed_and_exported(tmp_path, generator):
    options = GflaTrainOptions(
        stage="head", init=str(generator), out=str(tmp_path / "head"), steps=2, pool=4, adversarial_start=1, **SMALL
    )
    train.run_training(dataclasses.replace(options, steps=1))
    train.run_training(options)
    train.run_training(dataclasses.replace(options, out=str(tmp_path / "once")))
    resumed, once = (load(newest(tmp_path / name))["networks"]["generator"] for name in ("head", "once"))
    old = load_strict(PoseGenerator, generator).state_dict()
    assert all(torch.equal(value, resumed[key]) for key, value in once.items())
    assert all(torch.equal(value, once[key]) for key, value in old.items()), "everything but the head stays"
    folder = train.export(tmp_path / "head", tmp_path / "weights")
    network = load_strict(PoseGenerator, folder)
    assert network.config.head_net and any(key.startswith("head.") for key in network.state_dict())


@pytest.mark.usefixtures("made_up_people")
def test_training_makes_heads_more_like_the_true_ones(generator):
    options = GflaTrainOptions(stage="head", init=str(generator), pool=4, lr=1e-3, adversarial_start=10**6, **SMALL)
    pairs, shown = train.pairs_of(train.with_recipe(options))
    recipe = train.recipe_of(train.with_recipe(options), shown)
    batch = pairs.draw(np.random.default_rng(0), 4)
    network = recipe.networks["generator"].head
    before = (batch["made"] - batch["target"]).abs().mean()
    for _ in range(30):
        image, _, _ = recipe.made(network, batch)
        loss = (image - batch["target"]).abs().mean()
        recipe.optimizers["generator"].zero_grad()
        loss.backward()
        recipe.optimizers["generator"].step()
    assert loss < 0.8 * before
    sheet = recipe.samples(recipe.networks)
    assert sheet.shape[0] == 3 and sheet.isfinite().all()


def test_mirrored_frames_have_left_and_right_changed():
    skeleton = points()
    pool = {"source_points": skeleton, "target_points": skeleton}
    pool |= {key: torch.full((1, 3, 256, 176), 100, dtype=torch.uint8) for key in train_head.KEYS}
    turned = train_head._mirrored(skeleton, 176)
    assert torch.allclose(turned[0, 2], torch.tensor((176.0, 0)) + skeleton[0, 5] * torch.tensor((-1.0, 1)))
    assert torch.allclose(train_head._mirrored(turned, 176), skeleton, atol=1e-4)
    batch = train_head.HeadPairs(pool).draw(np.random.default_rng(0), 3)
    assert batch["made"].shape == (3, 3, 64, 64) and batch["source_maps"].amax((2, 3)).min() > 0.8


def test_the_pipeline_makes_the_head_again_and_nothing_else(generator):
    torch.manual_seed(1)
    plain = load_strict(PoseGenerator, generator)
    whole = PoseGenerator.from_config({**plain.config, "head_net": True})
    train.begin_from(whole, generator)
    torch.nn.init.constant_(whole.head.out.bias, 0.5)
    skeleton = tiny.points("standing", (256, 176))
    picture = tiny.figure(skeleton, (256, 176))
    results = []
    for network in (plain, whole.eval()):
        pipe = PosePipeline(network)
        prepared = pipe.prepare(picture, "walking", options=PoseOptions(height_px=256, cut_out=False), points=skeleton)
        results.append(pipe.render(prepared, [1.0])[0])
    changed = (results[0] - results[1]).abs().amax(0) > 0.01
    assert changed.any() and not changed[130:].any(), "only round the head"


def test_the_head_stage_asks_for_what_it_needs(tmp_path):
    with pytest.raises(InputError, match="--init"):
        train.run_training(GflaTrainOptions(stage="head", out=str(tmp_path), **SMALL))
