"""Loss terms that are ours or others', beside those of the paper."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from core.crossbreed.paper.losses import reconstruction


def r1_penalty(verdicts: Tensor, x: Tensor) -> Tensor:
    """The squared gradient of each sample's own mean verdict. Source: Mescheder et al. 2018, equation 9."""
    (slope,) = torch.autograd.grad(verdicts.flatten(1).mean(1).sum(), x, create_graph=True)
    return slope.square().flatten(1).sum(1).mean()


def edge_difference(real: Tensor, generated: Tensor) -> Tensor:
    """Mean absolute difference of the horizontal and vertical steps between neighbouring pixels; keeps edges."""
    down, right = (reconstruction(real.diff(dim=axis), generated.diff(dim=axis)) for axis in (2, 3))
    return down + right


def contrast_difference(real: Tensor, generated: Tensor, window: int = 8) -> Tensor:
    """Mean absolute difference of the local contrast: root mean square of the steps between pixels, per square window.

    Says nothing of where an edge is, so it does not reward the blur that a mean of guesses has.
    """

    def contrast(x: Tensor) -> Tensor:
        energy = x[..., 1:, :-1].sub(x[..., :-1, :-1]).square() + x[..., :-1, 1:].sub(x[..., :-1, :-1]).square()
        return (F.avg_pool2d(energy.mean(1, keepdim=True), window, window // 2) + 1e-5).sqrt()

    return reconstruction(contrast(real), contrast(generated))
