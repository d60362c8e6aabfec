"""Landmarks on the outline of the head, so that hair moves with it instead of fading.

Rays leave the middle of the face in directions fixed to it; a landmark stands where a ray first leaves the person, in both
pictures. Directions next to which the outline jumps are left out.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from core.detect.segment import person_mask
from core.errors import NothingFoundError
from core.implicit.paper.landmarks import LEFT_EYE, MESH_VERTICES, RIGHT_EYE

# Degrees from the face's upward direction. Below the ears hair meets neck and shoulder, and rays no longer match.
DIRECTIONS_DEG = tuple(range(-100, 101, 10))
STEP = 0.02
LONGEST = 6.0
STEEPEST = 1.6
SIDE_DEG = 60
SIDE_RATIO = 1.25
MARGIN = 0.09


def with_outline(
    pictures: tuple[Image.Image, Image.Image], landmarks: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks of both faces with `outline_pairs` behind them."""
    rims = outline_pairs(pictures, landmarks)
    return np.concatenate((landmarks[0], rims[0])), np.concatenate((landmarks[1], rims[1]))


def outline_pairs(
    pictures: tuple[Image.Image, Image.Image], landmarks: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Matching points (N, 2) on both outlines, (x, y) pixels of their pictures; none where no person is found.

    Args:
        pictures: both, RGB.
        landmarks: (131, 2) each, from `landmarks_of`.
    """
    try:
        reaches = [_reach(picture, points) for picture, points in zip(pictures, landmarks, strict=True)]
    except NothingFoundError:
        return np.zeros((0, 2)), np.zeros((0, 2))
    keep = np.isfinite(reaches[0]) & np.isfinite(reaches[1])
    # Beside the face an ear must not be taken for hair that hangs over one.
    ratio = np.abs(np.log(reaches[0] / reaches[1]))
    keep &= (np.abs(DIRECTIONS_DEG) < SIDE_DEG) | (ratio < np.log(SIDE_RATIO))
    # Where the reach jumps, the ray has found a strand, an ear or a shoulder.
    for reach in reaches:
        steps = np.abs(np.diff(np.log(reach), prepend=np.nan, append=np.nan))
        keep &= np.fmax(steps[:-1], steps[1:]) < np.log(STEEPEST)
    places = []
    for points, reach in zip(landmarks, reaches, strict=True):
        centre, size, directions = _axes(points)
        places.append((centre + size * reach[:, None] * directions)[keep])
    return places[0], places[1]


def _axes(points: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Middle of the face, its size in pixels, and the unit directions (len(DIRECTIONS_DEG), 2)."""
    vertices = list(MESH_VERTICES)
    right = points[[vertices.index(v) for v in RIGHT_EYE]].mean(0)
    left = points[[vertices.index(v) for v in LEFT_EYE]].mean(0)
    across = (left - right) / max(float(np.linalg.norm(left - right)), 1e-6)
    down = np.array([-across[1], across[0]])
    angle = np.radians(DIRECTIONS_DEG)[:, None]
    oval = points[:36]
    size = float(np.sqrt(np.prod(np.ptp(oval, axis=0))))
    return oval.mean(0), size, np.sin(angle) * across - np.cos(angle) * down


def _reach(picture: Image.Image, points: np.ndarray) -> np.ndarray:
    """How far the person reaches in each direction, in face sizes, at most nearly to the picture's edge."""
    centre, size, directions = _axes(points)
    mask = person_mask(picture)[0, 0].numpy()
    mask = gaussian_filter(mask, size / 40)
    radii = np.arange(0.3, LONGEST, STEP)
    places = centre + size * radii[None, :, None] * directions[:, None]
    # Points close to the edge would have to be torn off it.
    rim = MARGIN * np.array(picture.size)
    inside = ((places >= rim) & (places <= np.array(picture.size) - rim)).all(-1)
    shown = map_coordinates(mask, (places[..., 1] - 0.5, places[..., 0] - 0.5), order=1, mode="nearest")
    reach = np.full(len(directions), np.nan)
    for index in range(len(directions)):
        out = np.nonzero((shown[index] < 0.5) | ~inside[index])[0]
        if len(out) and out[0] > 0:
            reach[index] = radii[out[0]]
    return reach
