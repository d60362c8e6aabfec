"""GFLA networks for view synthesis: an object of ShapeNet seen from another side.

A view is a code (B, 21, 1, 1): one-hot azimuth (18 steps of 20 degrees) and one-hot elevation (3 steps of 10).
Pictures have one size, published 256 x 256, because the target network grows its first feature from the code.

Source: Ren et al. 2020, supplementary material (view synthesis).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from core.errors import ShapeError
from core.gfla.paper.blocks import ResBlockDecoder
from core.gfla.paper.network import SIDE_MULTIPLE, OneSourceGenerator, TargetDecoder
from core.gfla.paper.network_flow import ViewFlowNet

VIEW_SIDE_PX = 256


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
        self.first_side = side_px // SIDE_MULTIPLE
        self.block0 = ResBlockDecoder(structure_nc, channels[0])
        self.block1 = ResBlockDecoder(channels[0], channels[-1])

    def encode(self, code: Tensor) -> Tensor:
        """The coarsest target feature, (B, C, 32, 32) of 256 x 256 pixels.

        The view enters by block0's skip alone: norm removes constant planes.
        """
        return self.block1(self.block0(code.repeat(1, 1, self.first_side, self.first_side)))


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
        """The side of its pictures."""
        return self.config.sample_hw[0]

    def check_source(self, source: Tensor) -> None:
        """Refuse other sizes than the one trained on."""
        if source.shape[-2:] != (self.side_px, self.side_px):
            raise ShapeError(
                f"the picture is {tuple(source.shape)}, (B, 3, {self.side_px}, {self.side_px}) fits: resize it"
            )
