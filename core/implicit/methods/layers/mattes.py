"""The person of a portrait in its frame: one matte, without other people, and how far a head reaches above its eyes."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from core.detect.segment import person_mask
from core.errors import NothingFoundError
from core.implicit.methods.framing.framing import Anchor

# The mask's soft rim at the 256 pixels that its network sees, generously.
RIM_PX = 6


def find_matte(framed: np.ndarray, landmarks: np.ndarray) -> np.ndarray | None:
    """(H, W) float32 in [0, 1]: the person whose face has these landmarks, alone; None where nobody is found there.

    Args:
        framed: (H, W, 3) uint8.
        landmarks: (N, 2), (x, y) pixels.
    """
    try:
        mask = person_mask(Image.fromarray(framed))[0, 0].numpy()
    except NothingFoundError:
        return None
    mask = cv2.GaussianBlur(mask, (0, 0), max(1.0, max(mask.shape) / 256))
    face = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(np.round(landmarks - 0.5).astype(np.int32)), 1)
    # The face is the person's, whatever the network says of a hand or a shadow on it.
    mask = np.maximum(mask, face)
    _, pieces = cv2.connectedComponents((mask > 0.5).astype(np.uint8))
    own = (pieces == np.bincount(pieces[face > 0]).argmax()).astype(np.uint8)
    near = cv2.dilate(own, np.ones((2 * RIM_PX + 1,) * 2, np.uint8)) > 0
    # As a file of bytes has it, so that a stored morph comes back the same.
    return (np.rint(np.where(near, mask, 0) * 255) / 255).astype(np.float32)


def head_reach(matte: np.ndarray | None, anchor: Anchor) -> float | None:
    """How far the head with hair or hat reaches above the eyes, in face units; None where the frame's top cuts it."""
    if matte is None:
        return None
    left, right = (int(np.clip(anchor.middle[0] + side * anchor.unit, 0, matte.shape[1])) for side in (-0.7, 0.7))
    rows = np.flatnonzero((matte[:, left:right] > 0.5).any(1))
    if not len(rows) or rows[0] <= 1:
        return None
    return float((anchor.middle[1] - rows[0]) / anchor.unit)
