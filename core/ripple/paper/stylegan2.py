"""The StyleGAN2 generator with HFGI's feature fusion, and the discriminator that trains it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.errors import ShapeError
from core.ripple.paper.stylegan2_layers import (
    FIR,
    SQRT2,
    BiasedLeakyReLU,
    EqualConv2d,
    EqualLinear,
    StyledConv,
    ToRGB,
    pixel_norm,
)

Conditions = tuple[Tensor, Tensor]
Lower = tuple[Tensor, Tensor]


def channels_at(resolution: int, channel_base: int, channel_max: int) -> int:
    """Feature channels of a level: they halve as the side doubles, up to a limit."""
    return min(channel_max, channel_base // resolution)


class PixelNorm(nn.Module):
    """`pixel_norm` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C), normalised."""
        return pixel_norm(x)


class ConstantInput(nn.Module):
    """The learned 4x4 picture that synthesis starts from."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, 4, 4))


class Generator(ModelMixin, ConfigMixin):
    """StyleGAN2 synthesis from W+ codes, with scale and shift fused in at one level.

    Two layers per level from 8 px up: `convs[2k]` enlarges, `convs[2k + 1]` does not; level L reads
    codes 2L-1, 2L and 2L+1 (colour), where level 0 is 4 px with codes 0 and 1. Codes beyond the
    size are ignored, so one encoder serves every size.

    Args:
        size: side of the picture in pixels, a power of two, at least 16.
        style_dim: length of one code.
        mapping_layers: depth of the mapping network from Z to W.
        channel_base: channels times side of a level.
        channel_max: limit of channels.
        fusion_size: level (px) at which conditions enter.

    Source: Karras et al. 2020, section 2 and appendix B (skip generator); fusion: Wang et al. 2022
    (HFGI), section 3.3, equation 4.
    """

    @register_to_config
    def __init__(
        self,
        size: int = 1024,
        style_dim: int = 512,
        mapping_layers: int = 8,
        channel_base: int = 32768,
        channel_max: int = 512,
        fusion_size: int = 64,
    ) -> None:
        super().__init__()
        sides = [2**k for k in range(2, int(math.log2(size)) + 1)]
        width = [channels_at(side, channel_base, channel_max) for side in sides]
        layers = [EqualLinear(style_dim, style_dim, lr_mul=0.01, activate=True) for _ in range(mapping_layers)]
        self.style = nn.Sequential(PixelNorm(), *layers)
        self.input = ConstantInput(width[0])
        self.conv1 = StyledConv(width[0], width[0], 3, style_dim)
        self.to_rgb1 = ToRGB(width[0], style_dim, upsample=False)
        self.convs, self.to_rgbs, self.noises = nn.ModuleList(), nn.ModuleList(), nn.Module()
        for below, here in zip(width[:-1], width[1:], strict=True):
            self.convs.append(StyledConv(below, here, 3, style_dim, upsample=True))
            self.convs.append(StyledConv(here, here, 3, style_dim))
            self.to_rgbs.append(ToRGB(here, style_dim))
        for index in range(2 * len(sides) - 1):
            side = sides[(index + 1) // 2]
            self.noises.register_buffer(f"noise_{index}", torch.randn(1, 1, side, side))
        self.code_count = 2 * len(sides)
        self.fusion_level = sides.index(fusion_size) - 1 if fusion_size in sides else len(sides) - 2

    def mapping(self, z: Tensor) -> Tensor:
        """(B, style_dim) normal samples to W, (B, style_dim)."""
        return self.style(z)

    def stored_noise(self) -> list[Tensor]:
        """The noise pictures that belong to the checkpoint; with them the output is repeatable."""
        return [getattr(self.noises, f"noise_{index}") for index in range(2 * len(self.to_rgbs) + 1)]

    def random_noise(self, batch: int, rng: torch.Generator | None = None) -> list[Tensor]:
        """Fresh noise per picture and layer, for training; drawn on the CPU from `rng`."""
        stored = self.stored_noise()
        return [torch.randn(batch, *n.shape[1:], generator=rng).to(n) for n in stored]

    def forward(
        self,
        codes: Tensor,
        conditions: Conditions | None = None,
        noise: Sequence[Tensor] | None = None,
        return_features: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Pictures for codes.

        Args:
            codes: (B, N, style_dim) with N at least `code_count`, or (B, style_dim) for all layers.
            conditions: scale and shift, each (B, C, fusion_size, fusion_size).
            noise: one (1 or B, 1, side, side) tensor per layer; the stored ones otherwise.
            return_features: also give the features before the last colour layer.

        Returns:
            (B, 3, size, size), about [-1, 1], not clamped.
        """
        codes, noise = self.spread(codes), noise or self.stored_noise()
        image, features = self.upper(self.lower(codes, noise), codes, conditions, noise)
        return (image, features) if return_features else image

    def spread(self, codes: Tensor) -> Tensor:
        """Codes as (B, N, style_dim): one W for all layers becomes W+."""
        if codes.dim() == 2:
            codes = codes[:, None].expand(-1, self.code_count, -1)
        if codes.dim() != 3 or codes.shape[1] < self.code_count or codes.shape[2] != self.config.style_dim:
            raise ShapeError(
                f"codes are {tuple(codes.shape)}, this generator needs (B, {self.code_count}, {self.config.style_dim})"
            )
        return codes

    def lower(self, codes: Tensor, noise: Sequence[Tensor] | None = None) -> Lower:
        """Everything before the fusion: features (B, C, F, F) at the fusion level and the picture below it.

        The same codes give the same lower part whatever the conditions are, so it can be kept.
        """
        noise = noise or self.stored_noise()
        x = self.conv1(self.input.input.expand(len(codes), -1, -1, -1), codes[:, 0], noise[0])
        rgb = self.to_rgb1(x, codes[:, 1])
        for level in range(self.fusion_level):
            x, rgb = self.level(level, self.enlarge(level, x, codes, noise), rgb, codes, noise)
        return self.enlarge(self.fusion_level, x, codes, noise), rgb

    def upper(
        self, lower: Lower, codes: Tensor, conditions: Conditions | None = None, noise: Sequence[Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """The picture (B, 3, size, size) and the last features, from the fusion on."""
        noise = noise or self.stored_noise()
        x, rgb = lower
        if conditions is not None:
            scale, shift = conditions
            if scale.shape[1:] != x.shape[1:]:
                raise ShapeError(f"conditions are {tuple(scale.shape[1:])}, the fusion needs {tuple(x.shape[1:])}")
            x = x * (1 + scale) + shift
        x, rgb = self.level(self.fusion_level, x, rgb, codes, noise)
        for level in range(self.fusion_level + 1, len(self.to_rgbs)):
            x, rgb = self.level(level, self.enlarge(level, x, codes, noise), rgb, codes, noise)
        return rgb, x

    def enlarge(self, level: int, x: Tensor, codes: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """The enlarging layer of a level."""
        return self.convs[2 * level](x, codes[:, 2 * level + 1], noise[2 * level + 1])

    def level(self, level: int, x: Tensor, rgb: Tensor, codes: Tensor, noise: Sequence[Tensor]) -> Lower:
        """The second layer of a level and its colour."""
        x = self.convs[2 * level + 1](x, codes[:, 2 * level + 2], noise[2 * level + 2])
        return x, self.to_rgbs[level](x, codes[:, 2 * level + 3], rgb)


def mix_codes(first: Tensor, second: Tensor, inject_index: int, count: int) -> Tensor:
    """Style mixing: (B, count, D) with `first` (B, D) up to `inject_index`, then `second` (B, D)."""
    return torch.stack([first] * inject_index + [second] * (count - inject_index), dim=1)


class DownBlock(nn.Module):
    """Residual block of the discriminator: two convolutions, the second halves the picture."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(EqualConv2d(inputs, inputs, 3, padding=1, bias=False), BiasedLeakyReLU(inputs))
        self.conv2 = nn.Sequential(
            FIR(pad=(2, 2)), EqualConv2d(inputs, outputs, 3, stride=2, bias=False), BiasedLeakyReLU(outputs)
        )
        self.skip = nn.Sequential(FIR(pad=(1, 1)), EqualConv2d(inputs, outputs, 1, stride=2, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H/2, W/2)."""
        return (self.conv2(self.conv1(x)) + self.skip(x)) / SQRT2


class Discriminator(ModelMixin, ConfigMixin):
    """StyleGAN2's residual discriminator with the minibatch standard deviation.

    Source: Karras et al. 2020, appendix B; minibatch deviation: Karras et al. 2018, section 3.
    """

    @register_to_config
    def __init__(self, size: int = 1024, channel_base: int = 32768, channel_max: int = 512, group: int = 4) -> None:
        super().__init__()
        sides = [2**k for k in range(int(math.log2(size)), 1, -1)]
        width = [channels_at(side, channel_base, channel_max) for side in sides]
        blocks = [DownBlock(a, b) for a, b in zip(width[:-1], width[1:], strict=True)]
        self.convs = nn.Sequential(
            nn.Sequential(EqualConv2d(3, width[0], 1, bias=False), BiasedLeakyReLU(width[0])), *blocks
        )
        self.final_conv = nn.Sequential(
            EqualConv2d(width[-1] + 1, width[-1], 3, padding=1, bias=False), BiasedLeakyReLU(width[-1])
        )
        self.final_linear = nn.Sequential(
            EqualLinear(width[-1] * 16, width[-1], activate=True), EqualLinear(width[-1], 1)
        )

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, size, size) in [-1, 1] to realness (B, 1)."""
        x = self.convs(image)
        group = math.gcd(len(x), self.config.group)
        deviation = x.view(group, -1, *x.shape[1:]).var(0, unbiased=False).add(1e-8).sqrt().mean((1, 2, 3))
        plane = deviation.repeat(group).view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])
        x = self.final_conv(torch.cat([x, plane], dim=1))
        return self.final_linear(x.flatten(1))
