"""Inputs and comparisons of the ripple goldens, as their JSON describes them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tests.parity import fill, golden

HERE = golden.PARITY / "ripple"
Spec = dict[str, Any]


def cases(name: str, prefix: str = "") -> list[str]:
    """Case names of one golden, for parametrisation."""
    return [case for case in golden.facts("ripple", name)["cases"] if case.startswith(prefix)]


def case(name: str, key: str) -> Spec:
    """One case."""
    return golden.facts("ripple", name)["cases"][key]


def tensor(spec: Spec) -> Tensor:
    """A `test_image` or `fill_tensor` input."""
    if spec["kind"] == "test_image":
        value = fill.test_image(spec["name"], tuple(spec["size"]), spec["batch"], spec["channels"])
    else:
        filled = fill.fill_tensor(spec["key"], spec["shape"], spec["fill"], spec["salt"])
        value = torch.from_numpy(filled * spec["scale"]).float()
    then = spec.get("then", "")
    if then == "first item":
        value = value[:1]
    elif then == "(v+1)/2":
        value = (value + 1) / 2
    elif then.startswith("v > "):
        value = (value > float(then.removeprefix("v > "))).float()
    return value


def picture(spec: Spec) -> Image.Image:
    """A `test_image_uint8` input."""
    value = fill.test_image(spec["name"], tuple(spec["size"]))[0].permute(1, 2, 0)
    return Image.fromarray(torch.round((value + 1) * 127.5).to(torch.uint8).numpy())


def state(spec: Spec) -> dict[str, Tensor]:
    """The parameters of a small module."""
    return {key: tensor(value) for key, value in spec["state"].items()}


def load_parameters(module: torch.nn.Module, values: dict[str, Tensor]) -> torch.nn.Module:
    """Load, allowing only batch counters to be absent."""
    result = module.load_state_dict(values, strict=False)
    assert not result.unexpected_keys
    assert all(key.endswith("num_batches_tracked") for key in result.missing_keys)
    return module.eval()


@cache
def manifest_entries(name: str) -> dict[str, Spec]:
    """The tensors that a manifest lists."""
    import json

    return json.loads((HERE / f"{name}.manifest.json").read_text())["tensors"]


def filled(name: str, prefix: str = "") -> dict[str, Tensor]:
    """The part of a manifest below `prefix`, keyed as published but without it."""
    kept_file, found = HERE / f"{name}.manifest.npz", {}
    kept = np.load(kept_file) if kept_file.exists() else {}
    for key, spec in manifest_entries(name).items():
        if key.startswith(prefix):
            value = kept[key] if spec["fill"] == "kept" else fill.fill_tensor(key, spec["shape"], spec["fill"])
            value = torch.from_numpy(np.asarray(value)).to(getattr(torch, spec["dtype"]))
            found[key.removeprefix(prefix)] = value.reshape(spec["shape"])
    return found


def compare(name: str, key: str, got: dict[str, Any], **tolerance: float) -> None:
    """Hold every named output against the golden, at its stated stride and tolerance."""
    spec = case(name, key)
    for output, value in got.items():
        facts = spec["outputs"][output]
        array = value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
        assert list(array.shape) == facts["shape"], f"{key} {output}: {array.shape}, the golden has {facts['shape']}"
        seen = array[tuple(slice(None, None, step) for step in facts.get("stride", [1] * array.ndim))]
        limit = tolerance or {"max_abs": spec["tolerance"]["max_abs"]}
        want = golden.arrays("ripple", name)[facts["array"]]
        golden.assert_matches(np.atleast_1d(seen), want, f"{key} {output}", **limit)  # single numbers: arrays of one


def few_levels_off(got: np.ndarray, want: np.ndarray, share: float) -> None:
    """uint8 pictures that differ by at most one level on at most `share` of the values."""
    error = np.abs(got.astype(int) - want.astype(int))
    assert error.max() <= 1, f"{error.max()} levels off"
    assert (error > 0).mean() <= share, f"{(error > 0).mean():.4f} of the values differ"
