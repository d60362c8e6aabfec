"""Files of the networks behind LPIPS and FID. Nothing is shipped and nothing is downloaded.

They are looked for where the caller says, then in torch's hub cache, then (LPIPS's own weights) in an installed `lpips`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from core.errors import WeightsError

INCEPTION = "inception_v3_google-0cc3c7bd.pth"
ALEXNET = "alexnet-owt-7be5be79.pth"
LPIPS = "alex.pth"
ADDRESSES = {
    INCEPTION: f"https://download.pytorch.org/models/{INCEPTION} (104 MB)",
    ALEXNET: f"https://download.pytorch.org/models/{ALEXNET} (233 MB)",
    LPIPS: "the package lpips (pip install lpips; its weights/v0.1/alex.pth)",
}
Network = TypeVar("Network", bound=nn.Module)


def backbone_file(name: str, given: str = "") -> Path:
    """Where a backbone's file is.

    Args:
        name: `INCEPTION`, `ALEXNET` or `LPIPS`.
        given: what the user said; "" looks in the usual places.

    Raises:
        WeightsError: it is not there; the message says where it is looked for and what to do.
    """
    places = [Path(given)] if given else [Path(torch.hub.get_dir()) / "checkpoints" / name]
    package = importlib.util.find_spec("lpips") if name == LPIPS and not given else None
    if package is not None and package.origin:
        places.append(Path(package.origin).parent / "weights" / "v0.1" / LPIPS)
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(map(str, places))
    raise WeightsError(f"{name} is not at {looked}: get it from {ADDRESSES[name]} and put it there, or name its place")


def read_backbone(file: Path) -> dict[str, Any]:
    """The state dict of a backbone's file."""
    return torch.load(file, map_location="cpu", weights_only=True)


def check_fit(state: Mapping[str, Any], network: nn.Module, name: str) -> None:
    """Refuse tensors, by the keys of `network`, that are none of its own.

    Raises:
        WeightsError: nothing, unknown keys or other shapes; `name` is the file that fits.
    """
    own = network.state_dict()
    if not state or any(key not in own or own[key].shape != value.shape for key, value in state.items()):
        raise WeightsError(f"these weights are not {name}: get them from {ADDRESSES[name]}")


def filled(network: Network, state: Mapping[str, Any], name: str) -> Network:
    """The network with these weights, frozen and in evaluation mode.

    Raises:
        WeightsError: they are not all of its tensors.
    """
    check_fit(state, network, name)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(f"these weights are not {name}: get them from {ADDRESSES[name]}") from error
    network.requires_grad_(False).eval()
    return network
