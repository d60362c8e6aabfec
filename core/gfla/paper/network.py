"""GFLA networks for one source and one structure: source encoder, global flow, local attention, pose generator.

Pictures are (B, 3, H, W) in [-1, 1], structures (B, S, H, W), flows (B, 2, h, w) in pixels of their own grid with x
before y, masks (B, 1, h, w) in [0, 1]. Lists run from the coarsest scale to the finest. Sides are multiples of 32.
A layer number n means the scale 1 / 2^n of the picture.

Source: Ren et al. 2020, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.errors import ShapeError
from core.gfla.methods.limb_layers.background import cut_out
from core.gfla.methods.limb_layers.layers import LAYER_COUNT, LayerChoice, LimbLayers, LimbNet, Palette, fetch_layers
from core.gfla.paper.attention import LocalAttention, SourceTables
from core.gfla.paper.blocks import EncoderBlock, Jump, Output, ResBlockDecoder, ResBlocks, activation, widths
from core.gfla.paper.operators import fetch_along

SIDE_MULTIPLE = 32


@dataclass
class Painted:
    """A generated picture and what moved the texture into it.

    Attributes:
        image: (B, 3, H, W) in [-1, 1].
        flows: per attention layer, coarse first, (B, 2, h, w).
        masks: like `flows`, (B, 1, h, w); 1 = texture comes from the source.
        attention: like `flows`, (B, k k, h, w), rows before columns.
        painted: (B, 3, H, W), what the decoder alone painted; `image` itself unless source pixels are copied.
        copied: (B, 1, H, W) in [0, 1], the share of each pixel copied from the source along the finest flow; None
            without copying.
        layered: (B, K, H, W) in [0, 1], the share of each limb layer (`core.gfla.methods.limb_layers.layers`); None without layers.
        places: (B, K, H / 2, W / 2, 2), where each limb layer fetches its pixels, in -1..1 over the source.
        each: (B, 2 + K, 3, H, W), what was to choose from: painted, moved along the flow, the layers, and plain ground
            where that can be chosen.
        ground: (B, 1, H, W) in [0, 1], the share of plain ground; None where that is no choice.
        points: (B, 18, 2), the skeletons painted, in the network's frame; None unless a pipeline keeps them.
    """

    image: Tensor
    flows: list[Tensor]
    masks: list[Tensor]
    attention: list[Tensor]
    painted: Tensor | None = None
    copied: Tensor | None = None
    layered: Tensor | None = None
    places: Tensor | None = None
    each: Tensor | None = None
    ground: Tensor | None = None
    points: Tensor | None = None

    @property
    def shares(self) -> Tensor | None:
        """The shares of all choices in the order of `each`, (B, 2 + K, H, W); None where there is nothing to choose."""
        parts = [part for part in (self.copied, self.layered, self.ground) if part is not None]
        if not parts:
            return None
        rest = torch.cat(parts, 1)
        return torch.cat([1 - rest.sum(1, keepdim=True), rest], 1)


def check_sides(picture: Tensor) -> None:
    """Refuse sides that the flow network cannot halve five times."""
    height, width = picture.shape[-2:]
    if height % SIDE_MULTIPLE or width % SIDE_MULTIPLE or height * width < 2 * SIDE_MULTIPLE**2:
        raise ShapeError(
            f"the picture is {width} x {height} pixels; multiples of {SIDE_MULTIPLE}, at least "
            f"{SIDE_MULTIPLE} x {2 * SIDE_MULTIPLE}, fit: resize it"
        )


class SourceEncoder(nn.Module):
    """Features of the source picture at 1/2, 1/4, 1/8."""

    def __init__(self, image_nc: int = 3, ngf: int = 64, img_f: int = 512, layers: int = 3) -> None:
        super().__init__()
        channels = widths(ngf, img_f, layers)
        self.block0 = EncoderBlock(image_nc, channels[0])
        for index in range(layers - 1):
            setattr(self, f"encoder{index}", EncoderBlock(channels[index], channels[index + 1]))
        self.layers = layers

    def forward(self, source: Tensor) -> list[Tensor]:
        """Features from the coarsest to the finest."""
        features = [self.block0(source)]
        for index in range(self.layers - 1):
            features.append(getattr(self, f"encoder{index}")(features[-1]))
        return features[::-1]


class FlowTrunk(nn.Module):
    """The flow network's U-net with a flow and a mask head at every attention layer.

    Args:
        in_channels: of the joined input.
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
        self.attn_layers, self.encoder_layers = tuple(attn_layers), encoder_layers
        self.decoder_layers = encoder_layers - min(attn_layers)
        self.block0 = EncoderBlock(in_channels, channels[0])
        for index in range(encoder_layers - 1):
            setattr(self, f"encoder{index}", EncoderBlock(channels[index], channels[index + 1]))
        if code_channels:
            self.cat = ResBlocks(channels[-1] + code_channels, channels[-1])
        for index in range(self.decoder_layers):
            a, b = channels[encoder_layers - 1 - index], channels[encoder_layers - 2 - index]
            setattr(self, f"decoder{index}", ResBlockDecoder(a, b, hidden=b))
            setattr(self, f"jump{index}", Jump(b))
            if encoder_layers - 1 - index in attn_layers:
                setattr(self, f"output{index}", nn.Conv2d(b, 2 * pairs, 3, padding=1))
                setattr(self, f"mask{index}", nn.Sequential(nn.Conv2d(b, pairs, 3, padding=1), nn.Sigmoid()))

    def forward(self, joined: Tensor, code: Tensor | None = None) -> tuple[list[Tensor], list[Tensor]]:
        """Flows (B, 2 pairs, h, w) and masks (B, pairs, h, w) at the attention layers, coarse first."""
        skips = [self.block0(joined)]
        for index in range(self.encoder_layers - 1):
            skips.append(getattr(self, f"encoder{index}")(skips[-1]))
        x = skips.pop()
        if code is not None:
            x = self.cat(torch.cat([x, code.expand(-1, -1, *x.shape[2:])], dim=1))
        flows, masks = [], []
        for index in range(self.decoder_layers):
            x = getattr(self, f"decoder{index}")(x) + getattr(self, f"jump{index}")(skips.pop())
            if hasattr(self, f"output{index}"):
                flows.append(getattr(self, f"output{index}")(x))
                masks.append(getattr(self, f"mask{index}")(x))
        return flows, masks


