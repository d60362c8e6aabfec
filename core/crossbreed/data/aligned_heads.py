"""Pairs of aligned heads, and what lies between them: the teacher of the weights that ship.

Two photos are warped to one shape between their points; with their animals cut out each is recoloured to the other. From
these four pictures every mixture of shape and appearance follows. The network learns them without points or masks of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.animals import HEAD_MARGIN
from core.animals.colour_transfer.palette import mean_and_covariance, transfer_colours
from core.animals.head_alignment.alignment import align_points, match_points, warp
from core.animals.head_alignment.detector import crop_head, find_points
from core.animals.head_alignment.network_points import MIRRORED
from core.crossbreed.data.pairs import as_bytes, distinct_pairs
from core.crossbreed.data.photos import with_boxes
from core.crossbreed.data.tables import UNSURE, PhotoTable, cut_mask, held_out
from core.crossbreed.methods.blending.fusion import blend
from core.errors import InputError
from core.image import Box
from core.ops.filters import gaussian_blur
from core.progress import Progress, silent
from core.training.store import OnDemand

# Heads whose points have a larger mean standard deviation (fractions of the crop) are only given back, not mixed.
MAX_POINT_STD = 0.10


@dataclass
class AlignedHeads:
    """Pairs of aligned heads, with the pictures between them.

    Attributes:
        pictures: (N, 3, S, S) uint8 crops around heads.
        masks: (N, 1, S, S) uint8, 255 on the animal; all zero where it is not known.
        points: (N, 9, 2) in fractions of the crop.
        reliable: (N,) whether the points can be relied on.
        labels: (N,) class of each.
        classes: names of the classes.
        size_px: training size S.
    """

    pictures: Tensor | OnDemand[Tensor]
    masks: Tensor | OnDemand[Tensor]
    points: Tensor
    reliable: Tensor
    labels: Tensor
    classes: list[str]
    size_px: int

    def __post_init__(self) -> None:
        """Refuse a set in which nothing can be mixed."""
        known = torch.tensor([bool(self.masks[index].any()) for index in range(len(self.masks))])
        self.cut_out = (self.reliable & known).nonzero()[:, 0]
        if len(self.cut_out) < 2:
            raise InputError(
                f"{len(self.cut_out)} pictures have a trimap and a head whose points are found: two or more are needed"
            )

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """Aligned pairs (`x_a`, `x_b`), A in the colours of B (`swapped`), a mixture and its two positions."""
        first, second = (self.cut_out[index] for index in distinct_pairs(rng, len(self.cut_out), size))
        a, b = self._mirrored(first, rng), self._mirrored(second, rng)
        shape_between = intermediate_shapes(a[2], b[2], rng)
        matched = torch.stack([match_points(torch.stack(pair)) for pair in zip(a[2], b[2], strict=True)])
        (x_a, mask_a), (x_b, mask_b) = (align(*part, shape_between, matched) for part in (a, b))
        a_in_b, b_in_a = transfer_colours(x_a, mask_a, x_b, mask_b), transfer_colours(x_b, mask_b, x_a, mask_a)
        shape, appearance = mixture_positions(rng, size)
        mixed = mix_pairs(x_a, a_in_b, x_b, b_in_a, shape, appearance)
        batch = {"x_a": x_a, "x_b": x_b, "swapped": a_in_b, "mixed": mixed, "shape": shape, "appearance": appearance}
        batch["alone"] = self._alone(rng, size)
        return {**batch, "class_a": self.labels[first], "class_b": self.labels[second]}

    def _mirrored(self, index: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures in [-1, 1], masks in [0, 1] and points, each mirrored or not."""
        flip = torch.from_numpy(rng.random(len(index)) < 0.5)[:, None, None]
        pictures, masks = self.pictures[index].float() / 127.5 - 1, self.masks[index].float() / 255
        pictures, masks = (torch.where(flip[..., None], x.flip(-1), x) for x in (pictures, masks))
        points = self.points[index]
        mirrored = points[:, list(MIRRORED)] * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
        return pictures, masks, torch.where(flip, mirrored, points)

    def _alone(self, rng: np.random.Generator, size: int) -> Tensor:
        """Pictures of the whole set, moved a little: reconstruction is learned from all."""
        pictures, _, points = self._mirrored(torch.from_numpy(rng.integers(len(self.pictures), size=size)), rng)
        matched = torch.ones(points.shape[1], dtype=torch.bool)
        return warp(pictures, align_points(jitter(points, rng), points, matched)).clamp(-1, 1)


def jitter(points: Tensor, rng: np.random.Generator) -> Tensor:
    """Points (B, 9, 2) turned, scaled and shifted as one."""
    count = len(points)
    angle = torch.from_numpy(rng.normal(0, 0.06, count)).float()
    scale = torch.from_numpy(np.exp(rng.normal(0, 0.05, (count, 2)))).float()
    shift = torch.from_numpy(rng.normal(0, 0.015, (count, 1, 2))).float()
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([cos, -sin, sin, cos], 1).reshape(-1, 2, 2) * scale[:, None]
    return ((points - 0.5) @ turn.transpose(1, 2) + 0.5 + shift).clamp(0.02, 0.98)


