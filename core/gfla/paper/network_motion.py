"""Motion extraction: a noisy sequence of 2D skeletons made clean and re-jointed.

Source: Ren et al. 2020b, arXiv 2008.12606, section on the motion extraction network.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.errors import ShapeError


def norm_over_channels_and_time(x: Tensor) -> Tensor:
    """Layer norm of (B, C, T) over C and T together: a frame's value depends on the chunk's length."""
    return F.layer_norm(x, x.shape[1:])


class ExpandNorm(nn.Module):
    """Layer norm over channels and time with a learned scale and shift per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to the same."""
        return norm_over_channels_and_time(x) * self.weight + self.bias


class AdaptiveNorm(nn.Module):
    """Layer norm over channels and time; scale and shift come from a style vector."""

    def __init__(self, channels: int, hidden: int = 128) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU())
        self.mlp_gamma = nn.Linear(hidden, channels)
        self.mlp_beta = nn.Linear(hidden, channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(B, C, T) with style (B, C)."""
        shared = self.mlp_shared(style)
        gamma, beta = self.mlp_gamma(shared)[..., None], self.mlp_beta(shared)[..., None]
        return norm_over_channels_and_time(x) * (1 + gamma) + beta


class MotionTrunk(nn.Module):
    """Dilated convolutions over time with residuals, steered by a style vector of the whole chunk."""

    def __init__(self, joints_in: int, joints_out: int, channels: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.dilations = [3**power for power in range(1, layers)]
        self.expand_conv = nn.Conv1d(2 * joints_in, channels, 3, bias=False)
        self.expand_ln = ExpandNorm(channels)
        self.shrink = nn.Conv1d(channels, 2 * joints_out, 1)
        convolutions: list[nn.Module] = []
        for dilation in self.dilations:
            convolutions.append(nn.Conv1d(channels, channels, 3, dilation=dilation, bias=False))
            convolutions.append(nn.Conv1d(channels, channels, 1, bias=False))
        self.layers_conv = nn.ModuleList(convolutions)
        self.layers_ln = nn.ModuleList(AdaptiveNorm(channels) for _ in convolutions)
        self.feature_conv_1 = nn.Conv1d(2 * joints_in, channels, 3, stride=2, bias=False)
        self.feature_conv_2 = nn.Conv1d(channels, channels, 3, stride=2, bias=False)
        self.feature_conv_3 = nn.Conv1d(channels, channels, 3, stride=2, bias=False)
        self.activation = nn.LeakyReLU(0.1)
        self.dropout = nn.Dropout(dropout)

    def style(self, x: Tensor) -> Tensor:
        """(B, C): how this person moves, whatever the moment."""
        for layer in (self.feature_conv_1, self.feature_conv_2, self.feature_conv_3):
            x = self.activation(layer(x))
        return x.mean(-1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 2 J, T) to (B, 2 J', T - 80)."""
        style = self.style(x)
        x = self.dropout(self.activation(self.expand_ln(self.expand_conv(x))))
        for index, dilation in enumerate(self.dilations):
            skip = x[..., dilation:-dilation]
            for layer in (2 * index, 2 * index + 1):
                x = self.layers_ln[layer](self.layers_conv[layer](x), style)
                x = self.dropout(self.activation(x))
            x = skip + x
        return self.shrink(x)


class MotionExtractionNet(ModelMixin, ConfigMixin):
    """Detected COCO-17 joints over time to clean Human3.6M-17 joints (published name: KPInput2DGenerator).

    Coordinates are 2 c / side - 1, all rows (y) before all columns (x). 40 frames on each side are context.

    Args:
        joints_in, joints_out: joints before and after.
        channels: of the trunk.
        layers: one plus the number of dilated stages (3, 9, 27).
        dropout: after each activation, in training.
    """

    @register_to_config
    def __init__(
        self, joints_in: int = 17, joints_out: int = 17, channels: int = 256, layers: int = 4, dropout: float = 0.15
    ) -> None:
        super().__init__()
        self.kp_input = MotionTrunk(joints_in, joints_out, channels, layers, dropout)

    @property
    def context(self) -> int:
        """Frames lost on each side."""
        return 1 + sum(self.kp_input.dilations)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 2 J, T) to (B, 2 J', T - 2 context).

        Raises:
            ShapeError: fewer frames than twice the context plus one.
        """
        if x.ndim != 3 or x.shape[-1] <= 2 * self.context:
            raise ShapeError(
                f"the sequence is {tuple(x.shape)}, (B, 34, more than {2 * self.context} frames) fits: repeat its ends"
            )
        return self.kp_input(x)
