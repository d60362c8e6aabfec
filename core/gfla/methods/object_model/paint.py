"""A fitted model from another side, in the picture's own colours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import torch
from scipy.spatial import cKDTree

from core.gfla.methods.object_model.render import SAMPLES, Array, Camera, Scene, View, normals_of, render
from core.ops.warp import sample_at

# How far apart two directions count beside distances on the object, when a like place is sought.
DIRECTION = 0.5
# From this far away, in units of the object's box, a place's colour says nothing: the material's mean stands there.
REACH = 0.3
FILLED = 0.92
NEIGHBOURS, MOST_PLACES = 6, 3000
MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Source:
    """The picture laid over its model.

    Attributes:
        scene: the model.
        view: the model as the picture shows it.
        picture: (S, S, 3) in [0, 1], its colours spread beyond the object's outline.
    """

    scene: Scene
    view: View
    picture: Array

    @classmethod
    def of(cls, scene: Scene, camera: Camera, picture: Array, outline: Array) -> Source:
        """Of a square picture (S, S, 3) in [0, 1] and its outline (S, S)."""
        return cls(scene, render(scene, camera, len(picture) // SAMPLES), spread(picture, outline))

    @cached_property
    def directions(self) -> Array:
        """The direction of each face (F, 3); front and back count as one: the far side of a board is like the near one."""
        return np.abs(normals_of(self.scene.faces)) * DIRECTION

    @cached_property
    def mean(self) -> Array:
        """The object's mean colour (3,)."""
        return self.colours_of(self.view.places[self.view.faces >= 0]).mean(0)

    @cached_property
    def seen(self) -> dict[int, tuple[Any, Array]]:
        """By material, its seen places with their directions to look among, and their colours (N, 3)."""
        shown = self.view.faces >= 0
        places, faces = self.view.places[shown], self.view.faces[shown]
        found = {}
        for material in np.unique(self.scene.of_material[faces]):
            own = np.flatnonzero(self.scene.of_material[faces] == material)
            own = own[:: 1 + len(own) // MOST_PLACES]
            if len(own) >= NEIGHBOURS:
                among = np.concatenate([places[own], self.directions[faces[own]]], 1)
                found[int(material)] = cKDTree(among), self.colours_of(places[own])
        return found

    def colours_of(self, places: Array) -> Array:
        """The picture's colours (N, 3) where it shows places (N, 3), bilinear."""
        at = torch.from_numpy(self.view.camera.project(places)[0] * len(self.picture)).float()
        picture = torch.from_numpy(np.ascontiguousarray(self.picture.transpose(2, 0, 1), np.float32))
        return sample_at(picture[None], at[None])[0].T.numpy()


def wide_camera(scene: Scene, camera: Camera, sides: int = 12) -> Camera:
    """The camera, so far away that the object stays within the picture all the way round, its axis in the middle."""
    corners = np.concatenate(scene.faces)
    plain = replace(camera, zoom=1.0, shift=(0.0, 0.0))
    views = [replace(plain, azimuth_deg=number * 360 / sides).project(corners)[0] for number in range(sides)]
    low, high = np.min([at.min(0) for at in views], 0), np.max([at.max(0) for at in views], 0)
    half_width, middle = max(0.5 - low[0], high[0] - 0.5), (low[1] + high[1]) / 2
    zoom = float(FILLED / max(2 * half_width, high[1] - low[1]))
    return replace(camera, zoom=zoom, shift=(0.0, float((0.5 - middle) * zoom)))


def spread(picture: Array, outline: Array) -> Array:
    """The picture with the object's colours carried on beyond its outline, so that no ground is fetched at the edge."""
    inner = cv2.erode((outline > 0.9).astype(np.uint8), np.ones((3, 3), np.uint8))
    if not inner.any():
        return picture
    _, labels = cv2.distanceTransformWithLabels(1 - inner, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    nearest = np.zeros((labels.max() + 1, 3), picture.dtype)
    nearest[labels[inner > 0]] = picture[inner > 0]
    return nearest[labels]


def turned(source: Source, camera: Camera, side_px: int, fill: bool = True) -> Array:
    """The object from `camera`, (side, side, 3) in [0, 1] before white.

    A place that the picture shows has its colour; else its mirror image's, chairs and cars being the same on both sides;
    else the mean of the nearest places of the same material.

    Args:
        source: the picture and its model.
        camera: where it is seen from.
        side_px: side of the result.
        fill: False leaves what the picture does not show white: appearance flow alone.
    """
    seen = render(source.scene, camera, side_px)
    hit = seen.faces >= 0
    places, owners = seen.places[hit], seen.faces[hit]
    colours = np.ones((len(places), 3))
    direct = source.view.shows(places)
    colours[direct] = source.colours_of(places[direct])
    mirrored = ~direct & source.view.shows(places * MIRROR)
    colours[mirrored] = source.colours_of(places[mirrored] * MIRROR)
    rest = ~direct & ~mirrored
    if fill and rest.any():
        colours[rest] = _like(source, places[rest], owners[rest])
    picture = np.ones((*seen.faces.shape, 3))
    picture[hit] = colours
    return picture.reshape(side_px, SAMPLES, side_px, SAMPLES, 3).mean((1, 3))


def _like(source: Source, places: Array, owners: Array) -> Array:
    """Colours (N, 3) of hidden places: the mean of seen ones of the material, near and facing alike, mirrored or not.

    Further away it is the material's mean, and the object's where its material is not seen.
    """
    found = np.tile(source.mean, (len(places), 1))
    of_material = source.scene.of_material[owners]
    for material in np.unique(of_material):
        if material not in source.seen:
            continue
        tree, given = source.seen[material]
        wanted = of_material == material
        asked = np.concatenate([places[wanted], source.directions[owners[wanted]]], 1)
        far, near = tree.query(np.stack([asked, asked * np.concatenate([MIRROR, np.ones(3)])]), NEIGHBOURS)
        side, which = far[..., 0].argmin(0), np.arange(wanted.sum())
        trust = np.clip(1 - far[side, which, 0] / REACH, 0, 1)[:, None]
        found[wanted] = trust * given[near[side, which]].mean(1) + (1 - trust) * given.mean(0)
    return found
