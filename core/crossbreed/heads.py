"""Pairs of heads brought into line, and what lies between them: the teacher of the weights that ship.

Two photos are warped to one place between their points; with their animals cut out each is recoloured to the other. From
these four pictures every mixture of shape and appearance follows. The network learns them without points or masks of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.crossbreed.alignment import flows, pulls, warped
from core.crossbreed.data import _known_or_found, as_bytes, distinct_pairs, head_crop
from core.crossbreed.fusion import blended, blurred
from core.crossbreed.options import HEAD_MARGIN
from core.crossbreed.recolouring import colour_statistics, recoloured
from core.detect.network_pet_points import MIRRORED
from core.detect.pet_photos import UNSURE, cut_mask, held_out
from core.errors import InputError
from core.image import load_image
from core.progress import Progress, silent
from core.training.photo_table import PhotoArchive, read_rows

# Heads whose points are found less surely than this (mean standard deviation in fractions of the crop) are only copied.
SURE = 0.10


@dataclass
class AlignedHeads:
    """Pairs of heads in line, with the pictures between them.

    Attributes:
        pictures: (N, 3, S, S) uint8 crops around heads.
        masks: (N, 1, S, S) uint8, 255 on the animal; all zero where it is not known.
        points: (N, 9, 2) in fractions of the crop.
        sure: (N,) whether the points can be relied on.
        labels: (N,) class of each.
        classes: names of the classes.
        size_px: training size S.
    """

    pictures: Tensor
    masks: Tensor
    points: Tensor
    sure: Tensor
    labels: Tensor
    classes: list[str]
    size_px: int

    def __post_init__(self) -> None:
        """Refuse a set in which nothing can be mixed."""
        self.cut_out = (self.sure & (self.masks.flatten(1).amax(1) > 0)).nonzero()[:, 0]
        if len(self.cut_out) < 2:
            raise InputError(
                f"{len(self.cut_out)} pictures have a trimap and a head whose points are found: two or more are needed"
            )

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """Pairs in line (`x_a`, `x_b`), A in the colours of B (`swapped`), a mixture and its two positions."""
        first, second = (self.cut_out[index] for index in distinct_pairs(rng, len(self.cut_out), size))
        a, b = self._turned(first, rng), self._turned(second, rng)
        place = common_places(a[2], b[2], rng)
        counts = torch.stack([pulls(torch.stack(pair)) for pair in zip(a[2], b[2], strict=True)])
        (x_a, mask_a), (x_b, mask_b) = (in_line(*part, place, counts) for part in (a, b))
        a_in_b, b_in_a = recoloured(x_a, mask_a, x_b, mask_b), recoloured(x_b, mask_b, x_a, mask_a)
        shape, appearance = mixtures(rng, size)
        mixed = between(x_a, a_in_b, x_b, b_in_a, shape, appearance)
        batch = {"x_a": x_a, "x_b": x_b, "swapped": a_in_b, "mixed": mixed, "shape": shape, "appearance": appearance}
        batch["alone"] = self._alone(rng, size)
        return {**batch, "class_a": self.labels[first], "class_b": self.labels[second]}

    def _turned(self, index: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures in [-1, 1], masks in [0, 1] and points, each mirrored or not."""
        flip = torch.from_numpy(rng.random(len(index)) < 0.5)[:, None, None]
        pictures, masks = self.pictures[index].float() / 127.5 - 1, self.masks[index].float() / 255
        pictures, masks = (torch.where(flip[..., None], x.flip(-1), x) for x in (pictures, masks))
        points = self.points[index]
        mirrored = points[:, list(MIRRORED)] * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
        return pictures, masks, torch.where(flip, mirrored, points)

    def _alone(self, rng: np.random.Generator, size: int) -> Tensor:
        """Pictures of the whole set, moved a little: copies are learned from all."""
        pictures, _, points = self._turned(torch.from_numpy(rng.integers(len(self.pictures), size=size)), rng)
        counts = torch.ones(points.shape[1], dtype=torch.bool)
        return warped(pictures, flows(moved_a_little(points, rng), points, counts)).clamp(-1, 1)


def moved_a_little(points: Tensor, rng: np.random.Generator) -> Tensor:
    """Points (B, 9, 2) turned, scaled and shifted as one."""
    count = len(points)
    angle = torch.from_numpy(rng.normal(0, 0.06, count)).float()
    scale = torch.from_numpy(np.exp(rng.normal(0, 0.05, (count, 2)))).float()
    shift = torch.from_numpy(rng.normal(0, 0.015, (count, 1, 2))).float()
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([cos, -sin, sin, cos], 1).reshape(-1, 2, 2) * scale[:, None]
    return ((points - 0.5) @ turn.transpose(1, 2) + 0.5 + shift).clamp(0.02, 0.98)


