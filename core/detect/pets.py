"""Heads of cats and dogs in photos."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import torch
from PIL import Image

from core.errors import NothingFoundError
from core.image import Box, to_tensor

if TYPE_CHECKING:
    from core.detect.network_pets import PetHeadNetwork

RECORD = "pet-heads"
MIN_SCORE = 0.15


@dataclass(frozen=True)
class PetHead:
    """A head: its box in pixels of the picture, how sure the network is (0 to 1), cat or dog."""

    box: Box
    score: float
    species: str


@cache
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
    from core.detect.network_pets import SPECIES
    from core.detect.train_pets import CELL_PX, letterbox

    network = network or head_network()
    size = network.config.img_size
    square, scale = letterbox(picture.convert("RGB"), size)
    x = to_tensor(square)
    # Both the picture and its mirror image vote for the centre.
    maps, mirrored = network(x), network(x.flip(-1))
    centre = (torch.sigmoid(maps.centre) + torch.sigmoid(mirrored.centre.flip(-1)))[0] / 2
    best = int(centre.sum(0).flatten().argmax())
    row, column = divmod(best, centre.shape[-1])
    score = float(centre[:, row, column].sum().clamp(max=1))
    if score < MIN_SCORE:
        raise NothingFoundError(
            f"no head of a cat or dog was found (best score {score:.2f}, {MIN_SCORE} is needed): "
            "draw the box by hand, or use a photo that shows the face"
        )
    place = maps.offset[0, :, row, column] + torch.tensor([column, row])
    sides = maps.log_size[0, :, row, column].exp()
    corner = torch.cat([place - sides / 2, place + sides / 2]) * CELL_PX
    left = (size - round(picture.width * scale)) // 2
    top = (size - round(picture.height * scale)) // 2
    box = (corner - torch.tensor([left, top, left, top])) / scale
    return PetHead(Box(*box.tolist()), score, SPECIES[int(centre[:, row, column].argmax())])


def detect_head(picture: Image.Image) -> Box:
    """The box of the surest head, in pixels of the picture; see `find_head`."""
    return find_head(picture).box
