"""A prepared morph, and what is seen of it at a time: both pictures in one shape, the face, the landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from PIL import Image

from core.errors import InputError
from core.implicit.methods.blending.blend import crossfade
from core.implicit.methods.landmark_flow.displacement_grid import DisplacementGrid
from core.implicit.methods.landmark_flow.warp import Warp
from core.implicit.methods.layers.face import DETECTED, mix_faces
from core.implicit.methods.layers.grade import bring_to, tones_of
from core.implicit.methods.layers.layers import Layers, compose, take_apart
from core.implicit.methods.layers.sharing import Sharing, face_at, share_film
from core.implicit.methods.letterbox.letterbox import Letterbox
from core.implicit.options import ImplicitOptions
from core.implicit.paper.coordinates import to_published
from core.implicit.paper.landmark_plot import FIRST_COLOUR, SECOND_COLOUR, plot_landmarks
from core.pipeline import Prepared


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
    notes: tuple[str, ...] = ()

    @cached_property
    def sharing(self) -> Sharing:
        """Whose half way is, and which parts of the faces are never mixed."""
        lists = (self.points_a, self.points_b)
        at = self.displacements.sampling_positions(0.5)
        made_up = (self.figures.get("made_up_first", 0.0), self.figures.get("made_up_second", 0.0))
        owner = {"first": 0, "second": 1}.get(self.options.middle)
        return share_film(warped_pictures(self, 0.5), _carried(self, 0.5), lists, at, made_up, owner)

    @cached_property
    def layers(self) -> tuple[Layers, Layers]:
        """Both pictures taken apart; of a pair that has mattes."""
        if self.mattes is None:
            raise InputError("a background of its own needs a person in both pictures: use background crossfade")
        first, second = self.mattes
        return take_apart(self.picture_a, first, second), take_apart(self.picture_b, second, first)

    def shape_at(self, t: float, kind: str) -> float:
        """The shape that a frame at time t has in a way of blending."""
        return self.sharing.shape(t) if kind == "layers" and self.shared else t

    @property
    def shared(self) -> bool:
        """Whether it shows one person at a time: our warp, through two faces or two people."""
        found = min(len(self.points_a), len(self.points_b)) >= DETECTED or self.mattes is not None
        return self.options.recipe == "fast" and found


def warped_pictures(prepared: ImplicitPrepared, t: float) -> tuple[np.ndarray, np.ndarray]:
    """Both pictures in the shape of time t: (H, W, 3) float32 in [0, 1]; beyond the edge its edge pixels repeat."""
    at = prepared.displacements.sampling_positions(t)
    pictures = (picture.astype(np.float32) / 255 for picture in (prepared.picture_a, prepared.picture_b))
    first, second = (_look_up(picture, places).clip(0, 1) for picture, places in zip(pictures, at, strict=True))
    return first, second


def shared_frame(prepared: ImplicitPrepared, t: float, appearance: float, background: str) -> np.ndarray:
    """(H, W, 3) float32 in [0, 1]: one person, with the middle of both faces, before one background; of a `shared` pair."""
    pictures, switched = warped_pictures(prepared, t), prepared.sharing.switched(appearance)
    lit = prepared.options.match != "off"
    if lit:
        tones = [tones_of(picture) for picture in (prepared.picture_a, prepared.picture_b)]
        wanted = tones[0] + appearance * (tones[1] - tones[0])
        first, second = (bring_to(one, own, wanted) for one, own in zip(pictures, tones, strict=True))
        pictures = (first, second)
    if background == "crossfade" or prepared.mattes is None:
        base = crossfade(*pictures, switched)
    else:
        at = prepared.displacements.sampling_positions(t)
        person_a, person_b = (
            (_look_up(layers.person, places), _look_up(layers.rest, places, cv2.INTER_LINEAR))
            for layers, places in zip(prepared.layers, at, strict=True)
        )
        behind = prepared.layers[0].behind, prepared.layers[1].behind
        base = compose((person_a, person_b), behind, appearance, switched, background)
    where = face_at(_carried(prepared, t), prepared.displacements.size_px, prepared.sharing)
    return mix_faces(base, pictures, where, appearance, switched, lit).clip(0, 1)


def _carried(prepared: ImplicitPrepared, t: float) -> tuple[np.ndarray, np.ndarray]:
    """Both lists of landmarks (N, 2), carried to time t."""
    return prepared.warp.carry(prepared.points_a, 0.0, t), prepared.warp.carry(prepared.points_b, 1.0, t)


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
