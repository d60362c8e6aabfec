"""Pairs of views of objects that are rendered as they are asked for, with the true flow between them.

A batch holds `source`, `target` (B, 3, S, S) in [-1, 1], `source_view`, `target_view` (B, 21, 1, 1), `flow` (B, 2, S, S) in
pixels from the target to the source, `known` (B, 1, S, S), where that flow is known, and `outline` (B, 1, S, S), the share of
each pixel that the object covers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from core.gfla.data.objects import KINDS, object_of
from core.gfla.data.render import SAMPLES, Array, Camera, Scene, View, normals_of, render
from core.gfla.paper.pictures import stacked
from core.gfla.paper.views import AZIMUTH_STEP_DEG, AZIMUTHS, ELEVATION_STEP_DEG, ELEVATIONS, view_code

HELD_OUT_SEED = 2023
# Views of one object that make a ring of pairs: each is rendered once and used twice.
RING = 4
# How far apart two directions count beside distances on the object, when a like place is sought.
DIRECTION = 0.1


def camera_of(azimuth: int, elevation: int) -> Camera:
    """The camera of view classes."""
    return Camera(azimuth * AZIMUTH_STEP_DEG, elevation * ELEVATION_STEP_DEG)


def held_out(kind: str, index: int) -> Scene:
    """The `index`-th object of a kind that no training run draws."""
    return object_of(kind, np.random.default_rng([HELD_OUT_SEED, KINDS.index(kind), index]))


def held_out_pairs(side_px: int, count: int) -> dict[str, Tensor]:
    """`count` pairs of held-out objects of both kinds by turns, for sample sheets."""
    rng, pairs = np.random.default_rng(7), RenderedPairs(side_px)
    found = []
    for number in range(count):
        scene = held_out(KINDS[number % len(KINDS)], number)
        views = [(int(rng.integers(AZIMUTHS)), int(rng.integers(ELEVATIONS))) for _ in range(2)]
        seen = [(render(scene, camera_of(*view), side_px), view) for view in views]
        found.append(pairs.pair(scene, *seen))
    return stacked(found)


class RenderedPairs:
    """Random objects of both kinds, seen from random sides.

    Args:
        side_px: of the pictures.
        kinds: which.
    """

    def __init__(self, side_px: int, kinds: tuple[str, ...] = KINDS) -> None:
        self.side_px, self.kinds = side_px, kinds

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`size` pairs, in rings of views of one object each."""
        items: list[dict[str, Tensor]] = []
        while len(items) < size:
            scene = object_of(str(rng.choice(self.kinds)), rng)
            views = [(int(rng.integers(AZIMUTHS)), int(rng.integers(ELEVATIONS))) for _ in range(RING)]
            seen = [render(scene, camera_of(*view), self.side_px) for view in views]
            items += [self.pair(scene, (seen[i - 1], views[i - 1]), (seen[i], views[i])) for i in range(RING)]
        return stacked(items[:size])

    def pair(self, scene: Scene, source: tuple[View, Any], target: tuple[View, Any]) -> dict[str, Tensor]:
        """One pair, without the batch axis."""
        flow, known = true_flow(scene, source[0], target[0])
        side = self.side_px
        outline = (target[0].faces >= 0).reshape(side, SAMPLES, side, SAMPLES).mean((1, 3))
        return {
            "source": as_tensor(source[0].picture * 2 - 1), "source_view": view_code(*source[1]),
            "target": as_tensor(target[0].picture * 2 - 1), "target_view": view_code(*target[1]),
            "flow": as_tensor(flow), "known": as_tensor(known[..., None]), "outline": as_tensor(outline[..., None]),
        }  # fmt: skip


def as_tensor(picture: Array) -> Tensor:
    """(H, W, C) to (C, H, W) float32."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32))


def true_flow(scene: Scene, source: View, target: View) -> tuple[Array, Array]:
    """Where the source shows what each pixel of the target shows: (H, W, 2) in pixels, and where that is known (H, W).

    A point that the source does not show is fetched from its mirror image, objects being the same on both sides; where
    that is hidden too, from the nearest place of the same material that faces the same way.
    """
    step = slice(SAMPLES // 2, None, SAMPLES)
    faces, side = target.faces[step, step], len(target.depth) // SAMPLES
    inside = faces >= 0
    places, owners = target.places[step, step][inside], faces[inside]
    found = places.copy()
    seen = source.shows(places)
    mirrored = places * np.array([-1, 1, 1])
    other = ~seen & source.shows(mirrored)
    found[other] = mirrored[other]
    rest = np.flatnonzero(~seen & ~other)
    alike, has = _like_places(scene, source, places[rest], owners[rest])
    found[rest] = alike
    flow, known = np.zeros((side, side, 2)), np.zeros((side, side))
    flow[inside] = (source.camera.project(found)[0] - target.camera.project(places)[0]) * side
    known[inside] = 1
    known[tuple(axis[rest[~has]] for axis in np.nonzero(inside))] = 0
    return flow, known


def _like_places(scene: Scene, source: View, places: Array, owners: Array) -> tuple[Array, Array]:
    """For each place a seen one of its material, near it or its mirror image and facing the same way; and whether any is."""
    normals, shown = normals_of(scene.faces) * DIRECTION, source.faces >= 0
    seen, by = source.places[shown], source.faces[shown]
    found, has = places.copy(), np.zeros(len(places), bool)
    for material in np.unique(scene.of_material[owners]):
        wanted, offered = scene.of_material[owners] == material, scene.of_material[by] == material
        if offered.any():
            tree = cKDTree(np.concatenate([seen[offered], normals[by[offered]]], 1))
            asked = np.concatenate([places[wanted], normals[owners[wanted]]], 1)
            far, near = tree.query(np.stack([asked, asked * np.array([-1, 1, 1, -1, 1, 1])]))
            found[wanted] = seen[offered][near[far.argmin(0), np.arange(wanted.sum())]]
            has |= wanted
    return found, has
