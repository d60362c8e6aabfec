"""A morph of two pictures with the head of a cat or dog each, by the room that Crossbreed shares (`core.animals`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from core.animals.blending.pictures import AnimalPictures, find_masks
from core.animals.colour_transfer.palette import Palette
from core.animals.head_alignment.alignment import HeadAlignment
from core.animals.head_alignment.detector import find_heads
from core.animals.head_alignment.framing import cut_square, place_head
from core.detect.faces import detect_faces
from core.errors import NothingFoundError
from core.image import Box, to_tensor


@dataclass(frozen=True)
class AnimalMorph:
    """Two pictures of one size.

    Attributes:
        first: (H, W, 3) uint8.
        second: likewise.
        pictures: both in the square around them.
        corner: (x, y) of the picture in that square, pixels.
        faces: how many heads meet point by point; the others are moved as a whole.
    """

    first: np.ndarray
    second: np.ndarray
    pictures: AnimalPictures
    corner: tuple[int, int]
    faces: int

    @property
    def photo(self) -> np.ndarray:
        """(H, W, 3) uint8, what t = 0 shows."""
        return self.first

    @property
    def figures(self) -> dict[str, float]:
        """How many heads meet point by point."""
        return {"animals": self.faces}

    def paint(self, t: float) -> np.ndarray:
        """(H, W, 3) uint8 at t: 0 and 1 are the pictures themselves, beyond only places are stretched."""
        if t in (0, 1):
            return self.second if t else self.first
        weights = torch.tensor([[1 - t, t]])
        mixed = self.pictures.mix(weights, weights)[0].permute(1, 2, 0).mul(255).round().byte().numpy()
        (x, y), (height, width) = self.corner, self.first.shape[:2]
        return np.ascontiguousarray(mixed[y : y + height, x : x + width])


def find_animal_morph(first: Image.Image, second: Image.Image) -> AnimalMorph | None:
    """The morph of two RGB pictures of one size; None where one shows no cat or dog, or both show larger faces of people."""
    both = first, second
    heads = [find_heads(picture) for picture in both]
    if not all(heads) or all(
        _shows_a_person(*each) for each in zip(both, (found[0].box for found in heads), strict=True)
    ):
        return None
    side = max(first.size)
    x, y = ((side - length) // 2 for length in first.size)
    square = Box(-x, -y, side - x, side - y)
    framed = [place_head(picture, found[0].box, square) for picture, found in zip(both, heads, strict=True)]
    crops = torch.cat([to_tensor(cut_square(picture, square, side)) for picture in both])
    alignment = HeadAlignment.of_heads(framed)
    pictures = AnimalPictures.cut(crops, alignment, Palette.measure(crops, find_masks(crops, framed)))
    return AnimalMorph(np.asarray(first), np.asarray(second), pictures, (x, y), int(alignment.sure.sum()))


def _shows_a_person(picture: Image.Image, head: Box) -> bool:
    """Whether a picture shows a face of a person that is larger than a head."""
    try:
        face = detect_faces(picture)[0].box
    except NothingFoundError:
        return False
    return face.width * face.height > head.width * head.height
