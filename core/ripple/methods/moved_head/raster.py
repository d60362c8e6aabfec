"""A bent sheet drawn as triangles, far ones first: for every pixel the place of the sheet that is seen there."""

from __future__ import annotations

import numpy as np


def triangles_of(cells: np.ndarray) -> np.ndarray:
    """(T, 3) numbers of nodes: two triangles for every cell (h, w) bool of a grid of (h + 1) x (w + 1) nodes."""
    rows, columns = np.nonzero(cells)
    first = rows * (cells.shape[1] + 1) + columns
    below = first + cells.shape[1] + 1
    return np.concatenate([np.stack([first, first + 1, below], 1), np.stack([first + 1, below + 1, below], 1)])


def draw_sheet(
    places: np.ndarray, depth: np.ndarray, values: np.ndarray, triangles: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """What a sheet shows at every pixel: (H, W, C) float32, NaN where the sheet is not.

    Args:
        places: (N, 2) px of its nodes, (x, y), the top-left pixel's centre at (0.5, 0.5).
        depth: (N,) how near each node is; of two triangles over one pixel the nearer one is seen.
        values: (N, C), linear inside a triangle.
        triangles: (T, 3) numbers of nodes.
        size: (W, H).

    Source: the painter's algorithm, Newell, Newell and Sancha 1972; inside tests by barycentric coordinates.
    """
    width, height = size
    triangles = triangles[np.argsort(depth[triangles].sum(1), kind="stable")]
    corners = places[triangles].astype(np.float32) - 0.5
    low = np.ceil(corners.min(1)).clip(0).astype(np.int32)
    high = np.floor(corners.max(1)).astype(np.int32)
    high = np.minimum(high, (width - 1, height - 1))
    spans = (high - low + 1).clip(0)
    counts = spans[:, 0] * spans[:, 1]
    number = np.repeat(np.arange(len(triangles), dtype=np.int32), counts)
    inside = np.arange(len(number), dtype=np.int32) - np.repeat(np.cumsum(counts) - counts, counts).astype(np.int32)
    row, column = np.divmod(inside, spans[number, 0])
    x, y = low[number, 0] + column, low[number, 1] + row
    first, second, third = np.moveaxis(corners, 1, 0)
    u, v = second - first, third - first
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    area = np.where(np.abs(area) < 1e-9, np.float32(1e-9), area)
    dx, dy = x - first[number, 0], y - first[number, 1]
    along_u = (dx * v[number, 1] - dy * v[number, 0]) / area[number]
    along_v = (dy * u[number, 0] - dx * u[number, 1]) / area[number]
    edge = np.float32(1e-4)
    seen = (along_u >= -edge) & (along_v >= -edge) & (along_u + along_v <= 1 + edge)
    number, along_u, along_v = number[seen], along_u[seen, None], along_v[seen, None]
    start, to_second, to_third = (values[triangles[:, k]].astype(np.float32) for k in range(3))
    shown = np.full((height, width, values.shape[1]), np.nan, np.float32)
    shown[y[seen], x[seen]] = (
        start[number] + along_u * (to_second - start)[number] + along_v * (to_third - start)[number]
    )
    return shown