class PoseFlowNet(FlowTrunk):
    """Flow and mask from a source picture, its structure and the target structure (section 3.1).

    With `use_prior` a coarse flow, known from the two skeletons, is a further input and is added to every head, so
    that the network learns what the skeletons do not say. Own addition; the published network has none.
    """

    def __init__(
        self,
        attn_layers: Sequence[int],
        image_nc: int = 3,
        structure_nc: int = 18,
        ngf: int = 32,
        img_f: int = 256,
        encoder_layers: int = 5,
        use_prior: bool = False,
    ) -> None:
        in_channels = image_nc + 2 * structure_nc + (2 if use_prior else 0)
        super().__init__(in_channels, attn_layers, ngf, img_f, encoder_layers)
        self.use_prior = use_prior

    def forward(  # type: ignore[override]  # a network of its own inputs; the trunk is inside
        self, source: Tensor, source_pose: Tensor, target_pose: Tensor, prior: Tensor | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Flows and masks, coarse first.

        Args:
            source: (B, 3, H, W) in [-1, 1].
            source_pose: (B, S, H, W).
            target_pose: like `source_pose`.
            prior: (B, 2, H, W), pixels, exactly if the network was built with `use_prior`.
        """
        if (prior is not None) != self.use_prior:
            raise ShapeError(f"the flow network {'needs' if self.use_prior else 'takes no'} flow prior")
        parts = [source, source_pose, target_pose]
        if prior is None:
            return super().forward(torch.cat(parts, dim=1))
        # Scaled so that its range is near that of a picture.
        flows, masks = super().forward(torch.cat([*parts, prior / 32], dim=1))
        for index, flow in enumerate(flows):
            scale = flow.shape[-1] / prior.shape[-1]
            flows[index] = flow + F.interpolate(prior, flow.shape[-2:], mode="area") * scale
        return flows, masks


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
        looked: list[Tensor] = []
        for index in range(self.layers):
            at = len(looked) // len(self.sources)
            if self.layers - index in self.attn_layers:
                blends = []
                for number, name in enumerate(self.sources):
                    attend = getattr(self, f"{name}{index}")
                    warped, attention = attend(tables[number][at], x, flows[number][at])
                    mask = masks[number][at]
                    blends.append(x * (1 - mask) + warped * mask)
                    looked.append(attention)
                # With two sources the published network adds both blends, so unmasked content counts twice.
                x = sum(blends[1:], blends[0])
            x = getattr(self, f"decoder{index}")(x)
        return x, looked


class PoseTargetNet(TargetDecoder):
    """Target pose to picture, with texture by local attention."""

    def __init__(
        self,
        structure_nc: int,
        ngf: int,
        img_f: int,
        layers: int,
        attn_layers: Sequence[int],
        kernel_sizes: Sequence[int],
        image_nc: int = 3,
        sources: Sequence[str] = ("attn",),
        copy_source: bool = False,
        limb_layers: bool = False,
        ground_choice: bool = False,
    ) -> None:
        channels = widths(ngf, img_f, layers)
        super().__init__(channels, attn_layers, kernel_sizes, image_nc, sources)
        if limb_layers:
            self.choice = LayerChoice(channels[0], ground=ground_choice)
            self.palette = Palette(channels[0]) if ground_choice else None
            # Beside `block0` without a norm: that of so many full-size channels costs a third of a training step.
            self.see_layers = nn.Sequential(
                nn.Conv2d(image_nc * LAYER_COUNT, channels[0], 4, stride=2, padding=1),
                activation(),
                nn.Conv2d(channels[0], channels[0], 3, padding=1),
            )
        elif copy_source:
            self.copy = nn.Sequential(activation(), nn.Conv2d(channels[0], 1, 3, padding=1))
            # Copying begins where limbs are: their flow is right from the first step on.
            self.limb_gain = nn.Parameter(torch.tensor([4.0]))
        self.block0 = EncoderBlock(structure_nc, channels[0])
        for index in range(layers - 1):
            setattr(self, f"encoder{index}", EncoderBlock(channels[index], channels[index + 1]))

    def encode(self, structure: Tensor, choices: Tensor | None = None) -> Tensor:
        """The coarsest target feature of a structure (B, S, H, W) and, with limb layers, of those (B, K, 3, H, W)."""
        x = self.block0(structure)
        if choices is not None:
            x = x + self.see_layers(choices.flatten(1, 2))
        for index in range(self.layers - 1):
            x = getattr(self, f"encoder{index}")(x)
        return x

    def copied_share(self, features: Tensor, limbs: Tensor | None) -> Tensor:
        """How much of each pixel is copied from the moved source, (B, 1, H, W); `limbs` is the target's limb map."""
        logits = self.copy(features)
        return torch.sigmoid(logits if limbs is None else logits + self.limb_gain * (limbs - 0.5))


class PoseGenerator(ModelMixin, ConfigMixin):
    """A person repainted in another pose; fashion (layers 2, 3 with k 5, 3) and market (layer 2 with k 3).

    Args:
        attn_layers: layers with local attention, fine to coarse as published options write them.
        kernel_sizes: k of each of them.
        image_nc, structure_nc: channels of pictures and structures.
        ngf, img_f: channels of the first layer and the most channels, source and target networks.
        layers: halvings of source and target networks.
        flow_ngf, flow_img_f, flow_layers: the same of the flow network.
        flow_prior: whether the flow network is handed a flow from the two skeletons, and the target network a map of
            the target's limbs (own addition, `core.gfla.methods.limb_layers.skeleton`).
        copy_source: whether the last features also choose, per pixel, how much of the source moved along the finest
            flow shows through (own addition: keeps fine texture that few channels cannot carry).
        limb_layers: whether the source's limbs, each moved rigidly, are further choices beside painting and copying
            (own addition, `core.gfla.methods.limb_layers.layers`; takes the place of `copy_source`).
        ground_choice: whether plain grey ground is one more choice, what is moved brings none along, and painting begins
            with the colours of the person's pieces (own addition, `core.gfla.methods.limb_layers.background`; with `limb_layers` and
            `studio_grey`).
        sample_hw: (H, W) of the pictures it was trained on.
        heatmap_sigma_px: of the pose heatmaps it was trained on.
        studio_grey: grey in [0, 1] behind the people it was trained on; None if they kept their backgrounds.

    Source: Ren et al. 2020, figure 2.
    """

    @register_to_config
    def __init__(
        self,
        attn_layers: tuple[int, ...] = (2, 3),
        kernel_sizes: tuple[int, ...] = (5, 3),
        image_nc: int = 3,
        structure_nc: int = 18,
        ngf: int = 64,
        img_f: int = 512,
        layers: int = 3,
        flow_ngf: int = 32,
        flow_img_f: int = 256,
        flow_layers: int = 5,
        flow_prior: bool = False,
        copy_source: bool = False,
        limb_layers: bool = False,
        sample_hw: tuple[int, int] = (256, 256),
        heatmap_sigma_px: float = 6.0,
        studio_grey: float | None = None,
        ground_choice: bool = False,
    ) -> None:
        super().__init__()
        if ground_choice and not (limb_layers and studio_grey is not None):
            raise ShapeError("ground_choice goes with limb_layers and a studio_grey: set both")
        self.source = SourceEncoder(image_nc, ngf, img_f, layers)
        self.target = PoseTargetNet(
            structure_nc + int(flow_prior),
            ngf,
            img_f,
            layers,
            attn_layers,
            kernel_sizes,
            image_nc,
            copy_source=copy_source,
            limb_layers=limb_layers,
            ground_choice=ground_choice,
        )
        if limb_layers:
            self.limbs = LimbNet()
        self.flow_net = PoseFlowNet(attn_layers, image_nc, structure_nc, flow_ngf, flow_img_f, flow_layers, flow_prior)

    def encode(self, source: Tensor) -> list[SourceTables]:
        """Everything that depends on the source picture alone: once for any number of target poses."""
        check_sides(source)
        return self.target.tables(self.source(source))

    def paint(
        self,
        tables: Sequence[SourceTables],
        source: Tensor,
        source_pose: Tensor,
        target_pose: Tensor,
        prior: Tensor | None = None,
        layers: LimbLayers | None = None,
    ) -> Painted:
        """Pictures of B target poses from an encoded source (one item, shared, or B items)."""
        if (layers is not None) != self.config.limb_layers:
            raise ShapeError(f"the generator {'needs' if self.config.limb_layers else 'takes no'} limb layers")
        batch = target_pose.shape[0]
        flow_prior = None if prior is None else prior[:, :2]
        flows, masks = self.flow_net(
            source.expand(batch, -1, -1, -1), source_pose.expand(batch, -1, -1, -1), target_pose, flow_prior
        )
        if prior is not None:
            target_pose = torch.cat([target_pose, prior[:, 2:]], dim=1)
        seen, colours, moving = (None, None, source) if layers is None else self.choices(source, layers)
        coarse = self.target.encode(target_pose, seen)
        features, attention = self.target.decode(coarse, [tables], [flows], [masks])
        painted = self.target.outconv(features)
        if layers is not None and seen is not None and colours is not None:
            owned = self.limbs(source, layers.ownership[: source.shape[0]])
            shares = self.target.choice(features, seen, owned, layers)
            moved = fetch_along(moving[:, :3].expand(batch, -1, -1, -1), flows[-1])
            painted = painted.float()
            if self.target.palette is not None:
                painted = painted + self.target.palette(features, owned, moving)
            each = torch.cat([painted[:, None], moved[:, None], colours], 1)
            end = 2 + LAYER_COUNT
            ground = shares[:, end:] if self.config.ground_choice else None
            if ground is not None:
                each = torch.cat([each, torch.full_like(each[:, :1], 2 * self.config.studio_grey - 1)], 1)
            return Painted(
                (each * shares[:, :, None]).sum(1), flows, masks, attention, painted, shares[:, 1:2], shares[:, 2:end],
                layers.places, each, ground,
            )  # fmt: skip
        if not self.config.copy_source:
            return Painted(painted, flows, masks, attention, painted)
        copied = self.target.copied_share(features, None if prior is None else prior[:, 2:])
        moved = fetch_along(source.expand(batch, -1, -1, -1), flows[-1])
        return Painted(painted * (1 - copied) + moved * copied, flows, masks, attention, painted, copied)

    def choices(self, source: Tensor, layers: LimbLayers) -> tuple[Tensor, Tensor, Tensor]:
        """The limb layers as the networks see them and as they show, both (B, K, 3, H, W), and what the flow moves in its first channels."""
        size = (source.shape[2], source.shape[3])
        if not self.config.ground_choice:
            seen = fetch_layers(source, layers.places, size)
            seen = seen.masked_fill(~layers.usable[:, :, None, None, None], 0.0)
            return seen, seen, source
        grey = 2 * self.config.studio_grey - 1
        cut = cut_out(source, self.config.studio_grey)
        lost = ~layers.usable[:, :, None, None, None]
        fetched = fetch_layers(cut, layers.places, size).masked_fill(lost, 0.0)
        colours, share = fetched[:, :, :3], fetched[:, :, 3:]
        return (grey + share * (colours - grey)).masked_fill(lost, 0.0), colours, cut

    def forward(
        self,
        source: Tensor,
        source_pose: Tensor,
        target_pose: Tensor,
        prior: Tensor | None = None,
        layers: LimbLayers | None = None,
    ) -> Painted:
        """Encode and paint, as in training.

        Args:
            source: (B, 3, H, W) in [-1, 1].
            source_pose: (B, 18, H, W) heatmaps in [0, 1].
            target_pose: like `source_pose`.
            prior: (B, 3, H, W), flow and limb map, only with `flow_prior`.
            layers: only with `limb_layers`.
        """
        return self.paint(self.encode(source), source, source_pose, target_pose, prior, layers)


class PoseFlowGenerator(ModelMixin, ConfigMixin):
    """The flow network alone, as stage 1 trains and saves it (keys `flow_net.*`)."""

    @register_to_config
    def __init__(
        self,
        attn_layers: tuple[int, ...] = (2, 3),
        image_nc: int = 3,
        structure_nc: int = 18,
        flow_ngf: int = 32,
        flow_img_f: int = 256,
        flow_layers: int = 5,
        flow_prior: bool = False,
    ) -> None:
        super().__init__()
        self.flow_net = PoseFlowNet(attn_layers, image_nc, structure_nc, flow_ngf, flow_img_f, flow_layers, flow_prior)

    def forward(
        self, source: Tensor, source_pose: Tensor, target_pose: Tensor, prior: Tensor | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Flows and masks, coarse first."""
        return self.flow_net(source, source_pose, target_pose, prior)
