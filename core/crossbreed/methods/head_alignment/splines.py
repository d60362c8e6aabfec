"""Heads brought into line: thin-plate splines through the points of two heads or more.

Where two heads lie over one another point by point, a mixture of their codes is one animal and not two. So pictures are
warped to a common place before they are encoded, and what is decoded is warped from there to wherever the mixed shape has
its points. All points are fractions of a square crop, (x, y) in [0, 1].
Source: own; splines after Bookstein, "Principal Warps", 1989, with smoothing as in Wahba 1990.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from core.crossbreed.methods.head_alignment.network_points import POINT_NAMES
from core.ops.warp import backward_warp

EYES, CHIN = (0, 1), 3
EARS = (POINT_NAMES.index("ear_l"), POINT_NAMES.index("ear_r"))
# The rim of the crop stays where it is.
RIM = tuple((x, y) for x in (0.0, 0.5, 1.0) for y in (0.0, 0.5, 1.0) if (x, y) != (0.5, 0.5))
STIFFNESS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
FREE = 1e4
# Ears whose tips are farther apart than this, in distances from the eyes to the chin, are not the same kind of ear.
SAME_EARS = 0.7
LEAST_AREA = 0.2
CELLS = 32
# Heads whose points are found less surely than this (mean standard deviation, in fractions of the crop) stay as they are.
SURE = 0.13


def pulls(points: Tensor) -> Tensor:
    """(9,) whether a point counts for heads that are mixed (N, 9, 2): tips of ears only if all ears point alike.

    A cat's ear does not turn into a hanging one by moving its tip: the picture would fold.
    """
    eyes = points[:, EYES].mean(1)
    down = points[:, CHIN] - eyes
    length = down.norm(dim=1).clamp(min=1e-3)
    # Each tip in the head's own frame: x along the eyes, y towards the chin, in lengths from eyes to chin.
    across = torch.stack([down[:, 1], -down[:, 0]], 1)
    axes = torch.stack([across, down], 1) / length[:, None, None]
    tips = torch.einsum("nij,nkj->nki", axes, points[:, EARS] - eyes[:, None]) / length[:, None, None]
    apart = (tips[:, None] - tips[None]).norm(dim=3).amax(dim=(0, 1))
    counts = torch.ones(points.shape[1], dtype=torch.bool)
    counts[list(EARS)] = apart < SAME_EARS
    return counts


def spline(at: Tensor, to: Tensor, counts: Tensor, stiffness: float) -> Tensor:
    """Coefficients (B, K + 11, 2) of the smoothing splines that send `at` to `to` and keep the rim.

    Args:
        at: (B, K, 2) places to send.
        to: (B, K, 2) where to.
        counts: (B, K) or (K,) whether a place is held.
        stiffness: 0 goes through all places, more bends less.
    """
    at, to = (_with_rim(points).double() for points in (at, to))
    count = at.shape[1]
    held = torch.cat([counts.expand(len(at), -1), counts.new_ones(len(at), len(RIM))], 1)
    system = at.new_zeros(len(at), count + 3, count + 3)
    affine = torch.cat([torch.ones_like(at[..., :1]), at], 2)
    system[:, :count, :count] = _kernel(torch.cdist(at, at)) + torch.diag_embed(torch.where(held, stiffness, FREE))
    system[:, :count, count:], system[:, count:, :count] = affine, affine.transpose(1, 2)
    wanted = torch.cat([to - at, at.new_zeros(len(at), 3, 2)], 1)
    return torch.linalg.solve(system, wanted)


def displacement(coefficients: Tensor, at: Tensor, cells: int = CELLS) -> Tensor:
    """(B, 2, cells, cells): how far the splines move the centres of a square grid's cells, in fractions."""
    centres = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    grid = torch.stack([x, y], 2).reshape(1, -1, 2)
    knots = _with_rim(at).double()
    basis = torch.cat([_kernel(torch.cdist(grid.expand(len(knots), -1, -1), knots)), _ones_and(grid, len(knots))], 2)
    moved = basis @ coefficients
    return moved.transpose(1, 2).reshape(-1, 2, cells, cells).float()


