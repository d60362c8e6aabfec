"""Which known patch resembles a patch of a hole: patches by their principal components, found exactly or by PatchMatch."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt


@dataclass(frozen=True)
class SearchConstants:
    """What makes patches alike; levels are those of 255, differences are means over a patch's pixels."""

    radius_px: int = 3  # of patches, 7 px a side: larger ones find nothing alike in small surroundings
    components: int = 16  # principal components that stand for a patch's 147 values
    samples: int = 2000  # patches that the components are found from
    texture: float = 2.0  # weight of mean gradients: without it smooth patches win over texture
    rows: float = 30.0  # levels that a way up counts, of the longer side: what lies as high is as far off and as bright
    columns: float = 15.0  # and aside
    exact_most: float = 4e6  # pairs of patches: up to here all are compared
    seed: int = 0


SEARCH = SearchConstants()
R = SEARCH.radius_px
SIDE = 2 * R + 1


def valid_centres(known: np.ndarray) -> np.ndarray:
    """(H, W) bool: where a whole patch is known, of (H, W) bool."""
    padded, whole = np.pad(known.astype(np.uint8), R), np.ones((SIDE, SIDE), np.uint8)
    return cv2.erode(padded, whole)[R:-R, R:-R] > 0


class Patches:
    """A holed picture at one size, described for search.

    Args:
        picture: (H, W, 5) float32, colours and mean gradients along x and y; what is inside the hole does not matter.
        hole: (H, W) bool.
        known: (H, W) bool, what may be copied; holds a whole patch.

    `depth` (H, W) is how far inside the hole each pixel lies. `rows`, `columns` (N,) are the centres of all patches that touch the hole, `sources` (S,) flat indices of what may be copied.
    """

    def __init__(self, picture: np.ndarray, hole: np.ndarray, known: np.ndarray):
        self.picture, self.hole, self.known = picture, hole, known
        self.shape = hole.shape
        self.depth = distance_transform_edt(hole)
        self.valid = valid_centres(known).ravel()
        self.sources = np.flatnonzero(self.valid)
        touched = cv2.dilate(hole.astype(np.uint8), np.ones((SIDE, SIDE), np.uint8))
        self.rows, self.columns = np.nonzero(touched)
        x, y, wide, high = cv2.boundingRect(touched)
        self.window = np.s_[max(0, y - R) : y + high + R, max(0, x - R) : x + wide + R]
        self.kernels = self._components()
        self.features = self.describe(picture, np.s_[:, :]).reshape(hole.size, -1)

    def _components(self) -> np.ndarray:
        """(C, side, side, 3) float32: what the known patches differ by most, a patch's mean among it."""
        rng, around = np.random.default_rng(SEARCH.seed), np.arange(-R, R + 1)
        y, x = np.divmod(self.sources[rng.integers(0, len(self.sources), SEARCH.samples)], self.shape[1])
        sample = self.picture[y[:, None, None] + around[:, None], x[:, None, None] + around, :3].reshape(len(y), -1)
        _, axes = np.linalg.eigh(sample.T @ sample)
        return (axes[:, -SEARCH.components :].T / SIDE).reshape(-1, SIDE, SIDE, 3).astype(np.float32)

    def describe(self, picture: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
        """(h, w, F) float32 of a window: patches whose squared distance is their mean squared difference, summed over colours."""
        channels = [np.ascontiguousarray(picture[window][..., c]) for c in range(3)]
        found = [
            sum(
                cv2.filter2D(channel, -1, np.ascontiguousarray(kernel[..., c]), borderType=cv2.BORDER_REFLECT)
                for c, channel in enumerate(channels)
            )
            for kernel in self.kernels
        ]
        mean = cv2.blur(picture[window][..., 3:], (SIDE, SIDE), borderType=cv2.BORDER_REFLECT) * SEARCH.texture
        at = np.mgrid[: self.shape[0], : self.shape[1]].astype(np.float32)[(slice(None), *window)] / max(self.shape)
        return np.stack([*found, mean[..., 0], mean[..., 1], at[0] * SEARCH.rows, at[1] * SEARCH.columns], -1)

    def describe_hole(self, picture: np.ndarray) -> np.ndarray:
        """(N, F) float32: the patches that touch the hole, of a picture with its hole filled."""
        found = self.describe(picture, self.window)
        return found[self.rows - self.window[0].start, self.columns - self.window[1].start]

    def cost(self, wanted: np.ndarray, nearest: np.ndarray) -> np.ndarray:
        """(N,) float32: how far patches (N, F) differ from sources (N,); infinite where those are none."""
        return np.where(self.valid[nearest], np.square(self.features[nearest] - wanted).sum(1), np.float32(np.inf))

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """(N,) sources by chance."""
        return self.sources[rng.integers(0, len(self.sources), len(self.rows))]


def find_nearest(
    patches: Patches,
    wanted: np.ndarray,
    nearest: np.ndarray,
    jumps: tuple[int, ...],
    turn: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Sources (N,) for wanted patches (N, F), better than those given, and what they cost (N,).

    Source: PatchMatch, Barnes et al. 2009, section 3 (propagation and random search), with the jumps of Rong and Tan 2006.
    """
    if len(wanted) * len(patches.sources) <= SEARCH.exact_most:
        nearest = compare_all(patches, wanted)
        return nearest, patches.cost(wanted, nearest)
    (high, wide), rows, columns = patches.shape, patches.rows, patches.columns
    nearest, grid = nearest.copy(), np.zeros(patches.shape, np.int64)
    touched = np.zeros(patches.shape, bool)
    cost, touched[rows, columns] = patches.cost(wanted, nearest), True

    def offer(y: np.ndarray, x: np.ndarray) -> None:
        offered = np.clip(y, 0, high - 1) * wide + np.clip(x, 0, wide - 1)
        far = patches.cost(wanted, offered)
        better = far < cost
        nearest[better], cost[better] = offered[better], far[better]

    for jump in jumps:
        for down, right in ((0, jump), (0, -jump), (jump, 0), (-jump, 0)):
            grid[rows, columns] = nearest
            beside = np.clip(rows + down, 0, high - 1), np.clip(columns + right, 0, wide - 1)
            y, x = np.divmod(np.where(touched[beside], grid[beside], nearest), wide)
            offer(y - down * touched[beside], x - right * touched[beside])
    reach = max(high, wide) >> (2 + turn % 2)
    while reach:
        moves = rng.integers(-reach, reach + 1, (2, len(rows)))
        y, x = np.divmod(nearest, wide)
        offer(y + moves[0], x + moves[1])
        reach >>= 2
    offer(*np.divmod(patches.draw(rng), wide))
    return nearest, cost


def compare_all(patches: Patches, wanted: np.ndarray, chunk: int = 512) -> np.ndarray:
    """(N,) the sources that wanted patches (N, F) resemble most, all compared."""
    known = patches.features[patches.sources]
    lengths = np.square(known).sum(1)
    best = [(lengths - 2 * part @ known.T).argmin(1) for part in np.split(wanted, range(chunk, len(wanted), chunk))]
    return patches.sources[np.concatenate(best)]
