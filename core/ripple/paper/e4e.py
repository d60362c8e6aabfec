"""The e4e encoder (picture to W+ codes) and the residual blocks that HFGI's other nets share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.ripple.paper.stylegan2_layers import EqualLinear


class SqueezeExcite(nn.Module):
    """Channels weighted by what their means say. Source: Hu et al. 2018."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W), weighted per channel."""
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class IRBlock(nn.Module):
    """Improved residual block: norm, conv, PReLU, conv, norm; optionally squeeze-and-excite.

    No activation follows the sum. Where channels stay, the shortcut keeps every `stride`-th pixel.

    Source: Deng et al. 2019 (ArcFace), section 3.1, "IR" blocks.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, squeeze: bool = False) -> None:
        super().__init__()
        self.stride = stride
        layers: list[nn.Module] = [
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        if squeeze:
            layers.append(SqueezeExcite(outputs))
        self.res_layer = nn.Sequential(*layers)
        if inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut_layer = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H/stride, W/stride), rounded up."""
        short = self.shortcut_layer(x) if hasattr(self, "shortcut_layer") else x[..., :: self.stride, :: self.stride]
        return self.res_layer(x) + short


def stem(inputs: int, outputs: int) -> nn.Sequential:
    """Convolution, norm and PReLU at full size."""
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.PReLU(outputs))


def ir_body(channels: Sequence[int], depths: Sequence[int], squeeze: bool = True) -> nn.Sequential:
    """Groups of IR blocks; the first block of each group halves the picture."""
    blocks, below = [], channels[0]
    for width, depth in zip(channels, depths, strict=True):
        for index in range(depth):
            blocks.append(IRBlock(below, width, 2 if index == 0 else 1, squeeze))
            below = width
    return nn.Sequential(*blocks)


class StyleHead(nn.Module):
    """Strided convolutions down to one pixel and a linear layer: one code from one feature map."""

    def __init__(self, width: int, halvings: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(halvings):
            layers += [nn.Conv2d(width, width, 3, 2, 1), nn.LeakyReLU(0.01)]
        self.convs = nn.Sequential(*layers)
        self.linear = EqualLinear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, S, S) with S at most 2^halvings to (B, width)."""
        return self.linear(self.convs(x).flatten(1))


class Encoder(ModelMixin, ConfigMixin):
    """e4e: a picture to W+ codes, the first as base and the others as offsets to it.

    Args:
        input_size: side of the picture in pixels; half and three quarters of it work too.
        channels: width of the four groups of the backbone; the last is also the width of codes.
        depths: IR-SE blocks per group.
        heads: number of codes.
        coarse: heads up to this one read the coarsest map (1/16).
        middle: heads up to this one read the 1/8 map, the rest the 1/4 map.

    Source: Tov et al. 2021 (e4e), section 4; pyramid: Richardson et al. 2021 (pSp), section 3.
    """

    @register_to_config
    def __init__(
        self,
        input_size: int = 256,
        channels: Sequence[int] = (64, 128, 256, 512),
        depths: Sequence[int] = (3, 4, 14, 3),
        heads: int = 18,
        coarse: int = 3,
        middle: int = 7,
    ) -> None:
        super().__init__()
        width = channels[-1]
        self.input_layer = stem(3, channels[0])
        self.body = ir_body(channels, depths)
        self.latlayer1 = nn.Conv2d(channels[2], width, 1)
        self.latlayer2 = nn.Conv2d(channels[1], width, 1)
        base = (input_size // 16).bit_length() - 1
        halvings = [base + (i >= coarse) + (i >= middle) for i in range(heads)]
        self.styles = nn.ModuleList(StyleHead(width, n) for n in halvings)
        self.register_buffer("latent_avg", torch.zeros(heads, width))
        self.taps = [sum(depths[:k]) - 1 for k in (2, 3, 4)]

    def features(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pyramid maps at 1/16, 1/8 and 1/4, each with the width of a code."""
        x, kept = self.input_layer(image), []
        for index, block in enumerate(self.body):
            x = block(x)
            if index in self.taps:
                kept.append(x)
        fine, middle, coarse = kept
        middle, fine = self.latlayer1(middle), self.latlayer2(fine)
        middle = enlarge_to(coarse, middle) + middle
        return coarse, middle, enlarge_to(middle, fine) + fine

    def offsets(self, image: Tensor) -> Tensor:
        """Codes relative to the mean latent, (B, heads, width), for (B, 3, H, W) in [-1, 1]."""
        coarse, middle, fine = self.features(image)
        codes: list[Tensor] = []
        for index, head in enumerate(self.styles):
            feature = coarse if index < self.config.coarse else middle if index < self.config.middle else fine
            codes.append(head(feature) if index == 0 else codes[0] + head(feature))
        return torch.stack(codes, dim=1)

    def forward(self, image: Tensor) -> Tensor:
        """W+ codes (B, heads, width) for (B, 3, H, W) in [-1, 1]."""
        return self.offsets(image) + self.latent_avg


def enlarge_to(x: Tensor, like: Tensor) -> Tensor:
    """Bilinear, align_corners=True (the one place where HFGI aligns corners)."""
    return F.interpolate(x, like.shape[2:], mode="bilinear", align_corners=True)
