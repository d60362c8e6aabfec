"""Which pixels are a person, and where a mask ends."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.detect import solutions
from core.errors import NothingFoundError
from core.image import limit_size, resize

MAX_SIDE_PX = 1024
RAYS = 40


def person_mask(picture: Image.Image, name: str = "the picture") -> Tensor:
    """(1, 1, H, W) float32 in [0, 1] at the picture's size: how sure the pixel shows a person.

    The network sees 256 x 256 pixels, so rims are soft over about a hundredth of the picture.

    Raises:
        NothingFoundError: no pixel is more likely than not a person.
    """
    view = limit_size(picture.convert("RGB"), MAX_SIDE_PX)
    found = np.asarray(solutions.selfie(view).segmentation_mask, dtype=np.float32)
    if found.max() <= 0.5:
        raise NothingFoundError(f"no person found in {name}: use a picture of one or more people")
    mask = np.array(resize(Image.fromarray(found), picture.size)).clip(0, 1)
    return torch.from_numpy(mask)[None, None]


def outline(mask: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The last pixel of a person along rays from a place: (RAYS, 2), (x, y) px, NaN where it lies at the picture's edge.

    Args:
        mask: (H, W) in [0, 1].
        centre: (x, y) px.
    """
    height, width = mask.shape
    places, reach = np.full((RAYS, 2), np.nan), np.arange(2, 2 * max(height, width))
    for number, angle in enumerate(np.arange(RAYS) * 2 * np.pi / RAYS):
        x, y = centre[0] + reach * np.cos(angle), centre[1] + reach * np.sin(angle)
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        person = mask[y[inside].astype(int), x[inside].astype(int)] > 0.5
        if person.any() and not person[-3:].any():
            last = int(np.flatnonzero(person)[-1])
            places[number] = x[inside][last], y[inside][last]
    return places
