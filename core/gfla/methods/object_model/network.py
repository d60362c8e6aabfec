"""The published network of views with the photo's own pixels laid in where it says that they are seen, and its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.gfla.methods.limb_layers.losses import flow_to_prior
from core.gfla.options import GflaTrainOptions
from core.gfla.paper.attention import SourceTables
from core.gfla.paper.network import Painted
from core.gfla.paper.network_views import ShapeNetGenerator
from core.gfla.paper.operators import fetch_along
from core.gfla.paper.recipe import LAYOUT, Batch, ViewNetworks, sheet
from core.metrics import ssim_loss
from core.training import Run

WARM_UP = 50


class CopyingGenerator(ShapeNetGenerator):
    """The published networks, no weight more; their finest flow and mask also move the picture's own pixels.

    The published encoder begins with an instance norm, which hides how bright a plain object is: what is painted from its
    features cannot have the right colour, what is copied has. `copies` in a folder's config.json names this class.
    """

    @register_to_config
    def __init__(
        self,
        attn_layers: tuple[int, ...] = (2, 3),
        kernel_sizes: tuple[int, ...] = (5, 3),
        image_nc: int = 3,
        structure_nc: int | None = None,
        ngf: int = 24,
        img_f: int = 192,
        layers: int = 3,
        flow_ngf: int = 12,
        flow_img_f: int = 96,
        flow_layers: int = 5,
        sample_hw: tuple[int, int] = (128, 128),
        copies: bool = True,
    ) -> None:
        super().__init__(
            attn_layers, kernel_sizes, image_nc, structure_nc, ngf, img_f, layers, flow_ngf, flow_img_f, flow_layers,
            sample_hw,
        )  # fmt: skip

    def paint(
        self, tables: Sequence[SourceTables], source: Tensor, source_structure: Tensor, target_structure: Tensor
    ) -> Painted:
        """As published; then copied pixels by the finest mask over painted ones."""
        painted = super().paint(tables, source, source_structure, target_structure)
        size = painted.image.shape[2:]
        mask = F.interpolate(painted.masks[-1].float(), size, mode="bilinear", align_corners=False)
        copied = fetch_along(source.expand(len(target_structure), -1, -1, -1), painted.flows[-1].float())
        painted.image = mask * copied + (1 - mask) * painted.image.float()
        return painted


def view_class(config: Mapping[str, Any]) -> type[ShapeNetGenerator]:
    """The generator that a configuration (`config.json`) belongs to: ours or the paper's."""
    return CopyingGenerator if config.get("copies") else ShapeNetGenerator


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
        """One update: L1 and SSIM of the picture, distance from the true flow, and where the mask shall copy."""
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
