"""Generator and discriminator against the published code on the same weights."""

import pytest
import torch

from tests.parity.golden import arrays, assert_matches, facts
from tests.sdl.published import discriminator, image, network, network_input

pytestmark = pytest.mark.slow

FILES = ("vfi", "morphing", "i2i", "style_transfer", "variants")
CASES = [(file, case) for file in FILES for case in facts("sdl", file)["cases"]]
NATIVE = [pytest.param(case, id=case["name"]) for case in facts("sdl", "native")["cases"]]


def positions(case: dict) -> torch.Tensor:
    return torch.tensor(case["options"]["t"], dtype=torch.float32).reshape(-1, 1)


@pytest.mark.parametrize("file, case", CASES, ids=[f"{file}-{case['name']}" for file, case in CASES])
def test_network_matches_the_published_code(file, case):
    net, x, t = network(case["manifest"], case["options"]["split"]), network_input(case), positions(case)
    want = arrays("sdl", file)[case["outputs"]["image"]]
    with torch.inference_mode():
        assert_matches(net(x, t), want, "forward", **case["tolerance"])
        assert_matches(net.decode(net.encode(x), x, t), want, "encode and decode", **case["tolerance"])


def test_layers_match_the_published_code():
    (case,) = facts("sdl", "internals")["cases"]
    net, seen, hooks = network(case["manifest"]), {}, []
    for name in case["outputs"]:

        def keep(_, __, out, name=name):
            seen[name] = out

        hooks.append(net.get_submodule(name).register_forward_hook(keep))
    with torch.inference_mode():
        net(network_input(case), positions(case))
    for hook in hooks:
        hook.remove()
    for name, golden in case["outputs"].items():
        select = case["selection"][name]
        assert list(seen[name].shape) == select["full_shape"], name
        channels, sides = (int(select[key].removeprefix("::")) for key in ("channels", "rows_cols"))
        got = seen[name][:, ::channels, ::sides, ::sides]
        assert_matches(got, arrays("sdl", "internals")[golden], name, **case["tolerance"])


@pytest.mark.exhaustive  # the published sizes; every network is checked at smaller ones above
@pytest.mark.parametrize("case", NATIVE)
def test_native_sizes_match_the_published_code(case):
    net, limits, x = network(case["manifest"]), case["tolerance"], network_input(case)
    with torch.inference_mode():
        picture = net.decode(net.encode(x), x, positions(case))
    stride, data = case["options"]["stride"], arrays("sdl", "native")
    got = {
        "image_strided": picture[..., ::stride, ::stride],
        "mean": picture.mean((0, 2, 3)),
        "std": picture.std((0, 2, 3)),
    }
    for name, golden in case["outputs"].items():
        limit = limits["max_abs"] if name == "image_strided" else limits["mean_std_max_abs"]
        assert_matches(got[name], data[golden], name, max_abs=limit)


@pytest.mark.parametrize("case", facts("sdl", "patchgan")["cases"], ids=lambda case: case["name"])
def test_discriminator_matches_the_published_code(case):
    net = discriminator(case["manifest"], case["options"]["norm_type"])
    picture = image(case["inputs"]["image"])
    with torch.no_grad():
        got = {"eval": net.eval()(picture), "train_pass1": net.train()(picture), "train_pass2": net(picture)}
    after = net.state_dict()
    got |= {f"{v}{n}_after2": after.get(f"model.child{n}.0.weight_{v}") for v in "uv" for n in range(5)}
    for name, golden in case["outputs"].items():
        assert_matches(got[name], arrays("sdl", "patchgan")[golden], name, **case["tolerance"])
