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
    square of the batch. `r1_penalty` is the one that works.
    """
    (slope,) = torch.autograd.grad(verdicts.mean(), x, create_graph=True)
    return slope.square().flatten(1).sum(1).mean()


def r1_penalty(verdicts: Tensor, x: Tensor) -> Tensor:
    """The squared gradient of each sample's own mean verdict. Source: Mescheder et al. 2018, equation 9."""
    (slope,) = torch.autograd.grad(verdicts.flatten(1).mean(1).sum(), x, create_graph=True)
    return slope.square().flatten(1).sum(1).mean()


def edge_difference(real: Tensor, generated: Tensor) -> Tensor:
    """Mean absolute difference of the horizontal and vertical steps between neighbouring pixels; keeps edges."""
    down, right = (reconstruction(real.diff(dim=axis), generated.diff(dim=axis)) for axis in (2, 3))
    return down + right


def structural_difference(real: Tensor, generated: Tensor, window: int = 7) -> Tensor:
    """1 - SSIM over square windows; pictures in [-1, 1].

    Source: Wang et al. 2004, equation 13, with a uniform window.
    """
    pool = lambda x: F.avg_pool2d(x, window, stride=1)  # noqa: E731
    mean_a, mean_b = pool(real), pool(generated)
    var_a = pool(real * real) - mean_a * mean_a
    var_b = pool(generated * generated) - mean_b * mean_b
    covariance = pool(real * generated) - mean_a * mean_b
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a.square() + mean_b.square() + c1)
    return 1 - (luminance * (2 * covariance + c2) / (var_a + var_b + c2)).mean()


def contrast_difference(real: Tensor, generated: Tensor, window: int = 8) -> Tensor:
    """Mean absolute difference of the local contrast: root mean square of the steps between pixels, per square window.

    Says nothing of where an edge is, so it does not reward the blur that a mean of guesses has.
    """

    def contrast(x: Tensor) -> Tensor:
        energy = x[..., 1:, :-1].sub(x[..., :-1, :-1]).square() + x[..., :-1, 1:].sub(x[..., :-1, :-1]).square()
        return (F.avg_pool2d(energy.mean(1, keepdim=True), window, window // 2) + 1e-5).sqrt()

    return reconstruction(contrast(real), contrast(generated))
