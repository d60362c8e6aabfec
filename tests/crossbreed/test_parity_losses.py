"""Loss terms, and a whole published training step: terms, gradients, weights after."""

import numpy as np
import pytest
import torch

from core.crossbreed.paper import losses
from core.crossbreed.paper.objectives import LossWeights, TeacherBatch, discriminator_terms, generator_terms
from tests.crossbreed.published import case_of, check, discriminator, generator, given, picture, wanted
from tests.parity.golden import assert_matches

TERMS = {"loss_G", "loss_G_adv", "loss_G_adv_itp", "loss_G_rec", "loss_G_rec_itp"}
TERMS_D = {"loss_D", "loss_D_adv", "loss_D_adv_itp", "loss_D_gp"}


def test_terms():
    pred, fake_pred, weight, real, fake = (
        given("losses", "terms", name) for name in ("pred", "pred_fake", "weight", "real", "fake")
    )
    got = {
        "d_adv_real": losses.discriminator_real(pred),
        "d_adv_fake": losses.discriminator_fake(fake_pred),
        "d_adv_real_weighted": losses.discriminator_real(pred, weight),
        # The golden weighs fakes with 1 - weight, as the two classes of a mixed picture are weighed.
        "d_adv_fake_weighted": losses.discriminator_fake(fake_pred, 1 - weight),
        "g_adv": losses.generator_adversarial(fake_pred),
        "g_adv_weighted": losses.generator_adversarial(fake_pred, weight),
        "g_rec": losses.reconstruction(real, fake),
        "g_rec_weighted": losses.reconstruction(real, fake, weight),
    }
    assert set(got) == set(case_of("losses", "terms")["outputs"])
    for name, value in got.items():
        check("losses", "terms", name, value)


def test_gradient_penalty():
    x = given("losses", "gradient_penalty", "x").requires_grad_()
    out = (x**3).sum(1) + 2 * x[:, 0]
    check("losses", "gradient_penalty", "out", out)
    check("losses", "gradient_penalty", "gp", losses.gradient_penalty(out, x))


def batch_of(spec):
    inputs = spec["inputs"]
    return TeacherBatch(
        picture(inputs["x_A"]),
        picture(inputs["x_B"]),
        torch.tensor(inputs["a"]),
        torch.tensor(inputs["A_idx"]),
        torch.tensor(inputs["B_idx"]),
        picture(inputs["x_a"]),
    )


@pytest.mark.slow
def test_evaluation_step():
    spec = case_of("losses", "eval_step")
    batch, weights = batch_of(spec), LossWeights(1, 0.1, 1)
    with torch.no_grad():
        images = generator()(batch.x_a, batch.x_b, batch.alpha)
    critic = discriminator()
    check("losses", "eval_step", "images", torch.cat(images), max_abs=1e-4)
    terms = discriminator_terms(critic, images, batch, weights) | generator_terms(critic, images, batch, weights)
    assert set(terms) == TERMS | TERMS_D
    for name, value in terms.items():
        limit = {"max_rel": 1e-3} if name == "loss_D_gp" else {"max_abs": 1e-4}
        check("losses", "eval_step", name, value, **limit)
    gp = wanted("losses", "eval_step", "loss_D_gp").item()
    assert abs(terms["loss_D_gp"].item() - gp) <= 1e-3 * gp


@pytest.fixture(scope="module")
def step():
    """One whole step in training mode: (terms, gradients, networks)."""
    spec = case_of("losses", "train_step")
    options = spec["options"]
    batch, weights = batch_of(spec), LossWeights(options["adv_w"], options["rec_w"], options["gp_w"])
    networks = {"G": generator(spectral=True), "D": discriminator(spectral=True)}
    shape = {"betas": tuple(options["betas"]), "eps": options["eps"]}
    optimisers = {k: torch.optim.Adam(n.parameters(), lr=options[f"{k}_lr"], **shape) for k, n in networks.items()}
    images = networks["G"](batch.x_a, batch.x_b, batch.alpha)
    terms = discriminator_terms(networks["D"], images, batch, weights)
    grads = {}
    terms["loss_D"].backward()
    grads["D"] = {k: p.grad.clone() for k, p in networks["D"].named_parameters()}
    optimisers["D"].step()
    terms |= generator_terms(networks["D"], images, batch, weights)
    terms["loss_G"].backward()
    grads["G"] = {k: p.grad.clone() for k, p in networks["G"].named_parameters()}
    optimisers["G"].step()
    return terms, grads, networks


def sampled(values):
    flat = values.detach().flatten()
    return flat[:: max(1, flat.numel() // 200)]


@pytest.mark.slow
def test_training_step_terms(step):
    for name in TERMS | TERMS_D:
        check("losses", "train_step", name, step[0][name], max_abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("output", list(case_of("losses", "train_step")["outputs"]))
def test_training_step_gradients_and_values_after(step, output):
    _, grads, networks = step
    if output.startswith("loss_"):
        return
    letter, kind, *rest = output.split(".")
    name, tolerance = ".".join(rest), case_of("losses", "train_step")["tolerance"]
    want = wanted("losses", "train_step", output)
    if kind == "grad_norm":
        norm = np.sqrt(sum(float(g.double().square().sum()) for g in grads[letter].values()))
        assert abs(norm - want) <= tolerance["grad_rel_l2"] * want
    elif kind == "grad":
        # A bias in front of an instance norm has gradient zero: what is stored there is rounding (1e-8).
        limit = {"max_abs": 1e-7} if np.abs(want).max() < 1e-7 else {"max_rel_l2": tolerance["grad_rel_l2"]}
        assert_matches(sampled(grads[letter][name]), want, output, **limit)
    else:
        value = networks[letter].state_dict()[name]
        limit = tolerance["u_max_abs" if name.endswith("_u") else "after_max_abs"]
        assert_matches(value if name.endswith("_u") else sampled(value), want, output, max_abs=limit)
