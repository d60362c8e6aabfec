"""Checkpoints of a run: all that a resumed run needs, written whole or not at all."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.errors import WeightsError
from core.weights.checkpoint import fill_strict

PREFIX = "step-"


def newest(folder: Path) -> Path | None:
    """The checkpoint with the most steps, or None."""
    found = sorted(folder.glob(f"{PREFIX}*.pt"), key=_step_of)
    return found[-1] if found else None


def _step_of(path: Path) -> int:
    return int(path.stem.removeprefix(PREFIX))


def save(folder: Path, step: int, state: Mapping[str, Any], keep: int) -> Path:
    """Write the state after `step` steps; older checkpoints beyond `keep` go."""
    path = folder / f"{PREFIX}{step}.pt"
    partial = path.with_suffix(".part")
    if shutil.disk_usage(folder).free < 64 * 2**20:
        raise WeightsError(f"less than 64 MiB is free in {folder}: free space, then start the same command again")
    torch.save(dict(state), partial)
    os.replace(partial, path)
    for old in sorted(folder.glob(f"{PREFIX}*.pt"), key=_step_of)[:-keep]:
        old.unlink()
    return path


def load(path: Path) -> dict[str, Any]:
    """The state of a checkpoint, on the CPU.

    Raises:
        WeightsError: a file that is damaged.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, pickle.UnpicklingError) as error:
        raise WeightsError(
            f"the checkpoint {path} cannot be read ({error}): delete it to go on from the one before"
        ) from error


def load_trained(folder: str | Path, networks: Mapping[str, nn.Module], averaged: bool = True) -> int:
    """Fill networks from the newest checkpoint of a run; returns its step.

    Args:
        folder: the run's `out`.
        networks: by the name that they have in the recipe.
        averaged: take the averaged weights where the run kept them.

    Raises:
        WeightsError: no checkpoint, or one of other networks.
    """
    path = newest(Path(folder))
    if path is None:
        raise WeightsError(f"{folder} holds no checkpoint ({PREFIX}N.pt): train first, or name the run's folder")
    state = load(path)
    for name, network in networks.items():
        kept = state["averages"] if averaged and name in state["averages"] else state["networks"]
        if name not in kept:
            raise WeightsError(f"{path} has no network {name!r}; it has {', '.join(state['networks'])}")
        fill_strict(network, kept[name], str(path))
    return int(state["step"])
