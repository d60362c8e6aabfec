"""BigGAN-deep, the teacher: generated pictures of ImageNet classes and everything between two of them.

Attribute names follow the public PyTorch port of the weights (pytorch-pretrained-biggan).
Source: Brock, Donahue, Simonyan, "Large Scale GAN Training", ICLR 2019, appendix B (BigGAN-deep).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional as F

from core.crossbreed.paper.spectral import conv2d, linear
from core.errors import OptionError, ShapeError

EPS = 1e-4
TRUNCATION_STEPS = 50
ATTENTION_PLACE = 8
# (twice the size, inputs, outputs), widths in units of the channel width.
LAYERS = {
    128: ((0, 16, 16), (1, 16, 16), (0, 16, 16), (1, 16, 8), (0, 8, 8), (1, 8, 4), (0, 4, 4), (1, 4, 2), (0, 2, 2), (1, 2, 1)),
    256: ((0, 16, 16), (1, 16, 16), (0, 16, 16), (1, 16, 8), (0, 8, 8), (1, 8, 8), (0, 8, 8), (1, 8, 4), (0, 4, 4), (1, 4, 2),
          (0, 2, 2), (1, 2, 1)),
    512: ((0, 16, 16), (1, 16, 16), (0, 16, 16), (1, 16, 8), (0, 8, 8), (1, 8, 8), (0, 8, 8), (1, 8, 4), (0, 4, 4), (1, 4, 2),
          (0, 2, 2), (1, 2, 1), (0, 1, 1), (1, 1, 1)),
}  # fmt: skip


class TruncatedBatchNorm(nn.Module):
    """Batch normalisation with fixed statistics per truncation, one row per step of 1/50.

    Args:
        channels: width of the input.
        cond: length of the condition vector that gives scale and offset; 0 for a plain affine.
    """

    running_means: Tensor
    running_vars: Tensor

    def __init__(self, channels: int, cond: int, spectral: bool) -> None:
        super().__init__()
        self.register_buffer("running_means", torch.zeros(TRUNCATION_STEPS + 1, channels))
        self.register_buffer("running_vars", torch.ones(TRUNCATION_STEPS + 1, channels))
        self.conditional = cond > 0
        if self.conditional:
            self.scale = linear(cond, channels, bias=False, spectral=spectral, eps=EPS)
            self.offset = linear(cond, channels, bias=False, spectral=spectral, eps=EPS)
        else:
            self.weight = nn.Parameter(torch.ones(channels))
            self.bias = nn.Parameter(torch.zeros(channels))

    def statistics(self, truncation: float) -> tuple[Tensor, Tensor]:
        """Means and variances (channels,) at a truncation.

        Between two rows the published weights are applied the wrong way round (the fraction goes to the lower
        row); the released weights were sampled like that, so it stays.
        """
        fraction, row = math.modf(truncation / (1 / TRUNCATION_STEPS))
        lower = int(row)
        if fraction == 0:
            return self.running_means[lower], self.running_vars[lower]
        means, variances = (
            fraction * rows[lower] + (1 - fraction) * rows[lower + 1]
            for rows in (self.running_means, self.running_vars)
        )
        return means, variances

    def forward(self, x: Tensor, truncation: float, cond: Tensor) -> Tensor:
        """(B, C, H, W) and cond (B, cond) to (B, C, H, W)."""
        mean, variance = self.statistics(truncation)
        if self.conditional:
            scale, offset = 1 + self.scale(cond), self.offset(cond)
        else:
            scale, offset = self.weight[None], self.bias[None]
        gain = scale * torch.rsqrt(variance + EPS)
        return torch.addcmul((offset - mean * gain)[:, :, None, None], x, gain[:, :, None, None])


class GeneratorBlock(nn.Module):
    """A bottleneck of four convolutions beside a shortcut that drops channels."""

    def __init__(self, inputs: int, outputs: int, up: bool, cond: int, spectral: bool) -> None:
        super().__init__()
        hidden = inputs // 4
        shape: dict[str, Any] = {"spectral": spectral, "eps": EPS}
        self.up, self.outputs = up, outputs
        self.bn_0 = TruncatedBatchNorm(inputs, cond, spectral)
        self.conv_0 = conv2d(inputs, hidden, 1, **shape)
        self.bn_1 = TruncatedBatchNorm(hidden, cond, spectral)
        self.conv_1 = conv2d(hidden, hidden, 3, padding=1, **shape)
        self.bn_2 = TruncatedBatchNorm(hidden, cond, spectral)
        self.conv_2 = conv2d(hidden, hidden, 3, padding=1, **shape)
        self.bn_3 = TruncatedBatchNorm(hidden, cond, spectral)
        self.conv_3 = conv2d(hidden, outputs, 1, **shape)

    def forward(self, x: Tensor, cond: Tensor, truncation: float) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W), or twice the sides."""
        y = self.conv_0(F.relu(self.bn_0(x, truncation, cond)))
        y = F.relu(self.bn_1(y, truncation, cond))
        y = self.conv_1(F.interpolate(y, scale_factor=2, mode="nearest") if self.up else y)
        y = self.conv_2(F.relu(self.bn_2(y, truncation, cond)))
        y = self.conv_3(F.relu(self.bn_3(y, truncation, cond)))
        shortcut = x[:, : self.outputs]
        if self.up:
            shortcut = F.interpolate(shortcut, scale_factor=2, mode="nearest")
        return y + shortcut


