"""What covers a mouth and the face around it, a mask or a cloth: it neither ages nor says what colour skin is.

Source: own; a mask has the colours that lie around the mouth, and skin between the brows has others.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.detect.covers import AROUND
from core.face_ageing.places import BRIDGE, OVAL, SEARCH, down_of, face_axes
from core.face_ageing.shapes import fade, fill
from core.ops.masks import disc


@dataclass(frozen=True)
class CoverConstants:
    """Lengths in face heights, colours in CIELab."""

    alike: tuple[float, float] = (26.0, 18.0)  # from the cover's colour: from none to all of it
    light: float = 0.5  # how much lightness counts by hue: cloth has folds
    below: float = -0.1  # the bridge of the nose: a mask begins there at the highest
    beside: float = 0.12  # the mesh: its edge and its straps
    gap: float = 0.03  # radius of what is closed: seams, letters
    rim: float = 0.01  # and of what is added around it


COVER = CoverConstants()


def find_cover(view: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Where a mask covers a face whose mouth is covered, (h, w) float32 in [0, 1].

    Args:
        view: (h, w, 3) float32 RGB in [0, 1].
        points: (478, 2) landmarks, pixels of the view.
    """
    shape, height = (view.shape[0], view.shape[1]), SEARCH.face_px
    lab = cv2.cvtColor(cv2.GaussianBlur(view, (0, 0), 2.0), cv2.COLOR_RGB2LAB)
    columns, rows = np.rint(points[list(AROUND)] - 0.5).astype(int).clip(0, np.array(shape[::-1]) - 1).T
    away = (lab - np.median(lab[rows, columns], 0)) * (COVER.light, 1, 1)
    alike = fade(np.linalg.norm(away, axis=2).astype(np.float32), *COVER.alike)
    _, down = face_axes(shape, points)
    below = fade(down, down_of(points, BRIDGE) + COVER.below, down_of(points, BRIDGE) + COVER.below + 0.02)
    near = cv2.dilate(fill(shape, points[list(OVAL)]), disc(COVER.beside * height))
    cover = cv2.morphologyEx(alike * below * near, cv2.MORPH_CLOSE, disc(COVER.gap * height))
    _, labels = cv2.connectedComponents((cover > 0.5).astype(np.uint8))
    at = np.bincount(labels[rows, columns], minlength=labels.max() + 1)[1:]
    if not at.size or not at.any():
        return np.zeros(shape, np.float32)
    whole = (labels == 1 + int(at.argmax())).astype(np.float32)
    return cv2.GaussianBlur(cv2.dilate(whole, disc(COVER.rim * height)), (0, 0), 1.0)
