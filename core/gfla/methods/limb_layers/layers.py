"""Limb layers: the source person cut into limbs, each laid rigidly where the target skeleton has it.

A flow that blends the limbs' movements smears what lies between them, and drags the torso along with an arm in front of
it. Here every limb is a layer of its own: the source picture as that limb alone would move it. The generator learns
which layer is on top at each target pixel and which source pixels belong to which limb.

The idea of layers of limbs is that of Balakrishnan et al. 2018, "Synthesizing Images of Humans in Unseen Poses",
section 3; the coordinates, the mirrored limbs and the learned segmentation are ours.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from core.gfla.methods.limb_layers.settings import SETTINGS
from core.gfla.methods.limb_layers.skeleton import (
    HEAD_CENTRE,
    HIP_CENTRE,
    BodyPair,
    Limb,
    at_limb_coordinates,
    limb_coordinates,
    limb_flow,
    limb_map,
    part_maps,
)

# Torso, head, arms, legs, feet.
PARTS = (
    Limb(1, HIP_CENTRE, 0.26), Limb(HEAD_CENTRE, HEAD_CENTRE, 0.24),
    Limb(2, 3, 0.13), Limb(3, 4, 0.12), Limb(5, 6, 0.13), Limb(6, 7, 0.12),
    Limb(8, 9, 0.17), Limb(9, 10, 0.14), Limb(11, 12, 0.17), Limb(12, 13, 0.14),
    Limb(10, 10, 0.14), Limb(13, 13, 0.14),
)  # fmt: skip
TORSO, HEAD_PART, ARMS, FEET = 0, 1, (2, 3, 4, 5), (10, 11)
# The same part of the other side of the body.
OTHER_SIDE = {2: 4, 3: 5, 4: 2, 5: 3, 6: 8, 7: 9, 8: 6, 9: 7, 10: 11, 11: 10}


class Layer(NamedTuple):
    """A part of the source laid on a part of the target.

    `side` says how the layer's two sides lie: "body" as the two bodies face, "mirrored" the other way round, "plain" as
    they are, "flipped" mirrored left to right, "width" by the shoulders' signed width. `lean` turns the head with the
    neck.
    """

    target: int
    source: int
    side: str
    lean: bool = False


LAYERS = (
    Layer(TORSO, TORSO, "width"), Layer(TORSO, TORSO, "plain"),
    Layer(HEAD_PART, HEAD_PART, "plain"), Layer(HEAD_PART, HEAD_PART, "flipped"),
    Layer(HEAD_PART, HEAD_PART, "plain", lean=True),
    *(Layer(part, part, "body") for part in range(2, 10)),
    *(Layer(part, OTHER_SIDE[part], "mirrored") for part in range(2, 10)),
    *(Layer(part, part, side) for part in FEET for side in ("plain", "flipped")),
)  # fmt: skip
# And the whole body, shifted and scaled.
LAYER_COUNT = len(LAYERS) + 1


@dataclass
class LimbLayers:
    """The layers of a pair of skeletons, at half the picture's size.

    Attributes:
        grids: (B, K, h, w, 2) where each layer samples each target pixel, in -1..1 over the source picture.
        prior: (B, K, h, w), 0 on the limb's axis and falling with the squared distance.
        usable: (B, K) bool, whether both skeletons have the limb.
        parts: (B, P, h, w) in [0, 1], where the source's `PARTS` are.
    """

    grids: Tensor
    prior: Tensor
    usable: Tensor
    parts: Tensor


@dataclass
class SkeletonGuide:
    """All that the generator is handed of two skeletons (B, 18, 2) beside their heatmaps.

    Attributes:
        source_points, target_points: the skeletons, in pixels of the network's frame.
        flow: (B, 2, H, W), the limbs' flow in pixels, and `confidence` (B, 1, H, W) in [0, 1).
        limbs: (B, 1, H, W) in [0, 1], where the target's limbs are.
        layers: the limb layers.
    """

    source_points: Tensor
    target_points: Tensor
    flow: Tensor
    confidence: Tensor
    limbs: Tensor
    layers: LimbLayers

    @classmethod
    def of(cls, source_points: Tensor, target_points: Tensor, size_hw: tuple[int, int]) -> SkeletonGuide:
        """Computed on the points' device."""
        return cls(
            source_points, target_points, *limb_flow(source_points, target_points, size_hw),
            limb_map(target_points, size_hw), limb_layers(source_points, target_points, size_hw),
        )  # fmt: skip

    def to(self, device: torch.device | str) -> SkeletonGuide:
        """The same on a device."""
        layers = LimbLayers(*(value.to(device) for value in vars(self.layers).values()))
        tensors = {key: value.to(device) for key, value in vars(self).items() if key != "layers"}
        return dataclasses.replace(self, **tensors, layers=layers)


