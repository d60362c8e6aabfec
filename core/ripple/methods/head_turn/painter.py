"""The painter: what a warp cannot show of a turned head, and where the warp is to be trusted. Our own addition to HFGI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.errors import ShapeError

INPUTS = 14  # warped source, source, plain edit, person's logit, flow (2), degrees (2)
OUTPUTS = 8  # colour (3), trust in the warp (1), light (3), person's logit (1)


class Layer(nn.Module):
    """Convolution, group norm and SiLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, groups: int = 8) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.norm = nn.GroupNorm(groups, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return F.silu(self.norm(self.conv(x)))


class Painter(ModelMixin, ConfigMixin):
    """A U-net from half size down whose way up adds what the way down kept.

    Fine detail comes from the warped photograph, so the net itself works at half size and smaller.

    Args:
        size: side of its pictures in pixels, exactly.
        channels: width at 1/2, 1/4, 1/8 ... size; each divisible by 8.

    Source: own; U-net: Ronneberger et al. 2015, warp with trust map: Siarohin et al. 2019 (first order motion), section 3.2.
    """

    @register_to_config
    def __init__(self, size: int = 128, channels: Sequence[int] = (32, 64, 96, 128)) -> None:
        super().__init__()
        self.enter = nn.Conv2d(INPUTS, channels[0], 4, 2, 1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for above, below in zip(channels[:-1], channels[1:], strict=True):
            self.down.append(nn.Sequential(Layer(above, below, 2), Layer(below, below)))
            self.up.append(nn.ModuleList([Layer(below, above), Layer(above, above)]))
        self.deepest = nn.Sequential(Layer(channels[-1], channels[-1]), Layer(channels[-1], channels[-1]))
        self.last = nn.Conv2d(channels[0], 4 * OUTPUTS, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        self.last.bias.data.zero_()  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        """(B, 14, size, size) to (B, 8, size, size), linear."""
        wanted = (INPUTS, self.config.size, self.config.size)
        if x.shape[1:] != wanted:
            raise ShapeError(f"the painter got {tuple(x.shape[1:])}, it needs {wanted}")
        x, kept = F.silu(self.enter(x)), []
        for step in self.down:
            kept.append(x)
            x = step(x)
        x = x + self.deepest(x)
        for level, skip in zip(reversed(self.up), reversed(kept), strict=True):
            narrow, mix = cast(nn.ModuleList, level)
            x = mix(F.interpolate(narrow(x), scale_factor=2, mode="nearest") + skip)
        return F.pixel_shuffle(self.last(x), 2)


def painter_input(
    moved: Tensor, source: Tensor, plain: Tensor, person: Tensor, flow_units: Tensor, degrees: Tensor
) -> Tensor:
    """What the painter reads, (B, 14, S, S), from pictures of one size S and degrees (B, 2)."""
    planes = degrees[:, :, None, None].expand(-1, -1, *moved.shape[2:])
    return torch.cat([moved, source, plain, person, flow_units, planes], dim=1)
