"""Heads of cats and dogs in photos: boxes, landmarks, and what is animal, by the networks that ship."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from diffusers import ModelMixin
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from core.animals.head_alignment.network_heads import (
    SPECIES,
    HeadMaps,
    PetHeadNetwork,
    letterbox,
    read_maps,
)
from core.animals.head_alignment.network_points import MIRRORED, PetMaskNetwork, PetPointNetwork
from core.animals.head_alignment.second_look import second_look
from core.errors import NothingFoundError
from core.image import Box, crop_box, to_tensor
from core.once import load_once
from core.weights import load_strict, resolve

Network = TypeVar("Network", bound=ModelMixin)


@dataclass(frozen=True)
class DetectorSettings:
    """What tunes the search for heads.

    Attributes:
        min_score: of the detector, below which a place is not looked at again.
        candidates: that are looked at again; each look takes a tenth of a second.
        closer_margin: room around a head that is boxed anew, in head sizes.
        closer_below: share of the picture's longer side that head and room may take for that.
        same_head: share of the larger box that both cover, from which a closer look has found the same head.
        most: share of a box from which on it counts as part of the larger one that covers it.
    """

    min_score: float = 0.15
    candidates: int = 3
    closer_margin: float = 0.75
    closer_below: float = 0.6
    same_head: float = 0.4
    most: float = 0.6


SETTINGS = DetectorSettings()


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
def candidate_heads(picture: Image.Image, network: PetHeadNetwork | None = None) -> list[PetHead]:
    """What may be heads of cats and dogs, surest first; in a picture without one there are some too.

    Args:
        picture: RGB, any size.
        network: a detector; the shipped one otherwise.
    """
    network = network or shipped(PetHeadNetwork, "pet-heads")
    square, scale, corner = letterbox(picture, network.config.img_size)
    x = to_tensor(square)
    # The centre is the mean of what the picture and its mirror image say.
    maps, mirrored = network(x), network(x.flip(-1))
    found = read_maps(HeadMaps((maps.centre + mirrored.centre.flip(-1)) / 2, *maps[1:]), SETTINGS.candidates)
    heads = []
    for corners, score, species in zip(*(part[0] for part in found), strict=True):
        box = Box(*((corners - torch.tensor(corner * 2)) / scale).tolist())
        if score >= SETTINGS.min_score and min(box.width, box.height) >= 1:
            heads.append(PetHead(box, float(score), SPECIES[int(species)]))
    return heads


def find_heads(picture: Image.Image) -> list[PetHead]:
    """The heads of cats and dogs in a picture (RGB, any size), the detector's surest first; empty where there is none."""
    picture, look, seen = picture.convert("RGB"), second_look(), []
    for head in candidate_heads(picture):
        box = _seen_closer(picture, head)
        found = look(picture, box)
        if found.is_pet:
            seen.append(PetHead(box, 1 / (1 + math.exp(-found.score)), head.species))
    # An ear or an eye within a head looks like a head too.
    return [head for head in seen if not any(_is_part_of(head.box, other.box) for other in seen)]


def find_head(picture: Image.Image) -> PetHead:
    """The surest head of a cat or dog in a picture (RGB, any size).

    Raises:
        NothingFoundError: nothing that the detector and a second look both take for one.
    """
    heads = find_heads(picture)
    if not heads:
        raise NothingFoundError(
            "no head of a cat or dog was found: draw the box by hand, or use a photo that shows the face"
        )
    return heads[0]


def _seen_closer(picture: Image.Image, head: PetHead) -> Box:
    """The box of a head; of one that is small in its picture anew, from the part around it, where the detector sees it large."""
    around = head.box.squared(SETTINGS.closer_margin)
    if around.width > SETTINGS.closer_below * max(picture.size):
        return head.box
    left, top, right, bottom = (round(v) for v in around)
    left, top = max(0, left), max(0, top)
    part = picture.crop((left, top, min(picture.width, right), min(picture.height, bottom)))
    for again in candidate_heads(part)[:1]:
        box = Box(*(v + by for v, by in zip(again.box, (left, top) * 2, strict=True)))
        if _common(box, head.box) > SETTINGS.same_head * max(box.width * box.height, head.box.width * head.box.height):
            return box
    return head.box


def _is_part_of(box: Box, other: Box) -> bool:
    """Whether most of a box lies in a larger one."""
    area = box.width * box.height
    return other.width * other.height > area and _common(box, other) > SETTINGS.most * area


def _common(a: Box, b: Box) -> float:
    """The area, in pixels, that two boxes share."""
    width, height = min(a.right, b.right) - max(a.left, b.left), min(a.bottom, b.bottom) - max(a.top, b.top)
    return max(0.0, width) * max(0.0, height)


def crop_head(picture: Image.Image, box: Box, size_px: int, margin: float = 0.0) -> Image.Image:
    """The square around a head with some room on every side, at `size_px`."""
    return crop_box(picture, box.squared(margin), (size_px, size_px))


@torch.no_grad()
def find_looks(heads: Tensor, network: PetPointNetwork | None = None) -> tuple[Tensor, Tensor]:
    """Nine points on heads of cats and dogs, see `network_points.POINT_NAMES`, as each head and its mirror image show them.

    Args:
        heads: (N, 3, S, S) in [0, 1], squares around heads with a quarter of the head's size around.
        network: a landmark detector; the shipped one otherwise.

    Returns:
        The points (2, N, 9, 2), x and y as fractions of the square, and the standard deviation of each (N, 9), fractions too.
    """
    network = network or point_network()
    size = float(network.config.img_size)
    found, mirrored = _with_mirror(network, heads)
    back = mirrored.places[:, list(MIRRORED)] * torch.tensor([-1.0, 1.0]) + torch.tensor([size, 0.0])
    spread = (found.spread + mirrored.spread[:, list(MIRRORED)]) / 2
    return torch.stack([found.places, back]) / size, spread / size


def find_points(heads: Tensor, network: PetPointNetwork | None = None) -> tuple[Tensor, Tensor]:
    """The mean of `find_looks`: points (N, 9, 2), and their standard deviations (N, 9)."""
    looks, spread = find_looks(heads, network)
    return looks.mean(0), spread


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