def intermediate_shapes(a: Tensor, b: Tensor, rng: np.random.Generator) -> Tensor:
    """Points (B, 9, 2) somewhere between those of two heads, moved a little."""
    share = torch.from_numpy(rng.uniform(0.3, 0.7, (len(a), 1, 1))).float()
    return jitter(torch.lerp(a, b, share), rng)


def align(pictures: Tensor, masks: Tensor, points: Tensor, shape: Tensor, matched: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures and masks with their points moved to `shape` (B, 9, 2)."""
    displacement = align_points(shape, points, matched)
    return warp(pictures, displacement).clamp(-1, 1), warp(masks, displacement).clamp(0, 1)


def mixture_positions(rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor]:
    """Positions of shape and appearance (size,): half of them together, half apart."""
    shape, apart = rng.random(size), rng.random(size)
    appearance = np.where(rng.random(size) < 0.5, shape, apart)
    return torch.from_numpy(shape).float(), torch.from_numpy(appearance).float()


def mix_pairs(a: Tensor, a_in_b: Tensor, b: Tensor, b_in_a: Tensor, shape: Tensor, appearance: Tensor) -> Tensor:
    """The picture at a position (B,) of shape and one of appearance, from aligned pictures (B, 3, H, W)."""
    colour = appearance.reshape(-1, 1, 1, 1)
    pair = torch.stack([torch.lerp(a, a_in_b, colour), torch.lerp(b_in_a, b, colour)], 1)
    return blend(pair, torch.stack([1 - shape, shape], 1)).clamp(-1, 1)


def read_heads(
    table: Path, archive: Path, size_px: int, label: str = "species", progress: Progress = silent
) -> AlignedHeads:
    """Heads from a table (`file`, `label`, `x0, y0, x1, y1` where a box is known, `trimap` where there is one) and a zip.

    The photos of `held_out` are left out. Boxes that are not known and all points come from our detectors.
    """
    photos = PhotoTable.read(table, archive, ("file", "trimap", "x0", label), "choose another table or label")
    kept_back = held_out([row.fields for row in photos.rows])
    photos = photos.only([row for row in photos.rows if row.fields["file"] not in kept_back])
    classes = sorted({row.fields[label] for row in photos.rows})
    photos, boxes = with_boxes(photos, progress)
    labels = torch.tensor([classes.index(row.fields[label]) for row in photos.rows])
    heads = OnDemand(partial(read_cut_head, photos, boxes, size_px), len(boxes))
    pictures, masks = (OnDemand(partial(planes, heads, which), len(boxes), 0) for which in (slice(3), slice(3, 4)))
    parts = torch.arange(len(boxes)).split(32)
    found = [find_points(pictures[part.numpy()] / 255) for part in parts]
    points, spread = (torch.cat(part) for part in zip(*found, strict=True))
    return AlignedHeads(pictures, masks, points, spread.mean(1) < MAX_POINT_STD, labels, classes, size_px)


def read_cut_head(photos: PhotoTable, boxes: Sequence[Box], size_px: int, index: int) -> Tensor:
    """(4, S, S) uint8: the head of a row and its decided mask."""
    row, box = photos.with_trimap(photos.rows[index]), boxes[index]
    head = as_bytes(crop_head(photos.photo(row), box, size_px, HEAD_MARGIN))
    mask = cut_mask(row.trimap, box.squared(HEAD_MARGIN), size_px)
    return torch.cat([head, decide_rims(head[None], mask[None])[0]])


def planes(heads: OnDemand[Tensor], which: slice, index: int) -> Tensor:
    """Some channels of one of them."""
    return heads[index][which]


def decide_rims(pictures: Tensor, masks: Tensor) -> Tensor:
    """Masks (N, 1, S, S) uint8 in which unsure pixels (128) go to the side whose colours they are more likely to have."""
    values, unsure = pictures.float() / 127.5 - 1, masks == UNSURE
    likely = []
    for side in (masks == 255, masks == 0):
        mean, covariance = mean_and_covariance(values, side.float())
        inverse = torch.linalg.inv(covariance + 1e-3 * torch.eye(3))
        away = values.flatten(2) - mean[:, :, None]
        distance = (away * (inverse @ away)).sum(1) - torch.logdet(inverse)[:, None]
        likely.append(-distance.reshape(masks.shape) / 2)
    share = torch.sigmoid((likely[0] - likely[1]).clamp(-20, 20)) * 255
    share = torch.where(unsure, share, masks.float())
    return (
        torch.where(masks.flatten(1).amax(1)[:, None, None, None] > 0, gaussian_blur(share, 0.7), 0)
        .round()
        .to(torch.uint8)
    )
