"""The painter: what a warp cannot show of a turned head, and where the warp is to be trusted. Our own addition to HFGI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.errors import ShapeError
from core.ops.warp import backward_warp
from core.ripple.methods.head_turn.pre_aligner import FLOW_UNIT, towards_right

INPUTS = 14  # warped source, source, plain edit, person's logit, flow (2), degrees (2)
OUTPUTS = 8  # colour (3), trust in the warp (1), light (3), person's logit (1)


@dataclass(frozen=True)
class PaintingConstants:
    """How the painter's answer is used."""

    light_px: int = 16  # shading changes are smooth: one value per so many pixels
    full_degrees: float = 0.5  # edits below this fade into the photograph, which no edit leaves as it is
    rim_slope: float = 4.0  # the rim of the moved part fades within half a unit of the logit


PAINTING = PaintingConstants()


class Painted(NamedTuple):
    """What the painter says, at its size S.

    Attributes:
        colour: (B, 3, S, S) about [-1, 1], for what the photograph does not show.
        trust: (B, 1, S, S) in [0, 1], how far the warped photograph is to be trusted.
        light: (B, 3, S, S), added to the warped photograph: how its shading changes.
        person: (B, 1, S, S) logit, above 0 where the person is.
    """

    colour: Tensor
    trust: Tensor
    light: Tensor
    person: Tensor

    def to(self, device: torch.device, dtype: torch.dtype = torch.float32) -> Painted:
        """On another device, in that precision."""
        return Painted(*(plane.to(device, dtype) for plane in self))

    def composite(self, photo: Tensor, flow: Tensor) -> Tensor:
        """The person of the edit at the photograph's size, (B, 3, P, P); what lies around the person means nothing.

        Args:
            photo: (B, 3, P, P) in [-1, 1], P of any size.
            flow: (B, 2, P, P) px at this size.
        """
        colour, trust, light = (enlarged(x, photo.shape[-1]) for x in self[:3])
        trust = trust.clamp(0, 1)
        return trust * (backward_warp(photo, flow) + light) + (1 - trust) * colour


def enlarged(x: Tensor, side: int) -> Tensor:
    """Bicubic, if it has another size."""
    return x if x.shape[-1] == side else F.interpolate(x, (side, side), mode="bicubic", align_corners=False)


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

    def paint(self, source: Tensor, plain: Tensor, flow: Tensor, person: Tensor, degrees: Tensor) -> Painted:
        """What the painter says about one edit; turns to the left are mirrored first and back afterwards.

        Without an edit the warped photograph is trusted everywhere; small edits lead there smoothly.

        Args:
            source: (B, 3, S, S) the photograph, in [-1, 1].
            plain: (B, 3, S, S) the generator's edit without details.
            flow: (B, 2, S, S) px, from the edit to the photograph.
            person: (B, 1, S, S) logit, where the flow's maker sees the person.
            degrees: (B, 2), see `FLOW_EDITS`.
        """
        moved = backward_warp(source, flow)
        sign = torch.where(degrees[:, :1] < 0, -1.0, 1.0).view(-1, 1, 1, 1).to(flow)
        units = torch.cat([flow[:, :1] * sign, flow[:, 1:]], dim=1) / (FLOW_UNIT * source.shape[-1])
        (x,), turn, left = towards_right([torch.cat([moved, source, plain, person, units], dim=1)], degrees)
        answer = self(torch.cat([x, turn[:, :, None, None].expand(-1, -1, *x.shape[2:])], dim=1))
        answer = torch.where(left, answer.flip(-1), answer)
        light = F.avg_pool2d(answer[:, 4:7], PAINTING.light_px)
        light = F.interpolate(light, answer.shape[2:], mode="bicubic", align_corners=False)
        share = (degrees.abs().sum(1) / PAINTING.full_degrees).clamp(max=1).view(-1, 1, 1, 1)
        doubt = torch.sigmoid(-1 - answer[:, 3:4])
        return Painted(moved + answer[:, :3], 1 - share * doubt, share * light, person + answer[:, 7:])
