"""Regions as a map of smooth boundaries: every boundary is one line between two regions, filled and inked alike.

Source: smoothing splines, Reinsch 1967, "Smoothing by Spline Functions", here on a graph.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import csr_matrix, diags, identity
from scipy.sparse.linalg import spsolve

SUBPIXELS, SHIFT = 16, 4


@dataclass(frozen=True)
class PlanarMap:
    """The corners of pixels at which regions meet, joined along their boundaries.

    Attributes:
        places: (n, 2) float, (x, y) in pixels of the labels, 0 at the picture's corner.
        ends: (m, 2) indices of places: the boundaries' pieces.
        sides: (m, 2) labels to the left and to the right of each piece, seen from its first end; -1 beyond the picture.
    """

    places: np.ndarray
    ends: np.ndarray
    sides: np.ndarray


def trace_boundaries(labels: np.ndarray) -> PlanarMap:
    """The map of labels (h, w), its places still at the pixels' corners."""
    rows, columns = labels.shape
    padded = np.pad(labels.astype(np.int32), 1, constant_values=-1)
    pieces = []
    above, below = padded[:-1, 1:-1], padded[1:, 1:-1]
    y, x = np.nonzero(above != below)
    pieces.append((y * (columns + 1) + x, y * (columns + 1) + x + 1, above[y, x], below[y, x]))
    left, right = padded[1:-1, :-1], padded[1:-1, 1:]
    y, x = np.nonzero(left != right)
    # Downwards, what is to the right on paper lies to the left of the way.
    pieces.append((y * (columns + 1) + x, (y + 1) * (columns + 1) + x, right[y, x], left[y, x]))
    start, end, first, second = (np.concatenate(part) for part in zip(*pieces, strict=True))
    corners, which = np.unique(np.concatenate([start, end]), return_inverse=True)
    places = np.stack([corners % (columns + 1), corners // (columns + 1)], 1).astype(np.float64)
    return PlanarMap(places, which.reshape(2, -1).T.copy(), np.stack([first, second], 1))


def smooth_boundaries(
    drawn: PlanarMap, size: tuple[int, int], importance: np.ndarray, stiffness: float, least: float
) -> PlanarMap:
    """The map with round boundaries that neither shrink nor leave the picture: a smoothing spline through its places.

    Args:
        drawn: from `trace_boundaries`.
        size: (width, height) of the labels.
        importance: (m,) in [0, 1] of each piece: important ones stay where they are, and bend least where boundaries meet.
        stiffness: bends shorter than about 4.4 stiffness ** 0.25 pieces go.
        least: hold of the least important pieces.
    """
    count, weights = len(drawn.places), importance + 1e-3
    start, end = drawn.ends.T
    joined = csr_matrix((np.tile(weights, 2), (np.r_[start, end], np.r_[end, start])), shape=(count, count))
    total = np.asarray(joined.sum(1)).ravel()
    bend = identity(count, format="csr") - diags(1 / total) @ joined
    hold = np.maximum(least, total / np.bincount(drawn.ends.ravel(), minlength=count))
    places, penalty = drawn.places.copy(), stiffness * (bend.T @ bend)
    for part in (0, 1):
        rim = (places[:, part] == 0) | (places[:, part] == size[part])
        held = np.where(rim, 1e6, hold)
        places[:, part] = spsolve((diags(held) + penalty).tocsc(), held * places[:, part])
    return PlanarMap(places, drawn.ends, drawn.sides)


def average_beside(ends: np.ndarray, weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(n, C): the weighted mean of values (n, C) at the neighbours of every place, by the weights (m,) of the pieces."""
    count = len(values)
    total = np.bincount(ends[:, 0], weights, count) + np.bincount(ends[:, 1], weights, count)
    sums = [
        np.bincount(ends[:, 0], weights * part[ends[:, 1]], count)
        + np.bincount(ends[:, 1], weights * part[ends[:, 0]], count)
        for part in values.T
    ]
    return np.stack(sums, 1) / np.maximum(total, 1e-12)[:, None]


def fill_regions(drawn: PlanarMap, colours: np.ndarray, scale: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Regions in colours, antialiased: (H, W, 3) uint8.

    Args:
        drawn: the map.
        colours: (k, 3) uint8, by label.
        scale: (x, y) by which places grow to the result's pixels.
        size: (width, height) of the result.
    """
    loops = boundary_loops(drawn)
    points = np.rint(2 * SUBPIXELS * (drawn.places * scale) - 0.5 * SUBPIXELS).astype(np.int32)
    large = np.zeros((2 * size[1], 2 * size[0], 3), np.uint8)
    # Large ones first: polygons are drawn with their rims, and a small region must not lose its own.
    for label in sorted(loops, key=lambda key: -sum(len(loop) for loop in loops[key])):
        cv2.fillPoly(large, [points[loop] for loop in loops[label]], colours[label].tolist(), cv2.LINE_8, SHIFT)
    return cv2.resize(large, size, interpolation=cv2.INTER_AREA)


def boundary_loops(drawn: PlanarMap) -> dict[int, list[np.ndarray]]:
    """Closed ways around every region, by label: indices of places; outlines and holes alike."""
    start = np.concatenate([drawn.ends[:, 0], drawn.ends[:, 1]])
    end = np.concatenate([drawn.ends[:, 1], drawn.ends[:, 0]])
    side = np.concatenate([drawn.sides[:, 0], drawn.sides[:, 1]])
    # A piece leads on to one that starts where it ends, beside the same region; at a corner where a region meets itself
    # either will do, since all its ways are filled together.
    order, onward = np.lexsort((start, side)), np.lexsort((end, side))
    following = np.empty(len(start), int)
    following[onward] = order
    loops: dict[int, list[np.ndarray]] = {}
    seen, ways, heads, owners = bytearray(len(start)), following.tolist(), start.tolist(), side.tolist()
    for piece in range(len(ways)):
        if seen[piece] or owners[piece] < 0:
            continue
        loop = []
        while not seen[piece]:
            seen[piece] = 1
            loop.append(heads[piece])
            piece = ways[piece]
        loops.setdefault(owners[piece], []).append(np.array(loop))
    return loops


def draw_boundaries(
    drawn: PlanarMap, widths: np.ndarray, values: np.ndarray, scale: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Boundaries as strokes of changing width: (H, W) float32 in [0, 1].

    Args:
        drawn: the map.
        widths: (m,) of each piece, in the result's pixels; 0 draws nothing.
        values: (m,) in [0, 1] of the ink.
        scale: as in `fill_regions`.
        size: as in `fill_regions`.
    """
    points = np.rint(4 * SUBPIXELS * (drawn.places * scale) - 0.5 * SUBPIXELS).astype(int).tolist()
    large = np.zeros((4 * size[1], 4 * size[0]), np.uint8)
    thick, grey = np.rint(4 * widths).astype(int), np.rint(255 * values).astype(int)
    for piece in np.argsort(grey, kind="stable"):
        if thick[piece] > 0:
            first, second = drawn.ends[piece]
            cv2.line(large, points[first], points[second], int(grey[piece]), int(thick[piece]), cv2.LINE_8, SHIFT)
    return cv2.resize(large, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
