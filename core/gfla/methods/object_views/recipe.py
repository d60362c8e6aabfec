"""Training on rendered objects, whose true flow and outline the renderer tells."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from core.gfla.methods.object_views.network import ObjectGenerator, ObjectPainting
from core.gfla.paper.blocks import initialise
from core.gfla.paper.network import Painted
from core.gfla.paper.recipe import Batch, ViewRecipe, sheet
from core.metrics import ssim_loss

SILENT = 1e-4


class ObjectRecipe(ViewRecipe):
    """Everything end to end. A batch has `flow` (B, 2, H, W) in pixels, `known` and `outline` (B, 1, H, W) too."""

    def generator(self) -> nn.Module:
        """Ours."""
        return ObjectGenerator(**self.config)

    def initialise(self, generator: nn.Module) -> None:
        """The published start, louder where no norm follows."""
        super().initialise(generator)
        for name in ("choose", "flow_net.mixes"):
            initialise(generator.get_submodule(name), 0.3)

    def generator_losses(self, painted: Painted, batch: Batch) -> dict[str, Tensor]:
        """The picture, and what the renderer tells of flow, masks and outline."""
        assert isinstance(painted, ObjectPainting)
        real, known = batch["target"], batch["known"]
        found = {"rec": F.l1_loss(painted.image, real)}
        if self.options.lambda_ssim:
            found["ssim"] = ssim_loss((painted.image + 1) / 2, (real + 1) / 2, window=8, stride=2)
        fine = (known * (painted.fine_flow - batch["flow"]).abs()).sum() / known.sum().clamp_min(1)
        found["prior"] = fine / real.shape[-1] * 8
        for flow, mask in zip(painted.flows, painted.masks, strict=True):
            found["prior"] = found["prior"] + coarse_distance(flow, mask, batch["flow"], known)
        white = painted.shares[:, 2:].clamp(SILENT, 1 - SILENT)
        found["ground"] = F.binary_cross_entropy(white, 1 - batch["outline"])
        return found

    def samples(self, networks: dict[str, nn.Module]) -> Tensor | None:
        """Source, appearance flow alone, view, truth; one row per shown pair."""
        if self.shown is None:
            return None
        painted = networks["generator"](self.shown["source"], *self.structures(self.shown))
        return sheet([self.shown["source"], painted.moved, painted.image, self.shown["target"]])


def coarse_distance(flow: Tensor, mask: Tensor, wanted: Tensor, known: Tensor) -> Tensor:
    """How far a coarse flow (B, 2, h, w) is from the true one (B, 2, H, W) where that is known, and the mask from that.

    In eighths of the picture's side, so that it weighs as much at every scale.
    """
    side = flow.shape[-1]
    share = F.adaptive_avg_pool2d(known, side)
    goal = F.adaptive_avg_pool2d(wanted * known, side) / share.clamp_min(SILENT) * (side / wanted.shape[-1])
    far = (share * (flow.float() - goal).abs()).sum() / share.sum().clamp_min(1) / side * 8
    return far + 0.1 * F.binary_cross_entropy(mask.float().clamp(SILENT, 1 - SILENT), share)
