"""Which chair or car, and which side of it, a picture shows: many are tried coarsely, the likeliest refined.

An object is a row of numbers in [0, 1) from which `objects` draws its sizes and parts, so that moving the numbers a little
changes the object a little (primary sample space: Kelemen et al. 2002). What is compared is the picture at a small size
with the model in the mean colour that the picture has on each of its materials: outline and parts count at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from PIL import Image

from core.gfla.methods.object_model.objects import object_of
from core.gfla.methods.object_model.render import DISTANCE, Array, Camera, Scene, normals_of, render
from core.gfla.options import KINDS
from core.progress import Progress, silent

NUMBERS = 96
SIDE = 48
KEPT, ROUNDS = 12, 7
# An object not where the model is, or the other way round, counts like this much difference of colour.
OUTLINE_WEIGHT = 0.6


class Tape:
    """Stands in for a random generator: its draws are read from a row of numbers, round and round."""

    def __init__(self, numbers: Array) -> None:
        self.numbers, self.at = numbers, 0

    def _next(self) -> float:
        self.at += 1
        return float(self.numbers[(self.at - 1) % len(self.numbers)])

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number between two."""
        return low + (high - low) * self._next()

    def integers(self, low: int, high: int | None = None) -> int:
        """A whole number below `low`, or from `low` below `high`."""
        start, end = (0, low) if high is None else (low, high)
        return start + int(self._next() * (end - start))

    def choice(self, items: Sequence[Any]) -> Any:
        """One of the items."""
        return items[self.integers(len(items))]


@dataclass(frozen=True)
class Sight:
    """The picture as it is compared: colours (SIDE, SIDE, 3) in [0, 1], the object's share of each pixel (SIDE, SIDE), and
    the middle (x, y) and size of the object in parts of the side.
    """

    colours: Array
    outline: Array
    middle: Array
    size: float

    @classmethod
    def of(cls, picture: Array, outline: Array) -> Sight:
        """Of a square picture (S, S, 3) in [0, 1] and the object's outline (S, S) in [0, 1]."""
        small = cv2.resize(outline.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        colours = cv2.resize(picture.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        rows, columns = np.nonzero(outline > 0.5)
        low, high = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()]) + 1
        side = len(outline)
        return cls(colours, small, (low + high) / 2 / side, float(np.sqrt(np.prod((high - low) / side))))


@dataclass(frozen=True)
class Model:
    """A fitted object.

    Attributes:
        kind: chair or car.
        numbers: what it is drawn from.
        camera: that took the picture.
        error: mean difference from the picture at a small size, 0 to 1.
    """

    kind: str
    numbers: Array
    camera: Camera
    error: float

    @property
    def scene(self) -> Scene:
        """The object."""
        return object_of(self.kind, Tape(self.numbers))


def drawn(kind: str, rng: np.random.Generator, azimuth_deg: float, side_px: int) -> Image.Image:
    """A picture of a random object of a kind, 10 degrees up, before white."""
    picture = render(object_of(kind, rng), Camera(azimuth_deg, 10.0), side_px).picture
    return Image.fromarray(np.round(picture * 255).astype(np.uint8))


def fit(
    sight: Sight,
    cameras: Sequence[Camera],
    kinds: Sequence[str] = KINDS,
    tries: int = 800,
    seed: int = 0,
    progress: Progress = silent,
) -> Model:
    """The best of the objects tried.

    Args:
        sight: the picture.
        cameras: the sides that it may have been taken from.
        kinds: what it may show.
        tries: objects of each kind and side that are tried first, if one side is known; fewer where many are possible.
        seed: of the search.
        progress: called as rounds end.
    """
    rng = np.random.default_rng(seed)
    first, each = max(tries // len(cameras), -(-tries // 33)), -(-tries // 100)
    found = [
        model
        for kind in kinds
        for numbers in rng.random((first, NUMBERS))
        for model in judged(sight, kind, numbers, cameras)
    ]
    best = sorted(found, key=lambda model: model.error)[:KEPT]
    for number in range(ROUNDS):
        progress((number + 1) / (ROUNDS + 1), f"fitting, error {best[0].error:.3f}")
        step = 0.25 * 0.7**number
        children = [
            child
            for model in best
            for _ in range(each)
            for child in judged(sight, model.kind, changed(model.numbers, rng, step), [model.camera])
        ]
        best = sorted([*best, *children], key=lambda model: model.error)[: max(3, KEPT - number)]
    return best[0]


def changed(numbers: Array, rng: np.random.Generator, step: float) -> Array:
    """Some numbers moved a little, and now and then one drawn anew."""
    moved = numbers + rng.normal(0, step, NUMBERS) * (rng.random(NUMBERS) < 0.3)
    if rng.random() < 0.5:
        moved[rng.integers(NUMBERS // 2)] = rng.random()
    return np.mod(moved, 1.0)


def judged(sight: Sight, kind: str, numbers: Array, cameras: Sequence[Camera]) -> list[Model]:
    """A model from every side, and how far each is from the picture."""
    scene = object_of(kind, Tape(numbers))
    placed = [framed(scene, camera, sight) for camera in cameras]
    return [Model(kind, numbers, camera, difference(sight, painted(scene, camera))) for camera in placed]


def framed(scene: Scene, camera: Camera, sight: Sight) -> Camera:
    """The camera, enlarged and shifted so that the object is as large as in the picture and in its place."""
    at, _ = replace(camera, zoom=1.0, shift=(0.0, 0.0)).project(np.concatenate(scene.faces))
    low, high = at.min(0), at.max(0)
    zoom = sight.size / float(np.sqrt(np.prod(high - low)))
    shift = sight.middle - 0.5 - ((low + high) / 2 - 0.5) * zoom
    return replace(camera, zoom=zoom, shift=(float(shift[0]), float(shift[1])))


def painted(scene: Scene, camera: Camera) -> Array:
    """The material seen at each of SIDE x SIDE places, -1 beside the object; faces from the farthest to the nearest."""
    canvas = np.full((SIDE, SIDE), -1, np.int16)
    eye, normals = -DISTANCE * camera.axes[2], normals_of(scene.faces)
    at, depth = camera.project(np.concatenate(scene.faces))
    ends = np.cumsum([len(face) for face in scene.faces])
    starts = ends - [len(face) for face in scene.faces]
    away = np.add.reduceat(depth, starts) / (ends - starts)
    facing = (normals * (eye - np.stack([face[0] for face in scene.faces]))).sum(1) > 0
    corners = np.round((at * SIDE - 0.5) * 16).astype(np.int32)
    for number in np.argsort(-away):
        if facing[number]:
            cv2.fillConvexPoly(
                canvas, corners[starts[number] : ends[number]], int(scene.of_material[number]), cv2.LINE_8, 4
            )
    return canvas


def difference(sight: Sight, materials: Array) -> float:
    """The mean difference between the picture and the model in its materials' mean colours, outline included."""
    inside = materials >= 0
    labels, weights = materials[inside], sight.outline[inside]
    colours = sight.colours[inside]
    count = int(labels.max()) + 1 if labels.size else 1
    total = np.bincount(labels, weights, count) + 1e-6
    means = np.stack([np.bincount(labels, weights * colours[:, channel], count) / total for channel in range(3)], 1)
    off = (np.abs(colours - means[labels]).mean(1) * weights).sum()
    outline = np.abs(sight.outline - inside).sum()
    return float((off + OUTLINE_WEIGHT * outline) / max(1.0, sight.outline.sum()))
