"""GFLA networks for video: each frame is painted from a reference picture and from the frame before it.

Same conventions as `core.gfla.paper.network`. Lists of flows and masks run coarse to fine, previous before reference.

Source: Ren et al. 2020, section 4 (face animation); Ren et al. 2020b, arXiv 2008.12606 (dance).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor

from core.gfla.paper.network import FlowTrunk, Painted, PoseFlowNet, PoseTargetNet, SourceEncoder, check_sides

PER_SCALE = tuple[list[Tensor], list[Tensor]]


def interleave(previous: list[Tensor], reference: list[Tensor]) -> list[Tensor]:
    """Per scale previous, then reference: the published order."""
    return [item for pair in zip(previous, reference, strict=True) for item in pair]


class AnimationGenerator(ModelMixin, ConfigMixin):
    """What the face and the dance generator share: the recurrence over frames and the two-source decoder."""

    source_previous: SourceEncoder
    source_reference: SourceEncoder
    target: PoseTargetNet

    def align(
        self,
        structure: Tensor,
        previous: Tensor,
        previous_structure: Tensor,
        reference: Tensor,
        reference_structure: Tensor,
    ) -> tuple[PER_SCALE, PER_SCALE]:
        """(flows, masks) from the previous frame and from the reference, each coarse first."""
        raise TypeError(f"{type(self).__name__} must define align")

    def animate(
        self,
        frames: Tensor,
        reference: Tensor,
        reference_structure: Tensor,
        previous: Tensor | None = None,
        previous_structure: Tensor | None = None,
    ) -> Iterator[Painted]:
        """One painted frame after the other; each is the `previous` of the next, the reference that of the first.

        Args:
            frames: structures (B, T, S, H, W).
            reference: (B, 3, H, W) in [-1, 1].
            reference_structure: (B, S, H, W).
            previous: last painted frame of an earlier chunk.
            previous_structure: its structure.
        """
        check_sides(reference)
        tables = self.target.tables(self.source_reference(reference), source=1)
        previous = reference if previous is None else previous
        previous_structure = reference_structure if previous_structure is None else previous_structure
        for structure in frames.unbind(1):
            before = self.target.tables(self.source_previous(previous), source=0)
            (p_flows, p_masks), (r_flows, r_masks) = self.align(
                structure, previous, previous_structure, reference, reference_structure
            )
            features, attention = self.target.decode(
                self.target.encode(structure), [before, tables], [p_flows, r_flows], [p_masks, r_masks]
            )
            image = self.target.outconv(features)
            yield Painted(image, interleave(p_flows, r_flows), interleave(p_masks, r_masks), attention)
            previous, previous_structure = image, structure

    def forward(
        self,
        frames: Tensor,
        reference: Tensor,
        reference_structure: Tensor,
        previous: Tensor | None = None,
        previous_structure: Tensor | None = None,
    ) -> list[Painted]:
        """All frames of a chunk, as in training; gradients run through the chunk."""
        return list(self.animate(frames, reference, reference_structure, previous, previous_structure))


class FaceGenerator(AnimationGenerator):
    """Face re-enactment: 16 structure channels; one flow network looks at both sources and aligns both."""

    @register_to_config
    def __init__(
        self,
        attn_layers: tuple[int, ...] = (2, 3),
        kernel_sizes: tuple[int, ...] = (5, 3),
        image_nc: int = 3,
        structure_nc: int = 16,
        ngf: int = 64,
        img_f: int = 512,
        layers: int = 3,
        flow_ngf: int = 32,
        flow_img_f: int = 256,
        flow_layers: int = 5,
    ) -> None:
        super().__init__()
        self.source_previous = SourceEncoder(image_nc, ngf, img_f, layers)
        self.source_reference = SourceEncoder(image_nc, ngf, img_f, layers)
        names = ("attn_p", "attn_r")
        self.target = PoseTargetNet(structure_nc, ngf, img_f, layers, attn_layers, kernel_sizes, image_nc, names)
        channels = 3 * structure_nc + 2 * image_nc
        self.flow_net = FlowTrunk(channels, attn_layers, flow_ngf, flow_img_f, flow_layers, pairs=2)

    def align(
        self,
        structure: Tensor,
        previous: Tensor,
        previous_structure: Tensor,
        reference: Tensor,
        reference_structure: Tensor,
    ) -> tuple[PER_SCALE, PER_SCALE]:
        """Both alignments from one pass."""
        joined = torch.cat([structure, previous, previous_structure, reference, reference_structure], dim=1)
        flows, masks = self.flow_net(joined)
        return (
            ([flow[:, :2] for flow in flows], [mask[:, :1] for mask in masks]),
            ([flow[:, 2:] for flow in flows], [mask[:, 1:] for mask in masks]),
        )


class DanceGenerator(AnimationGenerator):
    """Dance: 20 structure channels (17 heatmaps, a drawn skeleton); one flow network per source."""

    @register_to_config
    def __init__(
        self,
        attn_layers: tuple[int, ...] = (2, 3),
        kernel_sizes: tuple[int, ...] = (5, 3),
        image_nc: int = 3,
        structure_nc: int = 20,
        ngf: int = 64,
        img_f: int = 512,
        layers: int = 3,
        flow_ngf: int = 32,
        flow_img_f: int = 256,
        flow_layers: int = 5,
    ) -> None:
        super().__init__()
        self.source_previous = SourceEncoder(image_nc, ngf, img_f, layers)
        self.source_reference = SourceEncoder(image_nc, ngf, img_f, layers)
        names = ("attn_p", "attn_r")
        self.target = PoseTargetNet(structure_nc, ngf, img_f, layers, attn_layers, kernel_sizes, image_nc, names)
        flow = (attn_layers, image_nc, structure_nc, flow_ngf, flow_img_f, flow_layers)
        self.flow_net_previous = PoseFlowNet(*flow)
        self.flow_net_reference = PoseFlowNet(*flow)

    def align(
        self,
        structure: Tensor,
        previous: Tensor,
        previous_structure: Tensor,
        reference: Tensor,
        reference_structure: Tensor,
    ) -> tuple[PER_SCALE, PER_SCALE]:
        """Each source by its own network."""
        return (
            self.flow_net_previous(previous, previous_structure, structure),
            self.flow_net_reference(reference, reference_structure, structure),
        )
