"""The published network of views with the picture's own pixels laid in where it says that they are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.gfla.paper.attention import SourceTables
from core.gfla.paper.network import Painted
from core.gfla.paper.network_views import ShapeNetGenerator, ViewTargetNet
from core.gfla.paper.operators import fetch_along


class CopyingGenerator(ShapeNetGenerator):
    """The published networks, no weight more; their finest flow and mask also move the picture's own pixels.

    The published encoder begins with an instance norm, which hides how bright a plain object is: what is painted from its
    features cannot have the right colour, what is copied has. Its view codes are constant planes, which the next norm takes
    out again; here they change sign in the middle, which a norm keeps.
    """

    target: ViewTargetNet

    def paint(
        self, tables: Sequence[SourceTables], source: Tensor, source_structure: Tensor, target_structure: Tensor
    ) -> Painted:
        """As published, with codes that a norm keeps; then copied pixels by the finest mask over painted ones."""
        pattern = halves(self.target.first_side).to(target_structure)
        painted = super().paint(tables, source, source_structure * pattern, target_structure * pattern)
        size = painted.image.shape[2:]
        mask = F.interpolate(painted.masks[-1].float(), size, mode="bilinear", align_corners=False)
        copied = fetch_along(source.expand(len(target_structure), -1, -1, -1), painted.flows[-1].float())
        painted.image = mask * copied + (1 - mask) * painted.image.float()
        return painted


def halves(side: int) -> Tensor:
    """A plane (1, 1, side, side) of -1 on its left half and 1 on its right."""
    return (torch.arange(side) * 2 >= side).float().mul(2).sub(1).expand(1, 1, side, side)


def view_class(config: Mapping[str, Any]) -> type[ShapeNetGenerator]:
    """The generator that a configuration (`config.json`) names: ours or the paper's."""
    return CopyingGenerator if config.get("_class_name") == CopyingGenerator.__name__ else ShapeNetGenerator
