"""Heads of cats and dogs in photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from PIL import Image

from core.construction import load_once
from core.detect.segment import depth
from core.errors import NothingFoundError
from core.image import Box, to_tensor

if TYPE_CHECKING:
    from torch import Tensor

    from core.detect.network_pet_points import PetMaskNetwork, PetPointNetwork
    from core.detect.network_pets import PetHeadNetwork

RECORD = "pet-heads"
POINTS_RECORD = "pet-points"
MASK_RECORD = "pet-mask"
MIN_SCORE = 0.15
# Of `redrawn`: the largest side that is looked at, and how far from a mask's rim its sides are beyond doubt, as shares of it.
REDRAWN_PX, SURELY_IN, SURELY_OUT, REDRAWINGS = 256, 0.03, 0.1, 3


@dataclass(frozen=True)
class PetHead:
    """A head: its box in pixels of the picture, how sure the network is (0 to 1), cat or dog."""

    box: Box
    score: float
    species: str


@load_once
def head_network() -> PetHeadNetwork:
    """The detector on its shipped weights."""
    from core.detect.network_pets import PetHeadNetwork
    from core.weights import load_strict, resolve

    return load_strict(PetHeadNetwork, resolve(RECORD).folder).eval()


@torch.no_grad()
def find_head(picture: Image.Image, network: PetHeadNetwork | None = None) -> PetHead:
    """The surest head of a cat or dog.

    Args:
        picture: RGB, any size.
        network: a detector; the shipped one otherwise.

    Raises:
        NothingFoundError: no head that the detector is sure enough of.
    """
    from core.detect.network_pets import SPECIES, HeadMaps, letterbox, read_maps

    network = network or head_network()
    size = network.config.img_size
    square, scale = letterbox(picture.convert("RGB"), size)
    x = to_tensor(square)
    # The picture and its mirror image vote for the centre together.
    maps, mirrored = network(x), network(x.flip(-1))
    corners, scores, species = read_maps(HeadMaps((maps.centre + mirrored.centre.flip(-1)) / 2, *maps[1:]))
    score = float(scores[0])
    if score < MIN_SCORE:
        raise NothingFoundError(
            f"no head of a cat or dog was found (best score {score:.2f}, {MIN_SCORE} is needed): "
            "draw the box by hand, or use a photo that shows the face"
        )
    left = (size - round(picture.width * scale)) // 2
    top = (size - round(picture.height * scale)) // 2
    box = (corners[0] - torch.tensor([left, top, left, top])) / scale
    return PetHead(Box(*box.tolist()), score, SPECIES[int(species[0])])


def detect_head(picture: Image.Image) -> Box:
    """The box of the surest head, in pixels of the picture; see `find_head`."""
    return find_head(picture).box


@load_once
def point_network() -> PetPointNetwork:
    """The point finder on its shipped weights."""
    from core.detect.network_pet_points import PetPointNetwork
    from core.weights import load_strict, resolve

    return load_strict(PetPointNetwork, resolve(POINTS_RECORD).folder).eval()


@torch.no_grad()
def find_points(heads: Tensor, network: PetPointNetwork | None = None) -> tuple[Tensor, Tensor]:
    """Nine points on heads of cats and dogs, see `core.detect.network_pet_points.POINT_NAMES`.

    Args:
        heads: (N, 3, S, S) in [0, 1], squares around heads with a quarter of the head's size around.
        network: a point finder; the shipped one otherwise.

    Returns:
        The points (N, 9, 2), x and y as fractions of the square, and how unsure each is (N, 9), a standard deviation in
        fractions too.
    """
    from torch.nn import functional as F

    from core.detect.network_pet_points import MIRRORED

    network = network or point_network()
    size = int(network.config.img_size)
    x = heads if heads.shape[-1] == size else F.interpolate(heads, (size, size), mode="area")
    found, mirrored = network(x), network(x.flip(-1))
    # The picture and its mirror image are asked, and the mean of both answers is taken.
    back = mirrored.places[:, list(MIRRORED)] * torch.tensor([-1.0, 1.0]) + torch.tensor([float(size), 0.0])
    spread = (found.spread + mirrored.spread[:, list(MIRRORED)]) / 2
    return (found.places + back) / 2 / size, spread / size


@load_once
def mask_network() -> PetMaskNetwork:
    """The network that cuts animals out, on its shipped weights."""
    from core.detect.network_pet_points import PetMaskNetwork
    from core.weights import load_strict, resolve

    return load_strict(PetMaskNetwork, resolve(MASK_RECORD).folder).eval()


@torch.no_grad()
def cut_out(heads: Tensor, network: PetMaskNetwork | None = None) -> Tensor:
    """What is animal in crops of heads.

    Args:
        heads: (N, 3, S, S) in [0, 1], squares around heads with a quarter of the head's size around.
        network: the network to ask; the shipped one otherwise.

    Returns:
        (N, 1, S, S) in [0, 1]: how sure a pixel is animal.
    """
    from torch.nn import functional as F

    network = network or mask_network()
    size = int(network.config.img_size)
    x = heads if heads.shape[-1] == size else F.interpolate(heads, (size, size), mode="area")
    mask = torch.sigmoid((network(x) + network(x.flip(-1)).flip(-1)) / 2)
    return (
        mask if heads.shape[-1] == size else F.interpolate(mask, heads.shape[-2:], mode="bilinear", align_corners=False)
    )


def redrawn(heads: Tensor, masks: Tensor) -> Tensor:
    """Masks that end where the colours change: ears that a rough mask cuts off belong to the animal again.

    Args:
        heads: (N, 3, S, S) in [0, 1].
        masks: (N, 1, S, S) in [0, 1], from `cut_out`; only what lies near their rims changes.

    Returns:
        (N, 1, S, S), 0 or 1; a mask that is empty or full is returned as it came.

    Source: Rother, Kolmogorov, Blake, "GrabCut", 2004, by OpenCV.
    """
    result = []
    for head, mask in zip(heads, masks, strict=True):
        scale = min(1.0, REDRAWN_PX / head.shape[-1])
        size = round(scale * head.shape[-1])
        picture = cv2.resize(
            (head.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8), (size, size), interpolation=cv2.INTER_AREA
        )
        deep = depth(cv2.resize(mask[0].numpy(), (size, size), interpolation=cv2.INTER_AREA)) / size
        kinds = np.where(deep > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        kinds[deep > SURELY_IN], kinds[deep < -SURELY_OUT] = cv2.GC_FGD, cv2.GC_BGD
        if not ((kinds == cv2.GC_FGD).any() and (kinds == cv2.GC_BGD).any()):
            result.append(mask)
            continue
        # OpenCV draws the first colour models by chance.
        cv2.setRNGSeed(0)
        cv2.grabCut(picture, kinds, None, np.zeros((1, 65)), np.zeros((1, 65)), REDRAWINGS, cv2.GC_INIT_WITH_MASK)
        animal = np.isin(kinds, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
        result.append(torch.from_numpy(cv2.resize(animal, head.shape[-2:], interpolation=cv2.INTER_LINEAR))[None])
    return torch.stack(result)
