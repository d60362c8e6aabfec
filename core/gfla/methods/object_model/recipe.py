"""Training of `CopyingGenerator` on drawn objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.gfla.methods.limb_layers.losses import flow_to_prior
from core.gfla.methods.object_model.copying import CopyingGenerator
from core.gfla.options import GflaTrainOptions
from core.gfla.paper.operators import fetch_along
from core.gfla.paper.recipe import LAYOUT, Batch, ViewNetworks, sheet
from core.metrics import ssim_loss
from core.training import Run

WARM_UP = 50


class DrawnViewRecipe(ViewNetworks):
    """Everything end to end on drawn objects, whose true flow is known; no discriminator, no stage before it."""

    averaged = ("generator",)

    def __init__(
        self, options: GflaTrainOptions, config: Mapping[str, Any], features: nn.Module, shown: Batch | None = None
    ) -> None:
        super().__init__(options, config, features, shown)
        network = CopyingGenerator(**config)
        self.networks = {"generator": network.to(**LAYOUT)}
        self.optimizers = {"generator": torch.optim.Adam(network.parameters(), options.lr, (options.beta1, 0.99))}

    def step(self, batch: Batch, run: Run) -> dict[str, float | Tensor]:
        """One update: L1 and SSIM of the picture, distance from the true flow."""
        batch = self.placed(batch)
        run.set_cosine_rate("generator", WARM_UP)
        painted, real = run.networks["generator"](batch["source"], *self.structures(batch)), batch["target"]
        found = {
            "rec": F.l1_loss(painted.image, real),
            "ssim": ssim_loss((painted.image + 1) / 2, (real + 1) / 2, window=8, stride=2),
            "prior": flow_to_prior([flow.float() for flow in painted.flows], batch["flow"], batch["seen"]),
        }
        loss = self.total(found)
        run.update("generator", loss)
        return {"loss": loss, **found}

    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor | None:
        """Source, source moved by the finest flow, painted, target; one row per shown pair."""
        if self.shown is None:
            return None
        source = self.shown["source"]
        painted = networks["generator"](source, *self.structures(self.shown))
        return sheet([source, fetch_along(source, painted.flows[-1]), painted.image, self.shown["target"]])
