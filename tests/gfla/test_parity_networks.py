"""Whole networks against the published code on the same weights."""

import pytest
import torch

from tests.gfla.published import network, tensor
from tests.parity.golden import arrays, assert_matches, facts

pytestmark = pytest.mark.slow

FILES = ("pose", "animation", "shapenet", "discriminators")
CASES = [(file, case) for file in FILES for case in facts("gfla", file)["cases"]]


def painted_parts(painted, stride):
    got = {"image": painted.image}
    if stride:
        got["image_strided"] = painted.image[..., ::stride, ::stride]
        got["image_mean"] = painted.image.mean((2, 3))
        got["image_std"] = painted.image.std((2, 3))
    return got | lists(painted.flows, painted.masks)


def lists(flows, masks, prefix=""):
    got = {f"{prefix}flow{i}": flow for i, flow in enumerate(flows)}
    return got | {f"{prefix}mask{i}": mask for i, mask in enumerate(masks)}


def pose_parts(net, inputs):
    """The tensors inside the generator that the golden holds."""
    seen = {}
    features = net.source(inputs["source"])
    for i, feature in enumerate(features):
        seen[f"source_feature{i}"] = feature
    for i, (index, _) in enumerate(net.target.attentions()):
        decoder = getattr(net.target, f"decoder{index}")
        decoder.register_forward_pre_hook(lambda _, args, i=i: seen.update({f"fused_target{i}": args[0]}))
    painted = net(*inputs.values())
    return seen | {f"attention{i}": a for i, a in enumerate(painted.attention)} | {"image": painted.image}


@pytest.mark.parametrize("file, case", CASES, ids=[case["name"] for _, case in CASES])
def test_network_matches_the_published_code(file, case):
    net, data = network(case), arrays("gfla", file)
    inputs = {key: tensor(spec, file) for key, spec in case["inputs"].items()}
    with torch.no_grad():
        if case["run"] == "pose_parts":
            got = pose_parts(net, inputs)
        elif case["run"] == "pose":
            got = painted_parts(net(*inputs.values()), case.get("stride"))
        elif case["run"] == "flow_only":
            got = lists(*net(*inputs.values()))
        elif case["run"] == "animate":
            frames = net(**inputs)
            got = {f"image{i}": frame.image for i, frame in enumerate(frames)}
            got |= lists(frames[-1].flows, frames[-1].masks, "last_")
        else:
            got = {"out": net(inputs["x"])}
    for key, spec in case["outputs"].items():
        assert_matches(got[key], data[spec["array"]], f"{case['name']}.{key}", max_abs=case["tolerance"]["max_abs"])
