"""LaMa: inpainting with fast Fourier convolutions, and the patch discriminator that trains it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.devices import full_precision
from core.errors import ShapeError

Streams = tuple[Tensor | None, Tensor | None]


class FourierUnit(nn.Module):
    """A 1x1 convolution on the spectrum: every output pixel sees the whole picture.

    Source: Suvorov et al. 2022 (LaMa), section 2.1; Chi et al. 2020 (FFC), section 3.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_layer = nn.Conv2d(2 * inputs, 2 * outputs, 1, bias=False)
        self.bn = nn.BatchNorm2d(2 * outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W), in float32 whatever comes in.

        Half-precision transforms overflow and want powers of two.
        """
        batch, _, height, width = x.shape
        spectrum = torch.fft.rfftn(x.float(), dim=(-2, -1), norm="ortho")
        # channels alternate: real and imaginary part of each
        parts = torch.view_as_real(spectrum).permute(0, 1, 4, 2, 3).flatten(1, 2)
        with full_precision(x):
            parts = F.relu(self.bn(self.conv_layer(parts)))
        pairs = parts.view(batch, -1, 2, *parts.shape[2:]).permute(0, 1, 3, 4, 2).contiguous()
        y = torch.fft.irfftn(torch.view_as_complex(pairs), s=(height, width), dim=(-2, -1), norm="ortho")
        return y.to(x.dtype)


class SpectralTransform(nn.Module):
    """Fourier unit at half the channels with a shortcut around it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.conv1 = nn.Sequential(nn.Conv2d(inputs, half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU())
        self.fu = FourierUnit(half, half)
        self.conv2 = nn.Conv2d(half, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        x = self.conv1(x)
        return self.conv2(x + self.fu(x))


class FFC(nn.Module):
    """Fast Fourier convolution: a local and a global stream that feed each other.

    Args:
        inputs: channels in, both streams.
        outputs: channels out, both streams.
        kernel: side of the local kernels.
        global_in: share of `inputs` that is global.
        global_out: share of `outputs` that is global.
        stride: of the local convolutions; the spectral path only runs at stride 1.
        padding: mirrored (reflect).
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, global_in: float, global_out: float, stride: int, padding: int
    ) -> None:
        super().__init__()
        gin, gout = int(inputs * global_in), int(outputs * global_out)
        lin, lout = inputs - gin, outputs - gout

        def conv(a: int, b: int) -> nn.Conv2d:
            return nn.Conv2d(a, b, kernel, stride, padding, bias=False, padding_mode="reflect")

        self.convl2l = conv(lin, lout)
        if gout:
            self.convl2g = conv(lin, gout)
        if gin:
            self.convg2l = conv(gin, lout)
        if gin and gout:
            self.convg2g = SpectralTransform(gin, gout)

    def forward(self, streams: Streams) -> Streams:
        """(local, global) to (local, global); global is None where its share is 0."""
        local, wide = streams
        out_local = self.convl2l(local)
        out_wide = self.convl2g(local) if hasattr(self, "convl2g") else None
        if wide is not None:
            out_local = out_local + self.convg2l(wide)
            if out_wide is not None:
                out_wide = out_wide + self.convg2g(wide)
        return out_local, out_wide


class FFCLayer(nn.Module):
    """`FFC`, batch norm and ReLU on both streams."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        global_in: float = 0.0,
        global_out: float = 0.0,
        stride: int = 1,
        padding: int = 1,
    ) -> None:
        super().__init__()
        self.ffc = FFC(inputs, outputs, kernel, global_in, global_out, stride, padding)
        gout = int(outputs * global_out)
        self.bn_l = nn.BatchNorm2d(outputs - gout)
        if gout:
            self.bn_g = nn.BatchNorm2d(gout)

    def forward(self, streams: Streams) -> Streams:
        """(local, global), activated."""
        local, wide = self.ffc(streams)
        return F.relu(self.bn_l(local)), None if wide is None else F.relu(self.bn_g(wide))


class FFCBlock(nn.Module):
    """Two FFC layers and a skip; nothing follows the sum."""

    def __init__(self, channels: int, ratio: float) -> None:
        super().__init__()
        self.conv1 = FFCLayer(channels, channels, global_in=ratio, global_out=ratio)
        self.conv2 = FFCLayer(channels, channels, global_in=ratio, global_out=ratio)

    def forward(self, streams: Streams) -> Streams:
        """(local, global), same shapes."""
        local, wide = self.conv2(self.conv1(streams))
        return local + streams[0], wide + streams[1]


class Split(nn.Module):
    """A picture as the local stream."""

    def forward(self, x: Tensor) -> Streams:
        """(local, None)."""
        return F.pad(x, (3, 3, 3, 3), mode="reflect"), None


class Join(nn.Module):
    """Both streams as one tensor."""

    def forward(self, streams: Streams) -> Tensor:
        """(B, local + global channels, H, W)."""
        return torch.cat([stream for stream in streams if stream is not None], dim=1)


class Lama(ModelMixin, ConfigMixin):
    """The inpainting generator.

    Args:
        width: channels at full size; they double with each of three halvings.
        blocks: residual blocks at 1/8 size.
        ratio: share of global channels in the blocks.

    Source: Suvorov et al. 2022, section 2; "big" configuration with 18 blocks as default.
    """

    @register_to_config
    def __init__(self, width: int = 64, blocks: int = 18, ratio: float = 0.75) -> None:
        super().__init__()
        deep = 8 * width
        layers: list[nn.Module] = [
            Split(),
            FFCLayer(4, width, kernel=7, padding=0),
            FFCLayer(width, 2 * width, stride=2),
            FFCLayer(2 * width, 4 * width, stride=2),
            FFCLayer(4 * width, deep, global_out=ratio, stride=2),
            *[FFCBlock(deep, ratio) for _ in range(blocks)],
            Join(),
        ]
        for below in (deep, deep // 2, deep // 4):
            layers.append(nn.ConvTranspose2d(below, below // 2, 3, 2, 1, output_padding=1))
            layers += [nn.BatchNorm2d(below // 2), nn.ReLU()]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Sigmoid()]
        self.model = nn.Sequential(*layers)

    def predict(self, image: Tensor, mask: Tensor) -> Tensor:
        """The raw picture, also where nothing was missing; arguments as in `forward`."""
        if image.shape[2] % 8 or image.shape[3] % 8 or mask.shape[2:] != image.shape[2:]:
            raise ShapeError(
                f"image is {tuple(image.shape)} and mask {tuple(mask.shape)}: both need one size, "
                "with sides that divide by 8 (core.ripple.paper.inpainting pads)"
            )
        return self.model(torch.cat([image * (1 - mask), mask], dim=1))

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Fill the hole.

        Args:
            image: (B, 3, H, W) in [0, 1], sides divisible by 8.
            mask: (B, 1, H, W), 1 = hole, 0 = keep.

        Returns:
            (B, 3, H, W): the prediction inside the hole, `image` outside.
        """
        return mask * self.predict(image, mask) + (1 - mask) * image


class PatchDiscriminator(nn.Module):
    """70-px patch discriminator that also gives its features, for feature matching.

    Source: Isola et al. 2017, section 3.2.2; LaMa uses 4 layers of base width 64.
    """

    def __init__(self, width: int = 64, layers: int = 4) -> None:
        super().__init__()
        stages: list[nn.Module] = [nn.Sequential(nn.Conv2d(3, width, 4, 2, 2), nn.LeakyReLU(0.2))]
        below = width
        for index in range(1, layers + 1):
            here, stride = min(below * 2, 8 * width), 2 if index < layers else 1
            conv = nn.Conv2d(below, here, 4, stride, 2)
            stages.append(nn.Sequential(conv, nn.BatchNorm2d(here), nn.LeakyReLU(0.2)))
            below = here
        self.stages = nn.ModuleList(stages)
        self.last = nn.Conv2d(below, 1, 4, 1, 2)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, 3, H, W) to realness (B, 1, H', W') and one feature map per stage."""
        features = []
        for stage in self.stages:
            image = stage(image)
            features.append(image)
        return self.last(image), features
