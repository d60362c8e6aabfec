"""Building blocks of the GFLA networks, keyed as the published checkpoints (`model.N`, `shortcut.N`).

All are pre-activation: norm, LeakyReLU(0.1), convolution. The norm is InstanceNorm with learned scale and no running
statistics, so training and evaluation mode compute the same.

Source: Ren et al. 2020, section 3 and supplementary material A.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn


class InstanceNorm(nn.GroupNorm):
    """Instance norm with learned scale and shift.

    Written as one group per channel, which is the same: torch computes that several times faster on a CPU, and without
    a copy where channels lie last. On a CPU it is computed in float32: in bfloat16 it takes up to ten times longer.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same; float32 on a CPU."""
        return super().forward(x.float() if x.dtype == torch.bfloat16 and x.device.type == "cpu" else x)


def activation(inplace: bool = False) -> nn.LeakyReLU:
    """The activation of all GFLA networks; in place where its input is a norm's output, which nobody else reads."""
    return nn.LeakyReLU(0.1, inplace)


class EncoderBlock(nn.Module):
    """Half the size: norm, 4 x 4 convolution of stride 2, norm, 3 x 3 convolution. (B, a, H, W) to (B, b, H/2, W/2)."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.model = nn.Sequential(
            InstanceNorm(a), activation(inplace=True), nn.Conv2d(a, b, 4, stride=2, padding=1),
            InstanceNorm(b), activation(inplace=True), nn.Conv2d(b, b, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """The features at half size."""
        return self.model(x)


class ResBlock(nn.Module):
    """Two 3 x 3 convolutions beside a skip, which is a 1 x 1 convolution where the channels change."""

    def __init__(self, a: int, b: int | None = None) -> None:
        super().__init__()
        b = a if b is None else b
        self.model = nn.Sequential(
            InstanceNorm(a), activation(inplace=True), nn.Conv2d(a, a, 3, padding=1),
            InstanceNorm(a), activation(inplace=True), nn.Conv2d(a, b, 3, padding=1),
        )  # fmt: skip
        self.shortcut = nn.Sequential(nn.Conv2d(a, b, 1)) if a != b else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, a, H, W) to (B, b, H, W)."""
        return self.model(x) + (x if self.shortcut is None else self.shortcut(x))


class ResBlocks(nn.Module):
    """One `ResBlock` below the key `model.0`, where the published files have it."""

    def __init__(self, a: int, b: int | None = None) -> None:
        super().__init__()
        self.model = nn.Sequential(ResBlock(a, b))

    def forward(self, x: Tensor) -> Tensor:
        """(B, a, H, W) to (B, b, H, W)."""
        return self.model(x)


class ResBlockDecoder(nn.Module):
    """Twice the size by transposed convolutions, beside a transposed skip. (B, a, H, W) to (B, b, 2 H, 2 W)."""

    def __init__(self, a: int, b: int, hidden: int | None = None) -> None:
        super().__init__()
        hidden = a if hidden is None else hidden
        double = partial(nn.ConvTranspose2d, kernel_size=3, stride=2, padding=1, output_padding=1)
        self.model = nn.Sequential(
            InstanceNorm(a), activation(inplace=True), nn.Conv2d(a, hidden, 3, padding=1),
            InstanceNorm(hidden), activation(inplace=True), double(hidden, b),
        )  # fmt: skip
        self.shortcut = nn.Sequential(double(a, b))

    def forward(self, x: Tensor) -> Tensor:
        """The features at double size."""
        return self.model(x) + self.shortcut(x)


class Jump(nn.Module):
    """Skip connection of the flow network: activation and a 3 x 3 convolution over a mirrored rim."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.model = nn.Sequential(activation(), nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        return self.model(x)


class Output(nn.Module):
    """Features to a picture in [-1, 1]."""

    def __init__(self, channels: int, image_channels: int = 3) -> None:
        super().__init__()
        self.model = nn.Sequential(
            activation(), nn.ReflectionPad2d(1), nn.Conv2d(channels, image_channels, 3), nn.Tanh()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, 3, H, W)."""
        return self.model(x)


def initialise(network: nn.Module, gain: float = 0.02) -> None:
    """The published start: orthogonal weights of this gain, zero biases, norms left alone."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Conv3d | nn.Linear):
            # Under spectral norm `weight` is computed anew at every call; the parameter is `weight_orig`.
            nn.init.orthogonal_(getattr(layer, "weight_orig", layer.weight), gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def widths(base: int, most: int, count: int) -> list[int]:
    """Channels after each halving: `base` doubled each time, never more than `most`."""
    return [min(base * 2**index, most) for index in range(count)]


def add_encoder(module: nn.Module, in_channels: int, channels: Sequence[int]) -> None:
    """Give a network a row of halving blocks under their published names: block0, encoder0, encoder1, ..."""
    module.add_module("block0", EncoderBlock(in_channels, channels[0]))
    for index, (a, b) in enumerate(pairwise(channels)):
        module.add_module(f"encoder{index}", EncoderBlock(a, b))


def encoder_features(module: nn.Module, x: Tensor) -> list[Tensor]:
    """The features (B, C, H / 2^n, W / 2^n) after each of these blocks, the finest first."""
    features = [module.get_submodule("block0")(x)]
    while hasattr(module, name := f"encoder{len(features) - 1}"):
        features.append(module.get_submodule(name)(features[-1]))
    return features
