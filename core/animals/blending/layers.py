"""Photos of heads as layers: the animal, what lies behind it, its outline, and the regions of ears, eyes, muzzle and face.

Layers can be moved and mixed by themselves: where the outline of a mixture runs, neither animal's own outline shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from core.animals.colour_transfer.masks import refine_masks
from core.animals.head_alignment.network_points import CHEEKS, CHIN, CROWN, EARS, EYES, NOSE, ear_roots
from core.metrics import sharpness
from core.ops.filters import gaussian_blur
from core.ops.masks import signed_distance
from core.ops.patch_fill import fill_holes
from core.ops.pull_push import filled


@dataclass(frozen=True)
class LayerSettings:
    """What tunes the layers; lengths are shares of the side unless said otherwise.

    Attributes:
        broad_px: side at which everything but the animal and the ground is kept.
        colour_sigma: standard deviation of what is broad enough to be averaged; all that is finer is one animal's.
        detail_sigma: of what counts as colour rather than fine detail.
        window_sigma: of the neighbourhood in which the energy of details is measured.
        tint_sigma: of the neighbourhood in which what looks the same is coloured the same.
        sure_depth: so deep inside its outline a pixel shows the animal alone.
        ground_room: around the outline, where the ground still shows fur or its shadow.
        ear_radius: of the region of an ear, by the ear's length.
        ear_least: the least radius of that region.
        ear_ground: from this on, in the region, nothing is taken for ground.
        eye_room: half the width of the region of an eye, in distances between the eyes,
        eye_height: its height by its width,
        eye_core: radius of what is an eye for sure, likewise,
        eye_sectors: in so many directions the fur around it is looked at,
        eye_unlike: how far from the colours of that fur the rest of an eye is,
        nose_room: of the nose's and the mouth's middle, which is no part of it,
        muzzle_room: of the muzzle with the corners of an open mouth,
        face_room: and how far inside the hull of cheeks, crown and chin a face begins,
        part_soft: and the width of their soft rims, likewise.
        gaze_px: between the eyes, in the picture in which their contrast is measured,
        gaze_room: and how far around each, in distances between the eyes.
    """

    broad_px: int = 256
    colour_sigma: float = 0.08
    detail_sigma: float = 1 / 40
    window_sigma: float = 1 / 40
    tint_sigma: float = 0.06
    sure_depth: float = 0.008
    ground_room: float = 0.025
    ear_radius: float = 0.5
    ear_least: float = 0.07
    ear_ground: float = 0.9
    eye_room: float = 0.24
    eye_height: float = 0.8
    eye_core: float = 0.09
    eye_sectors: int = 8
    eye_unlike: float = 0.2
    nose_room: float = 0.2
    muzzle_room: float = 0.6
    face_room: float = -0.2
    part_soft: float = 0.16
    gaze_px: int = 48
    gaze_room: float = 0.3


SETTINGS = LayerSettings()


@dataclass(frozen=True)
class Layers:
    """N pictures of side S cut into layers; what is broad has side L.

    Attributes:
        photos: (N, S, S, 3) uint8, all of it.
        animals: (N, S, S, 3) uint8, the animal, whose colours go on beyond its outline.
        colours: (N, L, L, 3) float32 in [0, 1], what is broad of it.
        grounds: (N, S, S, 3) uint8, what is behind it, filled.
        depths: (N, L, L) float32, how deep inside the animal a place lies, shares of the side, negative outside.
        tints: (N, L, L) float32 in [0, 1], how far a place changes its colours with the animal: softer than the outline, and
            the same where it looks the same, so that the outline's errors do not show.
        energies: (N, L, L) float32, how much fine detail is near.
        ears: (N, L, L) float32 in [0, 1], where ears are.
        eyes: (N, L, L) float32 in [0, 1], where eyes are.
        sharpness: (N,) float32, gradient energy of the photo.
        gazes: (N,) float32, how clearly they stand out.
        muzzles: (N, L, L) float32 in [0, 1], where nose and mouth are.
        faces: (N, L, L) float32 in [0, 1], what is well within the face.
        openings: (N, L, L) float32 in [0, 1], the eyes themselves: what is unlike the fur around them.
    """

    photos: np.ndarray
    animals: np.ndarray
    colours: np.ndarray
    grounds: np.ndarray
    depths: np.ndarray
    tints: np.ndarray
    energies: np.ndarray
    ears: np.ndarray
    eyes: np.ndarray
    sharpness: np.ndarray
    gazes: np.ndarray
    muzzles: np.ndarray
    faces: np.ndarray
    openings: np.ndarray

    @classmethod
    def cut(cls, crops: Tensor, masks: Tensor, points: Tensor) -> Layers:
        """The layers of crops (N, 3, S, S) in [0, 1] with masks (N, 1, S, S) in [0, 1] and points (N, 9, 2)."""
        each = [_cut_one(*parts) for parts in zip(crops, masks, points, strict=True)]
        return cls(*(np.stack(part) for part in zip(*each, strict=True)))


def _cut_one(crop: Tensor, mask: Tensor, points: Tensor) -> tuple[np.ndarray, ...]:
    side = crop.shape[-1]
    broad = min(side, SETTINGS.broad_px)
    depth = signed_distance(mask[0].numpy()) / side
    sure = torch.from_numpy((depth > SETTINGS.sure_depth).astype(np.float32))[None, None]
    animal = filled(crop[None] * sure, sure) if bool(sure.any()) else crop[None]
    animal = torch.where(sure > 0, crop[None], animal)
    colours, energy = _bands(animal, broad)
    ears = _ear_region(points.numpy(), broad)
    ground = _ground(crop, depth, cv2.resize(ears, (side, side)))
    eyes, muzzle, face = _face_regions(points.numpy(), broad)
    return (
        _levels(crop[None]), _levels(animal), colours, ground,
        cv2.resize(depth, (broad, broad), interpolation=cv2.INTER_AREA), _tint(crop[None], mask[None], broad), energy, ears, eyes,
        np.asarray(sharpness(crop[None]), np.float32),
        _gaze(_rows(crop[None]), points.numpy()), muzzle, face,
        _eye_openings(cv2.resize(_rows(crop[None]), (broad, broad), interpolation=cv2.INTER_AREA), points.numpy()),
    )  # fmt: skip


def _tint(picture: Tensor, mask: Tensor, broad: int) -> np.ndarray:
    """(L, L) in [0, 1] of a picture (1, 3, S, S) and a mask (1, 1, S, S), both in [0, 1]."""
    small, seen = (torch.nn.functional.interpolate(x, (broad, broad), mode="area") for x in (mask, picture))
    return np.asarray(refine_masks(small, seen, SETTINGS.tint_sigma)[0, 0].numpy())


def _bands(picture: Tensor, broad: int) -> tuple[np.ndarray, np.ndarray]:
    """Broad colours (L, L, 3) and the energy of fine detail (L, L) of a picture (1, 3, S, S) in [0, 1]."""
    small = torch.nn.functional.interpolate(picture, (broad, broad), mode="area")
    detail = (small - gaussian_blur(small, SETTINGS.detail_sigma * broad)).square().mean(1, keepdim=True)
    energy = gaussian_blur(detail, SETTINGS.window_sigma * broad)
    return _rows(gaussian_blur(small, SETTINGS.colour_sigma * broad)), energy[0, 0].numpy()


def _gaze(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """How much contrast of an eye's scale is near the eyes of a photo (S, S, 3) in [0, 1], whatever the head's size."""
    between = float(np.linalg.norm(points[EYES[1]] - points[EYES[0]])) * len(photo)
    small = max(8, round(len(photo) * SETTINGS.gaze_px / max(between, 1)))
    seen = cv2.resize(photo, (min(small, len(photo)),) * 2, interpolation=cv2.INTER_AREA)
    band = cv2.GaussianBlur(seen, (0, 0), SETTINGS.gaze_px / 48) - cv2.GaussianBlur(seen, (0, 0), SETTINGS.gaze_px / 8)
    near = [
        _distance(eye, eye, len(seen)) * len(seen) < SETTINGS.gaze_room * SETTINGS.gaze_px for eye in points[list(EYES)]
    ]
    return np.asarray(np.mean([band[place].std() if place.any() else 0.0 for place in near]), np.float32)


def _levels(picture: Tensor) -> np.ndarray:
    return (_rows(picture) * 255).round().astype(np.uint8)


def _rows(picture: Tensor) -> np.ndarray:
    return np.ascontiguousarray(picture[0].permute(1, 2, 0).numpy())


def _ground(crop: Tensor, depth: np.ndarray, ears: np.ndarray) -> np.ndarray:
    """(S, S, 3) uint8 without the animal, and without ears that its mask missed; where it is all there is, its colours."""
    picture = _levels(crop[None])
    hole = (depth > -SETTINGS.ground_room) | (ears > SETTINGS.ear_ground)
    return picture if hole.all() else fill_holes(picture, hole)


def _ear_region(points: np.ndarray, side: int) -> np.ndarray:
    """(L, L) in [0, 1]: 1 near the lines from the roots of the ears to their tips, softly ending."""
    region = np.zeros((side, side), np.float32)
    for root, tip in zip(ear_roots(points), points[list(EARS)], strict=True):
        radius = max(SETTINGS.ear_radius * float(np.linalg.norm(tip - root)), SETTINGS.ear_least)
        region = np.maximum(region, (2 - 2 * _distance(root, tip, side) / radius).clip(0, 1))
    return region


def _face_regions(points: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(L, L) each in [0, 1], softly ending: around the eyes, from below them to the chin, and the face without its rim."""
    eyes, nose, chin = points[list(EYES)], points[NOSE], points[CHIN]
    unit = max(float(np.linalg.norm(eyes[1] - eyes[0])), 0.02)
    near_eyes, mouth = (
        np.minimum(*(np.linalg.norm(way, axis=-1) for way in _eye_ways(points, side))),
        _distance(nose, chin, side),
    )
    hull = np.zeros((side, side), np.uint8)
    corners = cv2.convexHull((points[[*EYES, CHIN, *CHEEKS, CROWN]] * side).round().astype(np.int32))
    cv2.fillConvexPoly(hull, corners, 1)
    away = (
        (near_eyes, SETTINGS.eye_room),
        (mouth, SETTINGS.nose_room),
        (mouth, SETTINGS.muzzle_room),
        (-signed_distance(hull.astype(np.float32)) / side, SETTINGS.face_room),
    )
    eye, middle, muzzle, face = (
        np.asarray((1 - (far / unit - room) / SETTINGS.part_soft).clip(0, 1), np.float32) for far, room in away
    )
    return eye * (1 - middle), muzzle, face


