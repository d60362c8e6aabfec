"""How well a photo bears a pose, asked of the posed mesh before anything is drawn."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from core.gfla.methods.puppet.puppet import Puppet
from core.gfla.methods.puppet.warp import affine_maps

# Pixels of a torso length at which areas are measured.
UNIT_PX = 40


def uncovered(puppet: Puppet, points: np.ndarray) -> float:
    """How much structure must be made up behind a person in a pose (18, 2): area in torso lengths squared by contrast.

    The contrast, in [0, 1], is that of the photo round the places that the person leaves.
    """
    scale = min(1.0, UNIT_PX / puppet.skeleton.unit)
    size = tuple(max(1, round(side * scale)) for side in puppet.alpha.shape[::-1])
    hole = cv2.resize(puppet.hole.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    covered = np.zeros_like(hole)
    for _, posed in seen_triangles(puppet, points):
        for corners in posed * scale:
            cv2.fillConvexPoly(covered, np.round(corners).astype(np.int32), 1)
    left = (hole > 0) & (cv2.resize(puppet.alpha, size, interpolation=cv2.INTER_AREA) > 0.5) & (covered == 0)
    grey = cv2.resize(cv2.cvtColor(puppet.picture, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    steps = [cv2.Sobel(grey.astype(np.float32), cv2.CV_32F, *order) for order in ((1, 0), (0, 1))]
    outside = (hole == 0).astype(np.float32)
    sums = [cv2.GaussianBlur(item, (0, 0), 0.2 * UNIT_PX) for item in (np.hypot(*steps) * outside, outside)]
    contrast = sums[0] / np.maximum(sums[1], 1e-3) / (4 * 255)
    return float((0.05 + contrast)[left].sum() / UNIT_PX**2)


def strain(puppet: Puppet, points: np.ndarray) -> float:
    """How far the mesh is drawn out, pressed or folded in a pose (18, 2), as a factor: 1 where nothing is.

    It is that of the hundredth part of the person's area that suffers most; without limit where that folds.
    """
    found = []
    for rest, posed in seen_triangles(puppet, points):
        maps = affine_maps(rest, posed)[..., :2]
        large, small = np.linalg.svd(maps, compute_uv=False).T
        found.append(np.where(np.linalg.det(maps) > 0, np.maximum(large, 1 / np.maximum(small, 1e-3)), 1e3))
    return float(np.quantile(np.concatenate(found), 0.99))


def seen_triangles(puppet: Puppet, points: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each layer its triangles (T, 3, 2) that show the person, in pixels: in the photo and in a pose (18, 2)."""
    layers, mesh = puppet.parts(puppet.limbs_of([points]))
    places = mesh.posed(puppet.skeleton.joints, puppet.joints_at(points))
    for layer in layers:
        triangles = mesh.sheets[layer.chain]
        middle = np.round(mesh.rest[triangles].mean(1) - layer.corner).astype(int)
        columns, rows = np.clip(middle, 0, np.array(layer.rgba.shape[1::-1]) - 1).T
        shown = triangles[layer.rgba[rows, columns, 3] > 127]
        yield mesh.rest[shown], places[shown]
