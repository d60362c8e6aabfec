"""The loss terms, one function each; `objectives.py` puts them together.

Source: Park et al. 2020, section 4.3; the exact means and weightings are those of the released code.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def weighted_mean(values: Tensor, weight: Tensor | None = None) -> Tensor:
    """The mean of `values` (B, ...), each sample multiplied by its weight (B,)."""
    if weight is None:
        return values.mean()
    return (weight.reshape(-1, *[1] * (values.ndim - 1)) * values).mean()


def discriminator_real(verdicts: Tensor, weight: Tensor | None = None) -> Tensor:
    """Hinge: verdicts (B, h, w) on real pictures should exceed 1."""
    return weighted_mean(F.relu(1 - verdicts), weight)


def discriminator_fake(verdicts: Tensor, weight: Tensor | None = None) -> Tensor:
    """Hinge: verdicts (B, h, w) on generated pictures should be below -1."""
    return weighted_mean(F.relu(1 + verdicts), weight)


def generator_adversarial(verdicts: Tensor, weight: Tensor | None = None) -> Tensor:
    """Verdicts (B, h, w) on generated pictures should be high."""
    return weighted_mean(-verdicts, weight)


def reconstruction(real: Tensor, generated: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean absolute difference of pictures (B, 3, H, W)."""
    return weighted_mean((real - generated).abs(), weight)


def gradient_penalty(verdicts: Tensor, x: Tensor) -> Tensor:
    """The squared gradient of the mean verdict with respect to `x`, per sample of `x`.

    As released: the mean over batch and patches comes before the gradient, so the penalty shrinks with the
    square of the batch. `core.crossbreed.training.losses.r1_penalty` is the one that works.
    """
    (slope,) = torch.autograd.grad(verdicts.mean(), x, create_graph=True)
    return slope.square().flatten(1).sum(1).mean()
