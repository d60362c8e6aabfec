"""The bricks of generator and discriminator: convolution unit, residual block, down and up block, AdaIN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from core.crossbreed.paper.spectral import conv2d
from core.devices import full_precision

EPS = 1e-5


def standardise(x: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, H, W) minus its mean per sample and channel, and one over its (biased) standard deviation (B, C, 1, 1).

    Two plain means: with channels last, torch's `var_mean` and `instance_norm` take three times as long.
    """
    centred = x - x.mean(dim=(2, 3), keepdim=True)
    return centred, torch.rsqrt(centred.square().mean(dim=(2, 3), keepdim=True) + EPS)


class Standardised(torch.autograd.Function):
    """`standardise` with its own gradient: autograd's chain of small steps costs a quarter of a training step."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """(B, C, H, W) to mean 0 and variance 1 per sample and channel."""
        centred, gain = standardise(x)
        y = centred.mul_(gain)
        ctx.save_for_backward(y, gain)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        """The gradient: what the mean and the variance hold fast is taken out of the slope."""
        y, gain = ctx.saved_tensors
        along = (slope * y).mean(dim=(2, 3), keepdim=True)
        rest = torch.addcmul(slope, y, along, value=-1)
        return rest.sub_(slope.mean(dim=(2, 3), keepdim=True)).mul_(gain)


class InstanceNorm(nn.Module):
    """Each channel of each sample to mean 0 and (biased) variance 1."""

    def forward(self, x: Tensor, affine: Tensor | None = None) -> Tensor:
        """(B, C, H, W) to the same; `affine` is not used."""
        if torch.is_grad_enabled() and x.requires_grad:
            return cast(Tensor, Standardised.apply(x))
        centred, gain = standardise(x)
        return centred * gain


class AdaIN(nn.Module):
    """Instance normalisation, then a scale and shift per sample and channel.

    The scale multiplies as it is (not 1 + scale).
    Source: Huang and Belongie 2017, equation 8, with learned statistics as in MUNIT.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor, affine: Tensor) -> Tensor:
        """(B, C, H, W) and affine (B, 2C), the C shifts first, to (B, C, H, W)."""
        shift, scale = affine[:, :, None, None].split(self.channels, dim=1)
        if torch.is_grad_enabled() and x.requires_grad:
            return torch.addcmul(shift, cast(Tensor, Standardised.apply(x)), scale)
        centred, gain = standardise(x)
        return torch.addcmul(shift, centred, scale * gain)


def reflected(x: Tensor, width: int) -> Tensor:
    """(B, C, H, W) with a mirrored rim, in its own precision: autocast would widen it to float32 and back for nothing."""
    with full_precision(x):
        return F.pad(x, (width,) * 4, mode="reflect")


NORMS = {"instance": lambda channels: InstanceNorm(), "adain": AdaIN, "none": lambda channels: None}
ACTIVATIONS = {
    "relu": F.relu,
    "leaky": lambda x: F.leaky_relu(x, 0.2),
    "tanh": torch.tanh,
    "none": lambda x: x,
}


class ConvUnit(nn.Module):
    """Reflection pad, convolution, normalisation and activation.

    Order: with `activate_first` activation, pad, convolution, norm; otherwise pad, convolution, norm, activation.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        norm: str = "none",
        activation: str = "none",
        activate_first: bool = False,
        bias: bool = True,
        spectral: bool,
    ) -> None:
        super().__init__()
        self.pad = kernel // 2
        self.activation = activation
        self.activate_first = activate_first
        self.conv = conv2d(inputs, outputs, kernel, bias=bias, spectral=spectral)
        self.norm = NORMS[norm](outputs)

    def forward(self, x: Tensor, affine: Tensor | None = None) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W); `affine` goes to an AdaIN."""
        activate = ACTIVATIONS[self.activation]
        if self.activate_first:
            x = activate(x)
        if self.pad:
            x = reflected(x, self.pad)
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x, affine)
        return x if self.activate_first else activate(x)


class ResidualBlock(nn.Module):
    """Two 3x3 units whose activation comes first, beside an identity or a bare 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, *, norm: str, activation: str, spectral: bool) -> None:
        super().__init__()
        unit: dict[str, Any] = {"norm": norm, "activation": activation, "activate_first": True, "spectral": spectral}
        hidden = min(inputs, outputs)
        self.conv_0 = ConvUnit(inputs, hidden, 3, **unit)
        self.conv_1 = ConvUnit(hidden, outputs, 3, **unit)
        self.conv_s = ConvUnit(inputs, outputs, 1, bias=False, spectral=spectral) if inputs != outputs else None

    @property
    def affine_sizes(self) -> list[int]:
        """Channels of its AdaINs, in order; empty where it has none."""
        return [unit.norm.channels for unit in (self.conv_0, self.conv_1) if isinstance(unit.norm, AdaIN)]

    def forward(self, x: Tensor, affines: Sequence[Tensor | None] = (None, None)) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W); `affines` go to the two AdaINs."""
        shortcut = x if self.conv_s is None else self.conv_s(x)
        return shortcut + self.conv_1(self.conv_0(x, affines[0]), affines[1])


def halve(x: Tensor) -> Tensor:
    """(B, C, n, m) to (B, C, floor((n-1)/2)+1, ...): a 3x3 average over a reflected rim, stride 2."""
    with full_precision(x):
        return F.avg_pool2d(reflected(x, 1), 3, stride=2)


class DownBlock(nn.Module):
    """A residual block at full size, then half the size."""

    def __init__(self, inputs: int, outputs: int, *, spectral: bool) -> None:
        super().__init__()
        block = ResidualBlock(inputs, outputs, norm="instance", activation="relu", spectral=spectral)
        self.model = nn.ModuleList([block])

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H/2, W/2)."""
        return halve(self.model[0](x))


class UpBlock(nn.Module):
    """Twice the size by repeating pixels, then a residual block with AdaIN at that size."""

    def __init__(self, inputs: int, outputs: int, *, spectral: bool) -> None:
        super().__init__()
        # The published numbering counts the enlargement as child 0.
        block = ResidualBlock(inputs, outputs, norm="adain", activation="relu", spectral=spectral)
        self.model = nn.ModuleDict({"1": block})

    @property
    def block(self) -> ResidualBlock:
        """The residual block."""
        return cast(ResidualBlock, self.model["1"])

    def forward(self, x: Tensor, affines: Sequence[Tensor]) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, 2H, 2W)."""
        return self.block(F.interpolate(x, scale_factor=2, mode="nearest"), affines)


class ResidualStack(nn.Module):
    """Residual blocks of one width in a row."""

    def __init__(self, channels: int, count: int, *, norm: str, spectral: bool) -> None:
        super().__init__()
        self.model = nn.ModuleList(
            ResidualBlock(channels, channels, norm=norm, activation="relu", spectral=spectral) for _ in range(count)
        )

    def forward(self, x: Tensor, affines: Sequence[Tensor] | None = None) -> Tensor:
        """(B, C, H, W) to the same; `affines` holds two tensors per block."""
        for index, block in enumerate(self.model):
            x = block(x) if affines is None else block(x, affines[2 * index : 2 * index + 2])
        return x
