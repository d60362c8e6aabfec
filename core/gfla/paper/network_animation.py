"""GFLA networks for video: each frame is painted from a reference picture and from the frame before it.

Same conventions as `core.gfla.paper.network`. Lists of flows and masks run coarse to fine, previous before reference.

Source: Ren et al. 2020, section 4 (face animation); Ren et al. 2020b, arXiv 2008.12606 (dance).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch import Tensor

from core.gfla.paper.attention import SourceTables
from core.gfla.paper.network import Generator, Painted, PoseTargetNet, SourceEncoder, check_sides
from core.gfla.paper.network_flow import FlowNet, PoseFlowNet

PerScale = tuple[list[Tensor], list[Tensor]]


class Frame(NamedTuple):
    """A picture (B, 3, H, W) in [-1, 1] and its structure (B, S, H, W)."""

    image: Tensor
    structure: Tensor


def interleave(previous: list[Tensor], reference: list[Tensor]) -> list[Tensor]:
    """Per scale previous, then reference: the published order."""
    return [item for pair in zip(previous, reference, strict=True) for item in pair]


class AnimationGenerator(Generator):
    """What the face and the dance generator share: the recurrence over frames and the two-source decoder."""

    source_previous: SourceEncoder
    source_reference: SourceEncoder
    target: PoseTargetNet

    def build(self) -> None:
        """Both source encoders and the target network."""
        self.source_previous, self.source_reference = self.source_encoder(), self.source_encoder()
        self.target = PoseTargetNet(self.config.structure_nc, *self.decoder_settings(), ("attn_p", "attn_r"))

    def align(self, structure: Tensor, previous: Frame, reference: Frame) -> tuple[PerScale, PerScale]:
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
        fixed = Frame(reference, reference_structure)
        before = fixed if previous is None or previous_structure is None else Frame(previous, previous_structure)
        reference_tables = self.target.tables(self.source_reference(reference), source=1)
        for structure in frames.unbind(1):
            painted = self.paint(structure, before, fixed, reference_tables)
            yield painted
            before = Frame(painted.image, structure)

    def paint(
        self, structure: Tensor, before: Frame, fixed: Frame, reference_tables: Sequence[SourceTables]
    ) -> Painted:
        """One frame: its structure (B, S, H, W), the frame painted before, the reference and its tables."""
        tables = self.target.tables(self.source_previous(before.image), source=0)
        (p_flows, p_masks), (r_flows, r_masks) = self.align(structure, before, fixed)
        features, attention = self.target.decode(
            self.target.encode(structure), [tables, reference_tables], [p_flows, r_flows], [p_masks, r_masks]
        )
        image = self.target.outconv(features)
        return Painted(image, interleave(p_flows, r_flows), interleave(p_masks, r_masks), attention)

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

    structure_channels = 16

    def build(self) -> None:
        """As all, and the flow network."""
        super().build()
        attn_layers, image_nc, structure_nc, ngf, img_f, layers = self.flow_settings()
        self.flow_net = FlowNet(3 * structure_nc + 2 * image_nc, attn_layers, ngf, img_f, layers, pairs=2)

    def align(self, structure: Tensor, previous: Frame, reference: Frame) -> tuple[PerScale, PerScale]:
        """Both alignments from one pass."""
        flows, masks = self.flow_net(structure, *previous, *reference)
        return (
            ([flow[:, :2] for flow in flows], [mask[:, :1] for mask in masks]),
            ([flow[:, 2:] for flow in flows], [mask[:, 1:] for mask in masks]),
        )


class DanceGenerator(AnimationGenerator):
    """Dance: 20 structure channels (17 heatmaps, a drawn skeleton); one flow network per source."""

    structure_channels = 20

    def build(self) -> None:
        """As all, and both flow networks."""
        super().build()
        self.flow_net_previous = PoseFlowNet(*self.flow_settings())
        self.flow_net_reference = PoseFlowNet(*self.flow_settings())

    def align(self, structure: Tensor, previous: Frame, reference: Frame) -> tuple[PerScale, PerScale]:
        """Each source by its own network."""
        return self.flow_net_previous(*previous, structure), self.flow_net_reference(*reference, structure)
