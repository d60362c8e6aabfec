"""Photos of heads as layers: the animal in two bands of detail, what lies behind it, its outline and its ears.

Layers can be moved and mixed by themselves: where the outline of a mixture runs, neither animal's own outline shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from core.crossbreed.methods.head_alignment.network_points import EARS, EYES, POINT_NAMES, ear_roots
from core.ops.filters import gaussian_blur
from core.ops.masks import signed_distance
from core.ops.patch_fill import fill_holes
from core.ops.pull_push import filled

DETAIL_SCALE = 32767


@dataclass(frozen=True)
class LayerSettings:
    """What tunes the layers; lengths are shares of the side.

    Attributes:
        broad_px: side at which everything but fine detail is kept.
        base_sigma: standard deviation of what counts as colour rather than detail.
        window_sigma: of the neighbourhood in which the energy of details is measured.
        sure_depth: so deep inside its outline a pixel shows the animal alone.
        ground_room: around the outline, where the ground still shows fur or its shadow.
        ear_radius: of the region of an ear, by the ear's length.
        ear_least: the least radius of that region.
        face_room: of the region of a face, around the hull of eyes, nose and chin, by the distance between the eyes,
        face_soft: and the width of its soft rim, likewise.
        ear_ground: from this on, in the region, nothing is taken for ground.
    """

    broad_px: int = 256
    base_sigma: float = 1 / 40
    window_sigma: float = 1 / 40
    sure_depth: float = 0.008
    ground_room: float = 0.025
    ear_radius: float = 0.5
    ear_least: float = 0.07
    face_room: float = 0.38
    face_soft: float = 0.25
    ear_ground: float = 0.9


SETTINGS = LayerSettings()


@dataclass(frozen=True)
class Layers:
    """N pictures of side S cut into layers; what is broad has side L.

    Attributes:
        details: (N, S, S, 3) int16, the animal's fine detail, in [-1, 1] times `DETAIL_SCALE`.
        bases: (N, L, L, 3) float32 in [0, 1], its colours, which go on beyond its outline.
        grounds: (N, S, S, 3) uint8, what is behind it, filled.
        ground_details: (N, S, S, 3) int16, its fine detail, as that of the animal.
        ground_energies: (N, L, L) float32, how much of that is near.
        depths: (N, L, L) float32, how deep inside the animal a place lies, shares of the side, negative outside.
        energies: (N, L, L) float32, how much detail is near.
        ears: (N, L, L) float32 in [0, 1], where ears are.
        faces: (N, L, L) float32 in [0, 1], where eyes, nose and mouth are.
    """

    details: np.ndarray
    bases: np.ndarray
    grounds: np.ndarray
    ground_details: np.ndarray
    ground_energies: np.ndarray
    depths: np.ndarray
    energies: np.ndarray
    ears: np.ndarray
    faces: np.ndarray

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
    base, detail, energy = _bands(animal, broad)
    ears = _ear_region(points.numpy(), broad)
    ground = _ground(crop, depth, cv2.resize(ears, (side, side)))
    _, ground_detail, ground_energy = _bands(torch.from_numpy(ground).permute(2, 0, 1)[None] / 255, broad)
    return (
        detail, base, ground, ground_detail, ground_energy, cv2.resize(depth, (broad, broad), interpolation=cv2.INTER_AREA),
        energy, ears, _face_region(points.numpy(), broad),
    )  # fmt: skip


def _bands(picture: Tensor, broad: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colours (L, L, 3), fine detail (S, S, 3) int16 and its energy (L, L) of a picture (1, 3, S, S) in [0, 1]."""
    small = torch.nn.functional.interpolate(picture, (broad, broad), mode="area")
    base = gaussian_blur(small, SETTINGS.base_sigma * broad)
    detail = picture - _enlarged(base, picture.shape[-1])
    energy = torch.nn.functional.interpolate(detail.square().mean(1, keepdim=True), (broad, broad), mode="area")
    energy = gaussian_blur(energy, SETTINGS.window_sigma * broad)
    return _rows(base), (_rows(detail).clip(-1, 1) * DETAIL_SCALE).round().astype(np.int16), energy[0, 0].numpy()


def _enlarged(base: Tensor, side: int) -> Tensor:
    """(1, 3, S, S), as `composition` enlarges it."""
    large = cv2.resize(_rows(base), (side, side), interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(large).permute(2, 0, 1)[None]


def _rows(picture: Tensor) -> np.ndarray:
    return np.ascontiguousarray(picture[0].permute(1, 2, 0).numpy())


def _ground(crop: Tensor, depth: np.ndarray, ears: np.ndarray) -> np.ndarray:
    """(S, S, 3) uint8 without the animal, and without ears that its mask missed; where it is all there is, its colours."""
    picture = (_rows(crop[None]) * 255).round().astype(np.uint8)
    hole = (depth > -SETTINGS.ground_room) | (ears > SETTINGS.ear_ground)
    return picture if hole.all() else fill_holes(picture, hole)


def _ear_region(points: np.ndarray, side: int) -> np.ndarray:
    """(L, L) in [0, 1]: 1 near the lines from the roots of the ears to their tips, softly ending."""
    along = (np.arange(side, dtype=np.float32) + 0.5) / side
    place = np.stack(np.meshgrid(along, along), -1)
    region = np.zeros((side, side), np.float32)
    for root, tip in zip(ear_roots(points), points[list(EARS)], strict=True):
        way = tip - root
        share = (((place - root) @ way) / max(float(way @ way), 1e-6)).clip(0, 1)
        away = np.linalg.norm(place - root - share[..., None] * way, axis=-1)
        radius = max(SETTINGS.ear_radius * float(np.linalg.norm(way)), SETTINGS.ear_least)
        region = np.maximum(region, (2 - 2 * away / radius).clip(0, 1))
    return region


def _face_region(points: np.ndarray, side: int) -> np.ndarray:
    """(L, L) in [0, 1]: 1 around eyes, nose and chin, softly ending."""
    eyes = points[list(EYES)]
    corners = np.concatenate([eyes, points[[POINT_NAMES.index("nose"), POINT_NAMES.index("chin")]]])
    outside = np.ones((side, side), np.uint8)
    cv2.fillConvexPoly(outside, cv2.convexHull((corners * side).round().astype(np.int32)), 0)
    unit = max(float(np.linalg.norm(eyes[1] - eyes[0])) * side, 1.0)
    away = cv2.distanceTransform(outside, cv2.DIST_L2, 5) / unit
    return np.asarray((1 - (away - SETTINGS.face_room) / SETTINGS.face_soft).clip(0, 1), np.float32)
