"""The small style network that is shipped: a painter whose every normalisation takes its scale and offset from a code.

The split of the paper, applied to the style code: what t translates is the way from the content's own code to the
style's, what it leaves alone is the content with its own code.

Source: the painter is the form of Ghiasi et al. 2017, "Exploring the structure of a real-time, arbitrary neural artistic
stylization network", section 3, so that it can start from that teacher's layers; the rest is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.errors import OptionError, ShapeError
from core.sdl.methods.style.tiles import WHOLE_PIXELS, contract_in_tiles, expand_in_tiles
from core.sdl.paper.blocks import over_batch
from core.sdl.paper.network import Encoded

# The style code's network sees squares of this many pixels as channels.
FOLD = 4


class ConditionalConv(nn.Module):
    """Convolution without a bias, instance normalisation, and scale and offset from the style code."""

    def __init__(self, in_channels: int, channels: int, code: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel, padding=kernel // 2, padding_mode="reflect", bias=False)
        self.offset, self.scale = nn.Linear(code, channels), nn.Linear(code, channels)

    def forward(self, maps: Tensor, code: Tensor) -> Tensor:
        """(B, C, H, W) in the style of `code` (B, D)."""
        # Half precision would lose small variances.
        return self.steer(F.instance_norm(self.conv(maps).float(), eps=1e-5), code)

    def steer(self, maps: Tensor, code: Tensor) -> Tensor:
        """Normalised maps (B, C, H, W) with the scale and offset of `code` (B, D)."""
        return maps * self.scale(code).float()[..., None, None] + self.offset(code).float()[..., None, None]


class StyleEncoder(nn.Module):
    """A picture (B, 3, S, S) in [0, 1] to its style code (B, D): statistics of its features at every scale."""

    def __init__(self, widths: Sequence[int], code: int) -> None:
        super().__init__()
        first, *others = widths
        self.levels = nn.ModuleList([normed(3 * FOLD**2, first, 1)])
        for before, after in zip(widths, others, strict=False):
            self.levels.append(nn.Sequential(*normed(before, after, 2), *normed(after, after, 1)))
        self.read = nn.Sequential(nn.Linear(2 * sum(widths) + 6, 256), nn.PReLU(256), nn.Linear(256, code))

    def forward(self, pictures: Tensor) -> Tensor:
        """The codes."""
        maps = 2 * pictures - 1
        seen = list(channel_statistics(maps))
        maps = F.pixel_unshuffle(maps, FOLD)
        for level in self.levels:
            maps = level(maps)
            seen += channel_statistics(maps)
        return self.read(torch.cat(seen, 1))


def normed(in_channels: int, channels: int, stride: int) -> nn.Sequential:
    """Convolution, batch normalisation, PReLU."""
    conv = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.PReLU(channels))


def channel_statistics(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel over the picture, (B, C) each."""
    variance, mean = torch.var_mean(maps.float(), (2, 3), correction=0)
    return mean, (variance + 1e-4).sqrt()


