"""Landmarks drawn into a picture, and the coordinates of the published editor, which shows both pictures side by side."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from core.implicit.landmark_files import published_list
from core.implicit.pipeline import ImplicitPrepared

FIRST_COLOUR, SECOND_COLOUR = (255, 0, 0), (0, 255, 0)


def mark_points(
    picture: np.ndarray, points: np.ndarray, colour: Sequence[int] = FIRST_COLOUR, radius_px: int = 1
) -> np.ndarray:
    """A copy of a picture (H, W, 3) uint8 with filled dots at points (N, 2), published (y, x) in [-1, 1]."""
    marked = np.ascontiguousarray(picture).copy()
    pixels = ((np.asarray(points) * 0.5 + 0.5) * picture.shape[:2]).astype(int)
    for y, x in pixels.tolist():
        cv2.circle(marked, (x, y), radius_px, tuple(colour), -1)
    return marked


def mark_frame(frame: Image.Image, prepared: ImplicitPrepared, t: float) -> Image.Image:
    """A frame at time t with the first picture's landmarks in red and the second's, where they meet them, in green."""
    marked, size = np.asarray(frame), frame.size
    for points, start, colour in ((prepared.points_a, 0.0, FIRST_COLOUR), (prepared.points_b, 1.0, SECOND_COLOUR)):
        places = prepared.warp.carry(points, start, t)
        marked = mark_points(marked, np.array(published_list(places, size)), colour)
    return Image.fromarray(marked)


def to_editor(points: np.ndarray, size_px: tuple[int, int], right: bool = False) -> np.ndarray:
    """Published points (N, 2), (y, x), as screen pixels (x, y) of the left or the right picture of (width, height)."""
    width, height = size_px
    offset = width if right else 0
    return (np.asarray(points)[:, ::-1] * 0.5 + 0.5) * (width, height) + (offset, 0)


def from_editor(screen: np.ndarray, size_px: tuple[int, int], right: bool = False) -> np.ndarray:
    """Screen pixels (x, y) back to published points (y, x). Their own function leaves x first."""
    width, height = size_px
    offset = width if right else 0
    return ((np.asarray(screen) - (offset, 0)) / (width, height) * 2 - 1)[:, ::-1]
