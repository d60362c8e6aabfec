"""Local attention: each target cell reads k x k source features round its flowed position, with learned weights.

Source: Ren et al. 2020, section 3.3, equations 6 to 8.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.gfla.paper.operators import bilinear_weights, flow_positions, weighted_gather


class SourceTables(NamedTuple):
    """What local attention needs of one source feature map, whatever the target: computed once per source."""

    feature: Tensor
    matched: Tensor


class LocalAttention(nn.Module):
    """Softmax-weighted source neighbourhoods (published name: ExtractorAttn).

    The published form stores two k x k neighbourhoods per cell, convolves their concatenation with stride k and
    averages the weighted source blocks. Three identities give the same numbers without storing a neighbourhood:

    - the target half of that convolution is an ordinary convolution of the replicate-padded target feature;
    - all taps of a cell share one bilinear fraction, so sampling and convolving commute: the source half is an
      ordinary convolution of the padded source feature, sampled once per cell, and does not depend on the target;
    - k x k tap weights times 2 x 2 bilinear weights are (k + 1) x (k + 1) weights of whole source pixels.

    Args:
        channels: C of both feature maps.
        kernel_size: k.
        hidden: channels between the two learned layers.
    """

    def __init__(self, channels: int, kernel_size: int, hidden: int = 128) -> None:
        super().__init__()
        self.channels, self.kernel_size = channels, kernel_size
        self.fully_connect_layer = nn.Sequential(
            nn.Conv2d(2 * channels, hidden, kernel_size, stride=kernel_size),
            nn.LeakyReLU(0.1),
            nn.Conv2d(hidden, kernel_size * kernel_size, 1),
        )

    def tables(self, source: Tensor) -> SourceTables:
        """What `forward` needs of a source feature (B, C, H, W); one item may serve many targets."""
        k = self.kernel_size
        padded = F.pad(source, (k - 1, k - 1, k - 1, k - 1), mode="replicate")
        matched = F.conv2d(padded, self.fully_connect_layer.get_parameter("0.weight")[:, self.channels :])
        # Gathering takes whole pixels, so their channels shall lie together.
        layout = {"memory_format": torch.channels_last}
        return SourceTables(source.contiguous(**layout), matched.contiguous(**layout))

    def tap_weights(self, tables: SourceTables, target: Tensor, flow: Tensor) -> Tensor:
        """The softmax over the k x k taps of every target cell, (B, k k, h, w); tap k i + j is row i, column j."""
        k = self.kernel_size
        first, activation, second = self.fully_connect_layer
        before, after = k // 2, k - 1 - k // 2
        padded = F.pad(target, (before, after, before, after), mode="replicate")
        weight, bias = first.get_parameter("weight"), first.get_parameter("bias")
        hidden = F.conv2d(padded, weight[:, : self.channels], bias)
        row, column, row_fraction, column_fraction = flow_positions(flow)
        # `matched` starts k - 1 - k // 2 pixels outside the source; beyond its rim it is constant, so clamping is exact.
        row, column = row + after, column + after
        rows = torch.stack([row, row, row + 1, row + 1], dim=-1)
        columns = torch.stack([column, column + 1, column, column + 1], dim=-1)
        corners = bilinear_weights(row_fraction, column_fraction)
        hidden = hidden + weighted_gather(tables.matched, rows, columns, corners)
        return second(activation(hidden)).softmax(dim=1)

    def forward(self, tables: SourceTables, target: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        """Source features moved to the target, and the attention that moved them.

        Args:
            tables: of the source feature, from `tables`; one item or B.
            target: (B, C, h, w).
            flow: (B, 2, h, w), x before y, in cells of the source feature.

        Returns:
            warped (B, C, h, w) and attention (B, k k, h, w). The weighted sum is divided by k k once more, as
            published (there by average pooling): checkpoints depend on it.
        """
        k = self.kernel_size
        attention = self.tap_weights(tables, target, flow)
        row, column, row_fraction, column_fraction = flow_positions(flow)
        taps = attention.permute(0, 2, 3, 1).unflatten(-1, (k, k))
        column_fraction, row_fraction = column_fraction[..., None, None], row_fraction[..., None, None]
        taps = F.pad(taps * (1 - column_fraction), (0, 1)) + F.pad(taps * column_fraction, (1, 0))
        taps = F.pad(taps * (1 - row_fraction), (0, 0, 0, 1)) + F.pad(taps * row_fraction, (0, 0, 1, 0))
        offsets = torch.arange(k + 1, device=flow.device) - k // 2
        rows = (row[..., None, None] + offsets[:, None]).expand_as(taps).flatten(-2)
        columns = (column[..., None, None] + offsets[None]).expand_as(taps).flatten(-2)
        warped = weighted_gather(tables.feature, rows, columns, taps.flatten(-2) / (k * k))
        return warped, attention
