"""HFGI's training: aligner and residual encoder bring back what a frozen encoder and generator lose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.options import option
from core.ripple.paper.inversion import resized
from core.ripple.paper.random_perspective import random_perspective
from core.ripple.paper.ranger import Ranger
from core.ripple.paper.recipe import LossRecipe, checked_judges, perceptual_terms, update_by
from core.training import Run, TrainOptions

TRAINED = ("aligner", "residual")


@dataclass(frozen=True)
class FusionOptions(TrainOptions):
    """Options of HFGI training; the defaults are the published run."""

    data: str = option("../shared/data", "folder with heads.zip and faces.zip")
    out: str = option("runs/ripple-fusion", "folder of the run")
    lr: float = option(1e-4, "learning rate of Ranger", low=0, high=1)
    batch: int = option(8, "pictures per step", low=1, high=4096)
    l2_lambda: float = option(1.0, "weight of the mean squared error", low=0, high=100)
    lpips_lambda: float = option(0.8, "weight of LPIPS; needs the weights ripple-lpips", low=0, high=100)
    id_lambda: float = option(0.1, "weight of the identity loss; needs the weights ripple-identity", low=0, high=100)
    res_lambda: float = option(0.1, "weight of the aligned map against the true one", low=0, high=100)
    distortion_scale: float = option(0.15, "how far corners move, share of half a side", low=0, high=0.5)
    aug_rate: float = option(0.9, "share of batches that are distorted", low=0, high=1)
    train_decoder: bool = option(False, "train the generator too")


class Forward(NamedTuple):
    """One pass: the picture, the aligned map, the map it should be, the plain picture, and what the picture should be."""

    image: Tensor
    aligned: Tensor
    wanted: Tensor
    plain: Tensor
    target: Tensor


class FusionRecipe(LossRecipe):
    """HFGI's training.

    Args:
        options: weights of the losses and the rest.
        networks: encoder, generator, aligner, residual.
        judges: "lpips" and "identity" where their weights are not 0.

    Source: Wang et al. 2022 (HFGI), sections 3.4 and 3.5.
    """

    def __init__(
        self, options: Any, networks: Mapping[str, nn.Module], judges: Mapping[str, nn.Module] | None = None
    ) -> None:
        self.options, self.networks = options, dict(networks)
        self.judges = checked_judges(options, judges)
        self.averaged = TRAINED + (("generator",) if options.train_decoder else ())
        for name, network in self.networks.items():
            network.requires_grad_(name in self.averaged).train(name in self.averaged)
        trained = [p for name in self.averaged for p in self.networks[name].parameters()]
        self.optimizers = {"fusion": Ranger(trained, options.lr)}

    def forward(
        self,
        nets: Mapping[str, Any],
        batch: Mapping[str, Tensor],
        noise: list[Tensor] | None = None,
        rng: np.random.Generator | None = None,
    ) -> Forward:
        """Reconstruct `batch["source"]` (B, 3, S, S) from a distorted distortion map; without `rng` it is left as it is."""
        source = batch["source"]
        codes, first = self.invert(nets, source, noise)
        distortion = source - first if rng is None else self.distorted(source - first, rng)
        lower = nets["generator"].lower(codes, noise)
        return self.consult(nets, codes, lower, first, distortion, source, noise)

    @torch.no_grad()
    def invert(self, nets: Mapping[str, Any], source: Tensor, noise: list[Tensor] | None) -> tuple[Tensor, Tensor]:
        """Codes of the source, and the generator's picture of them at the source's size."""
        codes = nets["encoder"](pooled(source, nets["encoder"].config.input_size))
        return codes, resized(nets["generator"](codes, noise=noise).clamp(-1, 1), source.shape[-1])

    def distorted(self, distortion: Tensor, rng: np.random.Generator) -> Tensor:
        """The distortion map under a random perspective (section 3.4), so that ADA has something to align."""
        return random_perspective(distortion, rng, self.options.distortion_scale, self.options.aug_rate)

    def consult(
        self,
        nets: Mapping[str, Any],
        codes: Tensor,
        lower: tuple[Tensor, Tensor],
        plain: Tensor,
        distortion: Tensor,
        target: Tensor,
        noise: list[Tensor] | None,
    ) -> Forward:
        """The final picture from the distortion map, as in `Inverter.consult`; only it is pooled to the losses' size."""
        aligned = nets["aligner"](torch.cat([distortion, plain.detach()], dim=1))
        image, _ = nets["generator"].upper(lower, codes, nets["residual"](aligned), noise)
        return Forward(pooled(image, target.shape[-1]), aligned, target - plain.detach(), plain, target)

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One update; noise and distortion are fresh in every step."""
        rng = np.random.default_rng((run.options.seed, run.step))
        noise = run.networks["generator"].random_noise(len(batch["source"]))
        return update_by(run, "fusion", self.terms(self.forward(run.networks, batch, noise, rng)))

    def terms(self, made: Forward) -> dict[str, Tensor]:
        """The weighted losses that are switched on."""
        terms = perceptual_terms(self.options, self.judges, made.image, made.target)
        if self.options.res_lambda:
            terms["residual"] = self.options.res_lambda * F.l1_loss(made.aligned, made.wanted)
        return terms


def pooled(image: Tensor, size: int) -> Tensor:
    """Adaptive mean to size x size: how HFGI brings its final picture to the size of its losses."""
    return image if image.shape[-1] == size else F.adaptive_avg_pool2d(image, size)
