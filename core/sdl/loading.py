"""What does a job: the paper's network, our small ones after it (the config says which), or image processing of ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from core.errors import WeightsError, unknown_name
from core.face_ageing.ageing import find_layers
from core.image import limit_size
from core.sdl.jobs import SHIPPED
from core.sdl.methods.ageing.network import AgeingSDLNet
from core.sdl.methods.drawing.drawing import find_drawing
from core.sdl.methods.face_morph.network import MorphSDLNet
from core.sdl.methods.flow_hypotheses.network import HypothesisSDLNet
from core.sdl.methods.style.network import SDLStyleNet
from core.sdl.methods.toon.network import ToonSDLNet
from core.sdl.options import SDLOptions
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


class Layers(Protocol):
    """What a method found out about a photo."""

    @property
    def photo(self) -> np.ndarray:
        """(H, W, 3) uint8, what t = 0 shows."""

    @property
    def figures(self) -> dict[str, float]:
        """How many faces or animals were found, and what else limits the pictures, see `core.sdl.jobs.misfit`."""

    def paint(self, t: float) -> np.ndarray:
        """The picture at t, (H, W, 3) uint8."""


def age(photo: Image.Image, options: SDLOptions) -> Layers:
    """See `core/face_ageing`."""
    return find_layers(photo if options.keep_size else limit_size(photo, options.max_side_px))


def draw(photo: Image.Image, options: SDLOptions) -> Layers:
    """See `core/sdl/methods/drawing`."""
    return find_drawing(limit_size(photo, options.max_side_px), options.look)


# By the name that `core.sdl.jobs` gives them.
DRAWN: dict[str, Callable[[Image.Image, SDLOptions], Layers]] = {"face-retouch": age, "drawing": draw}
