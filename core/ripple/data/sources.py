"""Rendered heads as the parser and the inpainter read them."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.ripple.data.head_pairs import HeadPairs
from core.ripple.paper.graphonomy import MIRRORED
from core.ripple.paper.train_lama import random_hole


class LabelledHeads:
    """Heads with labels, scaled in width and height apart (0.5 to 2), mirrored half of the time."""

    def __init__(self, pairs: HeadPairs) -> None:
        self.pairs = pairs

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`image` (B, 3, S, S) in [-1, 1], B G R, and `labels` (B, S, S)."""
        batch = self.pairs.draw(rng, size)
        width, height = (float(np.exp2(rng.uniform(-1, 1))) for _ in range(2))
        image, labels = batch["source"].flip(1), batch["labels"]
        if rng.random() < 0.5:
            image, labels = image.flip(-1), mirrored_labels(labels)
        return dict(zip(("image", "labels"), rescaled(image, labels, width, height), strict=True))


def rescaled(image: Tensor, labels: Tensor, width: float, height: float) -> tuple[Tensor, Tensor]:
    """Picture and labels scaled about the middle; what comes from outside has label 255."""
    theta = torch.tensor([[[1 / width, 0, 0], [0, 1 / height, 0]]]).expand(len(image), -1, -1)
    grid = F.affine_grid(theta, list(image.shape), align_corners=False)
    moved = F.grid_sample(image, grid, padding_mode="border", align_corners=False)
    known = F.grid_sample(labels[:, None].float() - 255, grid, mode="nearest", align_corners=False)[:, 0] + 255
    return moved, known.round().long()


def mirrored_labels(labels: Tensor) -> Tensor:
    """Labels of a mirrored picture: left and right limbs exchanged; 255 stays."""
    swapped = torch.tensor(MIRRORED)[labels.clamp(max=19).long()].to(labels.dtype)
    return torch.where(labels == 255, labels, swapped).flip(-1)


class HoledPictures:
    """Heads before their backgrounds with holes in the background: strokes and boxes, 1 to 1."""

    def __init__(self, pairs: HeadPairs) -> None:
        self.pairs = pairs

    def draw(self, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
        """`image` (B, 3, S, S) in [0, 1] and `mask` (B, 1, S, S), 1 = hole, never on a known person."""
        batch = self.pairs.draw(rng, size)
        side = self.pairs.size
        holes = torch.stack([torch.from_numpy(random_hole(side, rng))[None] for _ in range(size)])
        person = batch["source_mask"] * batch["mask_known"].float().view(-1, 1, 1, 1)
        return {"image": (batch["source"] + 1) / 2, "mask": holes * (1 - person)}
