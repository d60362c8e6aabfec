"""Which pixels are a person."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.detect import solutions
from core.errors import NothingFoundError
from core.image import limit_size, resize

MAX_SIDE_PX = 1024


def person_mask(picture: Image.Image, name: str = "the picture") -> Tensor:
    """(1, 1, H, W) float32 in [0, 1] at the picture's size: how sure the pixel shows a person.

    The network sees 256 x 256 pixels, so rims are soft over about a hundredth of the picture.

    Raises:
        NothingFoundError: no pixel is more likely than not a person.
    """
    view = limit_size(picture.convert("RGB"), MAX_SIDE_PX)
    found = np.asarray(solutions.selfie(view).segmentation_mask, dtype=np.float32)
    if found.max() <= 0.5:
        raise NothingFoundError(f"no person found in {name}: use a picture of one or more people, or paint the mask")
    mask = np.array(resize(Image.fromarray(found), picture.size)).clip(0, 1)
    return torch.from_numpy(mask)[None, None]
