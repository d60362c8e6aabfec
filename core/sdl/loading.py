"""The networks of this system: the paper's, our small ones after it, and the style network; the config says which."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import WeightsError, unknown_name
from core.sdl.jobs import SHIPPED
from core.sdl.methods.ageing.network import AgeingSDLNet
from core.sdl.methods.face_morph.network import MorphSDLNet
from core.sdl.methods.flow_hypotheses.network import HypothesisSDLNet
from core.sdl.methods.style.network import SDLStyleNet
from core.sdl.methods.toon.network import ToonSDLNet
from core.sdl.paper.network import SDLNet
from core.weights import load_strict

AnyNet = SDLNet | SDLStyleNet
# By `output` in the config; weights converted or trained before the classes were apart all name the class SDLNet.
BY_OUTPUT: dict[str, type[Any]] = {
    "direct": SDLNet,
    "style": SDLStyleNet,
    **{network.OUTPUT: network for network in (HypothesisSDLNet, MorphSDLNet, AgeingSDLNet, ToonSDLNet)},
}
NAMES = tuple(network.__name__ for network in BY_OUTPUT.values())


def network_class(config: Mapping[str, Any]) -> type[Any]:
    """The class that a config is for; the paper's where it names no output.

    Raises:
        OptionError: an output that no class has.
    """
    output = config.get("output", "direct")
    if output not in BY_OUTPUT:
        raise unknown_name("form of the output", output, BY_OUTPUT)
    return BY_OUTPUT[output]


def load_network(folder: Path) -> AnyNet:
    """The network of a folder in our layout, in evaluation mode.

    Raises:
        WeightsError: no such folder, another system's network, or tensors that do not fit.
    """
    file = folder / "config.json"
    if not file.is_file():
        raise WeightsError(f"{folder} holds no config.json: it is not a folder of converted weights")
    config = json.loads(file.read_text())
    if (name := config.get("_class_name")) not in NAMES:
        raise WeightsError(f"{folder} holds a {name}, this system has {', '.join(NAMES)}: name another folder")
    return load_strict(network_class(config), folder)


def build_network(name: str, split: float = 0.5) -> AnyNet:
    """The untrained network of a shipped record."""
    if name not in SHIPPED:
        raise unknown_name("network", name, SHIPPED)
    values = SHIPPED[name]
    network: type[Any] = network_class(values)
    return network(**values) if network is SDLStyleNet else network(split=split, **values)
