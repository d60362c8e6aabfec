"""Training in two stages: the flow network first, then everything end to end. Poses and views.

Recipes are what `core.training.train` runs. A batch is a dictionary: `source`, `target` (B, 3, H, W) in [-1, 1], and what
tells their structures.

Source: Ren et al. 2020, sections 3.2, 3.4 and 4.1, supplementary material B.
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
from core.gfla.paper.network import Painted, PoseGenerator
from core.gfla.paper.network_flow import PoseFlowGenerator, ShapeNetFlowGenerator
from core.gfla.paper.network_views import ShapeNetGenerator
from core.gfla.paper.operators import fetch_along
from core.gfla.paper.pose import heatmaps
from core.training import Run, load_trained

Batch = Mapping[str, Any]
BETAS = (0.0, 0.999)
LAYOUT: dict[str, Any] = {"memory_format": torch.channels_last}
FLOW_KEYS = ("attn_layers", "image_nc", "structure_nc", "flow_ngf", "flow_img_f", "flow_layers")


class Recipe:
    """What all recipes share: losses on flows, of discriminators, and learning rates.

    Args:
        options: of the run.
        config: of the generator, as far as it differs from the published one.
        features: pictures to features by name, for the perceptual losses: VGG19 or a substitute.
        shown: held-out pairs for sample sheets; none are made without.
    """

    networks: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    averaged: tuple[str, ...] = ("generator",)

    def __init__(
        self, options: GflaTrainOptions, config: Mapping[str, Any], features: nn.Module, shown: Batch | None = None
    ) -> None:
        self.options, self.config, self.features, self.shown = options, config, features, shown
        self.attn_layers = config.get("attn_layers", (2, 3))
        self.kernel_sizes = config.get("kernel_sizes", (5, 3))

    def flow_losses(
        self,
        flows: list[Tensor],
        seen: Mapping[str, Tensor],
        wanted: Mapping[str, Tensor],
        mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Sampling correctness (equation 3, at 1/4 and 1/8 as published) and affine regularisation (equation 5)."""
        judged = [layer for layer in self.attn_layers if layer >= 2]
        return {
            "correct": losses.sampling_correctness(seen, wanted, flows[: len(judged)], judged, mask),
            "regularization": losses.affine_regularization(flows, self.attn_layers, self.kernel_sizes),
        }

    def critic_loss(self, critic: nn.Module, real: Tensor, made: Tensor) -> Tensor:
        """What a discriminator learns from."""
        mode = self.options.gan_mode
        told = losses.adversarial(critic(real), True, True, mode)
        return (told + losses.adversarial(critic(made.detach()), False, True, mode)) / 2

    def total(self, found: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum of losses by their names."""
        return torch.stack([getattr(self.options, f"lambda_{name}") * value for name, value in found.items()]).sum()

    def learning_rate(self, run: Run) -> None:
        """Set the learning rates of this step."""
        fall = (run.step - self.options.lr_decay_start) / max(1, self.options.lr_decay_steps)
        share = 1.0 if run.step < self.options.lr_decay_start else max(0.0, 1 - fall)
        for name, optimizer in run.optimizers.items():
            for group in optimizer.param_groups:
                ratio = self.options.ratio_g2d if name == "discriminator" else group.get("share", 1.0)
                group["lr"] = self.options.lr * share * ratio

    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor | None:
        """A sheet of shown items; none unless a recipe makes one."""
        return None

    def step(self, batch: Batch, run: Run) -> dict[str, float | Tensor]:
        """One update of everything."""
        raise TypeError(f"{type(self).__name__} must define step")


class PairRecipe(Recipe):
    """Pairs of pictures: which networks, and what they take beside the source."""

    def flow_network(self) -> nn.Module:
        """The network of stage 1, at its published start."""
        return PoseFlowGenerator(**self.flow_config())

    def generator(self) -> nn.Module:
        """The network of stage 2, at its published start."""
        return PoseGenerator(**self.config)

    def flow_config(self) -> dict[str, Any]:
        """The part of the generator's configuration that its flow network has."""
        return {key: self.config[key] for key in FLOW_KEYS if key in self.config}

    def structures(self, batch: Batch) -> tuple[Any, ...]:
        """What the networks take after the source."""
        size, sigma = batch["source"].shape[2:], self.config.get("heatmap_sigma_px", 6.0)
        return heatmaps(batch["source_points"], size, sigma), heatmaps(batch["target_points"], size, sigma)

    def placed(self, batch: Batch) -> Batch:
        """The batch with the channels of its pictures last, as the networks have them; features follow its device."""
        self.features.to(batch["source"].device)
        return {**batch, **{name: batch[name].contiguous(**LAYOUT) for name in ("source", "target")}}


class FlowRecipe(PairRecipe):
    """Stage 1: the flow network alone."""

    averaged = ()

    def __init__(
        self, options: GflaTrainOptions, config: Mapping[str, Any], features: nn.Module, shown: Batch | None = None
    ) -> None:
        super().__init__(options, config, features, shown)
        network = self.flow_network()
        initialise(network)
        self.networks = {"flow": network.to(**LAYOUT)}
        self.optimizers = {"flow": torch.optim.Adam(network.parameters(), options.lr, BETAS)}

    def pair_losses(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """All losses of a batch."""
        flows, _ = network(batch["source"], *self.structures(batch))
        return self.flow_losses(flows, self.features(batch["source"]), self.features(batch["target"]))

    def step(self, batch: Batch, run: Run) -> dict[str, float | Tensor]:
        """One update of the flow network."""
        batch = self.placed(batch)
        self.learning_rate(run)
        found = self.pair_losses(run.networks["flow"], batch)
        loss = self.total(found)
        run.update("flow", loss)
        return {"loss": loss, **found}

    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor | None:
        """Source, source warped by the finest flow, target; one row per shown pair."""
        if self.shown is None:
            return None
        source = self.shown["source"]
        flows, _ = networks["flow"](source, *self.structures(self.shown))
        return sheet([source, fetch_along(source, flows[-1]), self.shown["target"]])


class GeneratorRecipe(PairRecipe):
    """Stage 2: generator and discriminator, end to end."""

    def __init__(
        self, options: GflaTrainOptions, config: Mapping[str, Any], features: nn.Module, shown: Batch | None = None
    ) -> None:
        super().__init__(options, config, features, shown)
        generator: Any = self.generator()
        self.initialise(generator)
        self.load_start(generator)
        discriminator = self.discriminator()
        initialise(discriminator)
        self.networks = {"generator": generator.to(**LAYOUT), "discriminator": discriminator.to(**LAYOUT)}
        self.optimizers = {
            "generator": torch.optim.Adam(self.groups(generator), options.lr, (options.beta1, BETAS[1])),
            "discriminator": torch.optim.Adam(discriminator.parameters(), options.lr * options.ratio_g2d, BETAS),
        }

    def initialise(self, generator: nn.Module) -> None:
        """The published start."""
        initialise(generator)

    def load_start(self, generator: Any) -> None:
        """Take the flow network of stage 1 over, if the options name its run."""
        if self.options.start:
            flow: Any = self.flow_network()
            load_trained(self.options.start, {"flow": flow})
            generator.flow_net.load_state_dict(flow.flow_net.state_dict())

    def discriminator(self) -> nn.Module:
        """The critic of pictures; market's is a halving shorter."""
        layers = 3 if self.options.task == "market" else 4
        return ResDiscriminator(layers=layers, **discriminator_widths(self.options.width))

    def groups(self, generator: nn.Module) -> list[dict[str, Any]]:
        """The generator's parameters, the flow network's apart: they may learn more slowly."""
        flow = [value for key, value in generator.named_parameters() if key.startswith("flow_net")]
        rest = [value for key, value in generator.named_parameters() if not key.startswith("flow_net")]
        return [{"params": rest}, {"params": flow, "share": self.options.ratio_flow}]

    def step(self, batch: Batch, run: Run) -> dict[str, float | Tensor]:
        """The discriminator first, then the generator, as published."""
        batch = self.placed(batch)
        self.learning_rate(run)
        painted = run.networks["generator"](batch["source"], *self.structures(batch))
        critic = run.networks["discriminator"]
        told = self.critic_loss(critic, batch["target"], painted.image)
        run.update("discriminator", told)
        found = self.generator_losses(painted, batch)
        found["g"] = losses.adversarial(critic(painted.image), True, False, self.options.gan_mode)
        loss = self.total(found)
        run.update("generator", loss)
        return {"loss": loss, **found, "discriminator": told}

    def generator_losses(self, painted: Painted, batch: Batch) -> dict[str, Tensor]:
        """Everything but the adversarial loss (section 3.4)."""
        with torch.no_grad():
            seen, wanted = self.features(batch["source"]), self.features(batch["target"])
        made = self.features(painted.image)
        found = self.flow_losses(painted.flows, seen, wanted)
        found["rec"] = F.l1_loss(painted.image, batch["target"])
        found["content"] = losses.content_loss(made, wanted)
        found["style"] = losses.style_loss(made, wanted)
        return found

    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor | None:
        """Source, warped source, painted, target; one row per shown pair."""
        if self.shown is None:
            return None
        source = self.shown["source"]
        painted = networks["generator"](source, *self.structures(self.shown))
        return sheet([source, fetch_along(source, painted.flows[-1]), painted.image, self.shown["target"]])


class ViewNetworks(PairRecipe):
    """View synthesis: the networks of objects, which take view codes."""

    def flow_network(self) -> nn.Module:
        """The network of stage 1 (published name: shapenetflow)."""
        return ShapeNetFlowGenerator(**self.flow_config())

    def generator(self) -> nn.Module:
        """The network of stage 2 (published name: shapenet)."""
        return ShapeNetGenerator(**self.config)

    def structures(self, batch: Batch) -> tuple[Any, ...]:
        """The codes of both views."""
        return batch["source_view"], batch["target_view"]


class ViewFlowRecipe(ViewNetworks, FlowRecipe):
    """Stage 1 of views."""


class ViewRecipe(ViewNetworks, GeneratorRecipe):
    """Stage 2 of views."""


def discriminator_widths(width: float, base: int = 32) -> dict[str, Any]:
    """The discriminators' channels at a width."""
    ndf = max(8, round(base * width))
    return {"ndf": ndf, "img_f": 4 * ndf}


def sheet(columns: list[Tensor]) -> Tensor:
    """Pictures in [-1, 1] as one sheet in [0, 1]: a row per item, a column per list entry, two items side by side."""
    rows = torch.cat([column.clamp(-1, 1) for column in columns], dim=3)
    if len(rows) % 2 == 0:
        rows = torch.cat([rows[0::2], rows[1::2]], dim=3)
    return (torch.cat(list(rows), dim=1) + 1) / 2
