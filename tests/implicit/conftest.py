"""A head and a disc that tests of framing, layers and portraits share."""

from __future__ import annotations

import numpy as np
import pytest

from core.image import load_image
from core.implicit.methods.framing.upright import detect_landmarks


@pytest.fixture(scope="module")
def head(heads):
    """One of our heads and its landmarks."""
    picture = load_image(heads[0])
    return picture, detect_landmarks(picture)


def disc(radius: float, middle=(48, 40)) -> np.ndarray:
    """A mask of 96 px, (96, 96) float32."""
    y, x = np.mgrid[:96, :96] + 0.5
    return (np.hypot(x - middle[0], y - middle[1]) < radius).astype(np.float32)
