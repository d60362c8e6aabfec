"""Which known patch resembles a patch of a hole: patches by their principal components, found exactly or by PatchMatch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

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
    repeated: float = 1.0  # price of a patch that is taken twice as often as it need be, by its texture's variance
    repeated_px: int = 3  # radius within which such patches count together
    repeated_from: int = 2500  # patches that touch the hole: at smaller sizes structure is found, which may repeat
    exact_most: float = 4e6  # pairs of patches: up to here all are compared
    seed: int = 0


SEARCH = SearchConstants()
R = SEARCH.radius_px
SIDE = 2 * R + 1
AROUND = np.arange(-R, R + 1)
OFFSETS = np.stack(np.meshgrid(AROUND, AROUND, indexing="ij"), -1).reshape(-1, 2)


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

    `depth` (H, W) is how far inside the hole each pixel lies. `rows`, `columns` (N,) are the centres of all patches that touch
    the hole, `sources` (S,) flat indices of what may be copied, `texture` (H W,) how much the patch round each pixel stands out
    from smooth areas and straight edges, in levels squared.
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
        self.texture = _texture(picture[..., :3]).ravel()

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

    def cost(self, wanted: np.ndarray, nearest: np.ndarray, price: np.ndarray | None = None) -> np.ndarray:
        """(N,) float32: how far patches (N, F) differ from sources (N,), prices (H W,) added; infinite where those are none."""
        far = np.square(self.features[nearest] - wanted).sum(1) + (0 if price is None else price[nearest])
        return np.where(self.valid[nearest], far, np.float32(np.inf))

    def price(self, nearest: np.ndarray) -> np.ndarray | None:
        """(H W,) float32: what it costs to take a patch that is taken too often, of sources (N,) taken now; None: nothing.

        Source: the spatial uniformity of Kaspar et al. 2015, "Self Tuning Texture Optimization". Ours: a patch counts by
        how much it stands out in two directions, since smooth areas and straight edges may repeat.
        """
        if len(self.rows) < SEARCH.repeated_from:
            return None
        reach = 2 * SEARCH.repeated_px + 1
        taken = np.bincount(nearest, minlength=self.hole.size).reshape(self.shape).astype(np.float32)
        there = cv2.blur(self.valid.reshape(self.shape).astype(np.float32), (reach, reach))
        taken = cv2.blur(taken, (reach, reach)) / np.maximum(there, 1 / reach)
        needed = max(1.0, len(self.rows) / len(self.sources))
        return SEARCH.repeated * np.maximum(taken.ravel() / needed - 1, 0) * self.texture

    @cached_property
    def windows(self) -> np.ndarray:
        """(P, 49) int32 flat indices, in a picture padded by a patch's radius, of the patches' centres over each pixel of the hole."""
        row = self.shape[1] + 2 * R
        y, x = np.nonzero(self.hole)
        return (((y + R) * row + x + R)[:, None] - OFFSETS @ (row, 1)).astype(np.int32)

    def over(self, values: np.ndarray, none: float) -> np.ndarray:
        """(P, 49): values (N,) of the patches that touch the hole, for those over each of its pixels; `none` beyond the picture."""
        padded = np.full((self.shape[0] + 2 * R, self.shape[1] + 2 * R), none, values.dtype)
        padded[self.rows + R, self.columns + R] = values
        return padded.ravel()[self.windows]

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """(N,) sources by chance."""
        return self.sources[rng.integers(0, len(self.sources), len(self.rows))]


def _texture(picture: np.ndarray) -> np.ndarray:
    """(H, W) float32: the variance of patches, summed over colours, as far as it has no direction."""
    mean, square = (cv2.blur(one, (SIDE, SIDE)) for one in (picture, np.square(picture)))
    grey = picture.mean(-1)
    x, y = (cv2.Sobel(grey, -1, *way, ksize=1) for way in ((1, 0), (0, 1)))
    xx, yy, xy = (cv2.blur(one, (SIDE, SIDE)) for one in (x * x, y * y, x * y))
    coherence = np.hypot(xx - yy, 2 * xy) / np.maximum(xx + yy, 1e-3)
    return np.maximum(square - np.square(mean), 0).sum(-1) * (1 - coherence)


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
    price = patches.price(nearest)
    if len(wanted) * len(patches.sources) <= SEARCH.exact_most:
        nearest = compare_all(patches, wanted, price)
        return nearest, patches.cost(wanted, nearest)
    (high, wide), rows, columns = patches.shape, patches.rows, patches.columns
    nearest, grid = nearest.copy(), np.zeros(patches.shape, np.int64)
    touched = np.zeros(patches.shape, bool)
    cost, touched[rows, columns] = patches.cost(wanted, nearest, price), True

    def offer(y: np.ndarray, x: np.ndarray) -> None:
        offered = np.clip(y, 0, high - 1) * wide + np.clip(x, 0, wide - 1)
        far = patches.cost(wanted, offered, price)
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
    return nearest, patches.cost(wanted, nearest)


def compare_all(patches: Patches, wanted: np.ndarray, price: np.ndarray | None = None, chunk: int = 512) -> np.ndarray:
    """(N,) the sources that wanted patches (N, F) resemble most, prices (H W,) counted in, all compared."""
    known = patches.features[patches.sources]
    lengths = np.square(known).sum(1) + (0 if price is None else price[patches.sources])
    best = [(lengths - 2 * part @ known.T).argmin(1) for part in np.split(wanted, range(chunk, len(wanted), chunk))]
    return patches.sources[np.concatenate(best)]
