"""A small SDL network that starts from its inputs: its output is a change of them, and it works at a reduced size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.errors import OptionError
from core.sdl.paper.blocks import conv_act
from core.sdl.paper.gridnet import GridNet
from core.sdl.paper.network import HALVINGS, Encoded, SDLNet

# A predicted displacement of 1 is this many pixels of what the network sees: maps are trained around 1.
MOTION_UNIT_PX = 8.0


@dataclass
class PriorEncoded(Encoded):
    """`Encoded`, and the prior that the output is counted from: a motion or a guide, (B, C, h, w), if there is one."""

    prior: Tensor | None = None


class SmallSDLNet(SDLNet, ABC):
    """The paper's U-net on folded pixels; a subclass says what it sees besides, and how its output becomes a picture.

    Args:
        output: name of the subclass's output in the config of its weights.
        reduction: 2: pixels are folded into channels, two by two.
        work_px: longer side of what the network sees at most; the output is enlarged to the inputs. 0 = no limit.
        matching: name of the subclass's prior in the config of its weights.
        **others: as in `SDLNet`.

    Raises:
        OptionError: values of another subclass.
    """

    reduction = 2
    OUTPUT: ClassVar[str]
    MATCHING: ClassVar[str] = "none"
    PICTURES: ClassVar[int]
    # Channels of `describe_prior`, of what the GridNet gets beside the decoder's features, and of its output beside colours.
    PRIOR_CHANNELS: ClassVar[int] = 0
    EVIDENCE_CHANNELS: ClassVar[int] = 0
    CHANGE_CHANNELS: ClassVar[int] = 0

    @register_to_config
    def __init__(
        self,
        num_in_ch: int = 6,
        num_out_ch: int = 3,
        split: float = 0.5,
        widths: Sequence[int] = (16, 24, 32, 48, 64, 64),
        grid_widths: Sequence[int] = (16, 24, 32),
        ncol: int = 2,
        output: str = "",
        reduction: int = 2,
        work_px: int = 0,
        matching: str = "",
    ) -> None:
        super().__init__(num_in_ch, num_out_ch, split, widths, grid_widths, ncol)
        given = (output or self.OUTPUT, matching or self.MATCHING, 3 * self.PICTURES, reduction, work_px > 0)
        fitting = (self.OUTPUT, self.MATCHING, num_in_ch, self.reduction, self.whole_only)
        if given != fitting:
            raise OptionError(
                f"output {output}, matching {matching}, {num_in_ch} channels, reduction {reduction}, work_px {work_px}: "
                f"{type(self).__name__} takes output {self.OUTPUT}, matching {self.MATCHING}, {3 * self.PICTURES} channels, "
                f"reduction {self.reduction} and {'a work_px' if self.whole_only else 'work_px 0'}"
            )
        self.register_to_config(output=self.OUTPUT, matching=self.MATCHING)
        folded = reduction**2
        self.head = nn.Sequential(*conv_act(num_in_ch * folded + self.PRIOR_CHANNELS, widths[0], widths[0]))
        self.gridnet = GridNet(
            widths[0] + self.EVIDENCE_CHANNELS, num_out_ch * folded + self.CHANGE_CHANNELS, grid_widths, ncol
        )
        start_silently(self, self.gridnet)

    @property
    def side_multiple(self) -> int:
        """What both sides of what the network sees must be multiples of; with `work_px` any input fits."""
        return 2**HALVINGS * self.reduction

    def find_prior(self, inputs: Tensor, seen: Tensor, motion: Tensor | None) -> Tensor | None:
        """What the output is counted from: what the caller knows, or what is found in the inputs."""
        return motion

    @abstractmethod
    def describe_prior(self, seen: Tensor, prior: Tensor | None) -> Tensor:
        """What the network sees beside its inputs: (B, `PRIOR_CHANNELS`, h / 2, w / 2) of what it sees (B, C, h, w)."""

    @abstractmethod
    def compose(self, predicted: Tensor, inputs: Tensor, t: Tensor, prior: Tensor | None = None) -> Tensor:
        """Pictures (T, 3, H, W), around [0, 1], not clipped, of the GridNet's output.

        Args:
            predicted: (T, 12 + `CHANGE_CHANNELS`, h, w): the folded residual first. The network saw the inputs at
                2 h x 2 w, which may be smaller than they are: the output is then enlarged, the inputs keep their detail.
            inputs: (T, 3 or 6, H, W) in [0, 1].
            t: (T,).
            prior: as `find_prior` returned it, (T, C, ...), or what `paint` made of it.
        """

    def forward(self, inputs: Tensor, t: Tensor, motion: Tensor | None = None) -> Tensor:
        """The picture at t, as in `SDLNet`; `motion` as for `encode`."""
        seen = self.reduce_inputs(inputs)
        prior = self.find_prior(inputs, seen, motion)
        features = self.extract_features(self.join_prior(seen, prior))
        return self.paint(self.move_features(features, t), inputs, t, prior)

    def encode(self, inputs: Tensor, motion: Tensor | None = None) -> PriorEncoded:
        """Everything that t does not touch.

        Args:
            inputs: (B, 3 or 6, H, W) in [0, 1], source first.
            motion: what the caller knows, see the subclass; None lets the network look for it, or do without.
        """
        seen = self.reduce_inputs(inputs)
        prior = self.find_prior(inputs, seen, motion)
        shared = self.share_features(self.extract_features(self.join_prior(seen, prior)))
        return PriorEncoded(shared.flow, shared.feature, shared.skips, prior)

    def decode(self, encoded: Encoded, inputs: Tensor, t: Tensor) -> Tensor:
        """Pictures at t, the same as `forward`: (T, 3, H, W)."""
        return self.paint(self.move_encoded(encoded, t), inputs, t, cast(PriorEncoded, encoded).prior)

    def paint(self, features: Tensor, inputs: Tensor, t: Tensor, prior: Tensor | None) -> Tensor:
        """Pictures (T, 3, H, W) of the decoder's features at t."""
        prior = None if prior is None else prior.expand(len(features), -1, -1, -1)
        inputs = inputs.expand(len(features), -1, -1, -1)
        return self.compose(self.gridnet(features).float(), inputs, t.reshape(-1), prior)

    def join_prior(self, seen: Tensor, prior: Tensor | None) -> Tensor:
        """The folded inputs and what the prior says of them."""
        return torch.cat([fold_pixels(seen, self.reduction), self.describe_prior(seen, prior)], 1)

    def reduce_inputs(self, inputs: Tensor) -> Tensor:
        """The inputs as the network sees them, with sides that it can halve, the longer one about `work_px` at most.

        Raises:
            ShapeError: channels that do not fit, and sides, where there is no `work_px`.
        """
        if limit := self.config.work_px:
            multiple, sides = self.side_multiple, inputs.shape[-2:]
            scale = min(1.0, limit / max(sides))
            size = [max(multiple, round(side * scale / multiple) * multiple) for side in sides]
            inputs = F.interpolate(inputs, size=size, mode="bilinear", align_corners=False, antialias=True)
        self.check_inputs(inputs)
        return inputs


