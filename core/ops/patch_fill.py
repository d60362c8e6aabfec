"""Filling of holes with texture copied from the rest of the picture: the one filler that all systems share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from core.errors import InputError, ShapeError
from core.ops.patch_detail import carry_detail, reduce_known
from core.ops.patch_search import valid_centres
from core.ops.patch_vote import fill_by_votes


@dataclass(frozen=True)
class FillConstants:
    """How far the filler looks and how much it works."""

    context_share: float = 1.0  # what is seen round a hole, as a share of the hole's longer side
    context_least_px: int = 96  # and at least: small holes need texture to choose from
    longest_px: int = 1024  # of the region that is worked on
    most_hole_px: int = 24_000  # of hole in that region: the time grows with it, and small patches see more


FILL = FillConstants()


def fill_holes(picture: np.ndarray, hole: np.ndarray, *, forbidden: np.ndarray | None = None) -> np.ndarray:
    """The picture with its holes filled by patches of what surrounds them; equal to the bit outside them.

    Holes far from one another are filled apart, each in a region round it that is worked on at a bounded size. The same
    input gives the same output, in any thread.

    Of what is too small to hold a whole patch, every pixel takes the nearest known one.

    Args:
        picture: (H, W, 3) uint8; its values inside the hole do not matter.
        hole: (H, W) bool, True = to be filled.
        forbidden: (H, W) bool, True = must not be copied from, such as people; what is hole is filled all the same.

    Returns:
        A new (H, W, 3) uint8 array.

    Raises:
        ShapeError: the arrays do not fit together.
        InputError: nothing is left to copy from.

    Source: see `core.ops.patch_vote.fill_by_votes`.
    """
    hole, taboo = _checked(picture, hole, forbidden)
    out = picture.copy()
    if not hole.any():
        return out
    if not (~hole & ~taboo).any():
        raise InputError(
            f"the hole{' and what must not be copied from cover' if taboo.any() else ' covers'} the whole picture of "
            f"{picture.shape[1]} x {picture.shape[0]} px, nothing is left to fill it from: paint a smaller hole"
        )
    for region, part in _parts(hole):
        closed = taboo[region] | (hole[region] & ~part)
        if not valid_centres(~part & ~closed).any():
            region, part = (slice(None), slice(None)), hole
            closed = taboo
        filled = _fill_region(out[region], part, closed)
        out[region][part] = filled[part]
    return out


def _checked(picture: np.ndarray, hole: np.ndarray, forbidden: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ShapeError(f"got a picture of shape {picture.shape} and type {picture.dtype}: give (H, W, 3) uint8")
    forbidden = np.zeros(picture.shape[:2], bool) if forbidden is None else forbidden
    for name, mask in (("hole", hole), ("forbidden", forbidden)):
        if mask.shape != picture.shape[:2] or mask.dtype != np.bool_:
            raise ShapeError(
                f"got a mask {name!r} of shape {mask.shape} and type {mask.dtype}: give bool of {picture.shape[:2]}"
            )
    return hole, forbidden & ~hole


def _parts(hole: np.ndarray) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """Every group of holes: the region round it, and which pixels of that region it is, (h, w) bool."""
    near = FILL.context_least_px
    joined = cv2.dilate(hole.astype(np.uint8), np.ones((near // 2 + 1, 1), np.uint8))
    joined = cv2.dilate(joined, np.ones((1, near // 2 + 1), np.uint8))
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(joined)
    for label in range(1, count):
        x, y, wide, high = (int(value) for value in boxes[label, :4])
        margin = int(max(near, FILL.context_share * (max(wide, high) - near // 2)))
        region = slice(max(0, y - margin), y + high + margin), slice(max(0, x - margin), x + wide + margin)
        yield region, hole[region] & (labels[region] == label)


def _fill_region(picture: np.ndarray, hole: np.ndarray, forbidden: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 with the hole filled at a bounded size."""
    high, wide = hole.shape
    share = min(1.0, FILL.longest_px / max(high, wide), (FILL.most_hole_px / int(hole.sum())) ** 0.5)
    small, gap, closed = reduce_known(picture, hole, forbidden, share)
    filled, source = _fill_small(small, gap, closed)
    if share == 1.0:
        return filled
    out = picture.copy()
    if source is None:
        out[hole] = cv2.resize(filled, (wide, high), interpolation=cv2.INTER_CUBIC)[hole]
    else:
        out[hole] = carry_detail(picture, hole, small, filled, source)
    return out


def _fill_small(picture: np.ndarray, hole: np.ndarray, forbidden: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The same at the size given, and (h, w, 2) int from where.

    Of what is too small to hold a patch, every pixel takes the nearest known one, and no sources are told.
    """
    unseen = hole | forbidden
    if unseen.all():
        unseen = hole
    nearest = distance_transform_edt(unseen, return_distances=False, return_indices=True)
    # Patches over the hole may reach to what is forbidden, so that its colours must not be there at all.
    spread = picture[tuple(nearest)] if not unseen.all() else picture
    if not hole.any() or not valid_centres(~hole & ~forbidden).any():
        return np.where(hole[..., None], spread, picture), None
    return fill_by_votes(spread, hole, forbidden)
