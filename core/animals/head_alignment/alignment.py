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

from core.animals.head_alignment.framing import FramedHead
from core.animals.head_alignment.network_points import CHIN, EARS, EYES, NOSE, ear_roots
from core.ops.thin_plate import evaluate_thin_plate, solve_thin_plate
from core.ops.warp import backward_warp

# Points of a head seen from the front, shares of its box.
FRONT = (
    (0.33, 0.42), (0.67, 0.42), (0.5, 0.66), (0.5, 0.9), (0.12, 0.62), (0.88, 0.62), (0.5, 0.12), (0.1, 0.1), (0.9, 0.1),
)  # fmt: skip
BORDER = tuple((x, y) for x in (0.0, 0.5, 1.0) for y in (0.0, 0.5, 1.0) if (x, y) != (0.5, 0.5))


@dataclass(frozen=True)
class AlignmentSettings:
    """What tunes the alignment.

    Attributes:
        max_ear_turn: between the ears of two heads, in degrees: beyond, a pricked pair meets a hanging one, and moving its
            tips would fold the picture.
        smoothing: tried in order, until no cell of the grid is smaller than `min_jacobian`: the first goes through all points.
        unmatched_smoothing: of points without a partner, so large that they do not count.
        min_jacobian: share of its area that a cell keeps at least; below 0 the picture folds.
        cells: of the displacement grid along each side; splines are far smoother than that.
        stiff_from: which of `smoothing` comes first for heads whose points are not sure: such maps hardly bend.
        sure_point_std: mean standard deviation of a head's points, fractions of its square, below which they are sure.
        max_point_std: the same, beyond which they say nothing: profiles and what is no head lie above it.
        max_doubt: how far eyes and nose may lie from where other looks find them, in distances between the eyes,
        clear_doubt: and below which the eyes are certainly there.
        max_turn: how far the nose may lie beside the middle of the eyes, in distances between them, in a head seen from
            the front.
    """

    max_ear_turn: float = 55.0
    smoothing: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    unmatched_smoothing: float = 1e4
    min_jacobian: float = 0.2
    cells: int = 32
    stiff_from: int = 3
    sure_point_std: float = 0.15
    max_point_std: float = 0.17
    max_doubt: float = 0.13
    clear_doubt: float = 0.09
    max_turn: float = 0.32


SETTINGS = AlignmentSettings()


def ear_angles(points: Tensor) -> Tensor:
    """(N, 2) how far the ears of heads (N, 9, 2) point up, from their roots to their tips, in degrees; hanging is negative."""
    eyes = points[:, EYES].mean(1)
    up = F.normalize(eyes - points[:, CHIN], dim=1)
    way = points[:, EARS] - torch.from_numpy(ear_roots(points.numpy()))
    rise = (way * up[:, None]).sum(2)
    return torch.rad2deg(torch.atan2(rise, (way.square().sum(2) - rise.square()).clamp(min=1e-8).sqrt()))


def ears_alike(points: Tensor) -> bool:
    """Whether the ears of heads (N, 9, 2) can turn into one another; judged as pairs, whatever their length."""
    angles = ear_angles(points).mean(1)
    return bool(angles.max() - angles.min() < SETTINGS.max_ear_turn)


def match_points(points: Tensor) -> Tensor:
    """(9,) bool: which points of the heads (N, 9, 2) correspond; tips of ears do only if all pairs point alike."""
    matched = torch.ones(points.shape[1], dtype=torch.bool)
    matched[list(EARS)] = ears_alike(points)
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


