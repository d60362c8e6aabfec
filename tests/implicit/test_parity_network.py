"""Sine networks, folding, samples and the loss against the published code."""

import numpy as np
import pytest
import torch

from core.implicit.paper.convert import current_keys, siren_of
from core.implicit.paper.coordinates import pixel_grid
from core.implicit.paper.losses import LossWeights, WarpLoss
from core.implicit.paper.network import Siren, folded
from core.implicit.paper.recipe import WarpRecipe, train_warp
from core.implicit.paper.sampling import WarpSamples
from tests.implicit.published import fresh, network, network_of, tensors
from tests.parity.golden import arrays, assert_matches, facts
from tests.reference.implicit.published import folded_as_published, lift_in_time, unfold_published

SIREN = {case["case"]: case for case in facts("implicit", "siren")["cases"]}
NETS = [case for case in SIREN.values() if "inputs" in case]
LOSSES = facts("implicit", "loss")["cases"]


@pytest.mark.parametrize("case", NETS, ids=[case["case"] for case in NETS])
def test_value_and_derivatives(case):
    golden, name = arrays("implicit", "siren"), case["case"]
    x = torch.from_numpy(golden[case["inputs"]])
    with torch.no_grad():
        found = network_of(case).derivatives(x)
        assert_matches(network_of(case)(x), golden[f"{name}_y"], "forward", **case["tolerance"]["y"])
        assert network_of(case).derivatives(x, order=1).hessian is None
    for key, tensor in zip(("y", "jac", "hess"), found, strict=True):
        assert_matches(tensor, golden[f"{name}_{key}"], key, **case["tolerance"][key])


def test_folding_keeps_the_function_and_the_published_one_is_repeated():
    golden = arrays("implicit", "siren")
    for name, fold in (("warp_raw", folded), ("poisson_raw", folded_as_published)):
        case, raw = SIREN[f"{name}_fold"], network_of(SIREN[name])
        mine = fold(raw)
        for key, want in tensors(golden, f"{name}_folded.").items():
            assert_matches(mine.state_dict()[key], want, key, **case["tolerance"])
        x = torch.from_numpy(golden[SIREN[name]["inputs"]])
        with torch.no_grad():
            assert_matches(mine(x), golden[f"{name}_folded_y"], name, **case["tolerance"])
            assert_matches(folded(raw)(x), golden[f"{name}_y"], "right fold", max_abs=1e-4)
    with torch.no_grad():
        assert_matches(unfold_published(mine, 40, 30)(x), golden["poisson_raw_y"], "repaired", max_abs=1e-4)
        assert (mine(x) - raw(x)).abs().max() > 0.05


def test_folding_to_another_frequency():
    case, golden = SIREN["warp_raw_to12"], arrays("implicit", "siren")
    mine = folded(network_of(SIREN["warp_raw"]), 12)
    for key, want in tensors(golden, "warp_raw_to12.").items():
        assert_matches(mine.state_dict()[key], want, key, **case["tolerance"])


def test_initial_weights():
    case = SIREN["init"]
    torch.manual_seed(7)
    mine = Siren(3, 2, [16, 16], 24, 30).state_dict()
    for key, want in tensors(arrays("implicit", "siren"), "init.").items():
        assert_matches(mine[key], want, key, **case["tolerance"])
    for key, bound in case["bounds"].items():
        if key in mine:
            assert mine[key].abs().max() <= bound


def test_old_keys():
    case = SIREN["v1_keys"]
    assert list(current_keys(dict.fromkeys(case["old"], torch.zeros(1)))) == case["new"]


def test_lifting_in_time():
    golden = arrays("implicit", "siren")
    still = siren_of(tensors(golden, "lift_src."))
    mine = lift_in_time(still, (14, 14)).state_dict()
    for key, want in tensors(golden, "lift_dst.").items():
        if key != "net.2.0.bias":  # published: left as it was drawn; ours is copied, so that the function is kept
            assert_matches(mine[key], want, key, **SIREN["lift"]["tolerance"])
    assert torch.equal(mine["net.2.0.bias"], still.state_dict()["net.2.0.bias"])


@pytest.mark.parametrize("case", facts("implicit", "sampling")["cases"], ids=lambda case: case["case"])
def test_samples(case):
    golden, name = arrays("implicit", "sampling"), case["case"]
    if name.startswith("grid"):
        sizes = [int(n) for n in name.removeprefix("grid_").split("x")]
        assert_matches(pixel_grid(sizes), golden[name], name, **case["tolerance"])
        return
    samples = WarpSamples(int(name.split("_")[1]), grid=name.endswith("grid"))
    if samples.grid:
        assert_matches(samples.times, golden[case["outputs"][1]], "times", **case["tolerance"])
    torch.manual_seed(7)
    assert_matches(samples.draw(), golden[name], name, **case["tolerance"])


@pytest.mark.parametrize("case", LOSSES, ids=[case["case"] for case in LOSSES])
def test_loss_and_its_gradients(case):
    golden, name, net = arrays("implicit", "loss"), case["case"], fresh(case)
    source, target, batch = (torch.from_numpy(golden[key]) for key in ("src", "tgt", "X"))
    times = () if isinstance(case["intermediate_times"], str) else case["intermediate_times"]
    terms = WarpLoss(source, target, times, LossWeights(**case["constraint_weights"]))(net, batch)
    values = torch.stack(list(terms.values()))
    assert list(terms) == list(case["values"])
    assert_matches(values, golden[f"{name}_terms"], "terms", **case["tolerance"]["terms"])
    values.sum().backward()
    norms = np.array([p.grad.norm().item() for p in net.parameters()])
    assert_matches(norms, golden[f"{name}_gradnorm"], "gradient norms", max_rel=case["tolerance"]["grad"]["max_rel_l2"])
    for key, parameter in net.named_parameters():
        if f"{name}_grad.{key}" in golden:
            assert_matches(parameter.grad, golden[f"{name}_grad.{key}"], key, **case["tolerance"]["grad"])


def test_training():
    (case,), golden = facts("implicit", "train")["cases"], arrays("implicit", "train")
    times = torch.from_numpy(golden["times"])
    recipe = WarpRecipe(
        steps=case["steps"], samples=200, warmup_steps=1, times=case["intermediate_times"],
        weights=LossWeights(**case["constraint_weights"]),
    )  # fmt: skip
    samples = WarpSamples(200)
    assert_matches(samples.places, golden["grid"], "grid", max_abs=1e-6)
    done = train_warp(
        torch.from_numpy(golden["src"]), torch.from_numpy(golden["tgt"]), recipe, network=fresh(case),
        batches=lambda step: samples.at(times[step]),
    )  # fmt: skip
    assert_matches(done.terms, golden["terms"], "terms", **case["tolerance"]["terms"])
    for key, want in tensors(golden, "final.").items():
        assert_matches(done.last.state_dict()[key], want, key, **case["tolerance"]["state"])
    for key, want in tensors(golden, "folded.").items():
        assert_matches(folded(done.last).state_dict()[key], want, key, **case["tolerance"]["folded"])


def test_networks_are_kept_apart():
    assert network("warp_raw.manifest.json", "", 24, 24).config.omega_0 == 24
