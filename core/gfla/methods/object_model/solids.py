"""Convex solids that objects are put together from: boxes, posts, prisms with leaning sides; all closed, faces outward."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.gfla.methods.object_model.render import Array

ROUND = 10


def prism(profile: Sequence[Sequence[float]], half_width: float, lean: float = 0.0) -> list[Array]:
    """A profile of (z, y) corners, drawn out along x to both sides.

    Args:
        profile: corners of a convex outline.
        half_width: at y = 0.
        lean: how much narrower each side gets per unit of height.
    """
    corners = np.array(profile, float)
    wide = half_width - lean * corners[:, 1]
    left, right = (np.stack([sign * wide, corners[:, 1], corners[:, 0]], 1) for sign in (-1.0, 1.0))
    count = len(corners)
    sides = [np.stack([left[i], right[i], right[(i + 1) % count], left[(i + 1) % count]]) for i in range(count)]
    return outward([left, right, *sides])


def box(centre: Sequence[float], size: Sequence[float]) -> list[Array]:
    """A box of (x, y, z) `size` about `centre`."""
    half = np.array(size, float) / 2
    rectangle = [(-half[2], -half[1]), (half[2], -half[1]), (half[2], half[1]), (-half[2], half[1])]
    return moved(prism(rectangle, half[0]), centre)


def post(start: Sequence[float], end: Sequence[float], radius: float, corners: int = ROUND) -> list[Array]:
    """A round post from `start` to `end`."""
    a, b = np.array(start, float), np.array(end, float)
    along = (b - a) / np.linalg.norm(b - a)
    across = np.cross(along, [0.0, 0.0, 1.0] if abs(along[2]) < 0.9 else [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    angles = 2 * np.pi * np.arange(corners) / corners
    ring = radius * (np.cos(angles)[:, None] * across + np.sin(angles)[:, None] * np.cross(along, across))
    low, high = a + ring, b + ring
    sides = [np.stack([low[i], low[(i + 1) % corners], high[(i + 1) % corners], high[i]]) for i in range(corners)]
    return outward([low, high, *sides])


def moved(faces: Sequence[Array], by: Sequence[float]) -> list[Array]:
    """The faces elsewhere."""
    return [face + np.array(by, float) for face in faces]


def leant(faces: Sequence[Array], degrees: float, about: Sequence[float]) -> list[Array]:
    """The faces turned about the x axis through `about`, backwards for positive degrees."""
    angle, centre = np.radians(degrees), np.array(about, float)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]])
    return [(face - centre) @ turn.T + centre for face in faces]


def mirrored(faces: Sequence[Array]) -> list[Array]:
    """The faces and their mirror images at x = 0."""
    return [*faces, *(face[::-1] * np.array([-1.0, 1.0, 1.0]) for face in faces)]


def outward(faces: Sequence[Array]) -> list[Array]:
    """The faces of a convex solid with corners counter-clockwise seen from outside."""
    middle = np.concatenate(faces).mean(0)
    corners = np.stack([face[:3] for face in faces])
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    inward = (normals * (corners[:, 0] - middle)).sum(1) < 0
    return [face[::-1] if turn else face for face, turn in zip(faces, inward, strict=True)]
