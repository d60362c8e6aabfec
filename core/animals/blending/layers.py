"""Photos of heads as layers: the animal, what lies behind it, its outline, and the regions of ears, eyes, muzzle and face.

Layers can be moved and mixed by themselves: where the outline of a mixture runs, neither animal's own outline shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from core.animals.blending.eyes import EYE, eye_contrast, eye_distance, eye_openings, iris_colour, ways_from_eyes
from core.animals.colour_transfer.masks import refine_masks
from core.animals.head_alignment.network_points import CHEEKS, CHIN, CROWN, EARS, EYES, NOSE, ear_roots
from core.metrics import LUMA, sharpness
from core.ops.filters import gaussian_blur, guided_filter
from core.ops.masks import signed_distance
from core.ops.patch_fill import fill_holes
from core.ops.pull_push import filled


@dataclass(frozen=True)
class LayerSettings:
    """What tunes the layers; lengths are shares of the side unless said otherwise.

    Attributes:
        broad_px: side at which everything but the animal and the ground is kept.
        colour_sigma: standard deviation of the colours of body, ears and unclear heads that are averaged; what is finer is one animal's.
        marking_sigma: the same for markings of the head, which keep their edges,
        marking_variance: of lightness, from which on an edge is one.
        detail_sigma: of what counts as colour rather than fine detail.
        window_sigma: of the neighbourhood in which the energy of details is measured.
        tint_sigma: of the neighbourhood in which what looks the same is coloured the same.
        sure_depth: so deep inside its outline a pixel shows the animal alone,
        fur_depth: and so deep there is nothing but fur.
        ground_room: around the outline, where the ground still shows fur or its shadow.
        ear_radius: of the region of an ear, by the ear's length.
        ear_least: the least radius of that region.
        ear_ground: from this on, in the region, nothing is taken for ground.
        nose_room: of the nose's and the mouth's middle, which is no part of an eye's region, in distances between the eyes,
        mouth_room: of nose and mouth, which are no fur,
        muzzle_room: of the muzzle with the corners of an open mouth,
        face_room: and how far inside the hull of cheeks, crown and chin a face begins,
        part_soft: and the width of their soft rims,
        temple: how far above the cheeks the temples are, by the height of the crown above the nose,
        head_room: how far from the hull with these the fur of two heads still meets place by place,
        head_soft: and from there on less and less.
    """

    broad_px: int = 256
    colour_sigma: float = 0.12
    marking_sigma: float = 0.03
    marking_variance: float = 0.03
    detail_sigma: float = 1 / 40
    window_sigma: float = 1 / 40
    tint_sigma: float = 0.06
    sure_depth: float = 0.008
    fur_depth: float = 0.04
    ground_room: float = 0.025
    ear_radius: float = 0.5
    ear_least: float = 0.07
    ear_ground: float = 0.9
    nose_room: float = 0.2
    mouth_room: float = 0.3
    muzzle_room: float = 0.6
    face_room: float = -0.2
    part_soft: float = 0.16
    temple: float = 0.8
    head_room: float = 0.05
    head_soft: float = 0.3


SETTINGS = LayerSettings()


@dataclass(frozen=True)
class Layers:
    """N pictures of side S cut into layers; what is broad has side L.

    Attributes:
        photos: (N, S, S, 3) uint8, all of it.
        animals: (N, S, S, 3) uint8, the animal, whose colours go on beyond its outline.
        colours: (N, L, L, 3) float32 in [0, 1], the broad ones of its fur, as if it had no eyes, nose and mouth.
        grounds: (N, S, S, 3) uint8, what is behind it, filled.
        depths: (N, L, L) float32, how deep inside the animal a place lies, shares of the side, negative outside.
        tints: (N, L, L) float32 in [0, 1], how far a place changes its colours with the animal: softer than the outline, and
            the same where it looks the same, so that the outline's errors do not show.
        energies: (N, L, L) float32, how much fine detail is near.
        eyes: (N, L, L) float32 in [0, 1], where eyes are.
        sharpness: (N,) float32, gradient energy of the photo.
        gazes: (N,) float32, how clearly they stand out.
        muzzles: (N, L, L) float32 in [0, 1], where nose and mouth are.
        faces: (N, L, L) float32 in [0, 1], what is well within the face.
        openings: (N, L, L) float32 in [0, 1], the eyes themselves: what is unlike the fur around them.
        irises: (N, 3) float32 in [0, 1], what colour they have.
        markings: (N, L, L, 3) float32 in [0, 1], the fur's colours with the edges between them.
        heads: (N, L, L) float32 in [0, 1], where they meet another's.
        lightness: (N,) float32 in [0, 1], of that fur.
    """

    photos: np.ndarray
    animals: np.ndarray
    colours: np.ndarray
    grounds: np.ndarray
    depths: np.ndarray
    tints: np.ndarray
    energies: np.ndarray
    eyes: np.ndarray
    sharpness: np.ndarray
    gazes: np.ndarray
    muzzles: np.ndarray
    faces: np.ndarray
    openings: np.ndarray
    irises: np.ndarray
    markings: np.ndarray
    heads: np.ndarray
    lightness: np.ndarray

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
    eyes, muzzle, face, features, head = _face_regions(points.numpy(), broad)
    ears = _ear_region(points.numpy(), broad)
    inside = cv2.resize(depth, (broad, broad), interpolation=cv2.INTER_AREA)
    head *= (2 - 2 * ears).clip(0, 1) * (inside / SETTINGS.fur_depth).clip(0, 1)
    colours, markings, energy = _bands(animal, broad, features)
    ground = _ground(crop, depth, cv2.resize(ears, (side, side)))
    seen = cv2.resize(_rows(crop[None]), (broad, broad), interpolation=cv2.INTER_AREA)
    openings = eye_openings(seen, points.numpy())
    return (
        _levels(crop[None]), _levels(animal), colours, ground,
        inside, _tint(crop[None], mask[None], broad), energy, eyes,
        np.asarray(sharpness(crop[None]), np.float32),
        eye_contrast(_rows(crop[None]), points.numpy()), muzzle, face,
        openings, iris_colour(seen, openings), markings, head, _lightness(markings, head),
    )  # fmt: skip


def _tint(picture: Tensor, mask: Tensor, broad: int) -> np.ndarray:
    """(L, L) in [0, 1] of a picture (1, 3, S, S) and a mask (1, 1, S, S), both in [0, 1]."""
    small, seen = (torch.nn.functional.interpolate(x, (broad, broad), mode="area") for x in (mask, picture))
    tint = np.asarray(refine_masks(small, seen, SETTINGS.tint_sigma)[0, 0].numpy())
    # What only looks like the animal keeps its colour farther away.
    return tint * (1.5 + signed_distance(small[0, 0].numpy()) / (broad * SETTINGS.tint_sigma)).clip(0, 1)


def _bands(picture: Tensor, broad: int, features: np.ndarray) -> tuple[np.ndarray, ...]:
    """The fur's broad colours and its markings (L, L, 3), and the energy of fine detail (L, L) of a picture (1, 3, S, S) in [0, 1].

    Where features (L, L) are, the fur around them goes on.
    """
    small = torch.nn.functional.interpolate(picture, (broad, broad), mode="area")
    fur = torch.from_numpy(1 - features)[None, None]
    known = (fur == 1).float()
    bare = torch.lerp(filled(small * known, known), small, fur)
    luma = (bare * bare.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    markings = guided_filter(
        luma, bare, lambda x: gaussian_blur(x, SETTINGS.marking_sigma * broad), SETTINGS.marking_variance
    )
    colours = gaussian_blur(bare, SETTINGS.colour_sigma * broad)
    detail = (small - gaussian_blur(small, SETTINGS.detail_sigma * broad)).square().mean(1, keepdim=True)
    energy = gaussian_blur(detail, SETTINGS.window_sigma * broad)
    return _rows(colours), _rows(markings), energy[0, 0].numpy()


def _lightness(markings: np.ndarray, head: np.ndarray) -> np.ndarray:
    """The mean of a head's fur; of none 0.5."""
    return np.asarray(np.average(markings.mean(2), weights=head) if head.any() else 0.5, np.float32)


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


