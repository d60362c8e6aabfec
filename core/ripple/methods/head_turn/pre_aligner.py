"""The pre-aligner: a network that says where a head goes, before HFGI's ADA aligns what is left."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers import ModelMixin
from torch import Tensor

from core.ripple.paper.fusion import ResidualAligner
from core.ripple.paper.inversion import resized

FLOW_UNIT = 1 / 16  # the output 1 is a shift by this share of the side: outputs of order 1 train well
FLOW_EDITS = ("pose", "age")  # whose degrees are told, one plane each
INPUTS, OUTPUTS = 6 + len(FLOW_EDITS), 3


class PreAligner(ResidualAligner, ModelMixin):  # named again: diffusers looks in this module for how it is loaded
    """ADA's architecture with 6 + edits inputs and 3 outputs: flow (2, units of `FLOW_UNIT`) and the person's logit (1).

    Source: own; that large turns need an alignment before ADA is the HFGI authors' suggestion.
    """

    def estimate(self, source: Tensor, plain: Tensor, degrees: Tensor) -> Tensor:
        """(B, 3, size, size) flow and logit at the network's own size.

        It says how far things move per degree, so that degree 0 moves nothing. Turns to the left are mirrored first and
        back afterwards, so that it only ever learns turns to the right.

        Args:
            source: (B, 3, S, S) the input, in [-1, 1].
            plain: (B, 3, S, S) the generator's edit without details.
            degrees: (B, edits) of `FLOW_EDITS`.
        """
        size = self.config.size
        pictures, turn, left = towards_right([fitted(x, size) for x in (source, plain)], degrees)
        answer = self(torch.cat([*pictures, turn[:, :, None, None].expand(-1, -1, size, size)], dim=1))
        amount = degrees.abs().sum(1).view(-1, 1, 1, 1)
        answer = torch.cat([answer[:, :2] * amount, answer[:, 2:]], dim=1)
        mirrored = answer.flip(-1) * answer.new_tensor([-1.0, 1.0, 1.0]).view(1, 3, 1, 1)
        return torch.where(left, mirrored, answer)

    def flow_px(self, source: Tensor, plain: Tensor, degrees: Tensor) -> tuple[Tensor, Tensor]:
        """The flow (B, 2, S, S) px and the person's logit (B, 1, S, S) at the size S of the pictures."""
        return scaled_flow(self.estimate(source, plain, degrees), source.shape[-1])


def scaled_flow(answer: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Flow (B, 2, size, size) px and logit (B, 1, size, size) from `PreAligner.estimate`'s answer."""
    large = resized(answer, size)
    return large[:, :2] * (FLOW_UNIT * size), large[:, 2:]


def towards_right(pictures: list[Tensor], degrees: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
    """Pictures (B, C, H, W) mirrored where the turn goes left, its degrees to the right, and where that was, (B, 1, 1, 1)."""
    left = (degrees[:, :1] < 0).view(-1, 1, 1, 1)
    turn = torch.cat([degrees[:, :1].abs(), degrees[:, 1:]], dim=1)
    return [torch.where(left, x.flip(-1), x) for x in pictures], turn, left


def fitted(image: Tensor, size: int) -> Tensor:
    """Area-averaged down or bilinear up to size x size."""
    return F.interpolate(image, (size, size), mode="area") if image.shape[-1] > size else resized(image, size)