def start_silently(network: nn.Module, grid: GridNet) -> None:
    """Make an untrained network change nothing, but keep every layer's signal alive.

    PyTorch's own initialisation, which the published network has, shrinks the signal at every layer without a norm; a
    short training would never reach the deep ones. The last convolutions are silent; were the ones before them silent
    too, no gradient would reach either.

    Source: He et al. 2015, "Delving Deep into Rectifiers", section 2.2.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            nn.init.kaiming_normal_(layer.weight, a=0.25)
            nn.init.zeros_(layer.bias)
    final = grid.lateral_final
    last = [layer for layer in final.f if isinstance(layer, nn.Conv2d)][-1]
    for conv in (last, *([] if final.conv is None else [final.conv])):
        nn.init.zeros_(conv.weight)


def fold_pixels(maps: Tensor, side: int) -> Tensor:
    """Squares of `side` pixels as channels: (B, C, H, W) to (B, C side ** 2, H / side, W / side).

    What `pixel_unshuffle` does pixel by pixel, in three times as long.
    """
    return maps.unflatten(3, (-1, side)).unflatten(2, (-1, side)).permute(0, 1, 3, 5, 2, 4).flatten(1, 3)


def enlarge(maps: Tensor, inputs: Tensor) -> Tensor:
    """Maps at the size of the inputs, bilinear, corners not aligned."""
    if maps.shape[2:] == inputs.shape[2:]:
        return maps
    return F.interpolate(maps, size=inputs.shape[2:], mode="bilinear", align_corners=False)


def unfold_residual(predicted: Tensor, inputs: Tensor) -> Tensor:
    """The colours (B, 3, H, W) that the output adds, of its first, folded channels."""
    colours = 3 * SmallSDLNet.reduction**2
    return enlarge(F.pixel_shuffle(predicted[:, :colours], SmallSDLNet.reduction), inputs)


def motion_unit_px(predicted: Tensor, inputs: Tensor) -> Tensor:
    """(1, 2, 1, 1), x before y: a predicted displacement of 1 in pixels of the inputs."""
    seen = predicted.new_tensor([predicted.shape[3], predicted.shape[2]]) * SmallSDLNet.reduction
    return (MOTION_UNIT_PX * predicted.new_tensor([inputs.shape[3], inputs.shape[2]]) / seen).reshape(1, 2, 1, 1)


def grid_scale(maps: Tensor, inputs: Tensor) -> Tensor:
    """(1, 2, 1, 1), x before y: how many pixels of the inputs a pixel of the maps is."""
    return inputs.new_tensor([inputs.shape[3] / maps.shape[3], inputs.shape[2] / maps.shape[2]]).reshape(1, 2, 1, 1)
