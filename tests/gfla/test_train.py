"""A tiny run of each stage: it steps, resumes exactly, stage 2 starts from stage 1, and exports."""

import dataclasses

import numpy as np
import pytest
import torch

from core.errors import InputError, WeightsError
from core.gfla import evaluate, losses, train
from core.gfla.features import SubstituteFeatures, feature_network
from core.gfla.network import PoseGenerator
from core.gfla.options import SHIPPED, GflaTrainOptions, with_recipe
from core.gfla.pipeline import PosePipeline
from core.training.checkpoint import load, newest
from core.weights import load_strict, save_model
from tests.gfla import tiny

SMALL = {"batch": 2, "width": 0.25, "log_every": 1, "sample_every": 0, "save_every": 1, "cpu": True}


@pytest.fixture(autouse=True)
def made_up_people(monkeypatch):
    monkeypatch.setattr(train, "FRAMES", {**train.FRAMES, "people": tiny.SIZE})
    monkeypatch.setattr(train, "load_people", lambda *_: tiny.people())


def state_of(folder):
    return load(newest(folder))


def test_both_stages_run_resume_and_export(tmp_path):
    flow = GflaTrainOptions(out=str(tmp_path / "flow"), steps=2, lambda_prior=0.1, **SMALL)
    train.run_training(flow)
    whole = GflaTrainOptions(
        out=str(tmp_path / "all"), stage="all", start=flow.out, steps=2, lambda_ssim=1.0, recipe="shipped", **SMALL
    )
    train.run_training(dataclasses.replace(whole, steps=1))
    first = state_of(tmp_path / "all")
    train.run_training(whole)
    train.run_training(dataclasses.replace(whole, out=str(tmp_path / "once")))
    resumed, once = state_of(tmp_path / "all"), state_of(tmp_path / "once")
    for key, value in once["networks"]["generator"].items():
        assert torch.equal(value, resumed["networks"]["generator"][key]), key
    moved = [
        key
        for key, value in first["networks"]["generator"].items()
        if not torch.equal(value, once["networks"]["generator"][key])
    ]
    assert any(key.startswith("flow_net") for key in moved) and any(key.startswith("target") for key in moved)
    folder = train.export(tmp_path / "all", tmp_path / "weights")
    assert "held out" in (folder / "README.md").read_text()
    network = load_strict(PoseGenerator, folder)
    assert network.config.flow_prior and tuple(network.config.sample_hw) == tiny.SIZE
    assert PosePipeline(network).size_hw == tiny.SIZE


def test_stage_two_starts_from_stage_one(tmp_path):
    options = GflaTrainOptions(out=str(tmp_path / "flow"), steps=1, **SMALL)
    train.run_training(options)
    recipe = train.PoseRecipe(dataclasses.replace(options, stage="all", start=options.out))
    trained = state_of(tmp_path / "flow")["networks"]["flow"]
    for key, value in recipe.networks["generator"].flow_net.state_dict().items():
        assert torch.equal(value, trained[f"flow_net.{key}"]), key


def test_learning_lowers_the_flow_loss():
    options = with_recipe(GflaTrainOptions(recipe="shipped", **SMALL))
    recipe = train.FlowRecipe(options)
    batch = train.PeoplePairs(tiny.people()).draw(np.random.default_rng(0), 2)
    structures = train.Structures.of(batch, recipe.config)
    optimizer = torch.optim.Adam(recipe.networks["flow"].parameters(), 1e-3)
    seen = []
    for _ in range(8):
        flows, _ = recipe.networks["flow"](
            batch["source"], structures.source_pose, structures.target_pose, structures.flow_prior
        )
        found = recipe.flow_losses(
            flows, recipe.features(batch["source"]), recipe.features(batch["target"]), structures
        )
        loss = recipe.total(found)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(loss.item())
    assert seen[-1] < seen[0]


