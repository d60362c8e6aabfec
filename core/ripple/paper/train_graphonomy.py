"""Graphonomy: cross-entropy on labelled people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.options import option
from core.ripple.paper.graphonomy import Graphonomy
from core.ripple.paper.losses import parsing_loss, polynomial_rate
from core.ripple.paper.recipe import LossRecipe
from core.training import Run, TrainOptions


@dataclass(frozen=True)
class ParserOptions(TrainOptions):
    """Options of parser training; rate, momentum and decay are the published ones."""

    data: str = option("../shared/data", "folder with heads.zip")
    out: str = option("runs/ripple-parser", "folder of the run")
    size: int = option(128, "side of the crops; published 512", low=32, high=1024)
    lr: float = option(7e-3, "first learning rate of SGD; falls to 0 with power 0.9", low=0, high=10)
    batch: int = option(24, "pictures per step", low=2, high=4096)
    rate_every: int = option(100, "steps between two changes of the rate (published: 10 epochs)", low=1, high=1_000_000)


class ParserRecipe(LossRecipe):
    """Source: Gong et al. 2019 (Graphonomy), section 4.1, and its training script."""

    averaged = ("parser",)

    def __init__(self, options: ParserOptions, network: Graphonomy) -> None:
        self.options = options
        self.networks: dict[str, nn.Module] = {"parser": network.train()}
        self.optimizers = {"parser": torch.optim.SGD(network.parameters(), options.lr, momentum=0.9, weight_decay=5e-4)}

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