def align_points(at: Tensor, to: Tensor, matched: Tensor, stiff: bool = False) -> Tensor:
    """Displacements (B, 2, 32, 32) from `at` to `to`, both (B, K, 2), as near as can be without folding the picture.

    `stiff` ones hardly bend: they move, turn and stretch.
    """
    result = torch.zeros(len(at), 2, SETTINGS.cells, SETTINGS.cells)
    folding = torch.ones(len(at), dtype=torch.bool)
    matched = matched.expand(len(at), -1)
    for smoothing in SETTINGS.smoothing[SETTINGS.stiff_from if stiff else 0 :]:
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
        sure: (N,) bool, whether its points can be relied on.
        clear: (N,) bool, whether its eyes are certainly where its points are.
    """

    points: Tensor
    sure: Tensor
    clear: Tensor

    @classmethod
    def of_heads(cls, heads: Sequence[FramedHead]) -> HeadAlignment:
        """The alignment of heads; of one whose points say nothing, the box takes their place."""
        points = [head.points if has_points(head) else box_points(head) for head in heads]
        sure = torch.tensor([is_frontal(head) for head in heads])
        clear = torch.tensor([head.doubt < SETTINGS.clear_doubt for head in heads])
        return cls(torch.stack(points), sure, sure & clear)

    @property
    def mean_shape(self) -> Tensor:
        """(9, 2), where the heads meet for the network."""
        return self.points.mean(0)

    def ears_turn(self, which: list[int]) -> bool:
        """Whether the ears of these heads can turn into one another."""
        return len(which) < 2 or bool(self.sure[which].all()) and ears_alike(self.points[which])

    def _matched(self, which: list[int]) -> Tensor:
        matched = torch.ones(self.points.shape[1], dtype=torch.bool)
        matched[list(EARS)] = self.ears_turn(which)
        return matched

    def to_mean_shape(self, pictures: Tensor) -> Tensor:
        """The N pictures (N, 3, S, S) with their points in one place."""
        every = list(range(len(self.points)))
        mean_shape = self.mean_shape.expand(len(self.points), -1, -1)
        stiff = not bool(self.sure.all())
        return warp(pictures, align_points(mean_shape, self.points, self._matched(every), stiff)).clamp(0, 1)

    def from_mean_shape(self, weights: Tensor) -> Tensor:
        """Displacements (T, 2, 32, 32) that bring aligned pictures to the shapes of mixtures (T, N)."""
        mixed = torch.tensordot(weights, self.points, dims=1)
        matched, stiff = self._matched(list(range(len(self.points)))), not bool(self.sure.all())
        return align_points(mixed, self.mean_shape.expand(len(mixed), -1, -1), matched, stiff)

    def from_pictures(self, weights: Tensor, which: Tensor) -> list[Tensor]:
        """For each picture of `which`: displacements (T, 2, 32, 32) that bring it to the shapes of mixtures (T, N).

        Ears are judged among the pictures that have a weight, which are neighbours in a chain.
        """
        mixed = torch.tensordot(weights, self.points, dims=1)
        neighbours = sorted({*which.tolist(), *(weights != 0).any(0).nonzero()[:, 0].tolist()})
        matched, stiff = self._matched(neighbours), not bool(self.sure[neighbours].all())
        return [align_points(mixed, self.points[i].expand(len(mixed), -1, -1), matched, stiff) for i in which]


def has_points(head: FramedHead) -> bool:
    """Whether a head's points say anything."""
    return head.spread < SETTINGS.max_point_std


def notes_on(heads: Sequence[FramedHead]) -> tuple[str, ...]:
    """What a person should know of heads that were not brought into line point by point."""
    notes = []
    for index, head in enumerate(heads):
        if not is_frontal(head):
            how = "is turned or partly hidden" if has_points(head) else "shows no eyes and nose that can be relied on"
            notes.append(f"picture {index + 1}: the head {how}, so it is moved as a whole and features may not meet")
    return tuple(notes)


def is_frontal(head: FramedHead) -> bool:
    """Whether a head looks towards the camera and its points can be relied on."""
    sure = head.spread < SETTINGS.sure_point_std and head.doubt < SETTINGS.max_doubt
    return sure and float(nose_turn(head.points)) < SETTINGS.max_turn


def nose_turn(points: Tensor) -> Tensor:
    """How far the noses of heads (..., 9, 2) lie beside the middle of the eyes, in distances between them."""
    between = points[..., EYES[1], :] - points[..., EYES[0], :]
    away = points[..., NOSE, :] - points[..., EYES, :].mean(-2)
    length = between.norm(dim=-1).clamp(min=1e-3)
    # Along the eyes, less what a tilted head brings along: the chin lies straight below.
    down = F.normalize(torch.stack([-between[..., 1], between[..., 0]], -1), dim=-1)
    along = away - (away * down).sum(-1, keepdim=True) * down
    return along.norm(dim=-1) / length


def box_points(head: FramedHead) -> Tensor:
    """(9, 2): where the points of a head seen from the front would lie in its box, fractions of its square."""
    corner = torch.tensor([head.head.left - head.square.left, head.head.top - head.square.top], dtype=torch.float32)
    size = torch.tensor([head.head.width, head.head.height], dtype=torch.float32)
    return (corner + torch.tensor(FRONT) * size) / float(head.square.width)
