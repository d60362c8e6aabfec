"""The pose generator with limb layers, and its flow network: subclasses of the paper's with the same state-dict keys."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.errors import ShapeError
from core.gfla.methods.limb_layers.background import foreground
from core.gfla.methods.limb_layers.blend import LayerBlend, Palette, PartSegmentation
from core.gfla.methods.limb_layers.layers import LAYER_COUNT, LimbLayers, SkeletonGuide, warp_layers
from core.gfla.paper.attention import SourceTables
from core.gfla.paper.blocks import activation
from core.gfla.paper.network import Painted, PoseGenerator, PoseTargetNet
from core.gfla.paper.network_flow import FlowGenerator, FlowNet
from core.gfla.paper.operators import fetch_along

# Brings a flow in pixels near the range of a picture.
FLOW_RANGE_PX = 32


@dataclass
class LayeredPainting(Painted):
    """A picture blended from what was decoded, moved along the flow, the limb layers and plain background.

    Attributes:
        decoded: (B, 3, H, W) in [-1, 1], what the decoder alone painted.
        rest: (B, 1 + K + 1, H, W), the blend's weights of flow, layers and background; the decoder has what is left.
        guide: what was known of the skeletons.
        candidates: (B, 2 + K + 1, 3, H, W), the pictures blended; None away from training.
    """

    decoded: Tensor
    rest: Tensor
    guide: SkeletonGuide
    candidates: Tensor | None

    @property
    def weights(self) -> Tensor:
        """The weights of all candidates in their order, (B, 2 + K + 1, H, W)."""
        return torch.cat([1 - self.rest.sum(1, keepdim=True), self.rest], 1)

    @property
    def background(self) -> Tensor:
        """The weight of plain background, (B, 1, H, W)."""
        return self.rest[:, -1:]

    def cpu(self) -> Self:
        """The same in float32 on the CPU, without the candidates, which are dozens of pictures."""
        found = super().cpu()
        decoded, rest = self.decoded.float().cpu(), self.rest.float().cpu()
        return dataclasses.replace(found, decoded=decoded, rest=rest, guide=self.guide.to("cpu"), candidates=None)


class LimbFlowNet(FlowNet):
    """The paper's flow network, handed the skeletons' flow too, which is added to every head.

    So the network learns only what the skeletons do not say.
    """

    def __init__(
        self,
        attn_layers: Sequence[int],
        image_nc: int = 3,
        structure_nc: int = 18,
        ngf: int = 32,
        img_f: int = 256,
        encoder_layers: int = 5,
    ) -> None:
        super().__init__(image_nc + 2 * structure_nc + 2, attn_layers, ngf, img_f, encoder_layers)

    def forward(self, *inputs: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Flows and masks of (source, source pose, target pose, skeletons' flow (B, 2, H, W) in pixels), coarse first."""
        *pictures, prior = inputs
        flows, masks = super().forward(*pictures, prior / FLOW_RANGE_PX)
        scaled = [
            flow + F.interpolate(prior, flow.shape[-2:], mode="area") * (flow.shape[-1] / prior.shape[-1])
            for flow in flows
        ]
        return scaled, masks


class LimbFlowGenerator(FlowGenerator):
    """Stage 1 of the limb-layer generator."""

    structure_channels, network = 18, LimbFlowNet


