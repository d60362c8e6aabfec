"""A prepared morph, and what is seen of it at a time: both pictures in one shape, the face, the landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from PIL import Image

from core.errors import InputError
from core.implicit.methods.blending.blend import crossfade
from core.implicit.methods.landmark_flow.displacement_grid import DisplacementGrid
from core.implicit.methods.landmark_flow.warp import Warp
from core.implicit.methods.layers.face import DETECTED, face_middle, filled, mix_faces, soft_region
from core.implicit.methods.layers.grade import bring_to, tones_of
from core.implicit.methods.layers.layers import Layers, compose, cover_of, steady_background, take_apart
from core.implicit.methods.layers.mattes import cut_out
from core.implicit.methods.layers.sharing import Sharing, face_at, share_film
from core.implicit.methods.layers.silhouettes import Bend, bend_people
from core.implicit.methods.letterbox.letterbox import Letterbox
from core.implicit.options import ImplicitOptions
from core.implicit.paper.coordinates import to_published
from core.implicit.paper.landmark_plot import FIRST_COLOUR, SECOND_COLOUR, plot_landmarks
from core.ops.blur import soft_blur
from core.pipeline import Prepared

# Of mattes that leave no edge, as a share of the frame's longer side.
SOFT = 0.04


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
        faces, people = list(warped_pictures(self, 0.5)), []
        for index, (maps, places) in enumerate(zip(self.people, at, strict=False)):
            matte, known = (_look_up(one, places, cv2.INTER_LINEAR) for one in maps)
            people.append((matte, known))
            faces[index] = bring_to(faces[index], matte, self.tones[index], self.tones[1 - index], 0.5)
        owner = {"first": 0, "second": 1}.get(self.options.middle)
        return share_film((faces[0], faces[1]), _carried(self, 0.5), lists, at, made_up, people, owner)

    @cached_property
    def people(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """The mattes with rims that follow the pictures' colours and how well they are known; none of a pair without people."""
        pictures = (self.picture_a, self.picture_b)
        return tuple(cut_out(*one) for one in zip(pictures, self.mattes or (), strict=False))

    @cached_property
    def soft_people(self) -> tuple[np.ndarray, ...]:
        """The mattes so soft that what differs inside and outside leaves no edge in people who are not cut out."""
        return tuple(soft_blur(matte, SOFT * max(matte.shape)) for matte in self.mattes or ())

    @cached_property
    def layers(self) -> tuple[Layers, Layers]:
        """Both pictures taken apart; of a pair that has mattes."""
        if self.mattes is None:
            raise InputError("a background of its own needs a person in both pictures: use background crossfade")
        (first, _), (second, _) = self.people
        return take_apart(self.picture_a, first, second), take_apart(self.picture_b, second, first)

    @cached_property
    def tones(self) -> np.ndarray:
        """(2, 2, 3): of both pictures the tones of background and face."""
        size, found = self.displacements.size_px, []
        for picture, points, matte in zip(
            (self.picture_a, self.picture_b), (self.points_a, self.points_b), self.mattes or (None, None), strict=True
        ):
            found.append(tones_of(picture, matte, soft_region(face_middle(points), size)[..., 0]))
        return np.stack(found)

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
    return _pictures_at(prepared, prepared.displacements.sampling_positions(t))


def _pictures_at(prepared: ImplicitPrepared, at: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Both pictures at places (H, W, 2) of their own."""
    pictures = (picture.astype(np.float32) / 255 for picture in (prepared.picture_a, prepared.picture_b))
    first, second = (_look_up(picture, places).clip(0, 1) for picture, places in zip(pictures, at, strict=True))
    return first, second


def shared_frame(prepared: ImplicitPrepared, t: float, appearance: float, background: str) -> np.ndarray:
    """(H, W, 3) float32 in [0, 1]: one person, with the middle of both faces, before one background; of a `shared` pair."""
    sharing, at = prepared.sharing, prepared.displacements.sampling_positions(t)
    schedule, between = sharing.schedule, 0 < appearance < 1
    steady = background != "crossfade" and prepared.mattes is not None
    layers: list[Layers] = []
    if steady or (between and sharing.apart):
        layers = [_warped_layers(own, places) for own, places in zip(prepared.layers, at, strict=True)]
    backs, bends = [one.behind for one in layers], None
    if between and layers and sharing.together:
        faces = [filled(points[:DETECTED], prepared.displacements.size_px) for points in _carried(prepared, t)]
        bends = bend_people((layers[0].depth, layers[1].depth), (faces[0], faces[1]), schedule.person.lefts(appearance))
        at = _bent(at, bends)
        layers = [_warped_layers(own, places) for own, places in zip(prepared.layers, at, strict=True)]
    pictures = _pictures_at(prepared, at)
    lit = prepared.options.match != "off"
    if lit:
        pictures, layers, backs = _toned(prepared, appearance, at, pictures, layers, backs)
    switched, head = schedule.person.share(appearance), float(schedule.head.share(appearance))
    detail, head_detail = None, head
    if bends:
        detail, head_detail = schedule.person.detail(appearance), float(schedule.head.detail(appearance))
    if layers:
        behind = schedule.behind.share(appearance)
        if steady:
            back = steady_background((prepared.layers[0].behind, prepared.layers[1].behind), appearance, background)
        else:
            back = crossfade(backs[0], backs[1], behind)
        gone = (appearance, 1 - appearance) if steady else (behind, 1 - behind)
        base = compose(pictures, (layers[0], layers[1]), back, gone, switched, bends, detail)
    else:
        base = crossfade(*pictures, switched)
    where = face_at(_carried(prepared, t), at, sharing, head)
    return mix_faces(base, pictures, where, appearance, head, head_detail, lit).clip(0, 1)


def _bent(at: tuple[np.ndarray, np.ndarray], bends: tuple[Bend, Bend]) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels of bent people lie in their pictures, (H, W, 2), by where those of the frame do."""
    here = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) + 0.5 for n in at[0].shape[1::-1])), -1)
    first, second = (_look_up(one, here + bend.offset, cv2.INTER_LINEAR) for one, bend in zip(at, bends, strict=True))
    return first, second


def _toned(
    prepared: ImplicitPrepared,
    appearance: float,
    at: tuple[np.ndarray, np.ndarray],
    pictures: tuple[np.ndarray, np.ndarray],
    layers: list[Layers],
    backs: list[np.ndarray],
) -> tuple[tuple[np.ndarray, np.ndarray], list[Layers], list[np.ndarray]]:
    """Both pictures, their layers and what is behind them, brought to one tone; as in `shared_frame`."""
    toned, parts, behind = [], [], []
    for index, (picture, way) in enumerate(zip(pictures, (appearance, 1 - appearance), strict=True)):
        tones = prepared.tones[index], prepared.tones[1 - index]
        person = cover_of(layers[index]) if layers else None
        if person is None and prepared.mattes is not None:
            person = _look_up(prepared.soft_people[index], at[index], cv2.INTER_LINEAR)
        toned.append(bring_to(picture, person, *tones, way))
        if layers:
            parts.append(replace(layers[index], behind=bring_to(layers[index].behind, None, *tones, way)))
            behind.append(bring_to(backs[index], None, *tones, way))
    return (toned[0], toned[1]), parts, behind


def _warped_layers(layers: Layers, places: np.ndarray) -> Layers:
    return Layers(
        _look_up(layers.depth, places, cv2.INTER_LINEAR),
        _look_up(layers.behind, places),
        _look_up(layers.rest, places, cv2.INTER_LINEAR),
    )


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
