"""The published networks on the deterministic weights of the manifests."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.crossbreed.paper.biggan import BigGANDeep
from core.crossbreed.paper.convert import fold, generator_state
from core.crossbreed.paper.discriminator import CrossbreedDiscriminator
from core.crossbreed.paper.network import CrossbreedGenerator
from tests.parity.fill import fill_state_dict, test_image
from tests.parity.golden import PARITY, arrays, assert_matches, facts

SYSTEM = "crossbreed"


@cache
def state(name: str) -> dict[str, Tensor]:
    """The published state dict of a manifest."""
    return fill_state_dict(PARITY / SYSTEM / f"{name}.manifest.json")


def generator(spectral: bool = False) -> CrossbreedGenerator:
    """The generator on the filled weights: folded and in evaluation mode, or spectral and in training mode."""
    return loaded(
        CrossbreedGenerator(spectral_norm=spectral), generator_state(state("generator"), not spectral), spectral
    )


def discriminator(spectral: bool = False) -> CrossbreedDiscriminator:
    """The discriminator on the filled weights."""
    kept = state("discriminator")
    return loaded(CrossbreedDiscriminator(spectral_norm=spectral), kept if spectral else fold(kept), spectral)


def biggan(spectral: bool = False) -> BigGANDeep:
    """The teacher on the filled weights."""
    kept = state("biggan_deep_128")
    return loaded(BigGANDeep(spectral_norm=spectral), kept if spectral else fold(kept), spectral)


def loaded(model: nn.Module, weights: dict[str, Tensor], training: bool) -> nn.Module:
    model.load_state_dict(weights, strict=True)
    return model.train(training)


def picture(spec: dict[str, Any]) -> Tensor:
    """The input picture that a case names."""
    return test_image(spec["test_image"], tuple(spec["size"]), spec["batch"])


def cases(name: str, *starts: str) -> list[str]:
    """Names of the golden cases, those that begin with one of `starts`."""
    return [case for case in facts(SYSTEM, name)["cases"] if not starts or case.startswith(starts)]


def case_of(name: str, case: str) -> dict[str, Any]:
    return facts(SYSTEM, name)["cases"][case]


def wanted(name: str, case: str, output: str) -> np.ndarray:
    return arrays(SYSTEM, name)[f"{case}.{output}"]


def given(name: str, case: str, value: str) -> Tensor:
    """An input array of a case."""
    return torch.from_numpy(arrays(SYSTEM, name)[f"{case}.in.{value}"])


def check(name: str, case: str, output: str, got: Any, **tolerance: float) -> None:
    """Compare one output with its golden: every stored element, and mean and spread of the whole."""
    spec = case_of(name, case)["outputs"][output]
    values = got.detach() if isinstance(got, Tensor) else torch.as_tensor(np.asarray(got))
    if "shape" in spec:
        assert list(values.shape) == spec["shape"], f"{case}.{output}: {tuple(values.shape)}, golden {spec['shape']}"
    limit = tolerance or {k: v for k, v in case_of(name, case)["tolerance"].items() if k in ("max_abs", "max_rel")}
    stride = spec.get("stride", 1)
    sampled = values[..., ::stride, ::stride] if values.ndim >= 3 else values[..., ::stride] if values.ndim else values
    assert_matches(sampled, wanted(name, case, output), f"{name}/{case}.{output}", **limit)
    if stride > 1:
        slack = limit.get("max_abs", 1e-4)
        assert abs(values.double().mean().item() - spec["mean"]) <= slack, f"{case}.{output}: mean of the whole"
        assert abs(values.double().std(correction=0).item() - spec["std"]) <= slack, f"{case}.{output}: spread"
