"""GFLA networks for one source and one structure: source encoder, target network, pose generator.

Pictures are (B, 3, H, W) in [-1, 1], structures (B, S, H, W), flows (B, 2, h, w) in pixels of their own grid with x
before y, masks (B, 1, h, w) in [0, 1]. Lists run from the coarsest scale to the finest. Sides are multiples of 32.
A layer number n means the scale 1 / 2^n of the picture.

Source: Ren et al. 2020, section 3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.errors import ShapeError
from core.gfla.paper.attention import LocalAttention, SourceTables
from core.gfla.paper.blocks import Output, ResBlockDecoder, ResBlocks, add_encoder, encoder_features, widths
from core.gfla.paper.network_flow import FlowNet, PoseFlowNet
from core.gfla.paper.pose import heatmaps

SIDE_MULTIPLE = 32


@dataclass
class Painted:
    """A generated picture and what moved the texture into it.

    Attributes:
        image: (B, 3, H, W) in [-1, 1].
        flows: per attention layer, coarse first, (B, 2, h, w).
        masks: like `flows`, (B, 1, h, w); 1 = texture comes from the source.
        attention: like `flows`, (B, k k, h, w), rows before columns.
    """

    image: Tensor
    flows: list[Tensor]
    masks: list[Tensor]
    attention: list[Tensor]

    def cpu(self) -> Self:
        """The same in float32 on the CPU."""
        return dataclasses.replace(
            self,
            image=self.image.float().cpu(),
            flows=[flow.float().cpu() for flow in self.flows],
            masks=[mask.float().cpu() for mask in self.masks],
            attention=[weights.float().cpu() for weights in self.attention],
        )


class SourceEncoder(nn.Module):
    """Features of the source picture at 1/2, 1/4, 1/8."""

    def __init__(self, image_nc: int = 3, ngf: int = 64, img_f: int = 512, layers: int = 3) -> None:
        super().__init__()
        add_encoder(self, image_nc, widths(ngf, img_f, layers))

    def forward(self, source: Tensor) -> list[Tensor]:
        """Features from the coarsest to the finest."""
        return encoder_features(self, source)[::-1]


class TargetDecoder(nn.Module):
    """The decoding half of the target network: residual blocks, local attention, doubling (section 3.3).

    Args:
        channels: of the features at 1/2, 1/4, ...
        attn_layers: layers with local attention.
        kernel_sizes: k of each of `attn_layers`.
        sources: name prefix of each attention, one per source ("attn", or "attn_p" and "attn_r").
    """

    def __init__(
        self,
        channels: Sequence[int],
        attn_layers: Sequence[int],
        kernel_sizes: Sequence[int],
        image_nc: int = 3,
        sources: Sequence[str] = ("attn",),
    ) -> None:
        super().__init__()
        self.layers, self.attn_layers, self.sources = len(channels), tuple(attn_layers), tuple(sources)
        sizes = dict(zip(attn_layers, kernel_sizes, strict=True))
        for index in range(self.layers):
            layer = self.layers - index
            a, b = channels[layer - 1], channels[max(layer - 2, 0)]
            if layer in sizes:
                for name in sources:
                    setattr(self, f"{name}{index}", LocalAttention(a, sizes[layer]))
            setattr(self, f"decoder{index}", nn.Sequential(ResBlocks(a), ResBlockDecoder(a, b)))
        self.outconv = Output(channels[0], image_nc)

    def encode(self, structure: Tensor) -> Tensor:
        """The coarsest target feature of a structure."""
        raise TypeError(f"{type(self).__name__} must define encode")

    def attentions(self, source: int = 0) -> list[tuple[int, LocalAttention]]:
        """(decoder index, attention) of one source, coarse first."""
        indices = [i for i in range(self.layers) if self.layers - i in self.attn_layers]
        return [(i, getattr(self, f"{self.sources[source]}{i}")) for i in indices]

    def tables(self, features: Sequence[Tensor], source: int = 0) -> list[SourceTables]:
        """What local attention needs of source features (coarse first): once per source picture."""
        return [attention.tables(features[index]) for index, attention in self.attentions(source)]

    def decode(
        self,
        x: Tensor,
        tables: Sequence[Sequence[SourceTables]],
        flows: Sequence[Sequence[Tensor]],
        masks: Sequence[Sequence[Tensor]],
    ) -> tuple[Tensor, list[Tensor]]:
        """The features before the picture, and the attention of each layer and source.

        Args:
            x: coarsest target feature.
            tables: per source, per attention layer.
            flows: like `tables`.
            masks: like `tables`.
        """
        weights: list[Tensor] = []
        for index in range(self.layers):
            scale = len(weights) // len(self.sources)
            if self.layers - index in self.attn_layers:
                blends = []
                for number, name in enumerate(self.sources):
                    attend = getattr(self, f"{name}{index}")
                    warped, attention = attend(tables[number][scale], x, flows[number][scale])
                    # The mask says how much of a cell comes from the source.
                    mask = masks[number][scale]
                    blends.append(x * (1 - mask) + warped * mask)
                    weights.append(attention)
                # With two sources the published network adds both blends, so unmasked content counts twice.
                x = sum(blends[1:], blends[0])
            x = getattr(self, f"decoder{index}")(x)
        return x, weights


class PoseTargetNet(TargetDecoder):
    """Target pose to picture, with texture by local attention."""

    def __init__(
        self,
        structure_nc: int,
        channels: Sequence[int],
        attn_layers: Sequence[int],
        kernel_sizes: Sequence[int],
        image_nc: int = 3,
        sources: Sequence[str] = ("attn",),
    ) -> None:
        super().__init__(channels, attn_layers, kernel_sizes, image_nc, sources)
        add_encoder(self, structure_nc, channels)

    def encode(self, structure: Tensor) -> Tensor:
        """The coarsest target feature of a structure (B, S, H, W)."""
        return encoder_features(self, structure)[-1]


class Generator(ModelMixin, ConfigMixin):
    """The published settings of all generators; a subclass lays its networks in `build`.

    Args:
        attn_layers: layers with local attention, fine to coarse as published options write them.
        kernel_sizes: k of each of them.
        image_nc, structure_nc: channels of pictures and structures; the class knows the published structures'.
        ngf, img_f: channels of the first layer and the most channels, source and target networks.
        layers: halvings of source and target networks.
        flow_ngf, flow_img_f, flow_layers: the same of the flow network.
        sample_hw: (H, W) of the pictures it was trained on.
        heatmap_sigma_px: of the keypoint heatmaps it was trained on, where it reads some.

    Source: Ren et al. 2020, figure 2.
    """

    structure_channels: ClassVar[int]

    @register_to_config
    def __init__(
        self,
        attn_layers: tuple[int, ...] = (2, 3),
        kernel_sizes: tuple[int, ...] = (5, 3),
        image_nc: int = 3,
        structure_nc: int | None = None,
        ngf: int = 64,
        img_f: int = 512,
        layers: int = 3,
        flow_ngf: int = 32,
        flow_img_f: int = 256,
        flow_layers: int = 5,
        sample_hw: tuple[int, int] = (256, 256),
        heatmap_sigma_px: float = 6.0,
    ) -> None:
        super().__init__()
        self.register_to_config(structure_nc=structure_nc or self.structure_channels)
        self.build()

    def build(self) -> None:
        """Lay the networks by `self.config`."""
        raise TypeError(f"{type(self).__name__} must define build")

    def source_encoder(self) -> SourceEncoder:
        """A source encoder of the configured width."""
        return SourceEncoder(self.config.image_nc, self.config.ngf, self.config.img_f, self.config.layers)

    def decoder_settings(self) -> tuple[list[int], Sequence[int], Sequence[int], int]:
        """What `TargetDecoder` takes: channels, attention layers, kernel sizes, channels of pictures."""
        config = self.config
        return widths(config.ngf, config.img_f, config.layers), config.attn_layers, config.kernel_sizes, config.image_nc

    def flow_settings(self) -> tuple[Any, ...]:
        """What a flow network takes: attention layers, channels of pictures and structures, widths, halvings."""
        config = self.config
        return (
            config.attn_layers, config.image_nc, config.structure_nc, config.flow_ngf, config.flow_img_f,
            config.flow_layers,
        )  # fmt: skip


class OneSourceGenerator(Generator):
    """A generator that paints one encoded source in any number of target structures."""

    source: SourceEncoder
    target: TargetDecoder
    flow_net: FlowNet

    def check_source(self, source: Tensor) -> None:
        """Refuse sides that the flow network cannot halve five times."""
        check_sides(source)

    def encode(self, source: Tensor) -> list[SourceTables]:
        """Everything that depends on the source picture alone: once for any number of targets."""
        self.check_source(source)
        return self.target.tables(self.source(source))

    def paint(
        self, tables: Sequence[SourceTables], source: Tensor, source_structure: Tensor, target_structure: Tensor
    ) -> Painted:
        """Pictures of B target structures from an encoded source (one item, shared, or B items)."""
        batch = target_structure.shape[0]
        # Section 3.1: where each target cell comes from, and whether it comes from the source at all.
        flows, masks = self.flow_net(
            source.expand(batch, -1, -1, -1), source_structure.expand(batch, -1, -1, -1), target_structure
        )
        # Section 3.3: the target's own features, with the source's attended to along the flows.
        coarse = self.target.encode(target_structure)
        features, attention = self.target.decode(coarse, [tables], [flows], [masks])
        return Painted(self.target.outconv(features), flows, masks, attention)

    def forward(self, source: Tensor, source_structure: Tensor, target_structure: Tensor) -> Painted:
        """Encode and paint, as in training.

        Args:
            source: (B, 3, H, W) in [-1, 1].
            source_structure: heatmaps (B, 18, H, W) in [0, 1], or view codes (B, 21, 1, 1).
            target_structure: like `source_structure`.
        """
        return self.paint(self.encode(source), source, source_structure, target_structure)


class PoseGenerator(OneSourceGenerator):
    """A person repainted in another pose; fashion (layers 2, 3 with k 5, 3) and market (layer 2 with k 3)."""

    structure_channels = 18

    def build(self) -> None:
        """Source encoder, target network, flow network."""
        self.source = self.source_encoder()
        self.target = PoseTargetNet(self.config.structure_nc, *self.decoder_settings())
        self.flow_net = PoseFlowNet(*self.flow_settings())

    def structures(self, source_points: Tensor, target_points: Tensor, size_hw: tuple[int, int]) -> tuple[Any, ...]:
        """What `paint` and `forward` take of skeletons (1 or B, 18, 2) and (B, 18, 2): heatmaps of both."""
        sigma = self.config.heatmap_sigma_px
        return heatmaps(source_points, size_hw, sigma), heatmaps(target_points, size_hw, sigma)


def check_sides(picture: Tensor) -> None:
    """Refuse sides that the flow network cannot halve five times.

    Raises:
        ShapeError: which sides fit.
    """
    height, width = picture.shape[-2:]
    if height % SIDE_MULTIPLE or width % SIDE_MULTIPLE or height * width < 2 * SIDE_MULTIPLE**2:
        raise ShapeError(
            f"the picture is {width} x {height} pixels; multiples of {SIDE_MULTIPLE}, at least "
            f"{SIDE_MULTIPLE} x {2 * SIDE_MULTIPLE}, fit: resize it"
        )
