"""HFGI's two small nets: the aligner (ADA) and the residual encoder that makes scale and shift."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.errors import ShapeError
from core.ripple.paper.e4e import IRBlock, stem
from core.ripple.paper.stylegan2_layers import SQRT2, EqualConv2d


def ir_group(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Three IR blocks, the first with stride and change of channels."""
    return nn.Sequential(IRBlock(inputs, outputs, stride), IRBlock(outputs, outputs), IRBlock(outputs, outputs))


class ScaledLeakyReLU(nn.Module):
    """LeakyReLU 0.2 times sqrt(2)."""

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return F.leaky_relu(x, 0.2) * SQRT2


class ResidualEncoder(ModelMixin, ConfigMixin):
    """The consultation encoder: an aligned distortion map to scale and shift for the generator.

    Args:
        channels: width of the three stages.
        strides: strides of stages two and three; (2, 2) as published.
        condition_channels: generator channels at the fusion level.
        condition_size: side of the fusion level in pixels; the maps are resized to it.

    Source: Wang et al. 2022 (HFGI), section 3.3.
    """

    @register_to_config
    def __init__(
        self,
        channels: Sequence[int] = (32, 48, 64),
        strides: Sequence[int] = (2, 2),
        condition_channels: int = 512,
        condition_size: int = 64,
    ) -> None:
        super().__init__()
        self.conv_layer1 = stem(3, channels[0])
        self.conv_layer2 = ir_group(channels[0], channels[1], strides[0])
        self.conv_layer3 = ir_group(channels[1], channels[2], strides[1])
        self.condition_scale3 = self.head(channels[2], condition_channels)
        self.condition_shift3 = self.head(channels[2], condition_channels)

    @staticmethod
    def head(inputs: int, outputs: int) -> nn.Sequential:
        """Two equalised convolutions."""
        first, second = EqualConv2d(inputs, outputs, 3, padding=1), EqualConv2d(outputs, outputs, 3, padding=1)
        return nn.Sequential(first, ScaledLeakyReLU(), second)

    def forward(self, distortion: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) to scale and shift, each (B, condition_channels, condition_size, condition_size)."""
        x = self.conv_layer3(self.conv_layer2(self.conv_layer1(distortion)))
        size = (self.config.condition_size,) * 2
        scale, shift = (
            F.interpolate(head(x), size, mode="bilinear", align_corners=False)
            for head in (self.condition_scale3, self.condition_shift3)
        )
        return scale, shift


class ResidualAligner(ModelMixin, ConfigMixin):
    """ADA: brings the distortion map to where the edited picture has its contents.

    A U-shaped regressor on cat(distortion map, edited picture), in this order. With `outputs=3` and
    cat(input, edited picture, one plane per edit with its degree) the same net is our pre-aligner: a
    flow (2) and where the person will be (1), which HFGI lacks and which large turns need.

    Args:
        size: side of its input in pixels, exactly.
        channels: width at full, 1/2, 1/4 and 1/8 size.
        outputs: channels of the result.
        inputs: channels of the input.

    Source: Wang et al. 2022 (HFGI), section 3.4.
    """

    @register_to_config
    def __init__(
        self, size: int = 256, channels: Sequence[int] = (16, 32, 48, 64), outputs: int = 3, inputs: int = 6
    ) -> None:
        super().__init__()
        a, b, c, d = channels
        self.conv_layer1 = stem(inputs, a)
        self.conv_layer2, self.conv_layer3, self.conv_layer4 = ir_group(a, b, 2), ir_group(b, c, 2), ir_group(c, d, 2)
        self.dconv_layer1 = nn.Sequential(IRBlock(d + c, d), IRBlock(d, b), IRBlock(b, b))
        self.dconv_layer2 = nn.Sequential(IRBlock(2 * b, b), IRBlock(b, a), IRBlock(a, a))
        self.dconv_layer3 = nn.Sequential(IRBlock(2 * a, a), IRBlock(a, outputs), IRBlock(outputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, size, size) to (B, outputs, size, size), linear."""
        wanted = (self.config.inputs, self.config.size, self.config.size)
        if x.shape[1:] != wanted:
            raise ShapeError(f"the aligner got {tuple(x.shape[1:])}, it needs {wanted}")
        full = self.conv_layer1(x)
        half = self.conv_layer2(full)
        quarter = self.conv_layer3(half)
        y = self.dconv_layer1(torch.cat([enlarge(self.conv_layer4(quarter)), quarter], dim=1))
        y = self.dconv_layer2(torch.cat([enlarge(y), half], dim=1))
        return self.dconv_layer3(torch.cat([enlarge(y), full], dim=1))


def enlarge(x: Tensor) -> Tensor:
    """Twice the side, bilinear, align_corners=False."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
