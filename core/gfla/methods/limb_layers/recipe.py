"""Our recipes: the paper's two stages with the losses of ours that the options ask for, on the paper's networks or ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from core.gfla.methods.limb_layers import losses
from core.gfla.methods.limb_layers.background import foreground
from core.gfla.methods.limb_layers.layers import SkeletonGuide
from core.gfla.methods.limb_layers.network import LayeredPainting, LimbFlowGenerator, generator_class
from core.gfla.options import GflaTrainOptions
from core.gfla.paper.blocks import initialise
from core.gfla.paper.discriminators import ResDiscriminator
from core.gfla.paper.network import Painted
from core.gfla.paper.network_flow import PoseFlowGenerator
from core.gfla.paper.recipe import Batch, FlowRecipe, GeneratorRecipe, PairRecipe, discriminator_widths
from core.metrics import ssim_loss
from core.training import Run
from core.weights import fill_strict, load_strict

# Options that only these recipes heed.
OWN_OPTIONS = ("lambda_ssim", "lambda_painted", "lambda_choice", "lambda_prior", "care", "adversarial_start", "init")
# Without a norm behind them the published small start would leave these silent.
UNNORMED = ("limbs", "target.choice.first", "target.see_layers")


def wanted(options: GflaTrainOptions) -> bool:
    """Whether a run asks for anything of ours."""
    return options.task == "people" or any(getattr(options, name) for name in OWN_OPTIONS)


class GuidedNetworks(PairRecipe):
    """The networks by the configuration, ours or the paper's, and what the skeletons tell of a batch."""

    @property
    def limb_layers(self) -> bool:
        """Whether the networks are ours."""
        return bool(self.config.get("limb_layers"))

    def flow_network(self) -> nn.Module:
        """The network of stage 1."""
        return (LimbFlowGenerator if self.limb_layers else PoseFlowGenerator)(**self.flow_config())

    def generator(self) -> nn.Module:
        """The network of stage 2."""
        return generator_class(self.config)(**self.config)

    def guide(self, batch: Batch) -> SkeletonGuide:
        """What the skeletons tell."""
        size = (batch["source"].shape[2], batch["source"].shape[3])
        return batch.get("guide") or SkeletonGuide.of(batch["source_points"], batch["target_points"], size)

    def placed(self, batch: Batch) -> Batch:
        """As the paper's, with the guide."""
        return {**super().placed(batch), "guide": self.guide(batch)}

    def flow_distance(self, flows: list[Tensor], batch: Batch) -> dict[str, Tensor]:
        """The distance from the skeletons' flow, if asked for."""
        if not self.options.lambda_prior:
            return {}
        guide = self.guide(batch)
        return {"prior": losses.flow_to_prior(flows, guide.flow, guide.confidence)}


class LimbFlowRecipe(GuidedNetworks, FlowRecipe):
    """Stage 1 with the skeletons' flow."""

    def structures(self, batch: Batch) -> tuple[Any, ...]:
        """What the network takes after the source."""
        found = super().structures(batch)
        return (*found, self.guide(batch).flow) if self.limb_layers else found

    def pair_losses(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """The paper's, and the distance from the skeletons' flow."""
        flows, _ = network(batch["source"], *self.structures(batch))
        found = self.flow_losses(flows, self.features(batch["source"]), self.features(batch["target"]))
        return found | self.flow_distance(flows, batch)


class LimbLayerRecipe(GuidedNetworks, GeneratorRecipe):
    """Stage 2 with limb layers."""

    def structures(self, batch: Batch) -> tuple[Any, ...]:
        """What the generator takes after the source."""
        found = super().structures(batch)
        return (*found, self.guide(batch)) if self.limb_layers else found

    def initialise(self, generator: nn.Module) -> None:
        """The published start, louder where no norm follows."""
        super().initialise(generator)
        for name in UNNORMED if self.limb_layers else ():
            initialise(generator.get_submodule(name), 1.0)

    def load_start(self, generator: Any) -> None:
        """As the paper's; or all of exported weights, if `init` names some."""
        super().load_start(generator)
        if self.options.init:
            found = load_strict(generator_class(self.config), Path(self.options.init))
            fill_strict(generator, found.state_dict(), self.options.init)

    def discriminator(self) -> nn.Module:
        """Of rendered people half as wide as published, as their generator is."""
        if self.options.task != "people":
            return super().discriminator()
        return ResDiscriminator(**discriminator_widths(self.options.width, 16))

    def step(self, batch: Batch, run: Run) -> dict[str, float | Tensor]:
        """As published; the generator alone before `adversarial_start`."""
        if run.step >= self.options.adversarial_start:
            return super().step(batch, run)
        batch = self.placed(batch)
        self.learning_rate(run)
        painted = run.networks["generator"](batch["source"], *self.structures(batch))
        found = self.generator_losses(painted, batch)
        loss = self.total(found)
        run.update("generator", loss)
        return {"loss": loss, **found}

    def generator_losses(self, painted: Painted, batch: Batch) -> dict[str, Tensor]:
        """The paper's and ours but the adversarial loss."""
        real, options, grey = batch["target"], self.options, self.config.get("studio_grey")
        found = super().generator_losses(painted, batch) | self.flow_distance(painted.flows, batch)
        weight = losses.pixel_weights(real, batch["target_points"], options.care, grey)
        found["rec"] = (weight * (painted.image - real).abs()).mean()
        if isinstance(painted, LayeredPainting):
            found |= self.layer_losses(painted, batch, weight)
        elif options.lambda_painted:
            found["painted"] = found["rec"]
        if options.lambda_ssim:
            found["ssim"] = ssim_loss((painted.image + 1) / 2, (real + 1) / 2, window=8, stride=2)
        return found

    def layer_losses(self, painted: LayeredPainting, batch: Batch, weight: Tensor) -> dict[str, Tensor]:
        """Losses of the blend, of the outline and of what the decoder alone painted."""
        real, mask, found = batch["target"], batch["target_mask"], {}
        if self.options.lambda_choice:
            found["choice"] = (weight * losses.expected_error(painted, real)).mean()
        found["ground"] = (weight * losses.background_loss(painted.background, mask)).mean()
        if self.options.lambda_painted:
            # The outline is chosen apart: what is painted goes on beyond it, and is not seen further away.
            goal = foreground(real, self.config["studio_grey"])[:, :3]
            found["painted"] = (weight * F.max_pool2d(mask, 5, 1, 2) * (painted.decoded - goal).abs()).mean()
        return found


def recipe_of(
    options: GflaTrainOptions, config: Mapping[str, Any], features: nn.Module, shown: Batch | None
) -> PairRecipe:
    """The recipe of a stage of poses: ours where the options ask for it, else the paper's."""
    stages = (LimbFlowRecipe, LimbLayerRecipe) if wanted(options) else (FlowRecipe, GeneratorRecipe)
    return stages[options.stage != "flow"](options, config, features, shown)
