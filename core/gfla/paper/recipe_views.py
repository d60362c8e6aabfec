"""Training of view synthesis in two stages: the flow network first, then everything end to end.

Source: Ren et al. 2020, supplementary material (view synthesis); the losses are those of the pose networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.gfla.options import GflaTrainOptions
from core.gfla.paper import losses
from core.gfla.paper.blocks import initialise
from core.gfla.paper.discriminators import ResDiscriminator
from core.gfla.paper.network import Painted
from core.gfla.paper.network_views import ShapeNetFlowGenerator, ShapeNetGenerator
from core.gfla.training.run import BETAS, PairRecipe, flow_config
from core.training import Run, load_trained

LAYOUT = {"memory_format": torch.channels_last}


class ViewFlowRecipe(PairRecipe):
    """Stage 1: the flow network alone (published name: shapenetflow)."""

    averaged = ()

    def __init__(self, options: GflaTrainOptions) -> None:
        super().__init__(options)
        network = ShapeNetFlowGenerator(**flow_config(self.config))
        initialise(network)
        self.networks = {"flow": network.to(**LAYOUT)}
        self.optimizers = {"flow": torch.optim.Adam(network.parameters(), options.lr, BETAS)}

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One update of the flow network."""
        batch = self.placed(batch)
        self.learning_rate(run)
        flows, _ = run.networks["flow"](batch["source"], batch["source_view"], batch["target_view"])
        found = self.flow_losses(flows, self.features(batch["source"]), self.features(batch["target"]))
        loss = self.total(found)
        run.update("flow", loss)
        return {"loss": loss, **found}


class ViewRecipe(PairRecipe):
    """Stage 2: generator and discriminator, end to end (published name: shapenet)."""

    averaged = ("generator",)

    def __init__(self, options: GflaTrainOptions) -> None:
        super().__init__(options)
        generator = ShapeNetGenerator(**self.config)
        initialise(generator)
        if options.start:
            flow = ShapeNetFlowGenerator(**flow_config(self.config))
            load_trained(options.start, {"flow": flow})
            generator.flow_net.load_state_dict(flow.flow_net.state_dict())
        discriminator = ResDiscriminator(**discriminator_widths(options.width))
        initialise(discriminator)
        self.networks = {"generator": generator.to(**LAYOUT), "discriminator": discriminator.to(**LAYOUT)}
        self.optimizers = {
            "generator": torch.optim.Adam(generator.parameters(), options.lr, BETAS),
            "discriminator": torch.optim.Adam(discriminator.parameters(), options.lr * options.ratio_g2d, BETAS),
        }

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """The discriminator first, then the generator, as published."""
        batch = self.placed(batch)
        self.learning_rate(run)
        painted = run.networks["generator"](batch["source"], batch["source_view"], batch["target_view"])
        critic = run.networks["discriminator"]
        told = self.critic_loss(critic, batch["target"], painted.image)
        run.update("discriminator", told)
        found = self.painting_losses(painted, batch)
        found["g"] = losses.adversarial(critic(painted.image), True, False, self.options.gan_mode)
        loss = self.total(found)
        run.update("generator", loss)
        return {"loss": loss, **found, "discriminator": told}

    def painting_losses(self, painted: Painted, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Everything but the adversarial loss."""
        with torch.no_grad():
            seen, wanted = self.features(batch["source"]), self.features(batch["target"])
        made = self.features(painted.image)
        found = self.flow_losses(painted.flows, seen, wanted)
        found["rec"] = F.l1_loss(painted.image, batch["target"])
        found["content"] = losses.content_loss(made, wanted)
        found["style"] = losses.style_loss(made, wanted)
        return found


def discriminator_widths(width: float) -> dict[str, Any]:
    """The discriminators' channels at a width."""
    ndf = max(8, round(32 * width))
    return {"ndf": ndf, "img_f": 4 * ndf}


def critics(**networks: nn.Module) -> list[nn.Parameter]:
    """The parameters of several discriminators that learn together."""
    return [value for network in networks.values() for value in network.parameters()]
