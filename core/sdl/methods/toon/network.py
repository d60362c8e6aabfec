"""The toon network: a drawing by filters, which it sees and corrects, instead of a drawing from nothing."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from core.sdl.methods.small_network.network import SmallSDLNet, unfold_residual
from core.sdl.methods.toon.abstraction import abstract_picture, draw_abstraction, interpolate_abstraction
from core.sdl.paper.blocks import over_batch


class ToonSDLNet(SmallSDLNet):
    """One photo to a drawing; it works at full size, where lines are made."""

    OUTPUT, PICTURES = "abstraction", 1
    PRIOR_CHANNELS = 12

    def describe_prior(self, seen: Tensor, prior: Tensor | None) -> Tensor:
        """The abstraction by filters, folded."""
        return F.pixel_unshuffle(abstract_picture(seen), self.reduction)

    def compose(self, predicted: Tensor, inputs: Tensor, t: Tensor, prior: Tensor | None = None) -> Tensor:
        """See `SmallSDLNet`; the residual corrects the drawing alone."""
        drawing, smooth = draw_abstraction(inputs)
        corrected = drawing + unfold_residual(predicted, inputs)
        return interpolate_abstraction(inputs, corrected, smooth, over_batch(t, inputs))
