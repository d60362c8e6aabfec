"""Detail for a hole that was filled at a small size: what each small patch was copied from, looked up at the full size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class DetailConstants:
    """How the patches that were copied are found again."""

    patch_px: int = 7  # side of the patches, as the filler copies them
    features: int = 12  # principal components that stand for a patch's 147 values
    samples: int = 4000  # patches that the components are found from
    rounds: int = 4  # of the search
    jumps_px: tuple[int, ...] = (8, 4, 2, 1)  # how far away neighbours are asked in each round
    seed: int = 0


DETAIL = DetailConstants()


def carry_detail(
    picture: np.ndarray, hole: np.ndarray, small: np.ndarray, filled: np.ndarray, closed: np.ndarray
) -> np.ndarray:
    """The pixels (N, 3) uint8 of a hole at full size, in the order of `picture[hole]`.

    Every pixel is that of the patch which the small filling resembles most there, corrected by how the two differ when small.

    Args:
        picture: (H, W, 3) uint8 at full size.
        hole: (H, W) bool.
        small: (h, w, 3) uint8, the same reduced, only known pixels counted in.
        filled: (h, w, 3) uint8, `small` with its hole filled.
        closed: (h, w) bool, what is hole or must not be copied from; not all of it.

    Source: PatchMatch, Barnes et al. 2009, section 3 (propagation and random search), with the jumps of Rong and Tan 2006.
    """
    scale = np.array(hole.shape) / closed.shape
    touched = cv2.resize(hole.astype(np.float32), closed.shape[::-1], interpolation=cv2.INTER_AREA) > 0
    field = find_sources(filled, touched, closed)
    places = np.argwhere(hole)
    at = (places + 0.5) / scale
    cells = np.minimum(at.astype(int), np.array(closed.shape) - 1)
    moved = field[cells[:, 0], cells[:, 1]] - cells
    source = np.clip(np.round(places + moved * scale), 0, np.array(hole.shape) - 1).astype(int)
    wanted, there = sample(filled, at), sample(small, (source + 0.5) / scale)
    exact = picture[source[:, 0], source[:, 1]].astype(np.float32)
    # A source that rounding put into the hole has no detail of its own.
    detail = np.where(hole[source[:, 0], source[:, 1]][:, None], 0, exact - there)
    return np.clip(wanted + detail, 0, 255).round().astype(np.uint8)


def find_sources(picture: np.ndarray, target: np.ndarray, closed: np.ndarray) -> np.ndarray:
    """(h, w, 2) int: for pixels of the target the (row, column) of a pixel outside `closed` whose patch is alike."""
    features, rng = _described(picture), np.random.default_rng(DETAIL.seed)
    high, wide = closed.shape
    y, x = np.nonzero(target)
    free = np.argwhere(~closed)
    field = np.moveaxis(np.mgrid[:high, :wide], 0, -1).copy()
    best = free[rng.integers(0, len(free), len(y))]
    mine = features[y, x]
    cost = np.square(features[best[:, 0], best[:, 1]] - mine).sum(1)

    def offer(offered: np.ndarray) -> None:
        offered = np.clip(offered, 0, (high - 1, wide - 1))
        far = np.square(features[offered[:, 0], offered[:, 1]] - mine).sum(1)
        better = (far < cost) & ~closed[offered[:, 0], offered[:, 1]]
        best[better], cost[better] = offered[better], far[better]

    for turn in range(DETAIL.rounds):
        for jump in DETAIL.jumps_px:
            for step in ((0, jump), (0, -jump), (jump, 0), (-jump, 0)):
                field[y, x] = best
                offer(field[np.clip(y + step[0], 0, high - 1), np.clip(x + step[1], 0, wide - 1)] - step)
            reach = max(high, wide) >> (turn + 1)
            offer(best + rng.integers(-reach, reach + 1, best.shape))
            offer(free[rng.integers(0, len(free), len(y))])
    field[y, x] = best
    return field


def _described(picture: np.ndarray) -> np.ndarray:
    """(h, w, F) float32: the patch round every pixel by its principal components."""
    side, high, wide = DETAIL.patch_px, *picture.shape[:2]
    values = picture.astype(np.float32)
    padded = cv2.copyMakeBorder(values, *(side // 2,) * 4, cv2.BORDER_REFLECT)
    rng = np.random.default_rng(DETAIL.seed)
    rows, columns = rng.integers(0, high, DETAIL.samples), rng.integers(0, wide, DETAIL.samples)
    around = np.arange(side)
    sample = padded[rows[:, None, None] + around[:, None], columns[:, None, None] + around].reshape(len(rows), -1)
    _, axes = np.linalg.eigh(np.cov(sample, rowvar=False))
    kernels = axes[:, -DETAIL.features :].T.reshape(-1, side, side, 3).astype(np.float32)
    return np.stack(
        [
            sum(cv2.filter2D(values[..., c], -1, kernel[..., c], borderType=cv2.BORDER_REFLECT) for c in range(3))
            for kernel in kernels
        ],
        axis=-1,
    )


def sample(picture: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(..., C) float32: bilinear values of (H, W, C) at (row, column) (..., 2), pixel centres at halves."""
    rows, columns = (at[..., axis].astype(np.float32).ravel() - 0.5 for axis in (0, 1))
    # remap takes no more than 32767 rows of map: a hole of 130 million pixels.
    length = 4096
    across, down = (np.pad(line, (0, -len(line) % length)).reshape(-1, length) for line in (columns, rows))
    found = cv2.remap(picture.astype(np.float32), across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(-1, picture.shape[2])[: len(rows)].reshape(*at.shape[:-1], picture.shape[2])


def reduce_known(
    picture: np.ndarray, hole: np.ndarray, forbidden: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The picture (h, w, 3) uint8 at a share of its size, only known pixels counted in, its hole and what is forbidden there (h, w) bool."""
    if share == 1.0:
        return picture, hole, forbidden
    high, wide = hole.shape
    size = max(1, round(wide * share)), max(1, round(high * share))
    light = known_share(hole, *size[::-1])
    small = cv2.resize(picture * ~hole[..., None], size, interpolation=cv2.INTER_AREA)
    small = np.clip(small / np.maximum(light, 1e-3)[..., None], 0, 255).round().astype(np.uint8)
    return small, light < 0.5, cv2.resize(forbidden.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0


def known_share(hole: np.ndarray, high: int, wide: int) -> np.ndarray:
    """(high, wide) float32 in [0, 1]: how much of each pixel at that size is not hole."""
    return cv2.resize((~hole).astype(np.float32), (wide, high), interpolation=cv2.INTER_AREA)
