"""Training losses against the published code, value and gradient."""

import pytest
import torch

from core.gfla.paper import losses
from tests.parity.golden import arrays, assert_matches, facts
from tests.reference.gfla import published

CASES = {case["name"]: case for case in facts("gfla", "losses")["cases"]}
DATA = arrays("gfla", "losses")


def inputs_of(case, prefix=""):
    specs = {key: spec for key, spec in case["inputs"].items() if key.startswith(prefix)}
    return {key.removeprefix(prefix): torch.from_numpy(DATA[spec["array"]]).clone() for key, spec in specs.items()}


def hold(case, got):
    for key, spec in case["outputs"].items():
        limit = case["tolerance"].get(key, case["tolerance"]["max_abs"])
        assert_matches(got[key], DATA[spec["array"]], f"{case['name']}.{key}", max_abs=limit)


@pytest.mark.parametrize("name", [n for n in CASES if n.startswith("sampling")])
def test_sampling_correctness(name):
    case = CASES[name]
    flows = [flow.requires_grad_() for flow in inputs_of(case, "flow").values()]
    loss = losses.sampling_correctness(
        inputs_of(case, "source:"), inputs_of(case, "target:"), flows, case["options"]["attn_layer"],
        mask=inputs_of(case, "mask").get(""), bilinear=case["options"].get("bilinear", False),
    )  # fmt: skip
    loss.backward()
    hold(case, {"loss": loss} | {f"grad_flow{i}": flow.grad for i, flow in enumerate(flows)})


def test_affine_regularization():
    case = CASES["affine_regularization"]
    flows = [flow.requires_grad_() for flow in inputs_of(case).values()]
    loss = losses.affine_regularization(flows, (2, 3), (5, 3))
    loss.backward()
    double = [losses.affine_residual(flow.detach().double(), k) for flow, k in zip(flows, (3, 5), strict=True)]
    got = {"loss": loss, "loss_float64": sum(double), "scale0_float64": double[0], "scale1_float64": double[1]}
    hold(case, got | {f"grad_flow{i}": flow.grad for i, flow in enumerate(flows)})


def test_affine_flows_cost_nothing():
    case = CASES["affine_regularization_of_affine_flow"]
    flow = inputs_of(case)["flow"].double()
    hold(case, {"loss_float64": losses.affine_residual(flow, case["options"]["kernel_size"])})


def test_content_and_style():
    case = CASES["vgg_content_style"]
    generated, real = inputs_of(case, "generated:"), inputs_of(case, "real:")
    got = {"content": losses.content_loss(generated, real), "style": losses.style_loss(generated, real)}
    hold(case, got | {"gram_generated_relu2_2": losses.gram(generated["relu2_2"])})


@pytest.mark.parametrize("mode", ["lsgan", "hinge", "nsgan"])
def test_adversarial(mode):
    case = CASES[f"adversarial_{mode}"]
    scores = inputs_of(case)["d_out"]
    hold(
        case,
        {
            "real_for_d": losses.adversarial(scores, True, True, mode),
            "fake_for_d": losses.adversarial(scores, False, True, mode),
            "for_g": losses.adversarial(scores, True, False, mode),
        },
    )


def test_learning_rate_rule():
    case = CASES["lr_lambda"]
    rule = {key: spec["value"] for key, spec in case["inputs"].items()}
    epochs = range(rule.pop("epochs"))
    hold(case, {"lr": [published.learning_rate(epoch, **rule) for epoch in epochs]})
