"""Spectral normalisation with stored singular vectors, and how to fold it away.

Layers here keep `weight_orig`, `weight_u` and `weight_v`, the names that the published checkpoints use. A folded
network has a plain `weight` in their place and pays nothing for the normalisation.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SpectralNorm(nn.Module):
    """A weight divided by an estimate of its largest singular value.

    In training mode every use refines the estimate by one power iteration; in evaluation the stored vectors are
    used as they are, so a trained network always gives the same result.

    Args:
        shape: shape of the weight, output channels first.
        bias: whether the layer adds a bias per output channel.
        eps: floor of the vectors' norm.

    Source: Miyato et al. 2018, algorithm 1.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(self, shape: tuple[int, ...], bias: bool, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight_orig = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.zeros(shape[0])) if bias else None
        nn.init.xavier_normal_(self.weight_orig)
        flat = self.weight_orig.flatten(1)
        self.register_buffer("weight_u", F.normalize(torch.randn(flat.shape[0]), dim=0, eps=eps))
        self.register_buffer("weight_v", F.normalize(torch.randn(flat.shape[1]), dim=0, eps=eps))

    def weight(self) -> Tensor:
        """The normalised weight; in training mode the vectors move on by one power iteration first."""
        flat = self.weight_orig.flatten(1)
        u, v = self.weight_u, self.weight_v
        if self.training:
            with torch.no_grad():
                v = F.normalize(torch.mv(flat.t(), u), dim=0, eps=self.eps)
                u = F.normalize(torch.mv(flat, v), dim=0, eps=self.eps)
                self.weight_u.copy_(u)
                self.weight_v.copy_(v)
        return self.weight_orig / torch.dot(u, torch.mv(flat, v))


class SpectralConv2d(SpectralNorm):
    """A convolution with spectral normalisation, stride 1, padding by zeros."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, padding: int = 0, bias: bool = True, eps: float = 1e-12
    ) -> None:
        super().__init__((outputs, inputs, kernel, kernel), bias, eps)
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H', W')."""
        return F.conv2d(x, self.weight(), self.bias, padding=self.padding)


class SpectralLinear(SpectralNorm):
    """A linear layer with spectral normalisation."""

    def __init__(self, inputs: int, outputs: int, bias: bool = True, eps: float = 1e-12) -> None:
        super().__init__((outputs, inputs), bias, eps)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs) to (B, outputs)."""
        return F.linear(x, self.weight(), self.bias)


def conv2d(
    inputs: int, outputs: int, kernel: int, *, padding: int = 0, bias: bool = True, spectral: bool, eps: float = 1e-12
) -> nn.Module:
    """A convolution, spectrally normalised (to train) or plain (folded, to use)."""
    if spectral:
        return SpectralConv2d(inputs, outputs, kernel, padding, bias, eps)
    return nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=bias)


def linear(inputs: int, outputs: int, *, bias: bool = True, spectral: bool, eps: float = 1e-12) -> nn.Module:
    """A linear layer, spectrally normalised or plain."""
    return SpectralLinear(inputs, outputs, bias, eps) if spectral else nn.Linear(inputs, outputs, bias=bias)


def fold(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of the plain network that computes the same in evaluation mode.

    The stored vectors decide, not a fresh singular value decomposition, and the arithmetic stays in the weights'
    own precision: the result is bit for bit the weight that evaluation would use.
    """
    folded = {}
    for key, value in state.items():
        if key.endswith(("weight_u", "weight_v")):
            continue
        if key.endswith("weight_orig"):
            stem = key.removesuffix("_orig")
            folded[stem] = value / torch.dot(state[f"{stem}_u"], torch.mv(value.flatten(1), state[f"{stem}_v"]))
        else:
            folded[key] = value
    return folded
