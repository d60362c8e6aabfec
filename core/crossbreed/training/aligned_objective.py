"""The objective of the weights that ship: reconstructions, recoloured pictures and mixtures of aligned heads, all supervised.

Source: own; the supervised mixture is the idea of Park et al. 2020, section 4.3, with another teacher (`core.crossbreed.data.aligned_heads`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from core.crossbreed.paper import losses
from core.crossbreed.paper.discriminator import CrossbreedDiscriminator
from core.crossbreed.training.generators import AlignedImages
from core.crossbreed.training.losses import contrast_difference, edge_difference, r1_penalty
from core.metrics import ssim_loss


@dataclass(frozen=True)
class AlignedBatch:
    """Pictures (B, 3, H, W) in [-1, 1] of aligned heads.

    Attributes:
        x_a: pictures of class `class_a` (B,).
        x_b: pictures of class `class_b` (B,), aligned with `x_a`.
        alone: pictures that are only given back.
        swapped: A in the colours of B.
        mixed: the teacher's picture at `shape` (B,) and `appearance` (B,).
    """

    x_a: Tensor
    x_b: Tensor
    alone: Tensor
    swapped: Tensor
    mixed: Tensor
    shape: Tensor
    appearance: Tensor
    class_a: Tensor
    class_b: Tensor

    def generator_inputs(self) -> tuple[Tensor, Tensor, Tensor]:
        """What the generator's forward takes."""
        return torch.cat([self.x_a, self.alone]), self.x_b, torch.stack([self.shape, self.appearance], 1)


@dataclass(frozen=True)
class AlignedWeights:
    """How much each term counts; the adversarial one asks whether mixtures pass for photos of their appearance.

    `swapped` is the share of the recoloured pictures beside reconstructions and mixtures; `contrast` counts for mixtures,
    which would be softer than reconstructions without it.
    """

    reconstruction: float = 10.0
    edges: float = 10.0
    structure: float = 2.0
    adversarial: float = 0.0
    r1: float = 5.0
    swapped: float = 1.0
    contrast: float = 0.0


def discriminator_terms(
    network: CrossbreedDiscriminator, images: AlignedImages, batch: AlignedBatch, weights: AlignedWeights
) -> dict[str, Tensor]:
    """The discriminator's terms and their weighted sum `loss_D`."""
    real = torch.cat([batch.x_a, batch.x_b]).requires_grad_(weights.r1 > 0)
    on_real = network(real, torch.cat([batch.class_a, batch.class_b]))
    on_fake = _verdicts(network, images, batch, detach=True)
    terms = {"loss_D_adv": losses.discriminator_real(on_real) + losses.discriminator_fake(on_fake)}
    terms["loss_D_r1"] = r1_penalty(on_real, real) if weights.r1 > 0 else torch.zeros((), device=real.device)
    terms["loss_D"] = terms["loss_D_adv"] + weights.r1 * terms["loss_D_r1"]
    return terms


def generator_terms(
    network: CrossbreedDiscriminator, images: AlignedImages, batch: AlignedBatch, weights: AlignedWeights
) -> dict[str, Tensor]:
    """The generator's terms and their weighted sum `loss_G`."""
    made = {"rec": (batch.alone, images.reconstructed), "swap": (batch.swapped, images.swapped),
            "mix": (batch.mixed, images.mixed)}  # fmt: skip
    terms = {f"loss_G_{name}": losses.reconstruction(*pair) for name, pair in made.items()}
    # The recoloured pictures are farthest from their answers: unweighted they would take most of the gradient.
    parts: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "edges": edge_difference, "ssim": partial(ssim_loss, data_range=2.0), "all": losses.reconstruction
    }  # fmt: skip
    shares = {"rec": 1.0, "swap": weights.swapped, "mix": 1.0}
    for name, measure in parts.items():
        each = [share * measure(*made[kind]) for kind, share in shares.items() if share > 0]
        terms[f"loss_G_{name}"] = torch.stack(each).sum() / sum(shares.values())
    total = (
        weights.reconstruction * terms.pop("loss_G_all")
        + weights.edges * terms["loss_G_edges"]
        + weights.structure * terms["loss_G_ssim"]
    )
    if weights.contrast > 0:
        terms["loss_G_contrast"] = contrast_difference(batch.mixed, images.mixed)
        total = total + weights.contrast * terms["loss_G_contrast"]
    if weights.adversarial > 0:
        terms["loss_G_adv"] = losses.generator_adversarial(_verdicts(network, images, batch, detach=False))
        total = total + weights.adversarial * terms["loss_G_adv"]
    terms["loss_G"] = total
    return terms


def _verdicts(network: CrossbreedDiscriminator, images: AlignedImages, batch: AlignedBatch, detach: bool) -> Tensor:
    """Verdicts on A in the colours of B, as a B, and on the mixture as what its appearance is nearer to."""
    pictures = torch.cat([images.swapped, images.mixed])
    nearer = torch.where(batch.appearance < 0.5, batch.class_a, batch.class_b)
    return network(pictures.detach() if detach else pictures, torch.cat([batch.class_b, nearer]))
