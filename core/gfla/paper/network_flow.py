"""The global flow field estimator: a U-net with a flow and a mask head at every attention layer.

Same conventions as `core.gfla.paper.network`. Source: Ren et al. 2020, section 3.1 and figure 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.gfla.paper.blocks import Jump, ResBlockDecoder, ResBlocks, add_encoder, encoder_features, widths


class FlowNet(nn.Module):
    """The U-net over joined inputs.

    Args:
        in_channels: of the joined input.
        attn_layers: layers that get a flow and a mask.
        ngf, img_f: channels of the first layer, and the most.
        encoder_layers: halvings.
        pairs: how many sources it aligns at once: 1, or 2 for faces (previous and reference frame).
        code_channels: channels of a view code joined at the coarsest scale; 0 for none.
    """

    def __init__(
        self,
        in_channels: int,
        attn_layers: Sequence[int],
        ngf: int = 32,
        img_f: int = 256,
        encoder_layers: int = 5,
        pairs: int = 1,
        code_channels: int = 0,
    ) -> None:
        super().__init__()
        channels = widths(ngf, img_f, encoder_layers)
        self.decoder_layers = encoder_layers - min(attn_layers)
        add_encoder(self, in_channels, channels)
        if code_channels:
            self.cat = ResBlocks(channels[-1] + code_channels, channels[-1])
        for index in range(self.decoder_layers):
            a, b = channels[encoder_layers - 1 - index], channels[encoder_layers - 2 - index]
            setattr(self, f"decoder{index}", ResBlockDecoder(a, b, hidden=b))
            setattr(self, f"jump{index}", Jump(b))
            if encoder_layers - 1 - index in attn_layers:
                setattr(self, f"output{index}", nn.Conv2d(b, 2 * pairs, 3, padding=1))
                setattr(self, f"mask{index}", nn.Sequential(nn.Conv2d(b, pairs, 3, padding=1), nn.Sigmoid()))

    def estimate(self, joined: Tensor, code: Tensor | None = None) -> tuple[list[Tensor], list[Tensor]]:
        """Flows (B, 2 pairs, h, w) and masks (B, pairs, h, w) at the attention layers, coarse first."""
        *skips, x = encoder_features(self, joined)
        if code is not None:
            x = self.cat(torch.cat([x, code.expand(-1, -1, *x.shape[2:])], dim=1))
        flows, masks = [], []
        for index in range(self.decoder_layers):
            x = getattr(self, f"decoder{index}")(x) + getattr(self, f"jump{index}")(skips.pop())
            if hasattr(self, f"output{index}"):
                flows.append(getattr(self, f"output{index}")(x))
                masks.append(getattr(self, f"mask{index}")(x))
        return flows, masks

    def forward(self, *inputs: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Flows and masks of inputs (B, C, H, W), joined in their order."""
        return self.estimate(torch.cat(inputs, dim=1))


class PoseFlowNet(FlowNet):
    """Flow and mask from a source picture, its structure and the target structure."""

    def __init__(
        self,
        attn_layers: Sequence[int],
        image_nc: int = 3,
        structure_nc: int = 18,
        ngf: int = 32,
        img_f: int = 256,
        encoder_layers: int = 5,
    ) -> None:
        super().__init__(image_nc + 2 * structure_nc, attn_layers, ngf, img_f, encoder_layers)


class ViewFlowNet(FlowNet):
    """Flow and mask from a picture and the difference of two view codes (B, 21, 1, 1)."""

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

    def forward(self, *inputs: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Flows and masks of (source, source view, target view), coarse first."""
        source, source_view, target_view = inputs
        return self.estimate(source, source_view - target_view)


class FlowGenerator(ModelMixin, ConfigMixin):
    """A flow network alone, as stage 1 trains and saves it (keys `flow_net.*`); settings as `Generator` has them."""

    structure_channels: ClassVar[int]
    network: ClassVar[type[Any]]

    @register_to_config
    def __init__(
        self,
        attn_layers: tuple[int, ...] = (2, 3),
        image_nc: int = 3,
        structure_nc: int | None = None,
        flow_ngf: int = 32,
        flow_img_f: int = 256,
        flow_layers: int = 5,
    ) -> None:
        super().__init__()
        structure_nc = structure_nc or self.structure_channels
        self.register_to_config(structure_nc=structure_nc)
        self.flow_net = self.network(attn_layers, image_nc, structure_nc, flow_ngf, flow_img_f, flow_layers)

    def forward(self, *inputs: Any) -> tuple[list[Tensor], list[Tensor]]:
        """Flows and masks, coarse first, of what the network takes."""
        return self.flow_net(*inputs)


class PoseFlowGenerator(FlowGenerator):
    """Stage 1 of poses."""

    structure_channels, network = 18, PoseFlowNet


class ShapeNetFlowGenerator(FlowGenerator):
    """Stage 1 of views."""

    structure_channels, network = 21, ViewFlowNet
