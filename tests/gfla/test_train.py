"""A tiny run of each stage: it steps, resumes exactly, stage 2 starts from stage 1, and exports."""

import dataclasses

import numpy as np
import pytest
import torch

from core.errors import InputError, WeightsError
from core.gfla.data.people import PeoplePairs
from core.gfla.methods.limb_layers.network import LimbLayerGenerator
from core.gfla.methods.limb_layers.recipe import LimbFlowRecipe, LimbLayerRecipe
from core.gfla.methods.random_features.features import RandomFeatures
from core.gfla.options import SHIPPED, GflaTrainOptions, with_recipe
from core.gfla.paper import evaluate, losses
from core.gfla.paper.recipe import GeneratorRecipe
from core.gfla.pipeline import PosePipeline
from core.gfla.training import run as train
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


@pytest.mark.slow
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
    network = load_strict(LimbLayerGenerator, folder)
    assert network.config.limb_layers and tuple(network.config.sample_hw) == tiny.SIZE
    assert PosePipeline(network).size_hw == tiny.SIZE


def test_stage_two_starts_from_stage_one(tmp_path):
    options = GflaTrainOptions(out=str(tmp_path / "flow"), steps=1, **SMALL)
    train.run_training(options)
    recipe = train.recipe_of(dataclasses.replace(options, stage="all", start=options.out))
    trained = state_of(tmp_path / "flow")["networks"]["flow"]
    for key, value in recipe.networks["generator"].flow_net.state_dict().items():
        assert torch.equal(value, trained[f"flow_net.{key}"]), key


def test_learning_lowers_the_flow_loss():
    options = with_recipe(GflaTrainOptions(recipe="shipped", **SMALL))
    recipe = train.recipe_of(options)
    assert isinstance(recipe, LimbFlowRecipe)
    batch = PeoplePairs(tiny.people()).draw(np.random.default_rng(0), 2)
    optimizer = torch.optim.Adam(recipe.networks["flow"].parameters(), 1e-3)
    seen = []
    for _ in range(8):
        loss = recipe.total(recipe.pair_losses(recipe.networks["flow"], batch))
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
        train.feature_network(str(tmp_path / "vgg.pth"))


def test_substitute_features_are_those_that_the_losses_ask_for():
    found = RandomFeatures()(torch.rand(1, 3, 64, 64) * 2 - 1)
    wanted = {*losses.CONTENT_FEATURES, *losses.STYLE_FEATURES, *losses.CORRECTNESS_FEATURES.values()}
    assert wanted <= set(found) and all((value >= 0).all() for value in found.values())
    assert found["relu4_1"].shape[2:] == (8, 8)
    again = RandomFeatures()(torch.zeros(1, 3, 64, 64))
    assert again["relu1_1"].abs().max() == 0


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


def test_training_goes_on_from_exported_weights(tmp_path):
    options = with_recipe(GflaTrainOptions(stage="all", recipe="shipped", **SMALL))
    torch.manual_seed(0)
    old = train.generator_of(options)
    save_model(old, tmp_path / "old")
    network = train.recipe_of(dataclasses.replace(options, init=str(tmp_path / "old"))).networks["generator"]
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in old.state_dict().items())


def test_the_papers_recipe_trains_published_data_and_ours_where_asked_for(monkeypatch):
    fashion = GflaTrainOptions(task="fashion", stage="all", width=0.125)
    monkeypatch.setattr(train, "feature_network", lambda _: RandomFeatures())
    paper, ours = train.recipe_of(fashion), train.recipe_of(dataclasses.replace(fashion, lambda_ssim=1.0, care=1.0))
    assert type(paper) is GeneratorRecipe and type(ours) is LimbLayerRecipe
    batch = PeoplePairs(tiny.people()).draw(np.random.default_rng(0), 1)
    found = []
    for recipe in (paper, ours):
        painted = paper.networks["generator"](batch["source"], *recipe.structures(batch))
        found.append(recipe.generator_losses(painted, batch))
    assert set(found[1]) == {*found[0], "ssim"} and found[1]["rec"] > found[0]["rec"]
    assert found[1]["style"] == found[0]["style"]


def test_masks_move_and_turn_with_their_pictures():
    pairs = PeoplePairs(tiny.people(), augment=1.0)
    batch = pairs.draw(np.random.default_rng(3), 8)
    for name in ("source", "target"):
        apart, mask = (batch[name] - (2 * 224 / 255 - 1)).abs().amax(1, keepdim=True), batch[f"{name}_mask"]
        assert mask.shape == (8, 1, *tiny.SIZE) and (mask == 1).any() and (mask == 0).any()
        assert apart[mask == 0].max() < 0.05, "outside is plain ground"
        assert apart[mask == 1].min() > 0.1, "inside is the person"