def test_recipes():
    shipped = with_recipe(GflaTrainOptions(stage="all", recipe="shipped", lambda_rec=7.0))
    assert shipped.lambda_rec == 7.0 and shipped.lambda_ssim == SHIPPED["all"]["lambda_ssim"]
    asked = with_recipe(GflaTrainOptions(stage="all", recipe="shipped"), given={"lambda_ssim"})
    assert asked.lambda_ssim == 0.0, "a flag wins though it is equal to its default"
    published = with_recipe(GflaTrainOptions(stage="all"))
    assert (published.lambda_rec, published.lambda_style, published.lambda_ssim) == (5.0, 500.0, 0.0)


def test_mistakes_are_named(tmp_path):
    with pytest.raises(InputError, match="--stage all"):
        train.run_training(GflaTrainOptions(start="x", **SMALL))
    with pytest.raises(WeightsError, match="VGG19"):
        feature_network(str(tmp_path / "vgg.pth"))


def test_substitute_features_are_those_that_the_losses_ask_for():
    found = SubstituteFeatures()(torch.rand(1, 3, 64, 64) * 2 - 1)
    wanted = {*losses.CONTENT_FEATURES, *losses.STYLE_FEATURES, *losses.CORRECTNESS_FEATURES.values()}
    assert wanted <= set(found) and all((value >= 0).all() for value in found.values())
    assert found["relu4_1"].shape[2:] == (8, 8)
    again = SubstituteFeatures()(torch.zeros(1, 3, 64, 64))
    assert again["relu1_1"].abs().max() == 0


def test_ssim_loss_is_zero_for_equal_pictures():
    picture = torch.rand(1, 3, 32, 32) * 2 - 1
    assert losses.ssim_loss(picture, picture) < 1e-5 < losses.ssim_loss(picture, picture.flip(3))


def test_folders_are_measured(tmp_path):
    for name in ("results", "truth"):
        (tmp_path / name).mkdir()
    tiny.figure(tiny.points()).save(tmp_path / "truth" / "b.png")
    tiny.figure(tiny.points()).save(tmp_path / "results" / "a_2_b_vis.png")
    found = evaluate.evaluate_folders(tmp_path / "results", tmp_path / "truth")
    assert found["l1"] == 0 and found["pairs"] == 1 and found["ssim"] == pytest.approx(1)
    tiny.figure(tiny.points()).save(tmp_path / "results" / "a_2_c_vis.png")
    with pytest.raises(InputError, match="lacks 1 targets: c"):
        evaluate.evaluate_folders(tmp_path / "results", tmp_path / "truth")


def test_training_goes_on_from_weights_that_know_no_ground(tmp_path):
    options = with_recipe(GflaTrainOptions(stage="all", recipe="shipped", **SMALL))
    torch.manual_seed(0)
    old = PoseGenerator(**{**train.network_config(options), "ground_choice": False})
    save_model(old, tmp_path / "old")
    recipe = train.PoseRecipe(dataclasses.replace(options, init=str(tmp_path / "old")))
    network = recipe.networks["generator"]
    state = network.state_dict()
    shrunk = ("target.outconv.model.2.weight", "target.outconv.model.2.bias")
    for key, value in old.state_dict().items():
        assert torch.allclose(state[key], 0.1 * value if key in shrunk else value), key
    # Ground begins as likely as painting.
    assert torch.equal(network.target.choice.ground.weight, network.target.choice.second.weight[:1])
    # And weights that know it go on unchanged.
    save_model(network, tmp_path / "new")
    again = train.PoseRecipe(dataclasses.replace(options, init=str(tmp_path / "new"))).networks["generator"]
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in state.items())


def test_masks_move_and_turn_with_their_pictures():
    pairs = train.PeoplePairs(tiny.people(), augment=1.0)
    batch = pairs.draw(np.random.default_rng(3), 8)
    for name in ("source", "target"):
        apart, mask = (batch[name] - (2 * 224 / 255 - 1)).abs().amax(1, keepdim=True), batch[f"{name}_mask"]
        assert mask.shape == (8, 1, *tiny.SIZE) and (mask == 1).any() and (mask == 0).any()
        assert apart[mask == 0].max() < 0.05, "outside is plain ground"
        assert apart[mask == 1].min() > 0.1, "inside is the person"
