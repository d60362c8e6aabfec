"""The layers of the transition network: plain 3x3 convolutions with one learned slope per channel.

Nothing here is normalised. Down-sampling is a stride of 2, up-sampling bilinear with half-pixel centres.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv_act(*widths: int, stride: int = 1) -> list[nn.Module]:
    """Convolution and PReLU for every step of `widths`; only the first convolution has the stride."""
    layers: list[nn.Module] = []
    for index, (before, after) in enumerate(zip(widths, widths[1:], strict=False)):
        layers += [nn.Conv2d(before, after, 3, stride if index == 0 else 1, 1), nn.PReLU(after)]
    return layers


def upsample() -> nn.Upsample:
    """Doubling of both sides, bilinear, corners not aligned."""
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)


def over_batch(t: Tensor, maps: Tensor) -> Tensor:
    """One factor per item, (B, 1, 1, 1), in the type of `maps`."""
    return t.reshape(-1, 1, 1, 1).to(maps)


class Down(nn.Module):
    """Half the size: (B, C, H, W) to (B, C', H/2, W/2)."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*conv_act(in_channels, channels, channels, channels, stride=2))

    def forward(self, maps: Tensor) -> Tensor:
        """Features one scale coarser."""
        return self.body(maps)


class Up(nn.Module):
    """Double the size, join the encoder's features, and split the result into the two spaces of the paper.

    The first `translatable` channels are the flow space, which moves linearly with t and is multiplied by it; the
    others are the feature space, which t leaves alone. The factor comes after the activation: at negative t the order
    matters.

    Source: Yang et al. 2022, section 3.2.
    """

    def __init__(self, in_channels: int, skip_channels: int, channels: int, split: float) -> None:
        super().__init__()
        self.translatable = int(channels * split)
        self.head = nn.Sequential(upsample(), *conv_act(in_channels, channels))
        self.decouple = nn.Sequential(*conv_act(channels + skip_channels, channels))
        self.merge = nn.Sequential(*conv_act(channels, channels))

    def forward(self, maps: Tensor, skip: Tensor, t: Tensor) -> Tensor:
        """Features at twice the size of `maps`, at position t (one per item)."""
        return self.merge(self.move(self.decouple(torch.cat([self.head(maps), skip], 1)), t))

    def move(self, maps: Tensor, t: Tensor) -> Tensor:
        """`maps` with its flow space multiplied by t."""
        flow, feature = maps[:, : self.translatable], maps[:, self.translatable :]
        return torch.cat([over_batch(t, maps) * flow, feature], 1)

    def convolve_skip(self, skip: Tensor) -> Tensor:
        """The share of `decouple` that reads the skip connection; convolution is linear, so it can be added later."""
        conv = cast(nn.Conv2d, self.decouple[0])
        return F.conv2d(skip, conv.weight[:, conv.out_channels :], conv.bias, padding=1)

    def move_shared(self, maps: Tensor, shared: Tensor, t: Tensor) -> Tensor:
        """`forward` with the skip connection's share computed beforehand."""
        conv = cast(nn.Conv2d, self.decouple[0])
        own = F.conv2d(self.head(maps), conv.weight[:, : conv.out_channels], padding=1)
        return self.merge(self.move(self.decouple[1](own + shared), t))