def _face_regions(points: np.ndarray, side: int) -> tuple[np.ndarray, ...]:
    """(L, L) each in [0, 1], softly ending: around the eyes, from below them to the chin, the face without its rim,
    eyes with nose and mouth, and the head.
    """
    near_eyes = np.minimum(*(np.linalg.norm(way, axis=-1) for way in ways_from_eyes(points, side)))
    mouth = _distance(points[NOSE], points[CHIN], side)
    hull = np.zeros((side, side), np.uint8)
    corners = cv2.convexHull((points[[*EYES, CHIN, *CHEEKS, CROWN]] * side).round().astype(np.int32))
    cv2.fillConvexPoly(hull, corners, 1)
    beyond = -signed_distance(hull.astype(np.float32)) / side
    temples = points[list(CHEEKS)] + SETTINGS.temple * (points[CROWN] - points[NOSE])
    corners = cv2.convexHull(
        (np.concatenate([points[[CHIN, *CHEEKS, CROWN]], temples]) * side).round().astype(np.int32)
    )
    outside = -signed_distance(cv2.fillConvexPoly(np.zeros_like(hull), corners, 1).astype(np.float32)) / side
    away = (
        (near_eyes, EYE.room, SETTINGS.part_soft),
        (mouth, SETTINGS.nose_room, SETTINGS.part_soft),
        (mouth, SETTINGS.mouth_room, SETTINGS.part_soft),
        (mouth, SETTINGS.muzzle_room, SETTINGS.part_soft),
        (beyond, SETTINGS.face_room, SETTINGS.part_soft),
        (outside, SETTINGS.head_room, SETTINGS.head_soft),
    )
    eye, nose, lips, muzzle, face, head = (
        np.asarray((1 - (far / eye_distance(points) - room) / soft).clip(0, 1), np.float32) for far, room, soft in away
    )
    return eye * (1 - nose), muzzle, face, np.maximum(eye, lips), head


def _distance(start: np.ndarray, end: np.ndarray, side: int) -> np.ndarray:
    """(L, L): how far each place lies from the line between two, in shares of the side."""
    along = (np.arange(side, dtype=np.float32) + 0.5) / side
    place = np.stack(np.meshgrid(along, along), -1) - start
    way = end - start
    share = ((place @ way) / max(float(way @ way), 1e-6)).clip(0, 1)
    return np.asarray(np.linalg.norm(place - share[..., None] * way, axis=-1))
