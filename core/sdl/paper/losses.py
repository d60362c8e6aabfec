"""Losses of the transition trainers for pictures and for the discriminator.

Pictures are (B, 3, H, W) in [0, 1]. Style has its own file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.vgg import VGG19Features


def charbonnier(prediction: Tensor, target: Tensor, eps: float = 1e-12) -> Tensor:
    """A smooth L1: mean of sqrt(d^2 + eps).

    Source: Charbonnier et al. 1994; the interpolation loss of Yang et al. 2022, section 3.3.
    """
    return torch.sqrt((prediction - target) ** 2 + eps).mean()


def perceptual(
    vgg: VGG19Features, prediction: Tensor, target: Tensor, layers: Mapping[str, float] | None = None
) -> Tensor:
    """L1 distance of VGG19 features, weighted per layer, conv5_4 unless said otherwise; no gradient to `target`.

    Source: Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer".
    """
    layers = layers or {"conv5_4": 1.0}
    found, wanted = vgg(prediction, layers), vgg(target.detach(), layers)
    total = prediction.new_zeros(())
    for name, weight in layers.items():
        total = total + weight * F.l1_loss(found[name], wanted[name])
    return total


@dataclass
class RelativisticScores:
    """Both halves of a relativistic average GAN loss, before they are halved and added."""

    real: Tensor
    fake: Tensor

    @property
    def mean(self) -> Tensor:
        """The loss: half of the sum."""
        return (self.real + self.fake) / 2


def relativistic(real_scores: Tensor, fake_scores: Tensor, for_generator: bool) -> RelativisticScores:
    """Whether real patches look more real than the average fake one, and the other way round.

    The generator wants the answer no, the discriminator yes; binary cross-entropy on logits.

    Source: Jolicoeur-Martineau 2019, "The relativistic discriminator", section 4.
    """
    real, fake = real_scores - fake_scores.mean(), fake_scores - real_scores.mean()
    on_real = torch.zeros_like(real) if for_generator else torch.ones_like(real)
    on_fake = torch.ones_like(fake) if for_generator else torch.zeros_like(fake)
    cross_entropy = F.binary_cross_entropy_with_logits
    return RelativisticScores(cross_entropy(real, on_real), cross_entropy(fake, on_fake))


def random_square(low: int, high: int, step: int) -> int | None:
    """A side in `low`, `low + step`, ... `high` with probability 1/2, else None: the multi-scale trick's draw.

    It comes from torch's own generator, which the training loop seeds at every step.
    """
    if torch.rand(()) < 0.5:
        return None
    return low + step * int(torch.randint((high - low) // step + 1, ()))


def at_square(pictures: Tensor, side_px: int) -> Tensor:
    """Pictures at side_px x side_px by the nearest neighbour, as the multi-scale trick resizes a batch."""
    return F.interpolate(pictures, size=(side_px, side_px), mode="nearest")
