"""A small software renderer: flat convex faces, a z-buffer, Lambert light, and where every point lies in another view.

Objects stand in a box of side 1 about the origin: x to their left-hand side as we face them, y up, z to the front, where
the camera of azimuth 0 stands; azimuth 90 looks at the side at +x. Pictures are (H, W, 3) in [0, 1] before white.

Source: z-buffer of Catmull 1974, Lambert 1760; textbook material.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
DISTANCE, FOCAL = 2.6, 2.15
SAMPLES = 2
AMBIENT = 0.55
NEAR_ENOUGH = 0.02


@dataclass(frozen=True)
class Material:
    """A colour (3,) in [0, 1], and a second one laid over it as a pattern.

    Attributes:
        colour: of the ground.
        second: of the pattern.
        pattern: plain, stripes, checks or dots.
        period: of the pattern, in units of the object's box.
    """

    colour: Array
    second: Array
    pattern: str = "plain"
    period: float = 0.1

    def at(self, places: Array) -> Array:
        """Colours (N, 3) of places (N, 3); patterns are the same on both sides of x = 0."""
        x, y, z = (np.abs(places[:, 0]), places[:, 1], places[:, 2])
        if self.pattern == "stripes":
            over = np.mod(x / self.period, 1) < 0.4
        elif self.pattern == "checks":
            over = np.mod(np.floor(x / self.period) + np.floor(y / self.period) + np.floor(z / self.period), 2) < 1
        elif self.pattern == "dots":
            steps = np.stack([np.mod(item / self.period, 1) - 0.5 for item in (x, y, z)])
            over = (steps**2).sum(0) < 0.12
        else:
            over = np.zeros(len(places), bool)
        return np.where(over[:, None], self.second, self.colour)


@dataclass(frozen=True)
class Scene:
    """An object: convex faces (n, 3) seen from outside, the material of each, and where its light comes from (3,)."""

    faces: Sequence[Array]
    of_material: Array
    materials: Sequence[Material]
    light: Array


@dataclass(frozen=True)
class Camera:
    """A camera on a sphere round the object; its picture is enlarged about its middle, then shifted, in parts of its side."""

    azimuth_deg: float
    elevation_deg: float
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    @cached_property
    def axes(self) -> Array:
        """Rotation (3, 3) into the camera's axes: right, up, away from the camera."""
        a, e = np.radians(self.azimuth_deg), np.radians(self.elevation_deg)
        right = np.array([np.cos(a), 0.0, -np.sin(a)])
        away = -np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])
        up = np.array([-np.sin(a) * np.sin(e), np.cos(e), -np.cos(a) * np.sin(e)])
        return np.stack([right, up, away])

    def project(self, places: Array) -> tuple[Array, Array]:
        """Where places (..., 3) are seen, (..., 2) in parts of the picture's side, and how far away, (...)."""
        seen = places @ self.axes.T
        depth = seen[..., 2] + DISTANCE
        at = self.zoom * FOCAL * seen[..., :2] * np.array([1, -1]) / depth[..., None]
        return 0.5 + at + np.array(self.shift), depth

    def rays(self, side: int) -> Array:
        """What each of `side` x `side` samples looks along, (side, side, 3) in the camera's axes, 1 away from it."""
        steps = (np.arange(side) + 0.5) / side - 0.5
        x, y = ((steps - shift) / (self.zoom * FOCAL) for shift in self.shift)
        return np.stack([*np.meshgrid(x, -y), np.ones((side, side))], -1)


@dataclass(frozen=True)
class View:
    """A rendered view at SAMPLES x SAMPLES of its size.

    Attributes:
        camera: that took it.
        colours: (S, S, 3) in [0, 1].
        places: (S, S, 3), the point of the object that each sample shows.
        depth: (S, S), infinite beside the object.
        faces: (S, S) int, -1 beside the object.
    """

    camera: Camera
    colours: Array
    places: Array
    depth: Array
    faces: Array

    @property
    def picture(self) -> Array:
        """(H, W, 3): the mean of each pixel's samples."""
        side = len(self.depth) // SAMPLES
        return self.colours.reshape(side, SAMPLES, side, SAMPLES, 3).mean((1, 3))

    def shows(self, places: Array) -> Array:
        """Whether places (N, 3) of the object are seen here: nothing stands before them."""
        at, depth = self.camera.project(places)
        column, row = (np.clip((at * len(self.depth)).astype(int), 0, len(self.depth) - 1)).T
        inside = ((at > 0) & (at < 1)).all(-1)
        return inside & (np.abs(self.depth[row, column] - depth) < NEAR_ENOUGH)


def normals_of(faces: Sequence[Array]) -> Array:
    """Outward unit normals (F, 3) of faces whose corners run counter-clockwise seen from outside."""
    corners = np.stack([face[:3] for face in faces])
    found = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def render(scene: Scene, camera: Camera, side_px: int) -> View:
    """A view of `side_px` x `side_px` pixels."""
    side, normals = side_px * SAMPLES, normals_of(scene.faces)
    rays = camera.rays(side)
    depth, owners = np.full((side, side), np.inf), np.full((side, side), -1)
    seen_normals, eye = normals @ camera.axes.T, -DISTANCE * camera.axes[2]
    for number, face in enumerate(scene.faces):
        if normals[number] @ (eye - face[0]) > 0:
            _fill(face, seen_normals[number], camera, rays, (depth, owners), number)
    hit = owners >= 0
    places = np.zeros((side, side, 3))
    places[hit] = (rays[hit] * depth[hit][:, None]) @ camera.axes + eye
    colours = np.ones((side, side, 3))
    colours[hit] = _shaded(scene, places[hit], owners[hit], normals)
    return View(camera, colours, places, depth, owners)


def _fill(face: Array, normal: Array, camera: Camera, rays: Array, buffers: tuple[Array, Array], number: int) -> None:
    """Write a face into the buffers of depth and owner wherever it is the nearest so far."""
    depth, owners = buffers
    at, _ = camera.project(face)
    at, side = at * len(depth), len(depth)
    x0, y0 = np.maximum(np.floor(at.min(0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(at.max(0)).astype(int), side)
    if x0 >= x1 or y0 >= y1:
        return
    x, y = np.arange(x0, x1) + 0.5, (np.arange(y0, y1) + 0.5)[:, None]
    inside = np.ones((y1 - y0, x1 - x0), bool)
    for a, b in zip(at, (*at[1:], at[0]), strict=True):
        # Seen from outside the corners run counter-clockwise, which is clockwise where y points down.
        inside &= (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) <= 0
    corner = camera.axes @ face[0] + np.array([0, 0, DISTANCE])
    window = (slice(y0, y1), slice(x0, x1))
    slope = rays[window] @ normal
    far = normal @ corner / np.where(slope == 0, 1e-12, slope)
    nearer = inside & (far > 0) & (far < depth[window])
    depth[window][nearer], owners[window][nearer] = far[nearer], number


def _shaded(scene: Scene, places: Array, owners: Array, normals: Array) -> Array:
    """Colours (N, 3) of places on faces: the material's, by the angle between face and light."""
    of_material = scene.of_material[owners]
    colours = np.zeros((len(places), 3))
    for number, material in enumerate(scene.materials):
        own = of_material == number
        if own.any():
            colours[own] = material.at(places[own])
    light = AMBIENT + (1 - AMBIENT) * np.clip(normals @ scene.light, 0, 1)
    return np.clip(colours * light[owners][:, None], 0, 1)
