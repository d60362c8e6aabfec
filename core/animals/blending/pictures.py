"""Photos of heads, ready to be mixed: the order of the steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.animals.blending.layers import Layers
from core.animals.blending.mixing import SETTINGS, fetched, mix_layers, moved_places, sharpened
from core.animals.blending.settling import settled
from core.animals.colour_transfer.masks import apply_grabcut, mark_ears, refine_masks
from core.animals.colour_transfer.palette import Palette
from core.animals.head_alignment.alignment import HeadAlignment, is_frontal
from core.animals.head_alignment.detector import segment_animals
from core.animals.head_alignment.framing import FramedHead
from core.ops.smoothstep import smoothstep


def find_masks(crops: Tensor, heads: Sequence[FramedHead]) -> Tensor:
    """(N, 1, S, S) in [0, 1], what is animal in crops (N, 3, S, S) in [0, 1]."""
    ears = [head.points if is_frontal(head) else None for head in heads]
    marked = mark_ears(segment_animals(crops), ears)
    return refine_masks(apply_grabcut(crops, marked, [points is not None for points in ears]), crops)


@dataclass(frozen=True)
class AnimalPictures:
    """N photos of heads.

    Attributes:
        crops: (N, 3, S, S) in [0, 1].
        alignment: of the heads.
        palette: their colours.
        layers: what they are cut into.
    """

    crops: Tensor
    alignment: HeadAlignment
    palette: Palette
    layers: Layers

    @classmethod
    def cut(cls, crops: Tensor, alignment: HeadAlignment, palette: Palette) -> AnimalPictures:
        """The pictures of crops (N, 3, S, S) in [0, 1]."""
        return cls(crops, alignment, palette, Layers.cut(crops, palette.masks, alignment.points))

    def mix(self, shape: Tensor, appearance: Tensor) -> Tensor:
        """Mixtures (T, 3, S, S) in [0, 1] with shares of each picture in shape and appearance, both (T, N); rows sum to 1.

        Beyond the ends only places are stretched.
        """
        frames = [self._mixture(*each) for each in zip(shape, appearance, strict=True)]
        return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).clamp(0, 1).contiguous()

    def _mixture(self, places: Tensor, looks: Tensor) -> np.ndarray:
        parts, colours = ({i: w for i, w in enumerate(row.tolist()) if w} for row in (within(places), within(looks)))
        used = torch.tensor(sorted({*parts, *colours}))
        ways = self.alignment.from_pictures(places[None], used)
        points = torch.tensordot(places, self.alignment.points, dims=1).numpy()
        displacements = {
            int(i): settled(
                way[0].permute(1, 2, 0).numpy(), points, self.alignment.points[i].numpy(), bool(self.alignment.sure[i])
            )
            for i, way in zip(used, ways, strict=True)
        }
        trust = self.alignment.sure.tolist(), self.alignment.clear.tolist()
        frame = mix_layers(self.layers, self.palette, displacements, parts, colours, *trust)
        frame = sharpened(frame, sum(share * float(self.layers.sharpness[index]) for index, share in parts.items()))
        for index in parts:
            share = float(smoothstep(min(parts[index], colours.get(index, 0.0)), SETTINGS.photo_from, 1))
            if share > 0:
                photo = self.crops[index].permute(1, 2, 0).contiguous().numpy()
                frame += share * (fetched(photo, moved_places(displacements[index], len(frame)), fine=True) - frame)
        return frame


def within(weights: Tensor) -> Tensor:
    """Weights (N,) of a place beyond an end, brought back to it."""
    inside = weights.clamp(min=0)
    return inside / inside.sum()
