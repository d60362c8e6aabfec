"""Jobs that image processing does better than our networks: layers found once, painted at any t."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from PIL import Image

from core.image import limit_size
from core.sdl.methods.drawing.drawing import find_drawing
from core.sdl.methods.face_retouch.ageing import find_layers
from core.sdl.options import SDLOptions


class Layers(Protocol):
    """What a method found out about a photo."""

    @property
    def photo(self) -> np.ndarray:
        """(H, W, 3) uint8, what t = 0 shows."""

    @property
    def faces(self) -> int:
        """How many faces were found."""

    def paint(self, t: float) -> np.ndarray:
        """The picture at t, (H, W, 3) uint8."""


def age(photo: Image.Image, options: SDLOptions) -> Layers:
    """See `core/sdl/methods/face_retouch`."""
    return find_layers(photo if options.keep_size else limit_size(photo, options.max_side_px))


def draw(photo: Image.Image, options: SDLOptions) -> Layers:
    """See `core/sdl/methods/drawing`."""
    return find_drawing(limit_size(photo, options.max_side_px), options.look)


# By the name that `core.sdl.jobs` gives them.
DRAWN: dict[str, Callable[[Image.Image, SDLOptions], Layers]] = {"face-retouch": age, "drawing": draw}
