"""Where every pixel of a frame looks into the two pictures, at any time, in milliseconds.

A warp is followed once on a coarse grid for a few times (knots); between knots the paths are interpolated with cubics in
time, between grid nodes with cubic splines in space.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import BSpline, make_interp_spline
from scipy.ndimage import map_coordinates, spline_filter
from scipy.sparse import csr_array

from core.implicit.methods.landmark_flow.flow import FlowWarp
from core.implicit.methods.landmark_flow.warp import Warp
from core.progress import Progress, silent

NODES = 129
# Small frames need fewer, a cell per pixel; wider cells fold where landmarks lie close together.
LEAST_CELL_PX = 1.0
KNOTS, MORE_KNOTS = 9, 17
MANY_STEPS = 32


@dataclass(frozen=True)
class DisplacementGrid:
    """Displacements over the frame as cubic splines on a grid that spans it from edge to edge.

    Attributes:
        size_px: (width, height) of the frame.
        to_first: (knots, rows, columns, 2) float32: spline coefficients of the displacement, in pixels (x, y), from a
            place of the frame at that knot's time to its place in the first picture.
        to_second: the same for the second picture. Knots are spread evenly over [0, 1].
    """

    size_px: tuple[int, int]
    to_first: np.ndarray
    to_second: np.ndarray

    def sampling_positions(self, t: float) -> tuple[np.ndarray, np.ndarray]:
        """Where the pixel centres of the frame at time t lie in the first and in the second picture.

        Returns:
            Two arrays (height, width, 2) float32, (x, y) pixels, the centre of the top-left pixel at (0.5, 0.5).
        """
        width, height = self.size_px
        return self.positions_on(np.arange(width) + 0.5, np.arange(height) + 0.5, t)

    def positions_on(self, x: np.ndarray, y: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
        """The same for the places of any grid of columns x and rows y, in pixels: two arrays (rows, columns, 2)."""
        rows, columns = self.to_first.shape[1:3]
        down = _basis(tuple(y / self.size_px[1]), rows)
        across = _basis(tuple(x / self.size_px[0]), columns)
        first, weights = _time_weights(t, len(self.to_first))
        here = np.stack(np.meshgrid(x.astype(np.float32), y.astype(np.float32)), -1)
        answer = []
        for coefficients in (self.to_first, self.to_second):
            now = np.tensordot(weights, coefficients[first : first + len(weights)], 1)
            tall = (down @ now.reshape(rows, -1)).reshape(len(y), columns, 2).transpose(1, 0, 2)
            whole = across @ np.ascontiguousarray(tall).reshape(columns, -1)
            answer.append(here + whole.reshape(len(x), len(y), 2).transpose(1, 0, 2))
        return answer[0], answer[1]


def sample_displacements(warp: Warp, progress: Progress = silent) -> DisplacementGrid:
    """Follow a warp over the whole frame."""
    width, height = warp.size_px
    cell = max(max(width, height) / (NODES - 1), LEAST_CELL_PX)
    columns, rows = (max(5, math.ceil(side / cell) + 1) for side in (width, height))
    grid = np.stack(np.meshgrid(np.linspace(0, width, columns), np.linspace(0, height, rows)), -1)
    times = np.linspace(0, 1, KNOTS)
    if isinstance(warp, FlowWarp):
        first, second = _follow_flow(warp, grid, progress)
    else:
        points = grid.reshape(-1, 2)
        first, second = np.empty((2, KNOTS, rows, columns, 2))
        for knot, t in enumerate(times):
            first[knot] = (warp.carry(points, t, 0) - points).reshape(rows, columns, 2)
            second[knot] = (warp.carry(points, t, 1) - points).reshape(rows, columns, 2)
            progress((knot + 1) / KNOTS, "drawing the warp")
    return DisplacementGrid(warp.size_px, _coefficients(first), _coefficients(second))


def _follow_flow(warp: FlowWarp, grid: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """Displacements from every knot to both ends, built knot by knot from one short step each.

    Evaluating the spline everywhere at every stage would cost seconds; its velocity is put on the grid once per time.
    """
    rows, columns = grid.shape[:2]
    knots = KNOTS if warp.steps < MANY_STEPS else MORE_KNOTS
    cell = np.array([grid[0, 1, 0], grid[1, 0, 1]])
    at = (grid / warp.scale).reshape(-1, 2) - warp.half
    fields = []
    for index in range(2 * knots - 1):
        field = warp.velocity(at, index / (2 * knots - 2)).reshape(rows, columns, 2) * warp.scale
        fields.append(_filtered(field))
        progress((index + 1) / (2 * knots), "drawing the warp")
    nodes = grid / cell

    def step(knot: int, towards: int) -> np.ndarray:
        """Displacement from knot `knot` to its neighbour `towards`."""
        dt = towards / (knots - 1)
        a, b, c = (fields[2 * knot + k * towards] for k in range(3))
        k1 = _sample(a, nodes)
        k2 = _sample(b, nodes + dt / 2 * k1 / cell)
        k3 = _sample(b, nodes + dt / 2 * k2 / cell)
        k4 = _sample(c, nodes + dt * k3 / cell)
        return dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    def chain(order: range, towards: int) -> np.ndarray:
        paths = np.zeros((knots, rows, columns, 2))
        for knot in order:
            short = step(knot, towards)
            paths[knot] = short + _sample(_filtered(paths[knot + towards]), nodes + short / cell)
        return paths

    return chain(range(1, knots), -1), chain(range(knots - 2, -1, -1), 1)


def _filtered(field: np.ndarray) -> np.ndarray:
    """Cubic spline coefficients of a field (rows, columns, 2), as (2, rows, columns)."""
    return np.stack([spline_filter(field[..., axis], order=3, mode="mirror") for axis in (0, 1)])


def _sample(coefficients: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """A field at places (rows, columns, 2) given in grid cells, (x, y)."""
    place = (nodes[..., 1], nodes[..., 0])
    return np.stack([map_coordinates(c, place, order=3, mode="mirror", prefilter=False) for c in coefficients], -1)


def _time_weights(t: float, knots: int) -> tuple[int, np.ndarray]:
    """The first of four neighbouring knots and their weights in the cubic through them."""
    place = min(max(t, 0.0), 1.0) * (knots - 1)
    first = min(max(int(place) - 1, 0), knots - 4)
    x = place - first
    weights = [math.prod((x - j) / (i - j) for j in range(4) if j != i) for i in range(4)]
    return first, np.array(weights, dtype=np.float32)


def _coefficients(nodes: np.ndarray) -> np.ndarray:
    """Spline coefficients (knots, rows, columns, 2) of displacements at the nodes."""
    for axis in (1, 2):
        nodes = np.moveaxis(make_interp_spline(np.arange(nodes.shape[axis]), nodes, k=3, axis=axis).c, 0, axis)
    return np.ascontiguousarray(nodes, dtype=np.float32)


@lru_cache(maxsize=16)
def _basis(share: tuple[float, ...], nodes: int) -> csr_array:
    """Sparse (places, nodes) matrix from spline coefficients to values at places given as shares of the side."""
    knots = make_interp_spline(np.arange(nodes), np.zeros(nodes), k=3).t
    place = np.clip(share, 0, 1) * (nodes - 1)
    return BSpline.design_matrix(place, knots, 3).astype(np.float32)