def _eye_ways(points: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """(L, L, 2) for each eye: the way from it, in shares of the side; across the line of the eyes it counts for more."""
    along = (np.arange(side, dtype=np.float32) + 0.5) / side
    place = np.stack(np.meshgrid(along, along), -1)
    first, second = points[list(EYES)].astype(np.float32)
    way = (second - first) / max(float(np.linalg.norm(second - first)), 1e-6)
    axes = np.stack([way, np.array([-way[1], way[0]], np.float32) / SETTINGS.eye_height], 1)
    return (place - first) @ axes, (place - second) @ axes


def _eye_openings(seen: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(L, L) in [0, 1] of a picture (L, L, 3) in [0, 1]: the middle of an eye, and near it what is unlike all fur around it."""
    side = len(seen)
    unit = max(float(np.linalg.norm(points[EYES[1]] - points[EYES[0]])), 0.02)
    made = np.zeros((side, side), np.float32)
    for way in _eye_ways(points, side):
        far = np.linalg.norm(way, axis=-1) / unit
        sector = ((np.arctan2(way[..., 1], way[..., 0]) / np.pi + 1) * SETTINGS.eye_sectors / 2).astype(int)
        ring = (far > SETTINGS.eye_room) & (far < SETTINGS.eye_room * 1.6)
        furs = [seen[ring & (sector == k)] for k in range(SETTINGS.eye_sectors)]
        near = ((SETTINGS.eye_room - far) / 0.08 + 0.5).clip(0, 1)
        for fur in furs:
            if len(fur):
                unlike = np.linalg.norm(seen - fur.mean(0), axis=-1) / SETTINGS.eye_unlike
                near = np.minimum(near, (2 * unlike - 1).clip(0, 1))
        made = np.maximum(made, np.maximum(((SETTINGS.eye_core - far) / 0.04 + 1).clip(0, 1), near))
    return np.asarray(cv2.GaussianBlur(made, (0, 0), max(0.6, 0.015 * unit * side)), np.float32)


def _distance(start: np.ndarray, end: np.ndarray, side: int) -> np.ndarray:
    """(L, L): how far each place lies from the line between two, in shares of the side."""
    along = (np.arange(side, dtype=np.float32) + 0.5) / side
    place = np.stack(np.meshgrid(along, along), -1) - start
    way = end - start
    share = ((place @ way) / max(float(way @ way), 1e-6)).clip(0, 1)
    return np.asarray(np.linalg.norm(place - share[..., None] * way, axis=-1))
