"""Losses of the published recipes, each a function of tensors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def identity_loss(features: Tensor, target_features: Tensor) -> Tensor:
    """Mean of 1 - cosine of unit vectors (B, D). Source: Richardson et al. 2021 (pSp), section 3.2."""
    return (1 - (features * target_features).sum(1)).mean()


def masked_l1(
    image: Tensor, target: Tensor, mask: Tensor, known_weight: float = 10.0, missing_weight: float = 0.0
) -> Tensor:
    """Mean absolute difference with one weight outside the hole and one inside (mask 1 = hole).

    Source: LaMa's training configuration (10 and 0).
    """
    weight = mask * missing_weight + (1 - mask) * known_weight
    return (weight * (image - target).abs()).mean()


def feature_matching(fake: list[Tensor], real: list[Tensor], mask: Tensor | None = None) -> Tensor:
    """Mean squared difference of discriminator features, averaged over layers.

    Args:
        fake: features of the prediction.
        real: features of the true picture.
        mask: (B, 1, H, W); where it is 1 (resized, bilinear) nothing counts.

    Source: Wang et al. 2018 (pix2pixHD), equation 4; with squares and mask as in LaMa.
    """
    terms = []
    for a, b in zip(fake, real, strict=True):
        square = (a - b).square()
        if mask is not None:
            square = square * (1 - F.interpolate(mask, a.shape[2:], mode="bilinear", align_corners=False))
        terms.append(square.mean())
    return torch.stack(terms).mean()


def gradient_penalty(realness: Tensor, image: Tensor) -> Tensor:
    """R1: squared length of the discriminator's gradient at real pictures, mean over the batch.

    `image` must require a gradient and have made `realness`. Source: Mescheder et al. 2018, section 4.1.
    """
    (slope,) = torch.autograd.grad(realness.sum(), image, create_graph=True)
    return slope.flatten(1).square().sum(1).mean()


def discriminator_loss(real: Tensor, fake: Tensor, mask: Tensor | None = None) -> Tensor:
    """Non-saturating logistic loss of the discriminator.

    Args:
        real: realness of real pictures.
        fake: realness of made pictures.
        mask: (B, 1, H, W), 1 = made part; patches outside of it count as real (LaMa's mask target).

    Source: Goodfellow et al. 2014; mask: Suvorov et al. 2022, section 2.3.2.
    """
    on_fake = F.softplus(fake)
    if mask is not None:
        made = F.interpolate(mask, fake.shape[2:], mode="nearest")
        on_fake = on_fake * made + F.softplus(-fake) * (1 - made)
    return (F.softplus(-real) + on_fake).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """Non-saturating logistic loss of the generator."""
    return F.softplus(-fake).mean()


def path_length_penalty(
    image: Tensor, codes: Tensor, mean_length: Tensor, noise: Tensor, decay: float = 0.01
) -> tuple[Tensor, Tensor]:
    """How unevenly a step in W moves the picture.

    Args:
        image: (B, 3, H, W) made from `codes`.
        codes: (B, N, D), requires a gradient.
        mean_length: running mean of the lengths, ().
        noise: (B, 3, H, W) standard normal.
        decay: how fast the mean follows.

    Returns:
        the penalty and the new mean.

    Source: Karras et al. 2020, section 3.2.
    """
    probe = noise / (image.shape[2] * image.shape[3]) ** 0.5
    (slope,) = torch.autograd.grad((image * probe).sum(), codes, create_graph=True)
    lengths = slope.square().sum(2).mean(1).sqrt()
    mean_length = mean_length + decay * (lengths.detach().mean() - mean_length)
    return (lengths - mean_length).square().mean(), mean_length


def delta_penalty(offsets: Tensor) -> Tensor:
    """Mean length of what the codes of e4e differ from its base code; (B, N, D) offsets from code 0.

    Source: Tov et al. 2021 (e4e), section 4.2 (L_d-reg).
    """
    return (offsets[:, 1:] - offsets[:, :1]).norm(dim=2).sum(1).mean()


def parsing_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy over pixels; label 255 does not count. (B, K, H, W) and (B, H, W)."""
    return F.cross_entropy(logits, labels.long(), ignore_index=255)


def polynomial_rate(base: float, step: int, steps: int, power: float = 0.9) -> float:
    """Learning rate that falls to zero: base (1 - step / steps)^power."""
    return base * (1 - step / steps) ** power
