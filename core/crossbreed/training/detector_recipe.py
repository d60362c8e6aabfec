"""How the three small detectors of pets are trained: AdamW, a cosine from `lr` to nothing, held-out figures in the curves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from core.training import Run, TrainOptions


class DetectorRecipe(ABC):
    """One network and one loss. A subclass sets the class attributes and writes `loss` and `measured`.

    Attributes:
        name: of the network in checkpoints.
        weight_decay: of AdamW.
        warm_up: steps until the rate is full.
    """

    name: str
    weight_decay: float
    warm_up: int

    def __init__(self, options: TrainOptions, network: nn.Module) -> None:
        self.averaged: tuple[str, ...] = (self.name,)
        self.networks: dict[str, nn.Module] = {self.name: network}
        optimizer = torch.optim.AdamW(network.parameters(), lr=options.lr, weight_decay=self.weight_decay)
        self.optimizers: dict[str, torch.optim.Optimizer] = {self.name: optimizer}

    @abstractmethod
    def loss(self, found: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The terms, and `loss`, which is minimised, of what the network said of `batch`."""

    @abstractmethod
    def measured(self, network: nn.Module) -> dict[str, Tensor]:
        """Figures on what is held out."""

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One update; every `log_every` steps the held-out figures are measured too."""
        run.set_cosine_rate(self.name, self.warm_up)
        with run.accelerator.autocast():
            found = run.networks[self.name](batch["x"])
        terms = self.loss(found, batch)
        run.update(self.name, terms["loss"])
        values: dict[str, float | Tensor] = {name: value.detach() for name, value in terms.items()}
        if (run.step + 1) % run.options.log_every == 0:
            values |= self.measured(run.averages[self.name].module)
        return values

    def samples(self, networks: Mapping[str, nn.Module]) -> None:
        """None: the figures say it."""
        return
