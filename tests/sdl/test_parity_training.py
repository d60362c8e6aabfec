"""Two optimiser steps of every published trainer: logged losses and the network afterwards."""

import copy
from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator

from core.sdl.paper.objectives import AdversarialRecipe, PictureRecipe, StyleRecipe
from core.sdl.training.options import TransitionTrainOptions
from core.sdl.training.train import filled, recipe_values
from core.training import Run
from tests.parity.golden import arrays, assert_matches, facts
from tests.sdl.published import discriminator, image, network, network_input, vgg

CASES = {case["name"]: case for case in facts("sdl", "training")["cases"]}
TASKS = {"style_tv1": "style_transfer", "style_tv": "style_transfer"}


def recipe_of(name, case, values, sheet):
    net = copy.deepcopy(network(case["manifest"])).train()
    if name == "vfi":
        return PictureRecipe(net, values, sheet, vgg())
    if name.startswith("style"):
        return StyleRecipe(net, values, sheet, vgg())
    return AdversarialRecipe(
        net, discriminator(case["options"]["discriminator_manifest"], "spectral").train(), values, sheet
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_steps_match_the_published_trainer(name):
    case = CASES[name]
    options = filled(TransitionTrainOptions(task=TASKS.get(name, name), lr=1e-5, ema_decay=0.0))
    options = replace(options, multi_scale=False)
    inputs = network_input(case)
    t = case["options"].get("t", [case["options"].get("tv")] * len(inputs))
    batch = {"inputs": inputs, "t": torch.tensor(t)}
    if "gt" in case["inputs"]:
        batch["truth"] = image(case["inputs"]["gt"])
    recipe = recipe_of(name, case, recipe_values(options), batch)
    run = Run(Accelerator(cpu=True), recipe.networks, recipe.optimizers, options)
    limits = case["tolerance"]
    for run.step, wanted in enumerate(case["losses"]):
        got = recipe.step(batch, run)
        # The mean scores are differences of large numbers near zero; they are held to the losses' own precision.
        rel, absolute = limits[f"losses_rel_step{run.step + 1}"], 1e-5
        for key, value in wanted.items():
            assert float(got[key]) == pytest.approx(value, rel=rel, abs=absolute), (key, run.step + 1)
    with torch.no_grad():
        after = recipe.networks["generator"](inputs, batch["t"])[..., ::2, ::2]
    assert_matches(
        after, arrays("sdl", "training")[case["outputs"]["image_after"]], "after", max_abs=limits["image_after_max_abs"]
    )


def test_the_rate_falls_at_the_published_milestones():
    options = filled(TransitionTrainOptions(task="vfi", ema_decay=0.0))
    net = torch.nn.Linear(1, 1)
    recipe = PictureRecipe(net, recipe_values(options), {})
    run = Run(None, recipe.networks, recipe.optimizers, options)
    rates = []
    for run.step in (0, 49_999, 50_000, 500_000):
        recipe.set_rate(run)
        rates.append(recipe.optimizers["generator"].param_groups[0]["lr"])
    assert rates == pytest.approx([2e-4, 2e-4, 1.6e-4, 2e-4 * 0.8**6])
