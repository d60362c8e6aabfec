"""Discriminators of GFLA: spectral-normalised residual patch critics of pictures and of short clips.

Source: Ren et al. 2020, section 3.4; spectral norm: Miyato et al. 2018.
"""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

from core.gfla.paper.blocks import activation, widths


def normalised(layer: nn.Module) -> nn.Module:
    """The layer with the spectral norm that published files name weight_orig, weight_u, weight_v."""
    return spectral_norm(layer)


class ResBlockEncoder(nn.Module):
    """Half the size without norm. (B, a, H, W) to (B, b, H/2, W/2)."""

    def __init__(self, a: int, b: int, hidden: int) -> None:
        super().__init__()
        self.model = nn.Sequential(
            activation(), normalised(nn.Conv2d(a, hidden, 3, padding=1)),
            activation(), normalised(nn.Conv2d(hidden, b, 4, stride=2, padding=1)),
        )  # fmt: skip
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), normalised(nn.Conv2d(a, b, 1)))

    def forward(self, x: Tensor) -> Tensor:
        """The features at half size."""
        return self.model(x) + self.shortcut(x)


class ResBlock3DEncoder(nn.Module):
    """Half the size and two frames fewer. (B, a, T, H, W) to (B, b, T - 2, H/2, W/2)."""

    def __init__(self, a: int, b: int, hidden: int) -> None:
        super().__init__()
        self.model = nn.Sequential(
            activation(), normalised(nn.Conv3d(a, hidden, 3, padding=1)),
            activation(), normalised(nn.Conv3d(hidden, b, (3, 4, 4), stride=(1, 2, 2), padding=(0, 1, 1))),
        )  # fmt: skip
        self.shortcut = nn.Sequential(nn.AvgPool3d((3, 2, 2), stride=(1, 2, 2)), normalised(nn.Conv3d(a, b, 1)))

    def forward(self, x: Tensor) -> Tensor:
        """The features at half size."""
        return self.model(x) + self.shortcut(x)


class ResDiscriminator(ModelMixin, ConfigMixin):
    """Patch critic of pictures, or of consecutive frame differences (6 channels, faces).

    Args:
        image_nc: 3, or 6 for frame differences.
        ndf, img_f: channels of the first block and the most.
        layers: halvings; 4, market 3.
    """

    @register_to_config
    def __init__(self, image_nc: int = 3, ndf: int = 32, img_f: int = 128, layers: int = 4) -> None:
        super().__init__()
        channels = widths(ndf, img_f, layers)
        self.block0 = ResBlockEncoder(image_nc, ndf, ndf)
        for index in range(layers - 1):
            block = ResBlockEncoder(channels[index], channels[index + 1], channels[index])
            setattr(self, f"encoder{index}", block)
        self.conv = normalised(nn.Conv2d(channels[-1], 1, 1))
        self.activation = activation()

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] to one score per patch, (B, 1, H / 2^layers, W / 2^layers), unbounded."""
        x = self.block0(x)
        for index in range(self.config.layers - 1):
            x = getattr(self, f"encoder{index}")(x)
        return self.conv(self.activation(x))


class TemporalDiscriminator(ModelMixin, ConfigMixin):
    """Patch critic of six frames (dance)."""

    @register_to_config
    def __init__(self, image_nc: int = 3, ndf: int = 32, img_f: int = 128, layers: int = 4, frames: int = 6) -> None:
        super().__init__()
        channels = widths(ndf, img_f, layers)
        self.block0 = ResBlock3DEncoder(image_nc, channels[0], channels[0])
        self.block1 = ResBlock3DEncoder(channels[0], channels[1], channels[0])
        merged = channels[1] * (frames - 4)
        for index in range(layers - 2):
            into = channels[index + 2]
            setattr(self, f"encoder{index}", ResBlockEncoder(merged if index == 0 else channels[index + 1], into, into))
        self.conv = normalised(nn.Conv2d(channels[-1], 1, 1))
        self.activation = activation()

    def forward(self, clip: Tensor) -> Tensor:
        """(B, 3, 6, H, W) in [-1, 1] to (B, 1, H/16, W/16)."""
        x = torch.flatten(self.block1(self.block0(clip)), 1, 2)
        for index in range(self.config.layers - 2):
            x = getattr(self, f"encoder{index}")(x)
        return self.conv(self.activation(x))