class SelfAttention(nn.Module):
    """Every place looks at every second place of the map. Source: Zhang et al. 2019 (SAGAN), equation 2."""

    def __init__(self, channels: int, spectral: bool) -> None:
        super().__init__()
        shape: dict[str, Any] = {"bias": False, "spectral": spectral, "eps": EPS}
        self.snconv1x1_theta = conv2d(channels, channels // 8, 1, **shape)
        self.snconv1x1_phi = conv2d(channels, channels // 8, 1, **shape)
        self.snconv1x1_g = conv2d(channels, channels // 2, 1, **shape)
        self.snconv1x1_o_conv = conv2d(channels // 2, channels, 1, **shape)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same; H and W even."""
        queries = self.snconv1x1_theta(x).flatten(2)
        keys = F.max_pool2d(self.snconv1x1_phi(x), 2).flatten(2)
        values = F.max_pool2d(self.snconv1x1_g(x), 2).flatten(2)
        weights = torch.softmax(queries.transpose(1, 2) @ keys, dim=-1)
        found = (values @ weights.transpose(1, 2)).unflatten(2, x.shape[-2:])
        return x + self.gamma * self.snconv1x1_o_conv(found)


class BigGANTrunk(nn.Module):
    """From the condition vector to the picture."""

    def __init__(self, img_size: int, width: int, cond: int, spectral: bool) -> None:
        super().__init__()
        self.first = 16 * width
        self.gen_z = linear(cond, 16 * self.first, spectral=spectral, eps=EPS)
        layers: list[nn.Module] = []
        for up, inputs, outputs in LAYERS[img_size]:
            if len(layers) == ATTENTION_PLACE:
                layers.append(SelfAttention(inputs * width, spectral))
            layers.append(GeneratorBlock(inputs * width, outputs * width, bool(up), cond, spectral))
        self.layers = nn.ModuleList(layers)
        self.bn = TruncatedBatchNorm(width, 0, spectral)
        self.conv_to_rgb = conv2d(width, width, 3, padding=1, spectral=spectral, eps=EPS)

    def forward(self, cond: Tensor, truncation: float) -> Tensor:
        """(B, cond) to (B, 3, S, S) in [-1, 1]."""
        # The linear layer was trained with channels last.
        x = self.gen_z(cond).unflatten(1, (4, 4, self.first)).permute(0, 3, 1, 2).contiguous()
        for layer in self.layers:
            x = layer(x) if isinstance(layer, SelfAttention) else layer(x, cond, truncation)
        x = F.relu(self.bn(x, truncation, cond))
        return torch.tanh(self.conv_to_rgb(x)[:, :3])


class BigGANDeep(ModelMixin, ConfigMixin):
    """The class-conditional generator.

    Args:
        img_size: side of its pictures: 128, 256 or 512.
        z_dim: length of the noise and of the class embedding.
        n_class: number of classes.
        channel_width: width of its last block.
        spectral_norm: keep spectral normalisation; False is the folded network.
    """

    @register_to_config
    def __init__(
        self,
        *,
        img_size: int = 128,
        z_dim: int = 128,
        n_class: int = 1000,
        channel_width: int = 128,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        if img_size not in LAYERS:
            raise OptionError(f"BigGAN-deep comes in {', '.join(map(str, LAYERS))} px, not in {img_size} px")
        self.embeddings = nn.Linear(n_class, z_dim, bias=False)
        self.generator = BigGANTrunk(img_size, channel_width, 2 * z_dim, spectral_norm)

    def forward(self, z: Tensor, class_vector: Tensor, truncation: float) -> Tensor:
        """Pictures (B, 3, S, S) in [-1, 1].

        Args:
            z: noise (B, z_dim), already multiplied by the truncation.
            class_vector: (B, n_class), one-hot or a mixture.
            truncation: in (0, 1]; chooses the statistics of the batch normalisations.
        """
        if not 0 < truncation <= 1:
            raise OptionError(f"truncation is {truncation}, it fits in (0, 1]")
        if z.shape[0] != class_vector.shape[0]:
            raise ShapeError(f"{z.shape[0]} noises came with {class_vector.shape[0]} class vectors: give one for each")
        return self.generator(torch.cat([z, self.embeddings(class_vector)], dim=1), truncation)
