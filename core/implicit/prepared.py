"""A prepared morph, and what is seen of it at a time: both pictures in one shape, the face, the landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from PIL import Image

from core.errors import InputError
from core.implicit.methods.landmark_flow.displacement_grid import DisplacementGrid
from core.implicit.methods.landmark_flow.warp import Warp
from core.implicit.methods.layers.division import Division, divide
from core.implicit.methods.layers.layers import Layers, compose, face_middle, soft_region
from core.implicit.methods.letterbox.letterbox import Letterbox
from core.implicit.options import ImplicitOptions
from core.implicit.paper.coordinates import to_published
from core.implicit.paper.landmark_plot import FIRST_COLOUR, SECOND_COLOUR, plot_landmarks
from core.implicit.paper.landmarks import MESH_VERTICES
from core.pipeline import Prepared

DETECTED = len(MESH_VERTICES)


@dataclass(frozen=True)
class ImplicitPrepared(Prepared):
    """Two pictures in their common frame and the warp between them.

    Attributes:
        picture_a: (H, W, 3) uint8, the first picture in the frame; `picture_b` the second.
        letterbox_a: how the first picture lies in the frame; `letterbox_b` the second.
        points_a: (N, 2) landmarks in the frame's pixels; `points_b` their partners.
        oval: (M, 2) outline of the face in the first picture, in the frame's pixels; of all landmarks if it shows no face.
        warp: the continuous warp.
        displacements: the warp sampled for quick frames.
        options: what it was prepared with.
        mattes: (H, W) float32 in [0, 1] each, the people; None where a picture shows nobody.
        layers: both pictures taken apart by them.
        notes: what a person should know of this pair, one sentence each.
    """

    picture_a: np.ndarray
    picture_b: np.ndarray
    letterbox_a: Letterbox
    letterbox_b: Letterbox
    points_a: np.ndarray
    points_b: np.ndarray
    oval: np.ndarray
    warp: Warp
    displacements: DisplacementGrid
    options: ImplicitOptions
    mattes: tuple[np.ndarray, np.ndarray] | None = None
    layers: tuple[Layers, Layers] | None = None
    notes: tuple[str, ...] = ()

    @property
    def taken_apart(self) -> tuple[Layers, Layers]:
        """`layers`; `InputError` of a pair that has none."""
        if self.layers is None:
            raise InputError("blend layers needs a person in both pictures: use blend linear")
        return self.layers

    @cached_property
    def division(self) -> Division:
        """Which part of the people changes over first, found half way; of a pair that has layers."""
        taken_apart = self.taken_apart
        at = self.displacements.sampling_positions(0.5)
        people = [_look_up(one.person, places, cv2.INTER_LINEAR) for one, places in zip(taken_apart, at, strict=True)]
        halves = [self.warp.carry(points, start, 0.5) for points, start in ((self.points_a, 0.0), (self.points_b, 1.0))]
        face = (halves[0] + halves[1])[:DETECTED] / 2
        colours, covers = (
            [cut(person) for person in people]
            for cut in (lambda p: p[..., :3], lambda p: (p[..., 3] > 0).astype(np.float32))
        )
        return divide((colours[0], colours[1]), (covers[0], covers[1]), face)


def warped_pictures(prepared: ImplicitPrepared, t: float) -> tuple[np.ndarray, np.ndarray]:
    """Both pictures in the shape of time t: (H, W, 3) float32 in [0, 1]; beyond the edge its edge pixels repeat."""
    at = prepared.displacements.sampling_positions(t)
    pictures = (picture.astype(np.float32) / 255 for picture in (prepared.picture_a, prepared.picture_b))
    first, second = (_look_up(picture, places).clip(0, 1) for picture, places in zip(pictures, at, strict=True))
    return first, second


def layered_frame(prepared: ImplicitPrepared, t: float, appearance: float, background: str) -> np.ndarray:
    """(H, W, 3) float32 in [0, 1]: one person before one background at time t, of a pair that has `layers`."""
    division = prepared.division
    at = prepared.displacements.sampling_positions(t)
    warped = [
        (_look_up(layers.person, places), _look_up(layers.rest, places, cv2.INTER_LINEAR))
        for layers, places in zip(prepared.taken_apart, at, strict=True)
    ]
    size = prepared.displacements.size_px
    # Where both faces have it: a hat or a turned cheek may hide it in one.
    regions = ((prepared.points_a, 0.0), (prepared.points_b, 1.0))
    middle = np.minimum(*(soft_region(prepared.warp.carry(face_middle(p), start, t), size) for p, start in regions))
    behind = (prepared.taken_apart[0].behind, prepared.taken_apart[1].behind)
    return compose((warped[0], warped[1]), behind, middle, division, appearance, background)


def _look_up(picture: np.ndarray, places: np.ndarray, how: int = cv2.INTER_CUBIC) -> np.ndarray:
    """(H, W, C) float32: the picture at places (H, W, 2), (x, y) pixels; beyond the edge its edge pixels repeat."""
    return cv2.remap(picture, places[..., 0] - 0.5, places[..., 1] - 0.5, how, borderMode=cv2.BORDER_REPLICATE)


def face_region(prepared: ImplicitPrepared, t: float) -> np.ndarray:
    """(H, W) bool: inside the outline of the face, where the warp has carried it at time t."""
    width, height = prepared.displacements.size_px
    outline = prepared.warp.carry(prepared.oval, 0.0, t)
    mask = np.zeros((height, width), np.uint8)
    # fillConvexPoly counts from the centre of the top-left pixel.
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(outline - 0.5).astype(np.int32)), 1)
    return mask.astype(bool)


def draw_landmarks(frame: Image.Image, prepared: ImplicitPrepared, t: float) -> Image.Image:
    """A frame at time t with the first picture's landmarks in red and the second's, where they meet them, in green."""
    drawn = np.asarray(frame)
    for points, start, colour in ((prepared.points_a, 0.0, FIRST_COLOUR), (prepared.points_b, 1.0, SECOND_COLOUR)):
        drawn = plot_landmarks(drawn, to_published(prepared.warp.carry(points, start, t), frame.size), colour)
    return Image.fromarray(drawn)
