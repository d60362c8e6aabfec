"""Limb layers: the source person cut into limbs, each laid rigidly where the target skeleton has it. Own addition.

A flow that blends the limbs' movements smears what lies between them, and drags the torso along with an arm in front of
it. Here every limb is a layer of its own: the source picture as that limb alone would move it. A generator with
`limb_layers` learns which layer is on top at each target pixel and which source pixels belong to which limb.
The idea of layers of limbs is that of Balakrishnan et al. 2018, "Synthesizing Images of Humans in Unseen Poses",
section 3; the coordinates, the mirrored limbs and the learned ownership are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.gfla.methods.limb_layers.skeleton import (
    MIDDLE_OF_HEAD,
    _along_limb,
    _middle,
    _on_limb,
    _pixels,
    body_unit,
    completed,
    facing,
    with_head,
)
from core.gfla.paper.blocks import EncoderBlock, ResBlockDecoder
from core.gfla.paper.pose import MISSING

# Virtual joint after the head's middle: the middle of the hips.
MIDDLE_OF_HIPS = 19


class Part(NamedTuple):
    """A piece of the body on the line between two joints; `reach` is its half width in torso lengths."""

    first: int
    second: int
    reach: float


# Torso, head, arms, legs, feet. A single joint twice is a piece that stays upright.
PARTS = (
    Part(1, MIDDLE_OF_HIPS, 0.26), Part(MIDDLE_OF_HEAD, MIDDLE_OF_HEAD, 0.24),
    Part(2, 3, 0.13), Part(3, 4, 0.12), Part(5, 6, 0.13), Part(6, 7, 0.12),
    Part(8, 9, 0.17), Part(9, 10, 0.14), Part(11, 12, 0.17), Part(12, 13, 0.14),
    Part(10, 10, 0.14), Part(13, 13, 0.14),
)  # fmt: skip
TORSO, HEAD_PART, FEET = 0, 1, (10, 11)
# The same piece of the other side of the body.
OTHER_SIDE = {2: 4, 3: 5, 4: 2, 5: 3, 6: 8, 7: 9, 8: 6, 9: 7, 10: 11, 11: 10}


class Layer(NamedTuple):
    """A piece of the source laid on a piece of the target.

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
# The prior of layers falls no lower than this.
LOWEST = -8.0


@dataclass
class LimbLayers:
    """What a generator with `limb_layers` is handed of two skeletons.

    Attributes:
        places: (B, K, h, w, 2) where each layer fetches each target pixel, in -1..1 over the source picture, at half size.
        prior: (B, K, h, w), 0 on the limb's axis and falling with the squared distance, at half size.
        usable: (B, K) bool, whether both skeletons have the limb.
        ownership: (B, P, h, w) in [0, 1], where the source's pieces are.
    """

    places: Tensor
    prior: Tensor
    usable: Tensor
    ownership: Tensor

    def to(self, device: torch.device | str) -> LimbLayers:
        """The same on a device."""
        parts = (self.places, self.prior, self.usable, self.ownership)
        return LimbLayers(*(part.to(device) for part in parts))


def limb_layers(source_points: Tensor, target_points: Tensor, size_hw: tuple[int, int], stride: int = 2) -> LimbLayers:
    """The layers of a pair of skeletons, (B, 18, 2) x, y in pixels each, -1 where missing."""
    (source, source_known), (target, target_known) = _prepared(source_points), _prepared(target_points)
    shared = source_known & target_known
    source, source_known = _with_middles(source, source_known, shared)
    target, target_known = _with_middles(target, target_known, shared)
    source_unit, target_unit = body_unit(source, source_known), body_unit(target, target_known)
    ratio = source_unit / target_unit
    turned = facing(source, source_known) * facing(target, target_known)
    pixel = _pixels(size_hw, stride, source.device)
    lines = [_along_limb(pixel, target[:, part.first], target[:, part.second]) for part in PARTS]
    lean = _along_limb(pixel, target[:, 1], target[:, MIDDLE_OF_HEAD])
    places, prior, usable = [], [], []
    width = _width_ratio(source, target, source_unit, target_unit, turned)
    for layer in LAYERS:
        to, come = PARTS[layer.target], PARTS[layer.source]
        place, beyond = lines[layer.target]
        first, second = source[:, come.first], source[:, come.second]
        known = target_known[:, [to.first, to.second]].all(1) & source_known[:, [come.first, come.second]].all(1)
        if layer.lean:
            place, first, second = lean[0], source[:, 1], source[:, MIDDLE_OF_HEAD]
            known = known & shared[:, 1]
        sign = {
            "body": turned, "mirrored": -turned, "plain": torch.ones_like(turned), "flipped": -torch.ones_like(turned),
            "width": width,
        }[layer.side]  # fmt: skip
        places.append(_on_limb(place, ratio[:, None, None], sign[:, None, None], first, second))
        reach = (to.reach * target_unit)[:, None, None]
        prior.append((-0.5 * (beyond / reach) ** 2).clamp_min(LOWEST))
        usable.append(known)
    middle_source, middle_target = (_middle(points[:, :18], shared) for points in (source, target))
    places.append(middle_source + ratio[:, None, None, None] * (pixel[None] - middle_target))
    prior.append(torch.full_like(prior[0], LOWEST / 2))
    usable.append(shared.any(1))
    extent = pixel.new_tensor((size_hw[1], size_hw[0]))
    found = (torch.stack(places, 1) + 0.5) * 2 / extent - 1
    return LimbLayers(
        found.clamp(-3, 3), torch.stack(prior, 1), torch.stack(usable, 1),
        _ownership(source, source_known, source_unit, pixel),
    )  # fmt: skip


