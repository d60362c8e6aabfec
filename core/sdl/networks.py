"""The two networks of this system by name: the paper's, in any width, and the small style network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.errors import WeightsError, unknown_name
from core.sdl.methods.style.network import SDLStyleNet
from core.sdl.paper.network import SDLNet
from core.sdl.paper.recipes import SHIPPED
from core.weights import load_strict

AnyNet = SDLNet | SDLStyleNet
CLASSES: dict[str, type[Any]] = {"SDLNet": SDLNet, "SDLStyleNet": SDLStyleNet}


def network_in(folder: Path) -> AnyNet:
    """The network of a folder in our layout, in evaluation mode.

    Raises:
        WeightsError: no such folder, another system's network, or tensors that do not fit.
    """
    file = folder / "config.json"
    if not file.is_file():
        raise WeightsError(f"{folder} holds no config.json: it is not a folder of converted weights")
    name = json.loads(file.read_text()).get("_class_name")
    if name not in CLASSES:
        raise WeightsError(f"{folder} holds a {name}, this system has {', '.join(CLASSES)}: name another folder")
    return load_strict(CLASSES[name], folder)


def small_network(name: str, split: float = 0.5) -> AnyNet:
    """The untrained network of a shipped record."""
    if name not in SHIPPED:
        raise unknown_name("network", name, SHIPPED)
    values = SHIPPED[name]
    return SDLStyleNet(**values) if values["output"] == "style" else SDLNet(split=split, **values)