class LimbTargetNet(PoseTargetNet):
    """The paper's target network, which sees the limb layers and blends them."""

    block0: nn.Module

    def __init__(
        self,
        structure_nc: int,
        channels: Sequence[int],
        attn_layers: Sequence[int],
        kernel_sizes: Sequence[int],
        image_nc: int = 3,
    ) -> None:
        super().__init__(structure_nc, channels, attn_layers, kernel_sizes, image_nc)
        width = channels[0]
        self.choice, self.palette = LayerBlend(width), Palette(width)
        # Beside `block0` without a norm: that of so many full-size channels costs a third of a training step.
        self.see_layers = nn.Sequential(
            nn.Conv2d(image_nc * LAYER_COUNT, width, 4, stride=2, padding=1),
            activation(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def encode_layers(self, structure: Tensor, layer_images: Tensor) -> Tensor:
        """The coarsest target feature of a structure (B, S, H, W) and of layers (B, K, 3, H, W)."""
        x = self.block0(structure) + self.see_layers(layer_images.flatten(1, 2))
        for index in range(self.layers - 1):
            x = getattr(self, f"encoder{index}")(x)
        return x


class LimbLayerGenerator(PoseGenerator):
    """A person repainted in another pose from its own limbs, before plain grey.

    Args:
        attn_layers, kernel_sizes, image_nc, structure_nc, ngf, img_f, layers, flow_ngf, flow_img_f, flow_layers,
            sample_hw, heatmap_sigma_px: as in `Generator`.
        studio_grey: grey in [0, 1] behind the people it was trained on.
        flow_prior, copy_source, limb_layers, ground_choice: parts of the method that files of it name; all belong to it.
    """

    target: LimbTargetNet

    @register_to_config
    def __init__(
        self,
        attn_layers: tuple[int, ...] = (2, 3),
        kernel_sizes: tuple[int, ...] = (3, 3),
        image_nc: int = 3,
        structure_nc: int | None = None,
        ngf: int = 32,
        img_f: int = 128,
        layers: int = 3,
        flow_ngf: int = 16,
        flow_img_f: int = 128,
        flow_layers: int = 5,
        sample_hw: tuple[int, int] = (128, 96),
        heatmap_sigma_px: float = 3.0,
        studio_grey: float = 0.88,
        flow_prior: bool = True,
        copy_source: bool = True,
        limb_layers: bool = True,
        ground_choice: bool = True,
    ) -> None:
        if not (flow_prior and limb_layers and ground_choice):
            raise ShapeError(
                "these are weights of an older form of limb layers: train again with python -m core gfla train"
            )
        super().__init__(
            attn_layers, kernel_sizes, image_nc, structure_nc, ngf, img_f, layers, flow_ngf, flow_img_f, flow_layers,
            sample_hw, heatmap_sigma_px,
        )  # fmt: skip

    def build(self) -> None:
        """The paper's networks, each extended, and the segmentation of the source."""
        self.source = self.source_encoder()
        self.target = LimbTargetNet(self.config.structure_nc + 1, *self.decoder_settings())
        self.limbs = PartSegmentation()
        self.flow_net = LimbFlowNet(*self.flow_settings())

    def structures(self, source_points: Tensor, target_points: Tensor, size_hw: tuple[int, int]) -> tuple[Any, ...]:
        """What `paint` and `forward` take of skeletons: heatmaps of both, and their guide."""
        guide = SkeletonGuide.of(source_points.expand_as(target_points), target_points, size_hw)
        return (*super().structures(source_points, target_points, size_hw), guide)

    def paint(
        self,
        tables: Sequence[SourceTables],
        source: Tensor,
        source_structure: Tensor,
        target_structure: Tensor,
        guide: SkeletonGuide | None = None,
    ) -> LayeredPainting:
        """Pictures of B target poses from an encoded source (one item, shared, or B items).

        Raises:
            ShapeError: no guide.
        """
        if guide is None:
            raise ShapeError("the generator needs limb layers: hand it all that `structures` returns")
        batch, layers, target = target_structure.shape[0], guide.layers, self.target
        flows, masks = self.flow_net(
            source.expand(batch, -1, -1, -1), source_structure.expand(batch, -1, -1, -1), target_structure, guide.flow
        )
        person = foreground(source, self.config.studio_grey)
        seen, colours = self.layer_images(person, layers)
        coarse = target.encode_layers(torch.cat([target_structure, guide.limbs], dim=1), seen)
        features, attention = target.decode(coarse, [tables], [flows], [masks])
        decoded = target.outconv(features).float()
        parts = self.limbs(source, layers.parts[: source.shape[0]])
        weights = target.choice(features, seen, parts, layers)
        moved = fetch_along(person[:, :3].expand(batch, -1, -1, -1), flows[-1])
        decoded = decoded + target.palette(features, parts, person)
        background = torch.full_like(decoded[:, None], 2 * self.config.studio_grey - 1)
        candidates = torch.cat([decoded[:, None], moved[:, None], colours, background], 1)
        image = (candidates * weights[:, :, None]).sum(1)
        return LayeredPainting(image, flows, masks, attention, decoded, weights[:, 1:], guide, candidates)

    def layer_images(self, person: Tensor, layers: LimbLayers) -> tuple[Tensor, Tensor]:
        """The limb layers before grey, as the networks see them, and their bare colours, both (B, K, 3, H, W).

        `person` is that of `foreground`, (B or 1, 4, H, W).
        """
        grey = 2 * self.config.studio_grey - 1
        unusable = ~layers.usable[:, :, None, None, None]
        warped = warp_layers(person, layers.grids, (person.shape[2], person.shape[3])).masked_fill(unusable, 0.0)
        colours, alpha = warped[:, :, :3], warped[:, :, 3:]
        return (grey + alpha * (colours - grey)).masked_fill(unusable, 0.0), colours

    def forward(
        self, source: Tensor, source_structure: Tensor, target_structure: Tensor, guide: SkeletonGuide | None = None
    ) -> LayeredPainting:
        """Encode and paint, as in training; the arguments are those of `paint`."""
        return self.paint(self.encode(source), source, source_structure, target_structure, guide)


def generator_class(config: Mapping[str, Any]) -> type[PoseGenerator]:
    """The generator that a configuration (`config.json`) belongs to: ours or the paper's."""
    return LimbLayerGenerator if config.get("limb_layers") else PoseGenerator