def _prepared(points: Tensor) -> tuple[Tensor, Tensor]:
    """The points and which are known, with the torso and, straight below known hips, the legs completed."""
    points = points.float()
    points, known = completed(points, (points != MISSING).all(-1))
    unit = body_unit(points, known)[:, None]
    hips = points[:, [8, 11]].mean(1)
    down = torch.where(
        known[:, [1, 8, 11]].all(1)[:, None], F.normalize(hips - points[:, 1], dim=1), hips.new_tensor((0.0, 1.0))
    )
    # Legs that the picture's edge cuts off have no knees or ankles; without them no layer would bring their clothes.
    for start, end, usual in ((8, 9, 0.86), (11, 12, 0.86), (9, 10, 0.82), (12, 13, 0.82)):
        fill = known[:, start] & ~known[:, end]
        points[:, end] = torch.where(fill[:, None], points[:, start] + usual * unit * down, points[:, end])
        known[:, end] = known[:, end] | fill
    return points, known


def _with_middles(points: Tensor, known: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
    """Points with the head's and the hips' middles appended."""
    points, known = with_head(points, known, shared)
    hips = points[:, [8, 11]].mean(1, keepdim=True)
    return torch.cat([points, hips], 1), torch.cat([known, known[:, [8, 11]].all(1, keepdim=True)], 1)


def _width_ratio(source: Tensor, target: Tensor, source_unit: Tensor, target_unit: Tensor, turned: Tensor) -> Tensor:
    """How much wider the source's shoulders and hips stand than the target's, beyond the bodies' sizes; (B,) signed."""
    wide_source, wide_target = (
        ((points[:, 2] - points[:, 5]).norm(dim=-1) + (points[:, 8] - points[:, 11]).norm(dim=-1)) / unit
        for points, unit in ((source, source_unit), (target, target_unit))
    )
    return turned * (wide_source / wide_target.clamp_min(0.1)).clamp(0.5, 2.0)


def _ownership(points: Tensor, known: Tensor, unit: Tensor, pixel: Tensor) -> Tensor:
    """Where each of `PARTS` is in a picture, (B, P, h, w): 1 on its axis, falling with the distance."""
    found = []
    for part in PARTS:
        _, beyond = _along_limb(pixel, points[:, part.first], points[:, part.second])
        there = known[:, [part.first, part.second]].all(1)[:, None, None]
        found.append(torch.exp(-0.5 * (beyond / (part.reach * unit)[:, None, None]) ** 2) * there)
    return torch.stack(found, 1)


def fetch_layers(source: Tensor, places: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """The source (B or 1, C, H, W) as every layer moves it, (B, K, C, *size_hw); the border repeats."""
    batch, count = places.shape[:2]
    wanted = enlarged_places(places, size_hw)
    # All layers of an item in one tall grid: the picture need not be repeated per layer.
    tall = wanted.reshape(batch, count * size_hw[0], size_hw[1], 2)
    moved = F.grid_sample(
        source.expand(batch, -1, -1, -1), tall, mode="bilinear", padding_mode="border", align_corners=False
    )
    return moved.unflatten(2, (count, size_hw[0])).transpose(1, 2)


def enlarged_places(places: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Places (B, K, h, w, 2) at another size, (B, K, *size_hw, 2)."""
    batch, count = places.shape[:2]
    if tuple(places.shape[2:4]) == tuple(size_hw):
        return places
    flat = places.permute(0, 1, 4, 2, 3).flatten(0, 1)
    large = F.interpolate(flat, size_hw, mode="bilinear", align_corners=False)
    return large.unflatten(0, (batch, count)).permute(0, 1, 3, 4, 2)


class LimbNet(nn.Module):
    """Which source pixels belong to which piece of the body: a small U-net over the picture and its pieces' places.

    Args:
        width: channels at half size.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.first = EncoderBlock(3, width)
        self.join = nn.Conv2d(width + len(PARTS), width, 3, padding=1)
        self.down0, self.down1 = EncoderBlock(width, 2 * width), EncoderBlock(2 * width, 3 * width)
        self.up0 = ResBlockDecoder(3 * width, 2 * width, hidden=2 * width)
        self.up1 = ResBlockDecoder(2 * width, width, hidden=width)
        self.out = nn.Conv2d(2 * width, len(PARTS), 3, padding=1)

    def forward(self, source: Tensor, ownership: Tensor) -> Tensor:
        """(B, 3, H, W) and (B, P, H / 2, W / 2) to logits (B, P, H / 2, W / 2)."""
        x = F.leaky_relu(self.join(torch.cat([self.first(source), ownership], 1)), 0.1)
        half = self.down0(x)
        inner = self.up1(self.up0(self.down1(half)) + half)
        return self.out(F.leaky_relu(torch.cat([inner, x], 1), 0.1)) + 4 * (ownership - 0.5)


class Palette(nn.Module):
    """The colours that the source's pieces have on the whole, mixed per target pixel.

    Norms take a picture's own colours away before the decoder sees them, so that a short training paints everybody
    grey; what no layer shows begins in the colour of a piece here.

    Args:
        channels: of the decoder's last features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels, len(PARTS), 1)

    def forward(self, features: Tensor, owned: Tensor, cut: Tensor) -> Tensor:
        """(B, C, H, W), logits of `LimbNet` (B or 1, P, h, w) and `cut_out` (B or 1, 4, 2 h, 2 w) to (B, 3, H, W)."""
        small = F.avg_pool2d(cut.float(), 2)
        colours, share = small[:, :3], small[:, 3:]
        weight = (owned.float().sigmoid() + 1e-4) * share
        total = weight.sum((2, 3))
        means = torch.einsum("bphw,bchw->bpc", weight, colours) / total.clamp_min(1e-6)[:, :, None]
        # A piece of which fewer than some ten pixels are seen has no colour of its own.
        absent = 1 - (total / 10).clamp_max(1)
        logits = self.mix(F.leaky_relu(features, 0.1)).float() - 6 * absent[:, :, None, None]
        return torch.einsum("bphw,bpc->bchw", logits.softmax(1), means.expand(len(logits), -1, -1))


class LayerChoice(nn.Module):
    """Which of painted, moved along the flow, and the limb layers shows at each target pixel.

    Args:
        channels: of the decoder's last features.
        hidden: between the two convolutions.
        ground: whether plain ground is one more choice.
    """

    source_of: Tensor

    def __init__(self, channels: int, hidden: int = 32, ground: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels + 3 * LAYER_COUNT, hidden, 3, padding=1)
        self.second = nn.Conv2d(hidden, LAYER_COUNT + 2, 1)
        self.ground = nn.Conv2d(hidden, 1, 1) if ground else None
        self.gain = nn.Parameter(torch.ones(LAYER_COUNT))
        source_of = [layer.source for layer in LAYERS]
        self.register_buffer("source_of", torch.tensor(source_of), persistent=False)

    def forward(self, features: Tensor, moved: Tensor, owned: Tensor, layers: LimbLayers) -> Tensor:
        """Shares (B, 2 + K, H, W) that sum to 1: painted, flow, layers; then ground where that can be chosen.

        Args:
            features: (B, C, H, W).
            moved: (B, K, 3, H, W), the layers.
            owned: (B, P, h, w), logits of `LimbNet`.
            layers: where they come from.
        """
        size = features.shape[2:]
        hidden = F.leaky_relu(self.first(torch.cat([features, moved.flatten(1, 2)], 1)), 0.1)
        logits = self.second(hidden).float()
        known = self.carried(owned.float(), layers) + self.gain[:, None, None] * layers.prior
        known = F.interpolate(known, size, mode="bilinear", align_corners=False)
        known = known.masked_fill(~layers.usable[:, :, None, None], -1e4)
        every = [logits[:, :2], logits[:, 2:] + known]
        if self.ground is not None:
            every.append(self.ground(hidden).float())
        return torch.cat(every, 1).softmax(1)

    def carried(self, owned: Tensor, layers: LimbLayers) -> Tensor:
        """The logit of each layer's own piece, moved as the layer is; 0 for the whole body. (B, K, h, w)."""
        batch, _, height, width = owned.shape
        each = owned.expand(layers.places.shape[0], -1, -1, -1)[:, self.source_of]
        places = layers.places[:, :-1].flatten(0, 1)
        moved = F.grid_sample(
            each.flatten(0, 1)[:, None], places, mode="bilinear", padding_mode="border", align_corners=False
        )
        moved = moved.view(-1, len(LAYERS), height, width)
        return F.pad(moved, (0, 0, 0, 0, 0, 1))