def limb_layers(source_points: Tensor, target_points: Tensor, size_hw: tuple[int, int], stride: int = 2) -> LimbLayers:
    """The layers of a pair of skeletons, (B, 18, 2) x, y in pixels each, -1 where missing."""
    pair = BodyPair.of(source_points, target_points, size_hw, stride, legs=True)
    source, target = pair.source, pair.target
    coordinates = [limb_coordinates(pair.pixel, target[:, part.first], target[:, part.second]) for part in PARTS]
    neck = limb_coordinates(pair.pixel, target[:, 1], target[:, HEAD_CENTRE])
    plain = torch.ones_like(pair.turned)
    signs = {"body": pair.turned, "mirrored": -pair.turned, "plain": plain, "flipped": -plain, "width": _width(pair)}
    grids, prior, usable = [], [], []
    for layer in LAYERS:
        onto, part = PARTS[layer.target], PARTS[layer.source]
        place, distance = coordinates[layer.target]
        first, second = source[:, part.first], source[:, part.second]
        known = (
            pair.target_known[:, [onto.first, onto.second]].all(1)
            & pair.source_known[:, [part.first, part.second]].all(1)
        )  # fmt: skip
        if layer.lean:
            place, first, second = neck[0], source[:, 1], source[:, HEAD_CENTRE]
            known = known & pair.shared[:, 1]
        grids.append(at_limb_coordinates(place, pair.scale, signs[layer.side][:, None, None], first, second))
        reach = (onto.reach * pair.target_torso)[:, None, None]
        prior.append((-0.5 * (distance / reach) ** 2).clamp_min(SETTINGS.lowest_prior))
        usable.append(known)
    grids.append(pair.moved_body())
    prior.append(torch.full_like(prior[0], SETTINGS.lowest_prior / 2))
    usable.append(pair.shared.any(1))
    extent = pair.pixel.new_tensor((size_hw[1], size_hw[0]))
    normalised = (torch.stack(grids, 1) + 0.5) * 2 / extent - 1
    return LimbLayers(
        normalised.clamp(-3, 3), torch.stack(prior, 1), torch.stack(usable, 1),
        part_maps(source, pair.source_known, pair.pixel, PARTS),
    )  # fmt: skip


def _width(pair: BodyPair) -> Tensor:
    """How much wider the source's shoulders and hips stand than the target's, beyond the bodies' sizes; (B,) signed."""
    source, target = (
        ((points[:, 2] - points[:, 5]).norm(dim=-1) + (points[:, 8] - points[:, 11]).norm(dim=-1)) / torso
        for points, torso in ((pair.source, pair.source_torso), (pair.target, pair.target_torso))
    )
    return pair.turned * (source / target.clamp_min(0.1)).clamp(0.5, 2.0)


def warp_layers(source: Tensor, grids: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """The source (B or 1, C, H, W) as every layer moves it, (B, K, C, *size_hw); the border repeats."""
    batch, count = grids.shape[:2]
    if tuple(grids.shape[2:4]) != tuple(size_hw):
        flat = grids.permute(0, 1, 4, 2, 3).flatten(0, 1)
        large = F.interpolate(flat, size_hw, mode="bilinear", align_corners=False)
        grids = large.unflatten(0, (batch, count)).permute(0, 1, 3, 4, 2)
    # All layers of an item in one tall grid: the picture need not be repeated per layer.
    tall = grids.reshape(batch, count * size_hw[0], size_hw[1], 2)
    moved = F.grid_sample(
        source.expand(batch, -1, -1, -1), tall, mode="bilinear", padding_mode="border", align_corners=False
    )
    return moved.unflatten(2, (count, size_hw[0])).transpose(1, 2)
