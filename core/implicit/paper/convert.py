"""Published weight files of sine networks in and out.

Published: a bare state dict with keys `net.{i}.0.weight|bias`; sizes are read off the tensors; frequencies are not stored,
for they are folded into the weights of `weights.pth`, `best.pth` and image files. `checkpoint_N.pth` is raw and needs the
frequencies of the `config.yaml` beside it. Older files have one more `net.` before every key.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from core.construction import building
from core.errors import WeightsError
from core.implicit.paper.experiment import read_experiment
from core.implicit.paper.network import Siren, folded
from core.weights import open_checkpoint
from core.weights.checkpoint import fill_strict

RAW_SHARE = 0.25


def siren_of(state: Mapping[str, Tensor], omega_0: float = 1.0, omega_w: float = 1.0) -> Siren:
    """The network that a published state dict describes, loaded strictly.

    Args:
        state: tensors by published key, the old spelling too.
        omega_0: frequency of the first sine; 1 where it is folded into the weights.
        omega_w: frequency of the other sines.

    Raises:
        WeightsError: another network's tensors, or sizes that do not follow each other.
    """
    state = current_keys(state)
    names = [f"net.{index}.0.weight" for index in range(len(state) // 2)]
    weights = [state[name] for name in names if name in state]
    if not 2 <= len(weights) == len(names) or any(weight.ndim != 2 for weight in weights):
        there = ", ".join(list(state)[:5])
        raise WeightsError(
            f"the file holds {there} ...: a sine network has net.0.0.weight, net.0.0.bias, net.1.0.weight ..."
        )
    hidden = [weight.shape[0] for weight in weights[:-1]]
    with building():
        network = Siren(
            in_features=weights[0].shape[1],
            out_features=weights[-1].shape[0],
            hidden_features=hidden,
            omega_0=omega_0,
            omega_w=omega_w,
        )
    return fill_strict(network, {key: tensor.float() for key, tensor in state.items()}, "the sine network's file")


def current_keys(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict with keys of the current spelling.

    Raises:
        WeightsError: a multiresolution network, whose code was never published with the paper.
    """
    if "stages" in state:
        raise WeightsError(
            "the file is a multiresolution image network (MRNet), whose code the authors did not publish: "
            "fit the photograph again with `python -m core implicit image-fit`"
        )
    if all(key.startswith("net.net.") for key in state):
        return {key.removeprefix("net."): tensor for key, tensor in state.items()}
    return dict(state)


def is_raw(state: Mapping[str, Tensor]) -> bool:
    """Whether frequencies are still outside the weights, judged by the size of the first hidden layer's weights."""
    weight = current_keys(state)["net.1.0.weight"]
    return weight.abs().max().item() < RAW_SHARE * math.sqrt(6 / weight.shape[1])


def load_published(path: str | Path, omegas: tuple[float, float] | None = None) -> Siren:
    """A published file as a network whose frequencies are right.

    Args:
        path: `weights.pth`, `best.pth`, an image network, or a raw `checkpoint_N.pth`.
        omegas: (omega_0, omega_w) of a raw file; read from `config.yaml` beside it by default.

    Raises:
        WeightsError: damaged, another network, or raw without its frequencies.
    """
    path = Path(path)
    state = open_checkpoint(path)
    if not isinstance(state, Mapping) or not state:
        raise WeightsError(f"{path.name} holds no state dict: published files of this system are bare state dicts")
    state = current_keys(state)
    if not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise WeightsError(f"{path.name} holds more than tensors: published files of this system are bare state dicts")
    network = siren_of(state)
    if not path.stem.startswith("checkpoint_") and not is_raw(state):
        return network
    omegas = omegas or _omegas_beside(path)
    if omegas is None:
        raise WeightsError(
            f"{path.name} holds raw weights whose frequencies are not in the file: put its config.yaml beside it or give them"
        )
    return siren_of(state, *omegas)


def save_published(network: Siren, path: str | Path, raw: bool = False) -> Path:
    """Write a network as published: folded, or raw as their checkpoints are."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict((network if raw else folded(network)).state_dict()), path)
    return path


def _omegas_beside(path: Path) -> tuple[float, float] | None:
    config = path.parent / "config.yaml"
    if not config.is_file():
        return None
    recipe = read_experiment(config).recipe
    return recipe.omega_0, recipe.omega_w
