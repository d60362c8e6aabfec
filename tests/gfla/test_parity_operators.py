"""The three operations and local attention against the published kernels, forward and gradient."""

import pytest
import torch

from core.gfla.paper.attention import LocalAttention
from core.gfla.paper.operators import resample2d
from tests.parity.golden import arrays, assert_matches, facts
from tests.reference.gfla.published import block_extractor, local_attn_reshape

CASES = {case["name"]: case for case in facts("gfla", "ops")["cases"]}


def run_attention(options, inputs):
    layer = LocalAttention(options["feature_nc"], options["kernel_size"])
    layer.load_state_dict({k.removeprefix("weight:"): v for k, v in inputs.items() if k.startswith("weight:")})
    out, attention = layer(layer.tables(inputs["source"]), inputs["target"], inputs["flow"])
    return {"out": out, "attention": attention}


RUNS = {
    "block_extractor": lambda o, i: {"out": block_extractor(i["source"], i["flow"], o["kernel_size"])},
    "local_attn_reshape": lambda o, i: {"out": local_attn_reshape(i["x"], o["kernel_size"])},
    "resample2d": lambda o, i: {"out": resample2d(i["source"], i["flow"], **o)},
    "local_attention": run_attention,
}


@pytest.mark.parametrize("name", CASES)
def test_operator_matches_the_published_kernel(name):
    case, data = CASES[name], arrays("gfla", "ops")
    inputs = {key: torch.from_numpy(data[spec["array"]]) for key, spec in case["inputs"].items()}
    wanted = [key.removeprefix("grad_") for key in case["outputs"] if key.startswith("grad_")]
    for key in wanted:
        inputs[key].requires_grad_()
    run = next(run for prefix, run in RUNS.items() if name.startswith(prefix))
    got = run(case["options"], inputs)
    if wanted:
        (got["out"] * inputs["cotangent"]).sum().backward()
        got |= {f"grad_{key}": inputs[key].grad for key in wanted}
    for key, spec in case["outputs"].items():
        limit = case["tolerance"].get(key, case["tolerance"]["max_abs"])
        assert_matches(got[key], data[spec["array"]], f"{name}.{key}", max_abs=limit)
