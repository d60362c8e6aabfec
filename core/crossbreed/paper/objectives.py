"""What generator and discriminator minimise, with a teacher's pictures in between.

The class of a generated picture is the class of its style source.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.crossbreed.paper import losses
from core.crossbreed.paper.discriminator import CrossbreedDiscriminator
from core.crossbreed.paper.network import TrainingImages


@dataclass(frozen=True)
class PairBatch:
    """Pictures of two classes, (B, 3, H, W) in [-1, 1].

    Attributes:
        x_a: pictures of class `class_a` (B,).
        x_b: pictures of class `class_b` (B,).
        alpha: how far (B,) what is generated between them lies from A to B.
    """

    x_a: Tensor
    x_b: Tensor
    alpha: Tensor
    class_a: Tensor
    class_b: Tensor

    def generator_inputs(self) -> tuple[Tensor, Tensor, Tensor]:
        """What the generator's forward takes."""
        return self.x_a, self.x_b, self.alpha


@dataclass(frozen=True)
class TeacherBatch(PairBatch):
    """The same, and the teacher's pictures `mixed` at `alpha` of the way."""

    mixed: Tensor


@dataclass(frozen=True)
class LossWeights:
    """How much each term counts; the defaults are those of the released configuration."""

    adversarial: float = 1.0
    reconstruction: float = 0.1
    gradient_penalty: float = 1.0


def fakes(images: TrainingImages, batch: TeacherBatch) -> tuple[Tensor, Tensor]:
    """The six pictures that have a class, (6B, 3, H, W), and their classes (6B,)."""
    pictures = torch.cat([images.AA, images.BB, images.BA, images.AB, images.cycle_AA, images.cycle_BB])
    return pictures, torch.cat([batch.class_a, batch.class_b] * 3)


def discriminator_terms(
    network: CrossbreedDiscriminator, images: TrainingImages, batch: TeacherBatch, weights: LossWeights
) -> dict[str, Tensor]:
    """The discriminator's terms and their weighted sum `loss_D`; the generator gets no gradient from them."""
    count = len(batch.alpha)
    # The teacher's pictures belong to the penalty's mean although no gradient reaches them (as released).
    x = torch.cat([batch.x_a, batch.x_b, batch.mixed]).requires_grad_()
    on_real = network(x[: 2 * count], torch.cat([batch.class_a, batch.class_b]))
    pictures, classes = fakes(images, batch)
    on_fake = network(pictures.detach(), classes)
    terms = {"loss_D_adv": losses.discriminator_real(on_real) + losses.discriminator_fake(on_fake)}
    between = [(batch.class_a, 1 - batch.alpha), (batch.class_b, batch.alpha)]
    itp = [losses.discriminator_real(network(x[2 * count :].detach(), index), weight) for index, weight in between]
    itp += [losses.discriminator_fake(network(images.mixed.detach(), index), weight) for index, weight in between]
    terms["loss_D_adv_itp"] = torch.stack(itp).sum()
    terms["loss_D_gp"] = losses.gradient_penalty(on_real, x)
    terms["loss_D"] = (
        weights.adversarial * (terms["loss_D_adv"] + terms["loss_D_adv_itp"])
        + weights.gradient_penalty * terms["loss_D_gp"]
    )
    return terms


def generator_terms(
    network: CrossbreedDiscriminator, images: TrainingImages, batch: TeacherBatch, weights: LossWeights
) -> dict[str, Tensor]:
    """The generator's terms and their weighted sum `loss_G`."""
    pictures, classes = fakes(images, batch)
    between = [(batch.class_a, 1 - batch.alpha), (batch.class_b, batch.alpha)]
    terms = {"loss_G_adv": losses.generator_adversarial(network(pictures, classes))}
    itp = [losses.generator_adversarial(network(images.mixed, index), weight) for index, weight in between]
    terms["loss_G_adv_itp"] = torch.stack(itp).sum()
    terms["loss_G_rec"] = losses.reconstruction(
        torch.cat([batch.x_a, batch.x_b, batch.x_a, batch.x_b]),
        torch.cat([images.AA, images.BB, images.cycle_AA, images.cycle_BB]),
    )
    terms["loss_G_rec_itp"] = losses.reconstruction(batch.mixed, images.mixed)
    terms["loss_G"] = weights.adversarial * (terms["loss_G_adv"] + terms["loss_G_adv_itp"]) + weights.reconstruction * (
        terms["loss_G_rec"] + terms["loss_G_rec_itp"]
    )
    return terms