def common_places(a: Tensor, b: Tensor, rng: np.random.Generator) -> Tensor:
    """Points (B, 9, 2) somewhere between those of two heads, moved a little."""
    share = torch.from_numpy(rng.uniform(0.3, 0.7, (len(a), 1, 1))).float()
    return moved_a_little(torch.lerp(a, b, share), rng)


def in_line(pictures: Tensor, masks: Tensor, points: Tensor, place: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures and masks with their points moved to `place` (B, 9, 2)."""
    moved = flows(place, points, counts)
    return warped(pictures, moved).clamp(-1, 1), warped(masks, moved).clamp(0, 1)


def mixtures(rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor]:
    """Positions of shape and appearance (size,): half of them together, half apart."""
    shape, apart = rng.random(size), rng.random(size)
    appearance = np.where(rng.random(size) < 0.5, shape, apart)
    return torch.from_numpy(shape).float(), torch.from_numpy(appearance).float()


def between(a: Tensor, a_in_b: Tensor, b: Tensor, b_in_a: Tensor, shape: Tensor, appearance: Tensor) -> Tensor:
    """The picture at a position (B,) of shape and one of appearance, from pictures in line (B, 3, H, W)."""
    colour = appearance.reshape(-1, 1, 1, 1)
    pair = torch.stack([torch.lerp(a, a_in_b, colour), torch.lerp(b_in_a, b, colour)], 1)
    return blended(pair, torch.stack([1 - shape, shape], 1)).clamp(-1, 1)


def read_heads(
    table: Path, archive: Path, size_px: int, label: str = "species", progress: Progress = silent
) -> AlignedHeads:
    """Heads from a table (`file`, `label`, `x0, y0, x1, y1` where a box is known, `trimap` where there is one) and a zip.

    The photos of `held_out` are left out. Boxes that are not known and all points come from our detectors. Trimaps are
    pictures of indices: 1 animal, 2 background, 3 unsure.
    """
    from core.detect.pets import find_points

    rows = read_rows(table, ("file", "trimap", "x0", label))
    kept_back = held_out(rows)
    rows = [row for row in rows if row["file"] not in kept_back]
    classes = sorted({row[label] for row in rows})
    pictures, masks, labels = [], [], []
    with PhotoArchive(archive) as photos:
        for index, row in enumerate(rows):
            progress(index / len(rows), "cutting out heads")
            picture = load_image(photos.open(row["file"]))
            box = _known_or_found(row, picture)
            if box is None:
                continue
            pictures.append(as_bytes(head_crop(picture, box, size_px)))
            trimap = photos.open(row["trimap"]) if row["trimap"] else None
            masks.append(cut_mask(trimap, box.squared(HEAD_MARGIN), size_px))
            labels.append(classes.index(row[label]))
    crops = torch.stack(pictures)
    points, spread = (
        torch.cat(part) for part in zip(*(find_points(part / 255) for part in crops.split(32)), strict=True)
    )
    decided = decide(crops, torch.stack(masks))
    return AlignedHeads(crops, decided, points, spread.mean(1) < SURE, torch.tensor(labels), classes, size_px)


def decide(pictures: Tensor, masks: Tensor) -> Tensor:
    """Masks (N, 1, S, S) uint8 in which unsure pixels (128) go to the side whose colours they are more likely to have."""
    values, unsure = pictures.float() / 127.5 - 1, masks == UNSURE
    likely = []
    for side in (masks == 255, masks == 0):
        mean, spread = colour_statistics(values, side.float())
        inverse = torch.linalg.inv(spread + 1e-3 * torch.eye(3))
        away = values.flatten(2) - mean[:, :, None]
        distance = (away * (inverse @ away)).sum(1) - torch.logdet(inverse)[:, None]
        likely.append(-distance.reshape(masks.shape) / 2)
    share = torch.sigmoid((likely[0] - likely[1]).clamp(-20, 20)) * 255
    share = torch.where(unsure, share, masks.float())
    return (
        torch.where(masks.flatten(1).amax(1)[:, None, None, None] > 0, blurred(share, 0.7), 0).round().to(torch.uint8)
    )
