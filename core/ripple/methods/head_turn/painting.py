"""The finished turn: the photograph warped where that can be trusted, painted where it cannot."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.warp import backward_warp
from core.ripple.methods.head_turn.painter import Painter, painter_input

LIGHT_PX = 16  # shading changes are smooth: one value per so many pixels
FULL_DEGREES = 0.5  # edits below this fade into the photograph, which no edit leaves as it is
PERSON_SLOPE = 4.0  # the rim of the moved part fades within half a unit of the logit


class Painted(NamedTuple):
    """What the painter says, at its size S.

    Attributes:
        colour: (B, 3, S, S) about [-1, 1], for what the photograph does not show.
        keep: (B, 1, S, S) in [0, 1], how far the warped photograph is to be trusted.
        light: (B, 3, S, S), added to the warped photograph: how its shading changes.
        person: (B, 1, S, S) logit, above 0 where the person is.
    """

    colour: Tensor
    keep: Tensor
    light: Tensor
    person: Tensor

    def to(self, device: torch.device) -> Painted:
        """On another device."""
        return Painted(*(part.to(device) for part in self))


def paint(
    painter: Painter, source: Tensor, plain: Tensor, flow: Tensor, person: Tensor, degrees: Tensor, unit_px: float
) -> Painted:
    """Ask the painter about one edit; turns to the left are mirrored first and back afterwards.

    Without an edit the photograph is trusted everywhere; small edits lead there smoothly.

    Args:
        painter: the network; S is its size.
        source: (B, 3, S, S) the photograph, in [-1, 1].
        plain: (B, 3, S, S) the generator's edit without details.
        flow: (B, 2, S, S) px, from the edit to the photograph.
        person: (B, 1, S, S) the pre-aligner's logit.
        degrees: (B, 2), see `FLOW_EDITS`.
        unit_px: pixels that the flow is counted in for the network.
    """
    moved = backward_warp(source, flow)
    left = (degrees[:, :1] < 0).view(-1, 1, 1, 1)
    turn = torch.cat([degrees[:, :1].abs(), degrees[:, 1:]], dim=1)
    side = torch.where(left, -1.0, 1.0).to(flow)
    units = torch.cat([flow[:, :1] * side, flow[:, 1:]], dim=1) / unit_px
    x = painter_input(moved, source, plain, person, units, turn)
    # the last planes are the same at every place, the flow's sign was turned above
    made = painter(torch.where(left, x.flip(-1), x))
    made = torch.where(left, made.flip(-1), made)
    light = F.avg_pool2d(made[:, 4:7], LIGHT_PX)
    light = F.interpolate(light, made.shape[2:], mode="bicubic", align_corners=False)
    share = (degrees.abs().sum(1) / FULL_DEGREES).clamp(max=1).view(-1, 1, 1, 1)
    doubt = torch.sigmoid(-1 - made[:, 3:4])
    return Painted(moved + made[:, :3], 1 - share * doubt, share * light, person + made[:, 7:])


def inside(photo: Tensor, flow: Tensor, painted: Painted) -> Tensor:
    """The person of the edit at the photograph's size, (B, 3, P, P); what lies around the person means nothing.

    Args:
        photo: (B, 3, P, P) in [-1, 1], P of any size.
        flow: (B, 2, P, P) px at this size.
        painted: the painter's answer.
    """
    side = photo.shape[-1]
    colour, keep, light = (enlarged(x, side) for x in painted[:3])
    keep = keep.clamp(0, 1)
    return keep * (backward_warp(photo, flow) + light) + (1 - keep) * colour


def enlarged(x: Tensor, side: int) -> Tensor:
    """Bicubic, if it has another size."""
    return x if x.shape[-1] == side else F.interpolate(x, (side, side), mode="bicubic", align_corners=False)