def flows(at: Tensor, to: Tensor, counts: Tensor) -> Tensor:
    """Displacements (B, 2, 32, 32) from `at` to `to`, both (B, K, 2): as bent as can be without folding the picture."""
    result = torch.zeros(len(at), 2, CELLS, CELLS)
    open_ = torch.ones(len(at), dtype=torch.bool)
    counts = counts.expand(len(at), -1)
    for stiffness in STIFFNESS:
        tried = displacement(spline(at[open_], to[open_], counts[open_], stiffness), at[open_])
        result[open_] = tried
        open_ = open_.clone()
        open_[open_.clone()] = least_area(tried) < LEAST_AREA
        if not open_.any():
            break
    return result


def least_area(moved: Tensor) -> Tensor:
    """(B,) the smallest area that a cell of the grid keeps, as a share of what it was; below 0 it is folded."""
    step = 1 / moved.shape[-1]
    along_x, along_y = (moved.diff(dim=axis) / step for axis in (3, 2))
    along_x, along_y = along_x[:, :, :-1], along_y[..., :-1]
    area = (1 + along_x[:, 0]) * (1 + along_y[:, 1]) - along_x[:, 1] * along_y[:, 0]
    return area.flatten(1).amin(1)


def warped(pictures: Tensor, moved: Tensor, size_px: int | None = None) -> Tensor:
    """Pictures (B, C, S, S) fetched from where the displacements (B, 2, h, w) point; (B, C, size, size)."""
    size = size_px or pictures.shape[-1]
    flow = F.interpolate(moved, (size, size), mode="bicubic", align_corners=False) * size
    if size != pictures.shape[-1]:
        pictures = F.interpolate(pictures, (size, size), mode="bicubic", align_corners=False, antialias=True)
    return backward_warp(pictures, flow.to(pictures.dtype), mode="bicubic")


def _with_rim(points: Tensor) -> Tensor:
    return torch.cat([points, points.new_tensor(RIM).expand(len(points), -1, -1)], 1)


def _ones_and(grid: Tensor, count: int) -> Tensor:
    return torch.cat([torch.ones_like(grid[..., :1]), grid], 2).expand(count, -1, -1)


def _kernel(distance: Tensor) -> Tensor:
    return torch.xlogy(distance.square(), distance)


@dataclass(frozen=True)
class HeadLine:
    """How N heads come into line and go back.

    Attributes:
        points: (N, 9, 2) of each head.
        place: (9, 2) where they meet: the mean of all.
        counts: (9,) which points are held.
    """

    points: Tensor
    place: Tensor
    counts: Tensor

    @classmethod
    def of(cls, heads: Tensor) -> tuple[HeadLine | None, float]:
        """The line of heads (N, 3, S, S) in [0, 1], None if a head's points are not found surely; and how unsure, in %."""
        from core.crossbreed.methods.head_alignment.detector import find_points

        points, spread = find_points(heads)
        unsure = float(spread.mean(1).max())
        line = cls(points, points.mean(0), pulls(points)) if unsure < SURE else None
        return line, 100 * unsure

    def in_line(self, pictures: Tensor) -> Tensor:
        """The N pictures (N, 3, S, S) with their points in one place."""
        place = self.place.expand(len(self.points), -1, -1)
        return warped(pictures, flows(place, self.points, self.counts)).clamp(0, 1)

    def mixed(self, weights: Tensor) -> Tensor:
        """(T, 9, 2): the points of mixtures (T, N)."""
        return torch.tensordot(weights, self.points, dims=1)

    def back(self, weights: Tensor) -> Tensor:
        """Displacements (T, 2, 32, 32) that bring pictures in line to the shapes of mixtures (T, N)."""
        mixed = self.mixed(weights)
        return flows(mixed, self.place.expand(len(mixed), -1, -1), self.counts)

    def from_crops(self, weights: Tensor, which: Tensor) -> list[Tensor]:
        """For each picture of `which`: displacements (T, 2, 32, 32) that bring it to the shapes of mixtures (T, N)."""
        mixed = self.mixed(weights)
        return [flows(mixed, self.points[index].expand(len(mixed), -1, -1), self.counts) for index in which]
