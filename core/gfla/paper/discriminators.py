"""Discriminators of GFLA: spectral-normalised residual patch critics of pictures and of short clips.

Source: Ren et al. 2020, section 3.4; spectral norm: Miyato et al. 2018.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

from core.gfla.paper.blocks import activation, widths


class ResBlockEncoder(nn.Module):
    """Half the size without norm, as (B, a, H, W) to (B, b, H/2, W/2).

    With `frames` also two frames fewer, (B, a, T, H, W) to (B, b, T - 2, H/2, W/2). Published files name the spectral
    norm's tensors weight_orig, weight_u, weight_v.
    """

    def __init__(self, a: int, b: int, hidden: int, frames: bool = False) -> None:
        super().__init__()
        conv: Any = nn.Conv3d if frames else nn.Conv2d
        halve = {"kernel_size": (3, 4, 4), "stride": (1, 2, 2), "padding": (0, 1, 1)} if frames else {
            "kernel_size": 4, "stride": 2, "padding": 1,
        }  # fmt: skip
        self.model = nn.Sequential(
            activation(), spectral_norm(conv(a, hidden, 3, padding=1)),
            activation(), spectral_norm(conv(hidden, b, **halve)),
        )  # fmt: skip
        mean = nn.AvgPool3d((3, 2, 2), stride=(1, 2, 2)) if frames else nn.AvgPool2d(2)
        self.shortcut = nn.Sequential(mean, spectral_norm(conv(a, b, 1)))

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
        self.conv = spectral_norm(nn.Conv2d(channels[-1], 1, 1))
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
        self.block0 = ResBlockEncoder(image_nc, channels[0], channels[0], frames=True)
        self.block1 = ResBlockEncoder(channels[0], channels[1], channels[0], frames=True)
        merged = channels[1] * (frames - 4)
        for index in range(layers - 2):
            into = channels[index + 2]
            setattr(self, f"encoder{index}", ResBlockEncoder(merged if index == 0 else channels[index + 1], into, into))
        self.conv = spectral_norm(nn.Conv2d(channels[-1], 1, 1))
        self.activation = activation()

    def forward(self, clip: Tensor) -> Tensor:
        """(B, 3, 6, H, W) in [-1, 1] to (B, 1, H/16, W/16)."""
        x = torch.flatten(self.block1(self.block0(clip)), 1, 2)
        for index in range(self.config.layers - 2):
            x = getattr(self, f"encoder{index}")(x)
        return self.conv(self.activation(x))
