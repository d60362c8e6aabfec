"""The objective without a teacher: real photos of two classes, nothing known about what lies between.

Both photos must come back, a swapped picture must give its content back, and everything that is generated must
pass for a picture of its class: for the mixture, of both classes in proportion.
Source: own; the adversarial and cycle terms are those of Park et al. 2020, section 4.3, the supervised term is
replaced by edge and structure terms on the reconstructions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.crossbreed.paper import losses
from core.crossbreed.paper.discriminator import CrossbreedDiscriminator
from core.crossbreed.paper.network import TrainingImages
from core.crossbreed.paper.objectives import PairBatch
from core.crossbreed.training.generators import Reconstructions
from core.crossbreed.training.losses import edge_difference, r1_penalty
from core.metrics import ssim_loss


@dataclass(frozen=True)
class PhotoWeights:
    """How much each term counts; without cycle and adversarial terms only reconstructions are made."""

    reconstruction: float = 10.0
    edges: float = 10.0
    structure: float = 2.0
    cycle: float = 5.0
    adversarial: float = 1.0
    r1: float = 5.0

    @property
    def swaps(self) -> bool:
        """Whether a term needs swapped pictures."""
        return self.cycle > 0 or self.adversarial > 0


def verdicts(
    network: CrossbreedDiscriminator, images: TrainingImages, batch: PairBatch, detach: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Verdicts on swapped pictures, and on the mixture as A, as B; and the weight of A (B,)."""
    # A picture's class is that of its style: AB is a B.
    pictures = torch.cat([images.AB, images.BA, images.mixed, images.mixed])
    if detach:
        pictures = pictures.detach()
    classes = torch.cat([batch.class_b, batch.class_a, batch.class_a, batch.class_b])
    count = len(batch.alpha)
    on_swapped, as_a, as_b = network(pictures, classes).split([2 * count, count, count])
    return on_swapped, as_a, as_b, 1 - batch.alpha


def discriminator_terms(
    network: CrossbreedDiscriminator, images: TrainingImages, batch: PairBatch, weights: PhotoWeights
) -> dict[str, Tensor]:
    """The discriminator's terms and their weighted sum `loss_D`."""
    real = torch.cat([batch.x_a, batch.x_b]).requires_grad_(weights.r1 > 0)
    on_real = network(real, torch.cat([batch.class_a, batch.class_b]))
    on_swapped, as_a, as_b, share = verdicts(network, images, batch, detach=True)
    fake = losses.discriminator_fake(on_swapped) + losses.discriminator_fake(as_a, share)
    fake = fake + losses.discriminator_fake(as_b, 1 - share)
    terms = {"loss_D_adv": losses.discriminator_real(on_real) * 2 + fake}
    terms["loss_D_r1"] = r1_penalty(on_real, real) if weights.r1 > 0 else torch.zeros((), device=real.device)
    terms["loss_D"] = terms["loss_D_adv"] + weights.r1 * terms["loss_D_r1"]
    return terms


def generator_terms(
    network: CrossbreedDiscriminator, images: TrainingImages | Reconstructions, batch: PairBatch, weights: PhotoWeights
) -> dict[str, Tensor]:
    """The generator's terms and their weighted sum `loss_G`."""
    real, same = torch.cat([batch.x_a, batch.x_b]), torch.cat([images.AA, images.BB])
    terms = {
        "loss_G_rec": losses.reconstruction(real, same),
        "loss_G_edges": edge_difference(real, same),
        "loss_G_ssim": ssim_loss(real, same, data_range=2.0),
    }
    total = (
        weights.reconstruction * terms["loss_G_rec"]
        + weights.edges * terms["loss_G_edges"]
        + weights.structure * terms["loss_G_ssim"]
    )
    if isinstance(images, TrainingImages) and weights.cycle > 0:
        terms["loss_G_cycle"] = losses.reconstruction(real, torch.cat([images.cycle_AA, images.cycle_BB]))
        total = total + weights.cycle * terms["loss_G_cycle"]
    if isinstance(images, TrainingImages) and weights.adversarial > 0:
        on_swapped, as_a, as_b, share = verdicts(network, images, batch, detach=False)
        terms["loss_G_adv"] = (
            losses.generator_adversarial(on_swapped)
            + losses.generator_adversarial(as_a, share)
            + losses.generator_adversarial(as_b, 1 - share)
        )
        total = total + weights.adversarial * terms["loss_G_adv"]
    terms["loss_G"] = total
    return terms
