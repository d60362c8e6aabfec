"""Filling of holes with texture copied from the rest of the picture: the one filler that all systems share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from patchmatch import inpaint_regularity
from scipy.ndimage import distance_transform_edt

from core.errors import InputError, ShapeError
from core.ops.patch_detail import carry_detail, known_share, reduce_known
from core.ops.patch_lines import continue_lines


@dataclass(frozen=True)
class FillConstants:
    """How far the filler looks and how much it works."""

    patch_radius_px: int = 3  # patches of 7 px: closer copies and faster than the 15 px of larger radii
    context_share: float = 1.0  # what is seen round a hole, as a share of the hole's longer side
    context_least_px: int = 96  # and at least: small holes need texture to choose from
    longest_px: int = 1024  # of the region that is worked on
    most_hole_px: int = 24_000  # of hole in that region: the time grows with it, and small patches see more
    near_weight: float = 0.005  # of the way to a patch beside its looks: 0 fetches things from afar, 0.012 repeats
    near_rough: float = 7.0  # levels: round a hole less rough, patches differ less, and so much less the way counts
    near_px: int = 15  # round a hole, where that is measured
    near_rows: float = 0.5  # of the longer side, a way up: what lies as high is as far off and as bright
    near_columns: float = 0.25  # a way aside; the engine takes ways above 0.5 for shorter ones


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

    Source: PatchMatch, Barnes et al. 2009, "PatchMatch: A Randomized Correspondence Algorithm for Structural Image
    Editing"; filling from coarse to fine with votes, Wexler et al. 2007, "Space-Time Completion of Video".
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
        if not _has_patch(~part & ~closed):
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


def _has_patch(known: np.ndarray) -> bool:
    """Whether a whole patch can be copied from somewhere."""
    side = 2 * FILL.patch_radius_px + 1
    padded = np.pad(known.astype(np.uint8), 1)
    return bool(cv2.erode(padded, np.ones((side, side), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0).any())


def _fill_region(picture: np.ndarray, hole: np.ndarray, forbidden: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 with the hole filled at a bounded size."""
    high, wide = hole.shape
    share = min(1.0, FILL.longest_px / max(high, wide), (FILL.most_hole_px / int(hole.sum())) ** 0.5)
    if share == 1.0:
        return _fill_small(picture, hole, forbidden)
    small, gap, closed = reduce_known(picture, hole, forbidden, share)
    filled = _fill_small(small, gap, closed)
    out = picture.copy()
    whole = known_share(hole, *gap.shape) > 0.999  # of the hole nothing was counted in
    if (whole & ~closed).any():
        out[hole] = carry_detail(picture, hole, small, filled, ~whole | closed)
    else:
        out[hole] = cv2.resize(filled, (wide, high), interpolation=cv2.INTER_CUBIC)[hole]
    return out


def _fill_small(picture: np.ndarray, hole: np.ndarray, forbidden: np.ndarray) -> np.ndarray:
    """The same at the size given; of what is too small to hold a patch, every pixel takes the nearest known one."""
    unseen = hole | forbidden
    if _has_patch(~unseen):
        picture, drawn = continue_lines(picture, hole, forbidden)
        hole, unseen = hole & ~drawn, unseen & ~drawn
    if unseen.all():
        unseen = hole
    nearest = distance_transform_edt(unseen, return_distances=False, return_indices=True)
    spread = picture[tuple(nearest)]
    if not _has_patch(~unseen):
        return spread
    # A patch may reach over the rim of its source, so that colours of what is forbidden must not be there at all.
    closed = forbidden if forbidden.any() else None
    return inpaint_regularity(
        spread,
        hole,
        _places(hole.shape),
        global_mask=closed,
        patch_size=FILL.patch_radius_px,
        guide_weight=_near_weight(spread, hole, unseen),
    )


def _places(shape: tuple[int, ...]) -> np.ndarray:
    """(h, w, 3) float32: where every pixel lies, so that of patches alike the nearer one is taken."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] / max(shape)
    return np.stack([rows * FILL.near_rows, columns * FILL.near_columns, 0 * rows], -1).astype(np.float32)


def _near_weight(picture: np.ndarray, hole: np.ndarray, unseen: np.ndarray) -> float:
    """How much the way to a patch counts beside its difference, which is a square of levels."""
    side, values = 2 * FILL.patch_radius_px + 1, picture.astype(np.float32)
    spread = np.sqrt(np.maximum(cv2.blur(values**2, (side, side)) - cv2.blur(values, (side, side)) ** 2, 0)).mean(-1)
    near = 2 * FILL.near_px + 1
    around = cv2.dilate(hole.astype(np.uint8), np.ones((near, near), np.uint8)) > 0
    around &= cv2.erode((~unseen).astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    rough = float(spread[around].mean()) if around.any() else 0.0
    return FILL.near_weight * min(1.0, (rough / FILL.near_rough) ** 2)
