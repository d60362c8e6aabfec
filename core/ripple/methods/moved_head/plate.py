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
    plain_hair_levels: int = 8  # before a plain one hairs show sooner
    hair_joins: float = 0.008  # gaps in it
    beyond_most: float = 0.4  # a line of which a larger share lies further off is the background's
    mirror_px: int = 400  # longest side at which it is found where a mirrored background comes from
    mirror_even: float = 0.02  # over which that place is evened out: the hole's rim is rough
    squeezed: float = 0.5  # and by how much smaller: what lies further off is something else
    mirrored: float = 0.10  # so deep into the hole the background beside it is mirrored ...
    mirror_ends: float = 0.16  # ... and from here in there is none


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


def mirror_in(
    plate: np.ndarray, region: np.ndarray, hole: np.ndarray, others: np.ndarray, unit_px: float
) -> np.ndarray:
    """A filled region (h, w, 3) uint8 whose hole shows, near its rim, the background beside it, mirrored.

    A turn shows no more than that rim, and there a mirrored background goes on in its own sharpness and colours.

    Args:
        plate: the filled region.
        region: the photograph.
        hole: (h, w) bool, what was filled.
        others: (h, w) bool, people, of whom nothing is mirrored.
        unit_px: pixels of one unit of the head's frame.
    """
    height, width = hole.shape
    scale = min(1.0, PLATE.mirror_px / max(height, width))
    size, unit = (max(2, round(width * scale)), max(2, round(height * scale))), unit_px * scale
    gone, hidden = (
        cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0 for mask in (hole, hole | others)
    )
    if hidden.all():
        return plate
    deep, nearest = distance_transform_edt(hidden, return_indices=True)
    places = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in size)), -1)
    way = np.where(gone[..., None], nearest[::-1].transpose(1, 2, 0) - places, 0).astype(np.float32)
    blur, seen = (0, 0), gone.astype(np.float32)
    sigma = max(0.6, PLATE.mirror_even * unit)
    way = cv2.GaussianBlur(way, blur, sigma) / np.maximum(1e-3, cv2.GaussianBlur(seen, blur, sigma))[..., None]
    source = places + (1 + PLATE.squeezed) * way
    inside = ((source >= 0) & (source <= np.array(size) - 1)).all(-1)
    good = inside & ~cv2.remap(hidden.astype(np.uint8), source, None, cv2.INTER_NEAREST).astype(bool)
    good &= deep < PLATE.mirror_ends * unit
    share = good * (1 - (deep / unit - PLATE.mirrored) / (PLATE.mirror_ends - PLATE.mirrored)).clip(0, 1)
    share = cv2.GaussianBlur(np.where(gone, share, 1).astype(np.float32), blur, sigma)
    # What lands on people is seen through no soft rim.
    share = np.where(cv2.erode(np.where(gone, good, True).astype(np.uint8), np.ones((3, 3))) > 0, share, 0)
    share = cv2.resize(share.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    source = (cv2.resize(source, (width, height), interpolation=cv2.INTER_LINEAR) + 0.5) / scale - 0.5
    mirrored = cv2.remap(region, source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    made = plate + share * (mirrored.astype(np.float32) - plate)
    return np.where(hole[..., None], np.rint(made).clip(0, 255), plate).astype(np.uint8)


def fill_lines(region: np.ndarray, lines: np.ndarray, unknown: np.ndarray, unit_px: float) -> np.ndarray:
    """A region (h, w, 3) uint8 whose thin lines (h, w) bool take the colours beside them, of what is not unknown (h, w)."""
    total, weight = np.zeros(region.shape, np.float32), np.full((*lines.shape, 1), 1e-9, np.float32)
    known = (~unknown).astype(np.float32)
    # The wider look counts only where the near one finds nothing.
    for wider, share in ((1, 1.0), (4, 1e-4)):
        blur = (0, 0), max(0.6, wider * PLATE.hair_wide * unit_px)
        total += share * cv2.GaussianBlur(region * known[..., None], *blur)
        weight += share * cv2.GaussianBlur(known, *blur)[..., None]
    seen = lines[..., None] & (weight > 2e-9)
    return np.where(seen, np.rint(total / weight).clip(0, 255), region).astype(np.uint8)


def thin_lines(
    region: np.ndarray, hole: np.ndarray, beside: np.ndarray, unit_px: float, plain: bool = False
) -> np.ndarray:
    """(h, w) bool: single hairs, a little widened: thin lines that hang together with a hole and hardly leave its surroundings.

    Args:
        region: (h, w, 3) uint8.
        hole: (h, w) bool.
        beside: (h, w) bool, where hairs may be.
        unit_px: pixels of one unit of the head's frame.
        plain: before a plain background fainter ones count.
    """
    size = 2 * round(PLATE.hair_wide * unit_px) + 1
    scale = min(1.0, 11 / size)
    small = cv2.resize(region, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    middle = cv2.resize(cv2.medianBlur(small, 2 * max(1, round(size * scale / 2)) + 1), region.shape[1::-1])
    lines = np.abs(region.astype(np.int16) - middle).max(-1) > (PLATE.plain_hair_levels if plain else PLATE.hair_levels)
    # Every hair for itself: all of them hang together by the hole.
    joins = disc(PLATE.hair_joins * unit_px)
    near = cv2.dilate(hole.astype(np.uint8), joins)
    single = (cv2.dilate((lines & ~hole).astype(np.uint8), joins) > 0) & (near == 0)
    count, parts = cv2.connectedComponents(single.astype(np.uint8))
    touching = np.unique(parts[single & (cv2.dilate(near, np.ones((3, 3))) > 0)])
    whole, far = (np.bincount(parts[mask], minlength=count) for mask in (single, single & ~beside))
    own = np.isin(np.arange(count), touching) & (far <= PLATE.beyond_most * whole)
    own[0] = False
    return (own[parts] | ((near > 0) & ~hole)) & widen(lines, PLATE.hair_joins * unit_px)


def is_plain(region: np.ndarray, unknown: np.ndarray) -> bool:
    """Whether what is seen of a background (h, w, 3) has little texture, so that single hairs stand out from it."""
    fine = np.abs(region.astype(np.float32) - cv2.GaussianBlur(region, (0, 0), 3)).max(-1)
    return not unknown.all() and float(np.percentile(fine[~unknown], 88)) < PLATE.plain_levels
