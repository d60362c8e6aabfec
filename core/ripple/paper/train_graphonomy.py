"""Graphonomy: cross-entropy on labelled people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.options import option
from core.ripple.data.head_pairs import HeadPairs
from core.ripple.paper.graphonomy import Graphonomy
from core.ripple.paper.losses import parsing_loss, polynomial_rate
from core.training import Run, TrainOptions

PREVIEW = {
    "stem": (8, 16), "entry": (24, 32, 48), "middle_blocks": 2, "leave": (64, 64, 64),
    "width": 32, "low_width": 16, "hidden": 16,
}  # fmt: skip
SWAPPED = torch.tensor([*range(14), 15, 14, 17, 16, 19, 18])


@dataclass(frozen=True)
class ParserOptions(TrainOptions):
    """Options of parser training; rate, momentum and decay are the published ones."""

    data: str = option("../shared/data", "folder with heads.zip")
    out: str = option("runs/ripple-parser", "folder of the run")
    size: int = option(128, "side of the crops; published 512", low=32, high=1024)
    lr: float = option(7e-3, "first learning rate of SGD; falls to 0 with power 0.9", low=0, high=10)
    batch: int = option(24, "pictures per step", low=2, high=4096)
    rate_every: int = option(100, "steps between two changes of the rate (published: 10 epochs)", low=1, high=1_000_000)


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


class ParserRecipe:
    """Source: Gong et al. 2019 (Graphonomy), section 4.1, and its training script."""

    averaged = ("parser",)

    def __init__(self, options: ParserOptions, network: Graphonomy | None = None) -> None:
        self.options = options
        self.networks: dict[str, nn.Module] = {"parser": (network or Graphonomy(**PREVIEW)).train()}
        parameters = self.networks["parser"].parameters()
        self.optimizers = {"parser": torch.optim.SGD(parameters, options.lr, momentum=0.9, weight_decay=5e-4)}

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One update at the rate of this step."""
        begun = run.step // self.options.rate_every * self.options.rate_every
        for group in self.optimizers["parser"].param_groups:
            group["lr"] = polynomial_rate(self.options.lr, begun, self.options.steps)
        logits = run.networks["parser"](batch["image"])
        loss = parsing_loss(logits, batch["labels"])
        run.update("parser", loss)
        known = batch["labels"] != 255
        right = ((logits.argmax(1) > 0) == (batch["labels"] > 0))[known].float().mean()
        return {"loss": loss.detach(), "person_right": right}

    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor | None:
        """No sheet: `python -m core ripple parse` on the exported run shows more."""
        return None


def mirrored_labels(labels: Tensor) -> Tensor:
    """Labels of a mirrored picture: left and right limbs exchanged; 255 stays."""
    swapped = SWAPPED.to(labels.device)[labels.clamp(max=19).long()].to(labels.dtype)
    return torch.where(labels == 255, labels, swapped).flip(-1)