class SDLStyleNet(ModelMixin, ConfigMixin):
    """Content and style to the content in that style; the same calls as `SDLNet`.

    Args:
        code_channels: length of the style code.
        widths: channels at full size, 1/2 and 1/4.
        blocks: residual blocks at 1/4.
        code_widths: channels of the style code's network at 1/4, 1/8, ... of `code_px`
        code_px: side of the square in which a picture's style is read.
        fade: the photo leaves with (1 - t) to this power, while its painting takes over.
    """

    # Normalised over the whole picture: tiles that know nothing of one another would differ in style. See `tiles.py`.
    whole_only = True
    reduction = 1

    @register_to_config
    def __init__(
        self,
        num_in_ch: int = 6,
        code_channels: int = 100,
        widths: Sequence[int] = (8, 16, 32),
        blocks: int = 5,
        code_widths: Sequence[int] = (32, 64, 128, 192),
        code_px: int = 256,
        fade: float = 3.0,
        reduction: int = 1,
        work_px: int = 0,
        output: str = "style",
    ) -> None:
        super().__init__()
        if num_in_ch != 6 or reduction != 1 or work_px or output != "style":
            raise OptionError("a style network takes content and style, 6 channels, at full size")
        fine, half, quarter = widths
        self.contract = nn.ModuleList(
            nn.Conv2d(before, after, kernel, stride, kernel // 2, padding_mode="reflect")
            for before, after, kernel, stride in ((3, fine, 9, 1), (fine, half, 3, 2), (half, quarter, 3, 2))
        )
        self.residual = nn.ModuleList(ConditionalConv(quarter, quarter, code_channels) for _ in range(2 * blocks))
        self.expand = nn.ModuleList(
            ConditionalConv(before, after, code_channels, kernel)
            for before, after, kernel in ((quarter, half, 3), (half, fine, 3), (fine, 3, 9))
        )
        self.code = StyleEncoder(code_widths, code_channels)

    @property
    def side_multiple(self) -> int:
        """What both sides of the inputs must be multiples of."""
        return 4

    def layers(self) -> list[ConditionalConv]:
        """All layers that the code steers, in order."""
        return [cast(ConditionalConv, layer) for layer in (*self.residual, *self.expand)]

    def modulations(self, code: Tensor) -> Tensor:
        """What a style code (B, D) makes of all normalisations, in one row per item: the distance that matters between codes."""
        return torch.cat([part(code) for layer in self.layers() for part in (layer.scale, layer.offset)], 1)

    def code_of(self, pictures: Tensor) -> Tensor:
        """Style codes (B, D) of pictures (B, 3, H, W) of any size."""
        side = self.config.code_px
        if pictures.shape[2:] != (side, side):
            pictures = F.interpolate(pictures, (side, side), mode="bilinear", align_corners=False, antialias=True)
        return self.code(pictures)

    def encode(self, inputs: Tensor) -> Encoded:
        """What t does not touch: both codes and the content's features.

        Args:
            inputs: (B, 6, H, W) in [0, 1], content first, sides multiples of 4.

        Returns:
            flow: the way from the content's code to the style's; feature: the content's code, both (B, D, 1, 1);
            skips: the content's features.
        """
        height, width = inputs.shape[-2:]
        if inputs.shape[1] != 6 or height % 4 or width % 4 or min(height, width) < 32:
            raise ShapeError(
                f"the input is {inputs.shape[1]} channels of {width} x {height} pixels; content and style, 6 channels, "
                "with sides of at least 32 that are multiples of 4 fit: pad it and cut the result"
            )
        content, style = inputs.split(3, 1)
        own, wanted = self.code_of(content)[..., None, None], self.code_of(style)[..., None, None]
        if height * width > WHOLE_PIXELS:
            return Encoded(wanted - own, own, [contract_in_tiles(self.contract, content)])
        maps = content
        for conv in self.contract:
            maps = F.relu(conv(maps))
        return Encoded(wanted - own, own, [maps])

    def decode(self, encoded: Encoded, inputs: Tensor, t: Tensor) -> Tensor:
        """Pictures at t (T, 3, H, W): the photo alone at t = 0, the painting alone from t = 1 on."""
        t = t.reshape(-1)
        code = (encoded.feature + over_batch(t, encoded.flow) * encoded.flow)[..., 0, 0]
        painting = self.paint(encoded.skips[0].expand(len(t), -1, -1, -1), code).float()
        share = self.painted_share(t)
        source = inputs[:, :3].expand(len(t), -1, -1, -1)
        return source + over_batch(share, painting) * (painting - source)

    def painted_share(self, t: Tensor) -> Tensor:
        """How much of the picture at t is painting."""
        return 1 - (1 - t.clamp(0, 1)) ** self.config.fade

    def paint(self, maps: Tensor, code: Tensor) -> Tensor:
        """The content's features painted in the style of `code` (B, D): (B, 3, H, W) in (0, 1)."""
        layers = self.layers()
        residual, (half, full, last) = layers[:-3], layers[-3:]
        for first, second in zip(residual[::2], residual[1::2], strict=True):
            maps = maps + second(F.relu(first(maps, code)), code)
        if 16 * maps.shape[-2] * maps.shape[-1] > WHOLE_PIXELS:
            return expand_in_tiles(maps, (half, full, last), code)
        for layer in (half, full):
            maps = F.relu(layer(F.interpolate(maps, scale_factor=2, mode="nearest"), code))
        return torch.sigmoid(last(maps, code))

    def forward(self, inputs: Tensor, t: Tensor) -> Tensor:
        """The pictures at t: inputs (B, 6, H, W) in [0, 1], t (B,), 0 = content, 1 = in the style."""
        return self.decode(self.encode(inputs), inputs, t)
