"""Layers laid where a posed mesh has them, triangle by triangle; what did not move stays the photo's own."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from core.gfla.methods.puppet.layers import Layer
from core.gfla.methods.puppet.mesh import Mesh

# Bits below the pixel in which corners are given to the rasteriser.
SHIFT = 4
# Movement in pixels up to which a place stays the photo's, and from which on it is drawn anew.
STILL_PX, MOVED_PX = 0.3, 1.5


def lay(
    ground: np.ndarray, picture: np.ndarray, hole: np.ndarray, layers: Sequence[Layer], mesh: Mesh, places: np.ndarray,
    order: Sequence[str],
) -> np.ndarray:  # fmt: skip
    """The layers over a ground.

    Args:
        ground: (H, W, 3) uint8, the picture without the person.
        picture: (H, W, 3) uint8, shown in the hole where nothing of the person moves.
        hole: (H, W) bool, where the ground was filled.
        layers: of `make_layers`.
        mesh: over them.
        places: (V, 2) where its vertices are now.
        order: names of layers, the farthest first.

    Returns:
        (H, W, 3) uint8, equal to the ground's bits where no layer lies.
    """
    still = settled(mesh, places, hole)[..., None]
    out = np.where(still > 0, ground + still * (picture.astype(np.float32) - ground) + 0.5, ground).astype(np.uint8)
    by_name = {layer.chain: layer for layer in layers}
    for name in order:
        if name in by_name:
            lay_one(out, by_name[name], mesh.rest, places, mesh.sheets[name])
    kept = 1 - touched(mesh, places, hole.shape)[..., None]
    return np.where(kept > 0, out + kept * (picture.astype(np.float32) - out) + 0.5, out).astype(np.uint8)


def touched(mesh: Mesh, places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Where something moves away or to, (H, W) float32 in [0, 1], soft at the edge: all else is left alone."""
    moved = np.hypot(*(places - mesh.rest).T) > STILL_PX
    found = np.zeros(shape, np.uint8)
    for triangles in mesh.sheets.values():
        for corners in triangles[moved[triangles].any(1)]:
            for item in (mesh.rest[corners], places[corners]):
                cv2.fillConvexPoly(found, np.round(item).astype(np.int32), 1)
    return cv2.GaussianBlur(cv2.dilate(found, np.ones((3, 3), np.uint8)).astype(np.float32), (0, 0), 1.0)


def settled(mesh: Mesh, places: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """How surely each pixel of a hole (H, W) shows only what has not moved, (H, W) float32 in [0, 1], 0 outside."""
    moved = np.hypot(*(places - mesh.rest).T)
    found = np.full(hole.shape, -1, np.float32)
    for triangles in mesh.sheets.values():
        far = moved[triangles].max(1)
        # The farthest last: what moves most decides.
        for row in np.argsort(far):
            corners = np.round(mesh.rest[triangles[row]]).astype(np.int32)
            old = found[tuple(np.clip(corners.mean(0)[::-1].astype(int), 0, np.array(hole.shape) - 1))]
            cv2.fillConvexPoly(found, corners, max(float(far[row]), float(old)))
    outside = (found < 0).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    known = np.zeros(nearest.max() + 1, np.float32)
    known[nearest[outside == 0]] = found[outside == 0]
    still = 1 - (known[nearest] - STILL_PX) / (MOVED_PX - STILL_PX)
    return np.where(hole, still.clip(0, 1), 0).astype(np.float32)


def lay_one(out: np.ndarray, layer: Layer, rest: np.ndarray, places: np.ndarray, triangles: np.ndarray) -> None:
    """One layer laid over a picture (H, W, 3) uint8 in place, from vertices at rest (V, 2) to their places (V, 2)."""
    height, width = out.shape[:2]
    used = places[np.unique(triangles)]
    left, top = np.maximum(np.floor(used.min(0)).astype(int) - 1, 0)
    right, bottom = np.minimum(np.ceil(used.max(0)).astype(int) + 2, (width, height))
    if right <= left or bottom <= top:
        return
    corners = places[triangles] - (left, top)
    owner = np.full((bottom - top, right - left), -1, np.int32)
    for number, item in enumerate(np.round(corners * (1 << SHIFT)).astype(np.int32)):
        cv2.fillConvexPoly(owner, item, number, lineType=cv2.LINE_8, shift=SHIFT)
    rows, columns = np.nonzero(owner >= 0)
    maps = affine_maps(corners, rest[triangles] - layer.corner)[owner[rows, columns]]
    at = np.stack([columns, rows, np.ones_like(rows)], -1).astype(np.float64)
    fetched_at = (maps @ at[..., None])[..., 0].astype(np.float32)
    map_x, map_y = (np.full(owner.shape, -9, np.float32) for _ in range(2))
    map_x[rows, columns], map_y[rows, columns] = fetched_at.T
    fetched = cv2.remap(layer.rgba, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
    share = fetched[..., 3:].astype(np.float32) / 255
    below = out[top:bottom, left:right]
    mixed = below + share * (fetched[..., :3].astype(np.float32) - below) + 0.5
    out[top:bottom, left:right] = np.where(share > 0, mixed.clip(0, 255), below).astype(np.uint8)


def affine_maps(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(T, 2, 3) maps that take triangles (T, 3, 2) to triangles (T, 3, 2); a collapsed one shows its first corner."""
    sides = np.stack([before[:, 1] - before[:, 0], before[:, 2] - before[:, 0]], -1)
    wanted = np.stack([after[:, 1] - after[:, 0], after[:, 2] - after[:, 0]], -1)
    flat = np.abs(np.linalg.det(sides)) < 1e-3
    sides[flat] = np.eye(2)
    wanted[flat] = 0
    linear = wanted @ np.linalg.inv(sides)
    return np.concatenate([linear, (after[:, 0] - (linear @ before[:, 0, :, None])[..., 0])[..., None]], -1)
