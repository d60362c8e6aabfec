"""Published GFLA checkpoints in our layout: one file per network, a bare state dict.

Two things differ from our keys: files of multi-GPU runs carry `module.` on every key, and the output and jump
convolutions are stored twice (`conv1` and `model.2`, equal), of which we keep the second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import ModelMixin
from torch import Tensor

from core import weights
from core.errors import WeightsError
from core.gfla.paper.discriminators import ResDiscriminator, TemporalDiscriminator
from core.gfla.paper.network import PoseGenerator
from core.gfla.paper.network_animation import DanceGenerator, FaceGenerator
from core.gfla.paper.network_flow import PoseFlowGenerator, ShapeNetFlowGenerator
from core.gfla.paper.network_motion import MotionExtractionNet
from core.gfla.paper.network_views import ShapeNetGenerator

MARKET = {"attn_layers": (2,), "kernel_sizes": (3,)}
# Record name -> the network of its `latest_net_G.pth`.
NETWORKS: dict[str, Callable[[], ModelMixin]] = {
    "gfla-fashion": PoseGenerator,
    "gfla-market": partial(PoseGenerator, **MARKET),
    "gfla-face": FaceGenerator,
    "gfla-dance-fashion": DanceGenerator,
    "gfla-dance-iper": DanceGenerator,
    "gfla-motion": MotionExtractionNet,
    "gfla-car": ShapeNetGenerator,
    "gfla-chair": ShapeNetGenerator,
    "gfla-fashion-flow": PoseFlowGenerator,
    "gfla-market-flow": partial(PoseFlowGenerator, attn_layers=(2,)),
    "gfla-view-flow": ShapeNetFlowGenerator,
    "gfla-fashion-discriminator": ResDiscriminator,
    "gfla-market-discriminator": partial(ResDiscriminator, layers=3),
    "gfla-face-clip-discriminator": partial(ResDiscriminator, image_nc=6),
    "gfla-dance-clip-discriminator": TemporalDiscriminator,
}


def our_keys(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """A published state dict in our keys.

    Raises:
        WeightsError: no state dict, or the two stored copies of a convolution differ.
    """
    if not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(
            "this is no GFLA checkpoint: a file <iteration>_net_G.pth holds tensors by name and nothing else"
        )
    bare = {key.removeprefix("module."): value for key, value in state.items()}
    ours = {}
    for key, value in bare.items():
        if ".conv1." in key:
            twin = key.replace(".conv1.", ".model.2.")
            if twin not in bare:
                ours[twin] = value
            elif not torch.equal(bare[twin], value):
                raise WeightsError(f"{key} and {twin} differ, in a GFLA checkpoint they are one: the file is damaged")
        else:
            ours[key] = value
    return ours


def load_published(network: ModelMixin, state: Mapping[str, Any], what: str = "the file") -> ModelMixin:
    """The network with published weights; refuses missing, unknown and misshaped tensors.

    Raises:
        WeightsError: naming the tensors.
    """
    return weights.fill_strict(network, our_keys(state), what).eval()


def convert(name: str, file: Path, folder: Path) -> ModelMixin:
    """Read the published `file` of record `name`, write our layout to `folder`, and return the network."""
    network = load_published(NETWORKS[name](), weights.open_checkpoint(file), Path(file).name)
    weights.save_model(network, folder)
    return network


CONVERTERS: dict[str, Callable[[Path, Path], ModelMixin]] = {name: partial(convert, name) for name in NETWORKS}
