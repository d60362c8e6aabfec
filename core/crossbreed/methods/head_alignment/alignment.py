"""Heads aligned by their landmarks: thin-plate splines through the points of two heads or more.

Where two heads lie over one another point by point, a mixture of their codes is one animal and not two. So pictures are
warped to a common shape before they are encoded, and what is decoded is warped from there to the mixed shape. All points
are fractions of a square crop, (x, y) in [0, 1]; displacements are backward: from where a picture is shown to where it is
fetched.
Source: own; thin-plate splines after Bookstein, "Principal Warps", 1989 (`core.ops.thin_plate`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from core.crossbreed.methods.head_alignment.framing import FramedHead
from core.crossbreed.methods.head_alignment.network_points import POINT_NAMES
from core.ops.thin_plate import evaluate_thin_plate, solve_thin_plate
from core.ops.warp import backward_warp

EYES, CHIN = (0, 1), POINT_NAMES.index("chin")
EARS = (POINT_NAMES.index("ear_l"), POINT_NAMES.index("ear_r"))
BORDER = tuple((x, y) for x in (0.0, 0.5, 1.0) for y in (0.0, 0.5, 1.0) if (x, y) != (0.5, 0.5))


@dataclass(frozen=True)
class AlignmentSettings:
    """What tunes the alignment.

    Attributes:
        max_ear_distance: between tips of ears of two heads, in distances from eyes to chin: beyond, a pricked ear meets a
            hanging one, and moving its tip would fold the picture.
        smoothing: tried in order, until no cell of the grid is smaller than `min_jacobian`: the first goes through all points.
        unmatched_smoothing: of points without a partner, so large that they do not count.
        min_jacobian: share of its area that a cell keeps at least; below 0 the picture folds.
        cells: of the displacement grid along each side; splines are far smoother than that.
        max_point_std: mean standard deviation of a head's points, fractions of the crop, beyond which it stays as it is:
            profiles and what is no head lie above it.
    """

    max_ear_distance: float = 0.7
    smoothing: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    unmatched_smoothing: float = 1e4
    min_jacobian: float = 0.2
    cells: int = 32
    max_point_std: float = 0.13


SETTINGS = AlignmentSettings()


def match_points(points: Tensor) -> Tensor:
    """(9,) bool: which points of the heads (N, 9, 2) correspond; tips of ears do only if all ears point alike."""
    eyes = points[:, EYES].mean(1)
    down = points[:, CHIN] - eyes
    length = down.norm(dim=1).clamp(min=1e-3)
    # Each tip in the head's own frame: x along the eyes, y towards the chin, in lengths from eyes to chin.
    across = torch.stack([down[:, 1], -down[:, 0]], 1)
    axes = torch.stack([across, down], 1) / length[:, None, None]
    tips = torch.einsum("nij,nkj->nki", axes, points[:, EARS] - eyes[:, None]) / length[:, None, None]
    apart = (tips[:, None] - tips[None]).norm(dim=3).amax(dim=(0, 1))
    matched = torch.ones(points.shape[1], dtype=torch.bool)
    matched[list(EARS)] = apart < SETTINGS.max_ear_distance
    return matched


def spline_displacement(
    at: Tensor, to: Tensor, matched: Tensor, smoothing: float, cells: int = SETTINGS.cells
) -> Tensor:
    """(B, 2, cells, cells): how far the centres of a grid move when `at` moves to `to` and the crop's border stays.

    Args:
        at: (B, K, 2).
        to: (B, K, 2).
        matched: (B, K) or (K,) whether a point counts.
        smoothing: 0 goes through all points, more bends less.
        cells: along each side of the grid.
    """
    centres, targets = (torch.cat([x, x.new_tensor(BORDER).expand(len(x), -1, -1)], 1).double() for x in (at, to))
    held = torch.cat([matched.expand(len(at), -1), matched.new_ones(len(at), len(BORDER))], 1)
    stiffness = torch.where(held, smoothing, SETTINGS.unmatched_smoothing)
    weights = solve_thin_plate(centres, targets - centres, stiffness)
    along = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells
    grid = torch.cartesian_prod(along, along).flip(1)
    moved = evaluate_thin_plate(weights, centres, grid.expand(len(at), -1, -1))
    return moved.transpose(1, 2).reshape(-1, 2, cells, cells).float()


def min_jacobian(displacement: Tensor) -> Tensor:
    """(B,) the smallest Jacobian determinant over a displacement grid (B, 2, h, w); below 0 the picture folds."""
    step = 1 / displacement.shape[-1]
    along_x, along_y = (displacement.diff(dim=axis) / step for axis in (3, 2))
    along_x, along_y = along_x[:, :, :-1], along_y[..., :-1]
    area = (1 + along_x[:, 0]) * (1 + along_y[:, 1]) - along_x[:, 1] * along_y[:, 0]
    return area.flatten(1).amin(1)


def align_points(at: Tensor, to: Tensor, matched: Tensor) -> Tensor:
    """Displacements (B, 2, 32, 32) from `at` to `to`, both (B, K, 2), as near as can be without folding the picture."""
    result = torch.zeros(len(at), 2, SETTINGS.cells, SETTINGS.cells)
    folding = torch.ones(len(at), dtype=torch.bool)
    matched = matched.expand(len(at), -1)
    for smoothing in SETTINGS.smoothing:
        tried = spline_displacement(at[folding], to[folding], matched[folding], smoothing)
        result[folding] = tried
        folding[folding.clone()] = min_jacobian(tried) < SETTINGS.min_jacobian
        if not folding.any():
            break
    return result


def warp(pictures: Tensor, displacement: Tensor, size_px: int | None = None) -> Tensor:
    """Pictures (B, C, S, S) fetched from where the displacements (B, 2, h, w) point: (B, C, size, size)."""
    size = size_px or pictures.shape[-1]
    flow = F.interpolate(displacement, (size, size), mode="bicubic", align_corners=False) * size
    if size != pictures.shape[-1]:
        pictures = F.interpolate(pictures, (size, size), mode="bicubic", align_corners=False, antialias=True)
    return backward_warp(pictures, flow.to(pictures.dtype), mode="bicubic")


@dataclass(frozen=True)
class HeadAlignment:
    """How N heads are brought to one shape and back.

    Attributes:
        points: (N, 9, 2) of each head.
        mean_shape: (9, 2), where they meet.
        matched: (9,) which points correspond.
    """

    points: Tensor
    mean_shape: Tensor
    matched: Tensor

    @classmethod
    def of_heads(cls, heads: Sequence[FramedHead]) -> tuple[HeadAlignment | None, float]:
        """The alignment of heads and the largest uncertainty of their points in %.

        The alignment is None where the points of a head are too uncertain.
        """
        points, uncertainty = torch.stack([head.points for head in heads]), max(head.spread for head in heads)
        if uncertainty >= SETTINGS.max_point_std:
            return None, 100 * uncertainty
        return cls(points, points.mean(0), match_points(points)), 100 * uncertainty

    def to_mean_shape(self, pictures: Tensor) -> Tensor:
        """The N pictures (N, 3, S, S) with their points in one place."""
        mean_shape = self.mean_shape.expand(len(self.points), -1, -1)
        return warp(pictures, align_points(mean_shape, self.points, self.matched)).clamp(0, 1)

    def from_mean_shape(self, weights: Tensor) -> Tensor:
        """Displacements (T, 2, 32, 32) that bring aligned pictures to the shapes of mixtures (T, N)."""
        mixed = torch.tensordot(weights, self.points, dims=1)
        return align_points(mixed, self.mean_shape.expand(len(mixed), -1, -1), self.matched)

    def from_pictures(self, weights: Tensor, which: Tensor) -> list[Tensor]:
        """For each picture of `which`: displacements (T, 2, 32, 32) that bring it to the shapes of mixtures (T, N)."""
        mixed = torch.tensordot(weights, self.points, dims=1)
        return [align_points(mixed, self.points[index].expand(len(mixed), -1, -1), self.matched) for index in which]
