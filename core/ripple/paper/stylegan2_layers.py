"""Layers that StyleGAN2 and its encoders share: equalised weights, FIR resampling, modulated convolution.

Plain torch throughout: nothing here needs a compiled extension.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SQRT2 = math.sqrt(2.0)


def fir_kernel(taps: tuple[int, ...] = (1, 3, 3, 1)) -> Tensor:
    """The separable low-pass filter as a (len, len) matrix that sums to one.

    Source: Karras et al. 2020 (StyleGAN2), appendix B, after Zhang 2019.
    """
    row = torch.tensor(taps, dtype=torch.float32)
    square = torch.outer(row, row)
    return square / square.sum()


def upfirdn2d(
    image: Tensor, kernel: Tensor, up: int = 1, down: int = 1, pad: tuple[int, int] = (0, 0), bias: Tensor | None = None
) -> Tensor:
    """Insert zeros, pad, convolve with `kernel`, and keep every `down`-th sample.

    Args:
        image: (B, C, H, W).
        kernel: (Kh, Kw); a true convolution, so the filter is flipped.
        up: every sample is followed by up - 1 zeros on both axes.
        down: stride of what is kept.
        pad: zeros before and after, on both axes; negative values crop.
        bias: (C,), added in the same pass.

    Source: the operator of Karras et al. 2019/2020; definition of pad and order as in their code.
    """
    batch, channels, height, width = image.shape
    if up > 1:
        spread = image.new_zeros(batch, channels, height, up, width, up)
        spread[:, :, :, 0, :, 0] = image
        image = spread.view(batch, channels, height * up, width * up)
    even = pad[0] if pad[0] == pad[1] and pad[0] >= 0 else 0
    if not even:
        image = F.pad(image, (pad[0], pad[1], pad[0], pad[1]))
    weight = kernel.flip(0, 1).to(image.dtype).expand(channels, 1, *kernel.shape)
    return F.conv2d(image, weight, bias, down, even, groups=channels)


def scaled_leaky_relu(x: Tensor, bias: Tensor | None = None) -> Tensor:
    """LeakyReLU(x + bias) with slope 0.2, times sqrt(2) so that the variance stays.

    Args:
        x: (B, C) or (B, C, H, W).
        bias: (C,).
    """
    if bias is not None:
        x = x + bias.view(1, -1, *([1] * (x.dim() - 2)))
    return F.leaky_relu(x, 0.2) * SQRT2


def pixel_norm(x: Tensor) -> Tensor:
    """Every vector along axis 1 divided by its root mean square (eps 1e-8)."""
    return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-8)


class EqualLinear(nn.Module):
    """Linear layer whose weight is scaled at run time, so that all layers learn at one speed.

    Source: Karras et al. 2018 (Progressive GAN), section 4.1.
    """

    def __init__(
        self, inputs: int, outputs: int, lr_mul: float = 1.0, activate: bool = False, bias_init: float = 0.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_mul)
        self.bias = nn.Parameter(torch.full((outputs,), bias_init))
        self.gain, self.lr_mul, self.activate = lr_mul / math.sqrt(inputs), lr_mul, activate

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs) to (B, outputs)."""
        if self.activate:
            return scaled_leaky_relu(F.linear(x, self.weight * self.gain), self.bias * self.lr_mul)
        return F.linear(x, self.weight * self.gain, self.bias * self.lr_mul)


class EqualConv2d(nn.Module):
    """Convolution with run-time weight scale, see `EqualLinear`."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.gain, self.stride, self.padding = 1 / math.sqrt(inputs * kernel**2), stride, padding

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H', W')."""
        return F.conv2d(x, self.weight * self.gain, self.bias, self.stride, self.padding)


class FIR(nn.Module):
    """`upfirdn2d` with the fixed [1, 3, 3, 1] filter, held as a constant of the module."""

    kernel: Tensor

    def __init__(self, up: int = 1, down: int = 1, pad: tuple[int, int] = (0, 0)) -> None:
        super().__init__()
        self.up, self.down, self.pad = up, down, pad
        self.register_buffer("kernel", fir_kernel() * up**2, persistent=False)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """(B, C, H, W), filtered and resampled."""
        return upfirdn2d(x, self.kernel, self.up, self.down, self.pad, bias)


