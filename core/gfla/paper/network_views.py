"""GFLA networks for view synthesis: an object of ShapeNet seen from another side.

A view is a code (B, 21, 1, 1): one-hot azimuth (18 steps of 20 degrees) and one-hot elevation (3 steps of 10).
Pictures have one size, 256 x 256 as published, because the target network grows its first feature from the code.

Source: Ren et al. 2020, supplementary material (view synthesis).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from core.errors import ShapeError
from core.gfla.paper.blocks import ResBlockDecoder
from core.gfla.paper.network import OneSourceGenerator, TargetDecoder
from core.gfla.paper.network_flow import ViewFlowNet

VIEW_SIDE_PX = 256
# The code's first feature is doubled twice, up to the scale 1/8 of the picture.
FIRST_SHARE = 32


class ViewTargetNet(TargetDecoder):
    """View code to picture."""

    def __init__(
        self,
        structure_nc: int,
        channels: Sequence[int],
        attn_layers: Sequence[int],
        kernel_sizes: Sequence[int],
        image_nc: int = 3,
        side_px: int = VIEW_SIDE_PX,
    ) -> None:
        super().__init__(channels, attn_layers, kernel_sizes, image_nc)
        self.first_side = side_px // FIRST_SHARE
        self.block0 = ResBlockDecoder(structure_nc, channels[0])
        self.block1 = ResBlockDecoder(channels[0], channels[-1])

    def encode(self, code: Tensor) -> Tensor:
        """The coarsest target feature, 1/8 of the picture. Its view enters by block0's skip: norm removes constant planes."""
        return self.block1(self.block0(code.expand(-1, -1, self.first_side, self.first_side)))


class ShapeNetGenerator(OneSourceGenerator):
    """An object from another side; published for cars and chairs."""

    structure_channels = 21

    def build(self) -> None:
        """Source encoder, target network, flow network."""
        self.source = self.source_encoder()
        self.target = ViewTargetNet(self.config.structure_nc, *self.decoder_settings(), self.side_px)
        self.flow_net = ViewFlowNet(*self.flow_settings())

    @property
    def side_px(self) -> int:
        """Side of its pictures."""
        return int(self.config.sample_hw[0])

    def check_source(self, source: Tensor) -> None:
        """Refuse other sizes than the one it was laid for."""
        side = self.side_px
        if source.shape[-2:] != (side, side):
            raise ShapeError(f"the picture is {tuple(source.shape)}, (B, 3, {side}, {side}) fits: resize it")
