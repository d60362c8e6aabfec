"""LaMa: filling holes drawn into pictures, against a patch discriminator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from core.options import option
from core.ripple.paper.lama import Lama, PatchDiscriminator
from core.ripple.paper.losses import discriminator_loss, feature_matching, generator_loss, gradient_penalty, masked_l1
from core.ripple.paper.recipe import LossRecipe, update_by
from core.training import Run, TrainOptions


@dataclass(frozen=True)
class InpainterOptions(TrainOptions):
    """Options of LaMa training; the defaults are big-lama's.

    Its perceptual loss (features of a ResNet50 trained on ADE20K, weight 30) is missing: no hub offers that network in an open layout.
    """

    data: str = option("../shared/data", "folder with heads.zip")
    out: str = option("runs/ripple-inpainter", "folder of the run")
    size: int = option(256, "side of the crops, divisible by 8", low=32, high=1024)
    lr: float = option(
        1e-3, "learning rate of Adam for the generator; a tenth of it for the discriminator", low=0, high=1
    )
    batch: int = option(10, "pictures per step", low=2, high=4096)
    clip_norm: float = option(1.0, "largest gradient norm; 0 leaves gradients alone", low=0, high=1e6)
    known_l1: float = option(10.0, "weight of differences outside the hole", low=0, high=1000)
    missing_l1: float = option(
        0.0, "weight of differences inside the hole (own; speeds up short runs)", low=0, high=1000
    )
    adversarial: float = option(10.0, "weight of the adversarial loss", low=0, high=1000)
    r1: float = option(1e-3, "weight of the gradient penalty", low=0, high=1000)
    matching: float = option(100.0, "weight of feature matching", low=0, high=1000)
    discriminator_width: int = option(64, "channels of the discriminator's first layer", low=4, high=512)


def random_hole(side: int, rng: np.random.Generator) -> np.ndarray:
    """(side, side) float32: a chain of thick strokes, or a few boxes; sizes as published for 256 px.

    Source: Suvorov et al. 2022, section 2.4 (large masks).
    """
    mask, unit = np.zeros((side, side), np.float32), side / 256
    if rng.random() < 0.5:
        for _ in range(rng.integers(1, 5)):
            width, height = (int(n) for n in rng.uniform(30, 150, 2) * unit)
            x, y = (int(rng.integers(0, max(1, side - n))) for n in (width, height))
            mask[y : y + height, x : x + width] = 1
        return mask
    for _ in range(rng.integers(1, 5)):
        x, y = rng.uniform(0, side, 2)
        for step in range(rng.integers(1, 5)):
            angle = rng.uniform(0, 4) + (np.pi if step % 2 == 0 else 0)
            length, thick = rng.uniform(10, 210) * unit, max(1, int(rng.uniform(5, 105) * unit))
            u, v = np.clip((x + length * np.sin(angle), y + length * np.cos(angle)), 0, side)
            cv2.line(mask, (int(x), int(y)), (int(u), int(v)), 1.0, thick)
            x, y = u, v
    return mask


class InpainterRecipe(LossRecipe):
    """Source: Suvorov et al. 2022 (LaMa), sections 2.2 and 2.3."""

    averaged = ("inpainter",)

    def __init__(self, options: Any, network: Lama) -> None:
        self.options = options
        judge = PatchDiscriminator(options.discriminator_width).train()
        self.networks: dict[str, nn.Module] = {"inpainter": network.train(), "discriminator": judge}
        self.optimizers = {
            "inpainter": torch.optim.Adam(network.parameters(), options.lr),
            "discriminator": torch.optim.Adam(judge.parameters(), options.lr / 10),
        }

    def step(self, batch: Mapping[str, Tensor], run: Run) -> dict[str, float | Tensor]:
        """The inpainter first, then the discriminator on the same prediction."""
        image, mask, judge = batch["image"], batch["mask"], run.networks["discriminator"]
        predicted = run.networks["inpainter"].predict(image, mask)
        values = update_by(run, "inpainter", self.terms(predicted, image, mask, judge))
        if self.options.adversarial or self.options.matching:
            real = image.detach().requires_grad_(True)
            realness, _ = judge(real)
            judged = discriminator_loss(realness, judge(predicted.detach())[0], mask)
            judged = judged + self.options.r1 * gradient_penalty(realness, real)
            run.update("discriminator", judged)
            values["discriminator"] = judged.detach()
        return values

    def terms(self, predicted: Tensor, image: Tensor, mask: Tensor, judge: nn.Module) -> dict[str, Tensor]:
        """The weighted losses that are switched on."""
        options = self.options
        terms = {"l1": masked_l1(predicted, image, mask, options.known_l1, options.missing_l1)}
        if options.adversarial or options.matching:
            score, features = judge(predicted)
            with torch.no_grad():
                _, true_features = judge(image)
            terms["adversarial"] = options.adversarial * generator_loss(score)
            terms["matching"] = options.matching * feature_matching(features, true_features)
        return terms
