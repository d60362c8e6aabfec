"""HFGI: the aligner and the residual encoder, on pictures (as published) or on pairs of known pose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import InputError
from core.ops.warp import backward_warp
from core.options import option
from core.ripple.distort import random_perspective
from core.ripple.inversion import flow_px, resized
from core.ripple.losses import identity_loss, pyramid_l1
from core.ripple.optim import Ranger
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
    l1_lambda: float = option(0.0, "weight of the pyramid of absolute differences (own)", low=0, high=100)
    distortion_scale: float = option(0.15, "how far corners move, share of half a side", low=0, high=0.5)
    aug_rate: float = option(0.9, "share of batches that are distorted", low=0, high=1)
    pairs: bool = option(False, "edit to the other frame of each pair, which is then the target (own)")
    train_decoder: bool = option(False, "train the generator too")
    grow_to: int = option(0, "let the generator grow to this side first; 0 keeps it", low=0, high=1024)


class Forward(NamedTuple):
    """One pass: the picture, the aligned map, the map it should be, and the plain picture."""

    image: Tensor
    aligned: Tensor
    wanted: Tensor
    plain: Tensor


class FusionRecipe:
    """HFGI's training.

    Args:
        options: weights of the losses and the rest.
        networks: encoder, generator, aligner, residual; for pairs also directions, and pre_aligner if wanted.
        judges: "lpips" and "identity" where their weights are not 0.

    Source: Wang et al. 2022 (HFGI), sections 3.4 and 3.5.
    """

    def __init__(
        self, options: FusionOptions, networks: Mapping[str, nn.Module], judges: Mapping[str, nn.Module] | None = None
    ) -> None:
        self.options, self.networks = options, dict(networks)
        self.judges: dict[str, Any] = dict(judges or {})
        wanted = {"lpips": options.lpips_lambda, "identity": options.id_lambda}
        missing = [name for name, weight in wanted.items() if weight and name not in self.judges]
        if missing:
            raise InputError(
                f"the losses {', '.join(missing)} need their networks: convert them, or set their weight to 0"
            )
        self.averaged = TRAINED + (("generator",) if options.train_decoder else ())
        for name, network in self.networks.items():
            network.requires_grad_(name in self.averaged).train(name in self.averaged)
        for judge in self.judges.values():
            judge.requires_grad_(False).eval()
        trained = [p for name in self.averaged for p in self.networks[name].parameters()]
        self.optimizers = {"fusion": Ranger(trained, options.lr)}

    def forward(
        self,
        nets: Mapping[str, Any],
        batch: Mapping[str, Tensor],
        noise: list[Tensor] | None = None,
        rng: np.random.Generator | None = None,
    ) -> Forward:
        """Reconstruct the source (as published) or make the target of each pair.

        Without `rng` the distortion map is left as it is.
        """
        source = batch["source"]
        size, generator = source.shape[-1], nets["generator"]
        with torch.no_grad():
            codes = nets["encoder"](pooled(source, nets["encoder"].config.input_size))
            first = resized(generator(codes, noise=noise).clamp(-1, 1), size)
            edited = nets["directions"](codes, batch["degrees"]) if self.options.pairs else codes
        lower = generator.lower(edited, noise)
        plain, target = first, source
        if self.options.pairs:
            plain, target = resized(generator.upper(lower, edited, noise=noise)[0].clamp(-1, 1), size), batch["target"]
        distortion = source - first
        if self.options.pairs and "pre_aligner" in nets:
            with torch.no_grad():
                flow, _ = flow_px(nets["pre_aligner"], source, plain, batch["degrees"])
            distortion = backward_warp(distortion, flow)
        elif rng is not None:
            distortion = random_perspective(distortion, rng, self.options.distortion_scale, self.options.aug_rate)
        aligned = nets["aligner"](torch.cat([distortion, plain.detach()], dim=1))
        image = generator.upper(lower, edited, nets["residual"](aligned), noise)[0]
        return Forward(pooled(image, size), aligned, target - plain.detach(), plain)

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """One update; noise and distortion are fresh in every step."""
        rng = np.random.default_rng((run.options.seed, run.step))
        made = self.forward(run.networks, batch, run.networks["generator"].random_noise(len(batch["source"])), rng)
        target = batch["target"] if self.options.pairs else batch["source"]
        terms = self.terms(made, target)
        if self.options.train_decoder and self.options.pairs:
            terms["plain"] = 0.5 * pyramid_l1(made.plain, target)
        loss = torch.stack(list(terms.values())).sum()
        run.update("fusion", loss)
        return {"loss": loss.detach(), **{name: value.detach() for name, value in terms.items()}}

    def terms(self, made: Forward, target: Tensor) -> dict[str, Tensor]:
        """The weighted losses that are switched on."""
        options = self.options
        terms: dict[str, Tensor] = {}
        if options.l2_lambda:
            terms["mse"] = options.l2_lambda * F.mse_loss(made.image, target)
        if options.lpips_lambda:
            terms["lpips"] = options.lpips_lambda * self.judges["lpips"](made.image, target)
        if options.id_lambda:
            identity = self.judges["identity"]
            terms["identity"] = options.id_lambda * identity_loss(
                identity.of_aligned(made.image), identity.of_aligned(target).detach()
            )
        if options.res_lambda:
            terms["residual"] = options.res_lambda * F.l1_loss(made.aligned, made.wanted)
        if options.l1_lambda:
            terms["pyramid"] = options.l1_lambda * pyramid_l1(made.image, target)
        return terms

    def samples(self, networks: Mapping[str, nn.Module]) -> Tensor | None:
        """No sheet: `python -m core ripple edit` on the exported run shows more."""
        return None


def pooled(image: Tensor, size: int) -> Tensor:
    """Adaptive mean to size x size: how HFGI brings its final picture to the size of its losses."""
    return image if image.shape[-1] == size else F.adaptive_avg_pool2d(image, size)
