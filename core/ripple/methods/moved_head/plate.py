"""What a background behind a head must have to pass for a photograph: grain, and no single hairs of the head that left."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt


@dataclass(frozen=True)
class PlateConstants:
    """How a filled background is finished; lengths in units of the head's frame."""

    plain_levels: float = 5.0  # of 255: a background whose fine texture stays below is plain
    fine: float = 0.008  # what is finer is grain, which a filled part lacks
    grain_levels: float = 3.0  # of 255: grain is no larger
    hair_wide: float = 0.008  # a hair before a textured background is no wider ...
    hair_levels: int = 12  # of 255: and differs from it by more
    hair_joins: float = 0.008  # gaps in it


PLATE = PlateConstants()


def disc(radius_px: float) -> np.ndarray:
    """A round kernel for growing a mask by so many pixels, at least one."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * max(1, round(radius_px)) + 1,) * 2)


def widen(mask: np.ndarray, radius_px: float) -> np.ndarray:
    """(h, w) bool: a mask grown by so many pixels."""
    return cv2.distanceTransform(1 - mask.astype(np.uint8), cv2.DIST_L2, 5) <= max(1.0, radius_px)


def add_grain(plate: np.ndarray, region: np.ndarray, unknown: np.ndarray, fine_px: float) -> np.ndarray:
    """A filled region (h, w, 3) uint8 with as much fine grain as lies beside the hole. Always the same.

    Args:
        plate: the filled region.
        region: the photograph.
        unknown: (h, w) bool, what was filled.
        fine_px: what is finer is grain.
    """
    if unknown.all():
        return plate
    near = distance_transform_edt(unknown, return_distances=False, return_indices=True)
    # Strength runs on evenly: single pixels carried on would draw rays.
    power = cv2.GaussianBlur(np.where(unknown, 0, grain_of(region, fine_px)), (0, 0), 4 * fine_px)
    known = cv2.GaussianBlur((~unknown).astype(np.float32), (0, 0), 4 * fine_px)
    power = cv2.GaussianBlur((power / np.maximum(1e-3, known))[tuple(near)], (0, 0), 4 * fine_px)
    # Copied texture has grain of its own.
    power = np.sqrt((power**2 - cv2.GaussianBlur(grain_of(plate, fine_px), (0, 0), 2 * fine_px) ** 2).clip(0))
    noise = cv2.GaussianBlur(np.random.default_rng(7).standard_normal(unknown.shape, np.float32), (0, 0), 0.7)
    # A deviation is 1.25 times the mean magnitude.
    made = plate + (1.25 * power * noise / noise.std())[..., None]
    return np.where(unknown[..., None], np.rint(made).clip(0, 255), plate).astype(np.uint8)


def grain_of(picture: np.ndarray, fine_px: float) -> np.ndarray:
    """(h, w) mean magnitude of the grain of a picture (h, w, 3) uint8; edges and single hairs do not count."""
    fine = np.abs(picture - cv2.GaussianBlur(picture, (0, 0), fine_px).astype(np.float32)).mean(-1)
    levels = cv2.medianBlur(np.rint(fine * 20).clip(0, 255).astype(np.uint8), 5).astype(np.float32) / 20
    return levels.clip(0, PLATE.grain_levels)


def thin_lines(region: np.ndarray, hole: np.ndarray, unit_px: float) -> np.ndarray:
    """(h, w) bool: single hairs of a region (h, w, 3) uint8, a little widened: thin lines that hang together with a hole."""
    size = 2 * round(PLATE.hair_wide * unit_px) + 1
    scale = min(1.0, 11 / size)
    small = cv2.resize(region, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    middle = cv2.resize(cv2.medianBlur(small, 2 * max(1, round(size * scale / 2)) + 1), region.shape[1::-1])
    lines = np.abs(region.astype(np.int16) - middle).max(-1) > PLATE.hair_levels
    joined = cv2.dilate((lines | hole).astype(np.uint8), disc(PLATE.hair_joins * unit_px))
    _, parts = cv2.connectedComponents(joined)
    return np.isin(parts, np.unique(parts[hole])) & (joined > 0) & widen(lines, PLATE.hair_joins * unit_px)


def is_plain(region: np.ndarray, unknown: np.ndarray) -> bool:
    """Whether what is seen of a background (h, w, 3) has little texture, so that single hairs stand out from it."""
    fine = np.abs(region.astype(np.float32) - cv2.GaussianBlur(region, (0, 0), 3)).max(-1)
    return not unknown.all() and float(np.percentile(fine[~unknown], 88)) < PLATE.plain_levels