class ModulatedConv2d(nn.Module):
    """Convolution whose input channels are scaled by a style, outputs normalised to unit variance.

    The style scales activations (or, for a single picture, the weights) rather than building one
    weight per sample: the same sum, without grouped convolutions, which are slow on a CPU.

    Source: Karras et al. 2020, section 2.2 (equations 1 to 3).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        style_dim: int,
        demodulate: bool = True,
        resample: str = "none",
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, kernel, kernel))
        self.modulation = EqualLinear(style_dim, inputs, bias_init=1.0)
        self.gain, self.padding = 1 / math.sqrt(inputs * kernel**2), kernel // 2
        self.demodulate, self.resample = demodulate, resample
        if resample == "up":
            self.blur = FIR(pad=(1, 1))
            self.blur.kernel *= 4  # three quarters of the spread samples are zero
        elif resample == "down":
            self.blur = FIR(pad=(2, 2))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(B, inputs, H, W) and style (B, style_dim) to (B, outputs, H', W')."""
        if len(x) == 1 and not torch.is_grad_enabled():
            return self.of_one(x, style)
        scale, weight = self.modulation(style), self.weight[0] * self.gain
        y = self.convolve(x * scale[:, :, None, None], weight)
        return y * self.norm(scale, weight)[:, :, None, None] if self.demodulate else y

    def of_one(self, x: Tensor, style: Tensor, gain: float = 1.0, bias: Tensor | None = None) -> Tensor:
        """The same for one picture, times `gain`, plus `bias` (outputs,): everything folded into the weights."""
        scale, weight = self.modulation(style), self.weight[0] * self.gain
        modulated = weight * scale.view(1, -1, 1, 1)
        if self.demodulate:
            modulated = modulated * self.norm(scale, weight).view(-1, 1, 1, 1)
        return self.convolve(x, modulated * gain, bias)

    @staticmethod
    def norm(scale: Tensor, weight: Tensor) -> Tensor:
        """One over the length of each output's modulated weight, (B, outputs)."""
        return torch.rsqrt(scale.square() @ weight.square().sum((2, 3)).T + 1e-8)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """One shared convolution, with the published order of resampling and filtering."""
        if self.resample == "up":
            return self.blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), bias)
        if self.resample == "down":
            return F.conv2d(self.blur(x), weight, bias, stride=2)
        return F.conv2d(x, weight, bias, padding=self.padding)


class NoiseInjection(nn.Module):
    """Adds one noise picture, scaled by one learned number."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """(B, C, H, W) plus noise (1 or B, 1, H, W)."""
        return x + self.weight * noise


class BiasedLeakyReLU(nn.Module):
    """`scaled_leaky_relu` with a learned bias per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W), activated."""
        return scaled_leaky_relu(x, self.bias)


class StyledConv(nn.Module):
    """Modulated convolution, noise, bias and activation: one layer of the synthesis network."""

    def __init__(self, inputs: int, outputs: int, kernel: int, style_dim: int, upsample: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(inputs, outputs, kernel, style_dim, resample="up" if upsample else "none")
        self.noise = NoiseInjection()
        self.activate = BiasedLeakyReLU(outputs)

    def forward(self, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H', W'); noise (1 or B, 1, H', W').

        For one picture the activation's gain moves into weights and bias, which saves three passes over the
        picture: LeakyReLU(g x) = g LeakyReLU(x) for g > 0.
        """
        if len(x) == 1 and len(noise) == 1 and not torch.is_grad_enabled():
            y = self.conv.of_one(x, style, SQRT2, self.activate.bias * SQRT2)
            return F.leaky_relu_(y.add_(noise * (self.noise.weight * SQRT2)), 0.2)
        return self.activate(self.noise(self.conv(x, style), noise))


class ToRGB(nn.Module):
    """1x1 modulated convolution to colour, added to the enlarged picture of the level below."""

    def __init__(self, inputs: int, style_dim: int, upsample: bool = True) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(inputs, 3, 1, style_dim, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
        if upsample:
            self.upsample = FIR(up=2, pad=(2, 1))

    def forward(self, x: Tensor, style: Tensor, skip: Tensor | None = None) -> Tensor:
        """(B, inputs, H, W) and `skip` (B, 3, H/2, W/2) to (B, 3, H, W)."""
        rgb = self.conv(x, style) + self.bias
        return rgb if skip is None else rgb + self.upsample(skip)
