"""GFLA networks for view synthesis: an object of ShapeNet seen from another side.

A view is a code (B, 21, 1, 1): one-hot azimuth (18 steps of 20 degrees) and one-hot elevation (3 steps of 10).
Pictures are always 256 x 256, because the target network grows its first feature from the code.

Source: Ren et al. 2020, supplementary material (view synthesis).
"""

from __future__ import annotations

from collections.abc import Sequence

from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor

from core.errors import ShapeError
from core.gfla.paper.attention import SourceTables
from core.gfla.paper.blocks import ResBlockDecoder, widths
from core.gfla.paper.network import FlowTrunk, Painted, SourceEncoder, TargetDecoder

VIEW_SIDE_PX = 256
FIRST_SIDE = 8


class ViewTargetNet(TargetDecoder):
    """View code to picture."""

    def __init__(
        self,
        structure_nc: int,
        ngf: int,
        img_f: int,
        layers: int,
        attn_layers: Sequence[int],
        kernel_sizes: Sequence[int],
        image_nc: int = 3,
    ) -> None:
        channels = widths(ngf, img_f, layers)
        super().__init__(channels, attn_layers, kernel_sizes, image_nc)
        self.block0 = ResBlockDecoder(structure_nc, ngf)
        self.block1 = ResBlockDecoder(ngf, channels[-1])

    def encode(self, code: Tensor) -> Tensor:
        """The coarsest target feature (B, C, 32, 32). Its view enters by block0's skip: norm removes constant planes."""
        return self.block1(self.block0(code.repeat(1, 1, FIRST_SIDE, FIRST_SIDE)))


class ViewFlowNet(FlowTrunk):
    """Flow and mask from a picture and the difference of two view codes."""

    def __init__(
        self,
        attn_layers: Sequence[int],
        image_nc: int = 3,
        structure_nc: int = 21,
        ngf: int = 32,
        img_f: int = 256,
        encoder_layers: int = 5,
    ) -> None:
        super().__init__(image_nc, attn_layers, ngf, img_f, encoder_layers, code_channels=structure_nc)

    def forward(  # type: ignore[override]  # a network of its own inputs; the trunk is inside
        self, source: Tensor, source_view: Tensor, target_view: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Flows and masks, coarse first."""
        return super().forward(source, source_view - target_view)


class ShapeNetGenerator(ModelMixin, ConfigMixin):
    """An object from another side; published for cars and chairs."""

    @register_to_config
    def __init__(
        self,
        attn_layers: tuple[int, ...] = (2, 3),
        kernel_sizes: tuple[int, ...] = (5, 3),
        image_nc: int = 3,
        structure_nc: int = 21,
        ngf: int = 64,
        img_f: int = 512,
        layers: int = 3,
        flow_ngf: int = 32,
        flow_img_f: int = 256,
        flow_layers: int = 5,
    ) -> None:
        super().__init__()
        self.source = SourceEncoder(image_nc, ngf, img_f, layers)
        self.target = ViewTargetNet(structure_nc, ngf, img_f, layers, attn_layers, kernel_sizes, image_nc)
        self.flow_net = ViewFlowNet(attn_layers, image_nc, structure_nc, flow_ngf, flow_img_f, flow_layers)

    def encode(self, source: Tensor) -> list[SourceTables]:
        """Everything that depends on the source picture alone."""
        if source.shape[-2:] != (VIEW_SIDE_PX, VIEW_SIDE_PX):
            raise ShapeError(
                f"the picture is {tuple(source.shape)}, (B, 3, {VIEW_SIDE_PX}, {VIEW_SIDE_PX}) fits: resize it"
            )
        return self.target.tables(self.source(source))

    def paint(
        self, tables: Sequence[SourceTables], source: Tensor, source_view: Tensor, target_view: Tensor
    ) -> Painted:
        """Pictures of B target views from an encoded source (one item, shared, or B items)."""
        batch = target_view.shape[0]
        flows, masks = self.flow_net(source.expand(batch, -1, -1, -1), source_view, target_view)
        features, attention = self.target.decode(self.target.encode(target_view), [tables], [flows], [masks])
        return Painted(self.target.outconv(features), flows, masks, attention)

    def forward(self, source: Tensor, source_view: Tensor, target_view: Tensor) -> Painted:
        """Encode and paint.

        Args:
            source: (B, 3, 256, 256) in [-1, 1].
            source_view: (B, 21, 1, 1).
            target_view: like `source_view`.
        """
        return self.paint(self.encode(source), source, source_view, target_view)


class ShapeNetFlowGenerator(ModelMixin, ConfigMixin):
    """The view flow network alone, as stage 1 trains and saves it."""

    @register_to_config
    def __init__(
        self,
        attn_layers: tuple[int, ...] = (2, 3),
        image_nc: int = 3,
        structure_nc: int = 21,
        flow_ngf: int = 32,
        flow_img_f: int = 256,
        flow_layers: int = 5,
    ) -> None:
        super().__init__()
        self.flow_net = ViewFlowNet(attn_layers, image_nc, structure_nc, flow_ngf, flow_img_f, flow_layers)

    def forward(self, source: Tensor, source_view: Tensor, target_view: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Flows and masks, coarse first."""
        return self.flow_net(source, source_view, target_view)
