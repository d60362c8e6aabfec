"""Every loss against the published code: values, and gradients where they are given."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.sdl.paper import losses, style_losses
from tests.parity.golden import arrays, assert_matches, facts
from tests.reference.sdl.published import charbonnier_sum, gram_distance
from tests.sdl.published import image, vgg

CASES = {case["name"]: case for case in facts("sdl", "losses")["cases"]}


def run_charbonnier(o, i):
    measure = {"mean": losses.charbonnier, "sum": charbonnier_sum}[o["reduction"]]
    value = o["loss_weight"] * measure(i["pred"], i["gt"], o["eps"])
    return {"value": value, "pred_grad": gradient(value, i["pred"])}


def run_features(o, i):
    features = vgg()(i["pred"], o["layers"])
    step = {name: 4 if name in ("conv1_1", "conv2_1", "conv3_1") else 1 for name in features}
    return {name: maps[:, ::32, :: step[name], :: step[name]] for name, maps in features.items()}


def run_perceptual(o, i):
    value = o["perceptual_weight"] * losses.perceptual(vgg(), i["pred"], i["gt"], o["layer_weights"])
    style = o["style_weight"] * gram_distance(vgg(), i["pred"], i["gt"], o["layer_weights"])
    return {"value": value, "percep": value, "style": style, "pred_grad": gradient(value, i["pred"])}


def run_style(o, i):
    relation = "norm" not in o
    names = ("content_relation", "style_relation") if relation else ("content", "style")
    weights = style_losses.StyleWeights(**dict(zip(names, (o["content_weight"], o["style_weight"]), strict=True)))
    terms = style_losses.style_terms(vgg(), i["pred"], i["content"], i["style"], weights, norm=o.get("norm", True))
    content, style = (getattr(terms, name) for name in names)
    got = {"content": content, "style": style, "pred_grad_of_content": gradient(content, i["pred"])}
    if not relation:
        got["pred_grad_of_sum"] = gradient(content + style, i["pred"])
    return got


def run_pieces(o, i):
    mean, deviation = style_losses.statistics(i["a"])
    return {
        "cosine_distance": style_losses.cosine_distance(i["a"], i["b"]),
        "mean": mean,
        "std": deviation,
        "normalised": style_losses.normalised(i["a"]),
    }


def run_gan(o, i):
    g = losses.relativistic(i["real_scores"], i["fake_scores"], for_generator=True)
    d = losses.relativistic(i["real_scores"], i["fake_scores"], for_generator=False)
    halves = {"d_real_half": d.real / 2, "d_fake_half": d.fake / 2}
    return {"g": g.mean, "g_real_part": g.real, "g_fake_part": g.fake, **halves}


def gradient(value, pred):
    return torch.autograd.grad(value, pred, retain_graph=True)[0]


RUNS = {
    "charbonnier": run_charbonnier,
    "charbonnier_sum": run_charbonnier,
    "l1": lambda o, i: {"value": o["loss_weight"] * F.l1_loss(i["pred"], i["gt"])},
    "vgg_features": run_features,
    "perceptual_conv5_4": run_perceptual,
    "perceptual_and_gram": run_perceptual,
    "content_style_norm1": run_style,
    "content_style_norm0": run_style,
    "content_style_relt": run_style,
    "style_pieces": run_pieces,
    "gan_relativistic": run_gan,
}


@pytest.mark.parametrize("name", CASES)
def test_loss_matches_the_published_code(name):
    case = CASES[name]
    inputs = {key: image(spec) for key, spec in case["inputs"].items()}
    if "pred" in inputs:
        inputs["pred"].requires_grad_(True)
    got = RUNS[name](case["options"], inputs)
    for output, golden in case["outputs"].items():
        want = arrays("sdl", "losses")[golden]
        limits = dict(case["tolerance"])
        if "rel" in limits:
            limits = {"max_abs": limits["rel"] * float(np.abs(want).max())}
        value = got[output].reshape(want.shape) if want.ndim == 0 or want.size == 1 else got[output]
        assert_matches(value, want, output, **limits)


def test_relaxed_transport_has_a_gradient_when_asked():
    pred = torch.rand(1, 4, 3, 3, requires_grad=True)
    style = torch.rand(1, 4, 3, 3)
    assert style_losses.relaxed_transport(pred, style, differentiable=True).requires_grad
    assert not style_losses.relaxed_transport(pred, style, differentiable=False).requires_grad


def test_a_zero_feature_is_no_nan():
    distance = style_losses.cosine_distance(torch.zeros(1, 4, 2, 2), torch.rand(1, 4, 2, 2))
    assert torch.isfinite(distance).all()
