"""Heads of cats and dogs in photos: boxes, landmarks, and what is animal, by the networks that ship."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from diffusers import ModelMixin
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from core.construction import load_once
from core.crossbreed.methods.head_alignment.network_heads import (
    SPECIES,
    HeadMaps,
    PetHeadNetwork,
    letterbox,
    read_maps,
)
from core.crossbreed.methods.head_alignment.network_points import MIRRORED, PetMaskNetwork, PetPointNetwork
from core.errors import NothingFoundError
from core.image import Box, crop_box, to_tensor
from core.weights import load_strict, resolve

Network = TypeVar("Network", bound=ModelMixin)
MIN_SCORE = 0.15


@dataclass(frozen=True)
class PetHead:
    """A head: its box in pixels of the picture, how sure the network is (0 to 1), cat or dog."""

    box: Box
    score: float
    species: str


@load_once
def shipped(cls: type[Network], record: str) -> Network:
    """A network on its shipped weights, loaded once."""
    return load_strict(cls, resolve(record).folder)


def point_network() -> PetPointNetwork:
    """The landmark detector that ships."""
    return shipped(PetPointNetwork, "pet-points")


@torch.no_grad()
def find_head(picture: Image.Image, network: PetHeadNetwork | None = None) -> PetHead:
    """The surest head of a cat or dog.

    Args:
        picture: RGB, any size.
        network: a detector; the shipped one otherwise.

    Raises:
        NothingFoundError: no head that the detector is sure enough of.
    """
    network = network or shipped(PetHeadNetwork, "pet-heads")
    square, scale, corner = letterbox(picture.convert("RGB"), network.config.img_size)
    x = to_tensor(square)
    # The centre is the mean of what the picture and its mirror image say.
    maps, mirrored = network(x), network(x.flip(-1))
    corners, scores, species = read_maps(HeadMaps((maps.centre + mirrored.centre.flip(-1)) / 2, *maps[1:]))
    score = float(scores[0])
    if score < MIN_SCORE:
        raise NothingFoundError(
            f"no head of a cat or dog was found (best score {score:.2f}, {MIN_SCORE} is needed): "
            "draw the box by hand, or use a photo that shows the face"
        )
    box = (corners[0] - torch.tensor(corner * 2)) / scale
    return PetHead(Box(*box.tolist()), score, SPECIES[int(species[0])])


def crop_head(picture: Image.Image, box: Box, size_px: int, margin: float = 0.0) -> Image.Image:
    """The square around a head with some room on every side, at `size_px`."""
    return crop_box(picture, box.squared(margin), (size_px, size_px))


@torch.no_grad()
def find_points(heads: Tensor, network: PetPointNetwork | None = None) -> tuple[Tensor, Tensor]:
    """Nine points on heads of cats and dogs, see `network_points.POINT_NAMES`.

    Args:
        heads: (N, 3, S, S) in [0, 1], squares around heads with a quarter of the head's size around.
        network: a landmark detector; the shipped one otherwise.

    Returns:
        The points (N, 9, 2), x and y as fractions of the square, and the standard deviation of each (N, 9), fractions too.
    """
    network = network or point_network()
    size = float(network.config.img_size)
    found, mirrored = _with_mirror(network, heads)
    # The mean of what the picture and its mirror image say.
    back = mirrored.places[:, list(MIRRORED)] * torch.tensor([-1.0, 1.0]) + torch.tensor([size, 0.0])
    spread = (found.spread + mirrored.spread[:, list(MIRRORED)]) / 2
    return (found.places + back) / 2 / size, spread / size


@torch.no_grad()
def segment_animals(heads: Tensor, network: PetMaskNetwork | None = None) -> Tensor:
    """What is animal in crops of heads.

    Args:
        heads: (N, 3, S, S) in [0, 1], squares around heads with a quarter of the head's size around.
        network: the network to ask; the shipped one otherwise.

    Returns:
        (N, 1, S, S) in [0, 1]: how sure a pixel is animal.
    """
    logits, mirrored = _with_mirror(network or shipped(PetMaskNetwork, "pet-mask"), heads)
    mask = torch.sigmoid((logits + mirrored.flip(-1)) / 2)
    if mask.shape[-1] == heads.shape[-1]:
        return mask
    return F.interpolate(mask, heads.shape[-2:], mode="bilinear", align_corners=False)


def _with_mirror(network: Any, heads: Tensor) -> tuple[Any, Any]:
    """What a network says of heads at its own size, and of their mirror images."""
    size = int(network.config.img_size)
    x = heads if heads.shape[-1] == size else F.interpolate(heads, (size, size), mode="area")
    return network(x), network(x.flip(-1))
