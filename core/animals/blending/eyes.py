"""Eyes of photographed heads: how clearly they stand out, where they are open, and what colour they have."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.animals.head_alignment.network_points import EYES


@dataclass(frozen=True)
class EyeSettings:
    """What tunes the measures of eyes; lengths are in distances between the eyes unless said otherwise.

    Attributes:
        room: half the width of the region of an eye,
        height: its height by its width,
        core: radius of what is an eye for sure,
        sectors: in so many directions the fur around it is looked at,
        ring: as far out as this, by the room,
        unlike: how far from the colours of that fur the rest of an eye is,
        darker: how much darker than that fur the core of a dark eye is; light lids around it are no eye.
        iris: from which to which quantile of an eye's lightness its colour is read: no pupil and no glint.
        pictured_px: between the eyes, in the picture in which their contrast is measured,
        pictured_room: and how far around each.
    """

    room: float = 0.24
    height: float = 0.8
    core: float = 0.09
    sectors: int = 8
    ring: float = 1.6
    unlike: float = 0.2
    darker: float = 0.15
    iris: tuple[float, float] = (0.4, 0.9)
    pictured_px: int = 48
    pictured_room: float = 0.3


EYE = EyeSettings()


def eye_contrast(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """How much contrast of an eye's scale is near the eyes of a photo (S, S, 3) in [0, 1] with points (9, 2), whatever the head's size."""
    small = max(8, round(EYE.pictured_px / max(eye_distance(points), 1 / len(photo))))
    seen = cv2.resize(photo, (min(small, len(photo)),) * 2, interpolation=cv2.INTER_AREA)
    fine, coarse = (cv2.GaussianBlur(seen, (0, 0), EYE.pictured_px / share) for share in (48, 8))
    band, reach = fine - coarse, EYE.pictured_room * EYE.pictured_px / len(seen)
    along = (np.arange(len(seen), dtype=np.float32) + 0.5) / len(seen)
    place = np.stack(np.meshgrid(along, along), -1)
    near = [np.linalg.norm(place - eye, axis=-1) < reach for eye in points[list(EYES)]]
    return np.asarray(np.mean([band[part].std() if part.any() else 0.0 for part in near]), np.float32)


def eye_distance(points: np.ndarray) -> float:
    """Between the eyes of a head (9, 2), at least 0.02."""
    return max(float(np.linalg.norm(points[EYES[1]] - points[EYES[0]])), 0.02)


def ways_from_eyes(points: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """(L, L, 2) for each eye: the way from it, in shares of the side; across the line of the eyes it counts for more."""
    along = (np.arange(side, dtype=np.float32) + 0.5) / side
    place = np.stack(np.meshgrid(along, along), -1)
    first, second = points[list(EYES)].astype(np.float32)
    way = (second - first) / max(float(np.linalg.norm(second - first)), 1e-6)
    axes = np.stack([way, np.array([-way[1], way[0]], np.float32) / EYE.height], 1)
    return (place - first) @ axes, (place - second) @ axes


def eye_openings(seen: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(L, L) in [0, 1] of a picture (L, L, 3) in [0, 1]: the middle of an eye, and near it what is unlike all fur around it."""
    side = len(seen)
    unit, light = eye_distance(points), seen.mean(2)
    made = np.zeros((side, side), np.float32)
    for way in ways_from_eyes(points, side):
        far = np.linalg.norm(way, axis=-1) / unit
        sector = ((np.arctan2(way[..., 1], way[..., 0]) / np.pi + 1) * EYE.sectors / 2).astype(int)
        ring, core = (far > EYE.room) & (far < EYE.room * EYE.ring), far < EYE.core
        near = ((EYE.room - far) / 0.08 + 0.5).clip(0, 1)
        if ring.any() and core.any() and light[core].mean() < np.median(light[ring]) - EYE.darker:
            near *= ((np.median(light[ring]) - light) / 0.1).clip(0, 1)
        for k in range(EYE.sectors):
            fur = seen[ring & (sector == k)]
            if len(fur):
                unlike = np.linalg.norm(seen - fur.mean(0), axis=-1) / EYE.unlike
                near = np.minimum(near, (2 * unlike - 1).clip(0, 1))
        made = np.maximum(made, np.maximum(((EYE.core - far) / 0.04 + 1).clip(0, 1), near))
    return np.asarray(cv2.GaussianBlur(made, (0, 0), max(0.6, 0.015 * unit * side)), np.float32)


def iris_colour(seen: np.ndarray, openings: np.ndarray) -> np.ndarray:
    """(3,) in [0, 1], what colour the eyes of a picture (L, L, 3) have, without pupils and glints; openings are (L, L)."""
    light = seen.mean(2)
    inside = openings > 0.9
    if not inside.any():
        return np.full(3, 0.2, np.float32)  # a brown so dark that it moves little
    low, high = np.quantile(light[inside], EYE.iris, method="nearest")
    return np.asarray(seen[inside & (light >= low) & (light <= high)].mean(0), np.float32)
