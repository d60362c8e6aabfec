"""StyleGAN2's operators, held against the published ones."""

from __future__ import annotations

import pytest
import torch

from core.ripple.paper import stylegan2_layers as layers
from core.ripple.paper.stylegan2 import PixelNorm
from tests.parity import golden
from tests.ripple.cases import case, cases, compare, load_parameters, state, tensor

FIRST = {
    "equal_linear": lambda: layers.EqualLinear(4, 6),
    "equal_linear_mapping": lambda: layers.EqualLinear(4, 4, lr_mul=0.01, activate=True),
    "equal_conv2d": lambda: layers.EqualConv2d(4, 6, 3, padding=1),
    "mapping": lambda: torch.nn.Sequential(
        PixelNorm(), *(layers.EqualLinear(16, 16, lr_mul=0.01, activate=True) for _ in range(3))
    ),
    "modulated_conv": lambda: layers.ModulatedConv2d(4, 6, 3, 5),
    "modulated_conv_up": lambda: layers.ModulatedConv2d(4, 6, 3, 5, resample="up"),
    "modulated_conv_down": lambda: layers.ModulatedConv2d(4, 6, 3, 5, resample="down"),
    "modulated_conv_1x1_plain": lambda: layers.ModulatedConv2d(4, 3, 1, 5, demodulate=False),
    "styled_conv": lambda: layers.StyledConv(4, 6, 3, 5),
    "styled_conv_up": lambda: layers.StyledConv(4, 6, 3, 5, upsample=True),
    "to_rgb_skip": lambda: layers.ToRGB(4, 5),
}
PLAIN = {
    "fused_leaky_relu": layers.scaled_leaky_relu,
    "fused_leaky_relu_2d": layers.scaled_leaky_relu,
    "pixel_norm": layers.pixel_norm,
    "scaled_leaky_relu": layers.scaled_leaky_relu,
}


def test_every_case_is_met_here() -> None:
    resampling = [name for name in cases("ops") if name.startswith("upfirdn2d")]
    assert set(cases("ops")) == {"make_kernel", *resampling, *FIRST, *PLAIN}


def test_filter() -> None:
    compare("ops", "make_kernel", {"kernel": layers.fir_kernel()})


@pytest.mark.parametrize("key", cases("ops", "upfirdn2d"))
def test_resampling(key: str) -> None:
    spec = case("ops", key)
    kernel = spec["inputs"]["kernel"]
    weight = tensor(kernel) if isinstance(kernel, dict) else layers.fir_kernel() * (4 if kernel.endswith("*4") else 1)
    call = spec["call"]
    y = layers.upfirdn2d(tensor(spec["inputs"]["x"]), weight, call["up"], call["down"], tuple(call["pad"]))
    compare("ops", key, {"y": y})


@pytest.mark.parametrize("key", PLAIN)
def test_functions(key: str) -> None:
    compare("ops", key, {"y": PLAIN[key](*(tensor(value) for value in case("ops", key)["inputs"].values()))})


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("key", FIRST)
def test_layers(key: str, training: bool) -> None:
    spec = case("ops", key)
    module = load_parameters(FIRST[key](), state(spec))
    inputs = [tensor(value) for value in spec["inputs"].values()]
    with torch.set_grad_enabled(training):
        compare("ops", key, {"y": module(*inputs)})


def test_one_picture_equals_a_batch() -> None:
    """The inference path for one picture scales weights, the batch path activations."""
    spec = case("ops", "modulated_conv_up")
    module = load_parameters(FIRST["modulated_conv_up"](), state(spec))
    x, style = (tensor(value) for value in spec["inputs"].values())
    with torch.no_grad():
        golden.assert_matches(module(x[:1], style[:1]), module(x, style)[:1], "one picture", max_abs=2e-6)
