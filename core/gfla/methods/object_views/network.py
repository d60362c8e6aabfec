"""The published view generator with a last step of ours: the source's own pixels, moved along a full-size flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.gfla.paper.attention import SourceTables
from core.gfla.paper.blocks import activation, encoder_features, widths
from core.gfla.paper.network import Painted
from core.gfla.paper.network_flow import ViewFlowNet
from core.gfla.paper.network_views import ShapeNetGenerator
from core.ops.warp import backward_warp

# A pixel this far from white, of 2, belongs to the object when its mean colour is taken.
NOT_WHITE = 0.06


@dataclass
class ObjectPainting(Painted):
    """A view mixed from moved pixels, painted ones and white.

    Attributes:
        fine_flow: (B, 2, H, W) in pixels, where each pixel is fetched from.
        moved: (B, 3, H, W) in [-1, 1], the source along that flow: appearance flow alone.
        shares: (B, 3, H, W), of moved, painted and white; they add up to 1.
    """

    fine_flow: Tensor
    moved: Tensor
    shares: Tensor


class ViewMix(nn.Module):
    """A residual step whose channels are scaled and shifted by both views.

    Instance norm removes what a view code adds to whole planes, so the published network hears of the view by the borders
    alone; scaled before channels are mixed, the view stays.
    """

    def __init__(self, channels: int, code_channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.affine = nn.Sequential(nn.Linear(2 * code_channels, 64), activation(), nn.Linear(64, 2 * channels))
        self.mix = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, views: Tensor) -> Tensor:
        """(B, C, H, W) and both codes (B, 2 V) to the same."""
        scale, shift = self.affine(views)[:, :, None, None].chunk(2, 1)
        return x + self.mix(F.leaky_relu(self.norm(x.float()) * (1 + scale) + shift, 0.1))


class ObjectFlowNet(ViewFlowNet):
    """The paper's flow network with a `ViewMix` before every halving of its decoder and before the heads."""

    def __init__(self, attn_layers: Sequence[int], image_nc: int, structure_nc: int, *settings: int) -> None:
        super().__init__(attn_layers, image_nc, structure_nc, *settings)
        channels = widths(*settings)
        mixed = [channels[-1], *(channels[-2 - index] for index in range(self.decoder_layers))]
        self.mixes = nn.ModuleList(ViewMix(count, structure_nc) for count in mixed)

    def forward(self, *inputs: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Flows and masks of (source, source view, target view), coarse first."""
        source, source_view, target_view = inputs
        views = torch.cat([source_view, target_view], 1).flatten(1)
        *skips, x = encoder_features(self, source)
        x = self.cat(torch.cat([x, (source_view - target_view).expand(-1, -1, *x.shape[2:])], dim=1))
        x, flows, masks = self.mixes[0](x, views), [], []
        for index in range(self.decoder_layers):
            x = self.get_submodule(f"decoder{index}")(x) + self.get_submodule(f"jump{index}")(skips.pop())
            x = self.mixes[index + 1](x, views)
            if hasattr(self, f"output{index}"):
                flows.append(self.get_submodule(f"output{index}")(x))
                masks.append(self.get_submodule(f"mask{index}")(x))
        return flows, masks


class ObjectGenerator(ShapeNetGenerator):
    """An object before white from another side, in its own colours.

    The published network cannot know how bright a plain object is: instance norm takes mean and contrast from every
    channel. So what it decodes chooses for each pixel between the source's pixel along a refined flow, a painted colour
    about the object's mean, and white.

    Args:
        attn_layers, kernel_sizes, image_nc, structure_nc, ngf, img_f, layers, flow_ngf, flow_img_f, flow_layers,
            sample_hw, heatmap_sigma_px: as in `Generator`.
        moved_pixels: tells these weights from the published ones.
    """

    @register_to_config
    def __init__(
        self,
        attn_layers: tuple[int, ...] = (2, 3),
        kernel_sizes: tuple[int, ...] = (5, 3),
        image_nc: int = 3,
        structure_nc: int | None = None,
        ngf: int = 32,
        img_f: int = 128,
        layers: int = 3,
        flow_ngf: int = 32,
        flow_img_f: int = 256,
        flow_layers: int = 5,
        sample_hw: tuple[int, int] = (96, 96),
        heatmap_sigma_px: float = 6.0,
        moved_pixels: bool = True,
    ) -> None:
        super().__init__(
            attn_layers, kernel_sizes, image_nc, structure_nc, ngf, img_f, layers, flow_ngf, flow_img_f, flow_layers,
            sample_hw, heatmap_sigma_px,
        )  # fmt: skip

    def build(self) -> None:
        """The paper's networks, and the choice of each pixel."""
        super().build()
        self.flow_net = ObjectFlowNet(*self.flow_settings())
        # Two numbers refine the flow, three weigh moved, painted and white.
        self.choose = nn.Sequential(activation(), nn.Conv2d(self.config.ngf, 5, 3, padding=1))

    def paint(
        self, tables: Sequence[SourceTables], source: Tensor, source_structure: Tensor, target_structure: Tensor
    ) -> ObjectPainting:
        """Views of B codes (B, 21, 1, 1) of an encoded source (one item, shared, or B items)."""
        batch, side = target_structure.shape[0], source.shape[-1]
        source, source_structure = source.expand(batch, -1, -1, -1), source_structure.expand(batch, -1, -1, -1)
        flows, masks = self.flow_net(source, source_structure, target_structure)
        features, attention = self.target.decode(self.target.encode(target_structure), [tables], [flows], [masks])
        chosen = self.choose(features).float()
        coarse = F.interpolate(flows[-1].float(), (side, side), mode="bilinear") * (side / flows[-1].shape[-1])
        fine_flow = coarse + chosen[:, :2]
        moved = backward_warp(source.float(), fine_flow)
        shares = chosen[:, 2:].softmax(1)
        painted = mean_colour(source) + self.target.outconv(features).float()
        image = shares[:, :1] * moved + shares[:, 1:2] * painted + shares[:, 2:]
        return ObjectPainting(image, flows, masks, attention, fine_flow, moved, shares)


def mean_colour(source: Tensor) -> Tensor:
    """The mean colour (B, 3, 1, 1) of what is not white in pictures (B, 3, H, W) in [-1, 1]."""
    seen = ((1 - source).amax(1, keepdim=True) > NOT_WHITE).to(source.dtype)
    return (source * seen).sum((2, 3), keepdim=True) / seen.sum((2, 3), keepdim=True).clamp_min(1)


def view_generator_class(config: Mapping[str, Any]) -> type[ShapeNetGenerator]:
    """The generator that a configuration (`config.json`) belongs to: ours or the paper's."""
    return ObjectGenerator if config.get("moved_pixels") else ShapeNetGenerator
