"""Hands in a picture."""

from __future__ import annotations

import numpy as np
from PIL import Image

from core.detect import solutions
from core.image import limit_size

MAX_SIDE_PX = 640


def detect_hands(picture: Image.Image) -> list[np.ndarray]:
    """The landmarks of up to two hands: (21, 2) px each; an empty list where none is found."""
    picture = picture.convert("RGB")
    answer = solutions.hands(limit_size(picture, MAX_SIDE_PX)).multi_hand_landmarks or ()
    return [np.array([(point.x, point.y) for point in hand.landmark]) * picture.size for hand in answer]
