"""The transition network: what two pictures (or one picture and a learned direction) look like at t.

Source: Yang et al. 2022, section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self, cast

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.errors import OptionError, ShapeError
from core.sdl.paper.blocks import Down, Up, conv_act, over_batch
from core.sdl.paper.gridnet import GridNet

HALVINGS = 5


@dataclass
class Encoded:
    """What does not depend on t, for one batch of inputs."""

    flow: Tensor  # first merge's share of the flow space, to be multiplied by t, (B, C, h, w)
    feature: Tensor  # first merge's share of the feature space, bias included, (B, C, h, w)
    # the skip connections' shares of the other decoupling convolutions, bias included, coarse first
    skips: list[Tensor]

    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""

        def move(value: Any) -> Any:
            return (
                [move(one) for one in value]
                if isinstance(value, list)
                else value
                if value is None
                else value.to(device)
            )

        return replace(self, **{field.name: move(getattr(self, field.name)) for field in fields(self)})


class SDLNet(ModelMixin, ConfigMixin):
    """U-net whose decoder is split into a space that t moves and a space that t leaves alone, then a GridNet.

    `forward` follows the paper; `encode` and `decode` give the same picture and share among many t all that t does not
    touch.

    Args:
        num_in_ch: 6 for two pictures, source first; 3 for one.
        num_out_ch: colour channels of the picture.
        split: share of the decoder's channels that is multiplied by t.
        widths: channels at full size, 1/2, 1/4, 1/8, 1/16 and 1/32.
        grid_widths: channels of the GridNet's rows.
        ncol: columns of the GridNet.

    Raises:
        OptionError: numbers that do not fit.
    """

    # Whether it sees pictures whole, so that tiles make no sense.
    whole_only = False
    # How many times smaller than the inputs the GridNet's output is.
    reduction = 1

    @register_to_config
    def __init__(
        self,
        num_in_ch: int = 6,
        num_out_ch: int = 3,
        split: float = 0.5,
        widths: Sequence[int] = (32, 64, 128, 256, 512, 512),
        grid_widths: Sequence[int] = (32, 64, 96),
        ncol: int = 6,
    ) -> None:
        super().__init__()
        if num_in_ch not in (3, 6) or num_out_ch != 3:
            raise OptionError(f"{num_in_ch} channels in, {num_out_ch} out: 3 or 6 in and 3 out fit")
        if not 0 <= split <= 1 or len(widths) != HALVINGS + 1:
            raise OptionError(
                f"split {split} and {len(widths)} widths: a split in [0, 1] and {HALVINGS + 1} widths fit"
            )
        s1, s2, s3, s4, s5, s6 = widths
        self.head = nn.Sequential(*conv_act(num_in_ch, s1, s1))
        self.down1, self.down2, self.down3 = Down(s1, s2), Down(s2, s3), Down(s3, s4)
        self.down4, self.down5 = Down(s4, s5), Down(s5, s6)
        self.up1, self.up2 = Up(s6, s5, s5, split), Up(s5, s4, s4, split)
        self.up3, self.up4, self.up5 = Up(s4, s3, s3, split), Up(s3, s2, s2, split), Up(s2, s1, s1, split)
        self.tail = nn.Sequential(*conv_act(s1, s1))
        self.gridnet = GridNet(s1, num_out_ch, grid_widths, ncol)

    @property
    def side_multiple(self) -> int:
        """What both sides of the inputs must be multiples of."""
        return 2**HALVINGS

    def forward(self, inputs: Tensor, t: Tensor) -> Tensor:
        """The picture at t.

        Args:
            inputs: (B, 3 or 6, H, W) in [0, 1], source first; sides multiples of `side_multiple`.
            t: (B,) or (B, 1), 0 = source, 1 = target; values outside [0, 1] extrapolate in feature space.

        Returns:
            (B, 3, H, W), trained towards [0, 1], not clipped.

        Raises:
            ShapeError: channels or sides that do not fit.
        """
        self.check_inputs(inputs)
        features = self.extract_features(inputs)
        return self.gridnet(self.move_features(features, t))

    def extract_features(self, inputs: Tensor) -> list[Tensor]:
        """The encoder: features from full size to 1/32."""
        features = [self.head(inputs)]
        for down in (self.down1, self.down2, self.down3, self.down4, self.down5):
            features.append(down(features[-1]))
        return features

    def move_features(self, features: list[Tensor], t: Tensor) -> Tensor:
        """The space decoupled decoder: features of the picture at t, at full size."""
        s1, s2, s3, s4, s5, moved = features
        for up, skip in ((self.up1, s5), (self.up2, s4), (self.up3, s3), (self.up4, s2), (self.up5, s1)):
            moved = up(moved, skip, t)
        return self.tail(moved)

    def encode(self, inputs: Tensor) -> Encoded:
        """All that t does not touch; inputs as for `forward`."""
        self.check_inputs(inputs)
        return self.share_features(self.extract_features(inputs))

    def share_features(self, features: list[Tensor]) -> Encoded:
        """What `move_features` can compute before t is known: the first up block and the skip connections' shares.

        In that block t meets only the merge convolution, which is linear: merge(t flow, feature) = t merge(flow) +
        merge(feature).
        """
        s1, s2, s3, s4, s5, deepest = features
        spaces = self.up1.decouple(torch.cat([self.up1.head(deepest), s5], 1))
        cut, merge = self.up1.translatable, cast(nn.Conv2d, self.up1.merge[0])
        flow = F.conv2d(spaces[:, :cut], merge.weight[:, :cut], padding=1) if cut else torch.zeros_like(spaces)
        feature = torch.zeros_like(spaces) + merge.get_parameter("bias").reshape(1, -1, 1, 1)
        if cut < spaces.shape[1]:
            feature = F.conv2d(spaces[:, cut:], merge.weight[:, cut:], merge.bias, padding=1)
        ups = zip((self.up2, self.up3, self.up4, self.up5), (s4, s3, s2, s1), strict=True)
        return Encoded(flow, feature, [up.convolve_skip(skip) for up, skip in ups])

    def move_encoded(self, encoded: Encoded, t: Tensor) -> Tensor:
        """`move_features` of what `share_features` kept, of one pair, which serves all t (T,), or of T pairs."""
        t = t.reshape(-1)
        moved = self.up1.merge[1](over_batch(t, encoded.flow) * encoded.flow + encoded.feature)
        for up, skip in zip((self.up2, self.up3, self.up4, self.up5), encoded.skips, strict=True):
            moved = up.move_shared(moved, skip, t)
        return self.tail(moved)

    def predict(self, encoded: Encoded, t: Tensor) -> Tensor:
        """The GridNet's output (T, C, h, w) at t (T,), of which `compose` makes pictures; it can be stitched from tiles."""
        return self.gridnet(self.move_encoded(encoded, t))

    def compose(self, predicted: Tensor, inputs: Tensor, t: Tensor) -> Tensor:
        """Pictures (T, 3, H, W): the paper's network paints them as they are."""
        return predicted

    def decode(self, encoded: Encoded, inputs: Tensor, t: Tensor) -> Tensor:
        """Pictures at t, the same as `forward`: (T, 3, H, W)."""
        return self.compose(self.predict(encoded, t), inputs, t)

    def check_inputs(self, inputs: Tensor) -> None:
        """Refuse channels or sides that do not fit; better here than in a concatenation deep inside."""
        height, width = inputs.shape[-2:]
        if inputs.shape[1] != self.config.num_in_ch:
            raise ShapeError(
                f"the input has {inputs.shape[1]} channels, this network takes {self.config.num_in_ch}: "
                "6 is two RGB pictures, 3 is one"
            )
        multiple = self.side_multiple
        if height % multiple or width % multiple or not height * width:
            raise ShapeError(
                f"the input is {width} x {height} pixels; multiples of {multiple} fit: pad it and cut the result"
            )
