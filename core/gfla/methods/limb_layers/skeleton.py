"""Geometry of two skeletons, and the flow that they alone tell: every limb carries its surroundings along.

The flow starts the flow network near the truth and supervises stage 1 where keypoints are exact. Points are
(B, 18, 2), x before y, in pixels of the network's frame, -1 where missing; joints are OpenPose's.

The idea of moving limbs by simple maps is that of Siarohin et al. 2018, "Deformable GANs for Pose-based Human Image
Generation", section 3.3; the blending is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from core.gfla.methods.limb_layers.settings import SETTINGS
from core.gfla.paper.pose import MISSING


class Limb(NamedTuple):
    """A piece of the body on the line between two joints, one joint twice where it stays upright.

    `reach` is its half width and `length` its usual length, both in torso lengths (neck to hip).
    """

    first: int
    second: int
    reach: float
    length: float = 0.0


# Virtual joints: the middles of the head and of the hips.
HEAD_CENTRE, HIP_CENTRE = 18, 19
# The head keeps upright: the line from neck to nose leans with every turn of the head.
LIMBS = (
    Limb(2, 8, 0.24, 1.0), Limb(5, 11, 0.24, 1.0), Limb(2, 3, 0.14, 0.60), Limb(3, 4, 0.12, 0.52),
    Limb(5, 6, 0.14, 0.60), Limb(6, 7, 0.12, 0.52), Limb(8, 9, 0.18, 0.86), Limb(9, 10, 0.14, 0.82),
    Limb(11, 12, 0.18, 0.86), Limb(12, 13, 0.14, 0.82), Limb(HEAD_CENTRE, HEAD_CENTRE, 0.24),
    *(Limb(joint, joint, 0.09) for joint in (14, 15, 16, 17)),
)  # fmt: skip
HEAD = [0, 14, 15, 16, 17]


def torso_length(points: Tensor, known: Tensor) -> Tensor:
    """The torso length in pixels that best explains the limbs, (B,). Foreshortening only shortens, so the longest rules."""
    limbs = [limb for limb in LIMBS if limb.length]
    first, second = [limb.first for limb in limbs], [limb.second for limb in limbs]
    usual = torch.tensor([limb.length for limb in limbs], device=points.device)
    length = (points[:, first] - points[:, second]).norm(dim=-1)
    ratios = torch.where(known[:, first] & known[:, second], length / usual, torch.zeros_like(length))
    top = ratios.topk(2, dim=1).values
    # The second longest, so that one misplaced joint does not rule; the longest where there is no second.
    return torch.where(top[:, 1] > 0, top[:, 1], top[:, 0]).clamp_min(4.0)


def complete_torso(points: Tensor) -> tuple[Tensor, Tensor]:
    """Points and which are known, a missing shoulder or hip taken from the other side: the torso moves as a whole."""
    points = points.float().clone()
    known = (points != MISSING).all(-1)
    for missing, other in ((2, 5), (5, 2)):
        fill = ~known[:, missing] & known[:, other] & known[:, 1]
        points[fill, missing] = 2 * points[fill, 1] - points[fill, other]
        known[fill, missing] = True
    for missing, other, side, other_side in ((8, 11, 2, 5), (11, 8, 5, 2)):
        fill = ~known[:, missing] & known[:, other] & known[:, side] & known[:, other_side]
        points[fill, missing] = points[fill, other] + 0.6 * (points[fill, side] - points[fill, other_side])
        known[fill, missing] = True
    return points, known


def complete_legs(points: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The same with legs straight below known hips, where the picture's edge cuts them off.

    Without knees and ankles no layer would bring their clothes.
    """
    unit = torso_length(points, known)[:, None]
    hips = points[:, [8, 11]].mean(1)
    down = torch.where(
        known[:, [1, 8, 11]].all(1)[:, None], F.normalize(hips - points[:, 1], dim=1), hips.new_tensor((0.0, 1.0))
    )
    for start, end, usual in ((8, 9, 0.86), (11, 12, 0.86), (9, 10, 0.82), (12, 13, 0.82)):
        fill = known[:, start] & ~known[:, end]
        points[:, end] = torch.where(fill[:, None], points[:, start] + usual * unit * down, points[:, end])
        known[:, end] = known[:, end] | fill
    return points, known


def append_centres(points: Tensor, known: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
    """Points with the middles of head and hips appended; the head's of those of its points that are `shared`."""
    head = shared[:, HEAD, None].float()
    centre = (points[:, HEAD] * head).sum(1) / head.sum(1).clamp_min(1)
    hips = points[:, [8, 11]].mean(1)
    found = torch.stack([shared[:, HEAD].any(1), known[:, [8, 11]].all(1)], 1)
    return torch.cat([points, centre[:, None], hips[:, None]], 1), torch.cat([known, found], 1)


def facing(points: Tensor, known: Tensor) -> Tensor:
    """1 if the right shoulder (or hip) is left of the left one, as in a front view, else -1; (B,)."""
    across = torch.zeros(len(points), device=points.device)
    for right, left in ((2, 5), (8, 11)):
        both = known[:, right] & known[:, left]
        across = across + (points[:, left, 0] - points[:, right, 0]) * both
    return torch.where(across >= 0, 1.0, -1.0)


@dataclass
class BodyPair:
    """A source and a target body, torso completed and centres appended, (B, 20, 2) each.

    Attributes:
        source, target: points.
        source_known, target_known: (B, 20) bool.
        shared: (B, 18) bool, joints that both have.
        source_torso, target_torso: torso lengths in pixels, (B,).
        turned: -1 where one is seen from behind and the other from the front, else 1; (B,).
        pixel: the places (h, w, 2) at which flows are computed.
    """

    source: Tensor
    source_known: Tensor
    target: Tensor
    target_known: Tensor
    shared: Tensor
    source_torso: Tensor
    target_torso: Tensor
    turned: Tensor
    pixel: Tensor

    @classmethod
    def of(
        cls, source: Tensor, target: Tensor, size_hw: tuple[int, int], stride: int = 2, legs: bool = False
    ) -> BodyPair:
        """The pair of skeletons (B, 18, 2) in pictures of one size, with legs completed if so wished."""
        bodies = [complete_torso(points) for points in (source, target)]
        bodies = [complete_legs(*body) for body in bodies] if legs else bodies
        shared = bodies[0][1] & bodies[1][1]
        (source, source_known), (target, target_known) = (append_centres(*body, shared) for body in bodies)
        return cls(
            source, source_known, target, target_known, shared, torso_length(source, source_known),
            torso_length(target, target_known), facing(source, source_known) * facing(target, target_known),
            pixel_grid(size_hw, stride, source.device),
        )  # fmt: skip

    @property
    def scale(self) -> Tensor:
        """The source's size by the target's, (B, 1, 1)."""
        return (self.source_torso / self.target_torso)[:, None, None]

    def moved_body(self) -> Tensor:
        """Where every pixel comes from if the whole body shifts and scales, (B, h, w, 2)."""
        weight = self.shared[..., None].float()
        source, target = (
            ((points[:, :18] * weight).sum(1) / weight.sum(1).clamp_min(1))[:, None, None]
            for points in (self.source, self.target)
        )
        return source + self.scale[..., None] * (self.pixel[None] - target)


def limb_flow(
    source_points: Tensor, target_points: Tensor, size_hw: tuple[int, int], stride: int = 2
) -> tuple[Tensor, Tensor]:
    """Where each target pixel comes from, if limbs move as they do and drag what is near them.

    Args:
        source_points: (B, 18, 2) x, y in pixels, -1 where missing.
        target_points: like `source_points`.
        size_hw: (H, W) of the picture.
        stride: computed at every `stride`-th pixel and interpolated.

    Returns:
        flow (B, 2, H, W), x before y, in pixels from a target pixel to its source, and its confidence (B, 1, H, W) in
        [0, 1): near 0 far from all limbs.
    """
    pair = BodyPair.of(source_points, target_points, size_hw, stride)
    pixel, known = pair.pixel, pair.source_known & pair.target_known
    moved = SETTINGS.body_weight * (pair.moved_body() - pixel)
    total = torch.full(moved.shape[:3], SETTINGS.body_weight, device=pixel.device)
    for limb in LIMBS:
        usable = known[:, [limb.first, limb.second]].all(1)
        if limb.first == limb.second != HEAD_CENTRE:
            # Seen from behind in one picture only, eyes and ears change sides: the head moves as a whole then.
            usable = usable & (pair.turned > 0)
        if not usable.any():
            continue
        place, distance = limb_coordinates(pixel, pair.target[:, limb.first], pair.target[:, limb.second])
        sign = pair.turned[:, None, None] if limb.first != limb.second else 1.0
        fetched = at_limb_coordinates(place, pair.scale, sign, pair.source[:, limb.first], pair.source[:, limb.second])
        weight = limb_weight(distance, limb.reach, pair.target_torso) * usable[:, None, None]
        moved = moved + weight[..., None] * (fetched - pixel)
        total = total + weight
    flow = (moved / total[..., None]).permute(0, 3, 1, 2)
    return resize(flow, size_hw), resize((1 - SETTINGS.body_weight / total)[:, None], size_hw)


def limb_map(points: Tensor, size_hw: tuple[int, int], stride: int = 2) -> Tensor:
    """Where the limbs of a skeleton are: 1 on their axes, falling with the distance, (B, 1, H, W) from (B, 18, 2)."""
    points, known = complete_torso(points)
    points, known = append_centres(points, known, known)
    pixel = pixel_grid(size_hw, stride, points.device)
    return resize(part_maps(points, known, pixel, LIMBS).amax(1, keepdim=True), size_hw)


def part_maps(points: Tensor, known: Tensor, pixel: Tensor, limbs: tuple[Limb, ...]) -> Tensor:
    """Where each of some limbs is, (B, P, h, w): 1 on its axis, falling with the distance."""
    unit = torso_length(points, known)
    found = []
    for limb in limbs:
        _, distance = limb_coordinates(pixel, points[:, limb.first], points[:, limb.second])
        there = known[:, [limb.first, limb.second]].all(1)[:, None, None]
        found.append(limb_weight(distance, limb.reach, unit) * there)
    return torch.stack(found, 1)


def limb_weight(distance: Tensor, reach: float, torso: Tensor) -> Tensor:
    """A Gaussian of the distance in pixels (B, h, w) whose deviation is the limb's reach."""
    return torch.exp(-0.5 * (distance / (reach * torso)[:, None, None]) ** 2)


def resize(maps: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Maps (B, C, h, w) at another size, bilinearly, outer edges aligned."""
    return F.interpolate(maps, size=tuple(size_hw), mode="bilinear", align_corners=False)


def pixel_grid(size_hw: tuple[int, int], stride: int, device: torch.device) -> Tensor:
    """The places of every `stride`-th pixel, (H / stride, W / stride, 2), in whole-number centres."""
    x = (torch.arange(size_hw[1] // stride, device=device) + 0.5) * stride - 0.5
    y = (torch.arange(size_hw[0] // stride, device=device) + 0.5) * stride - 0.5
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)


def limb_axes(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Unit vector along a limb, unit vector across it, its length; upright axes for a single point."""
    vector = b - a
    length = vector.norm(dim=-1, keepdim=True)
    along = torch.where(length > 1e-3, vector / length.clamp_min(1e-3), torch.tensor([0.0, 1.0], device=a.device))
    across = torch.stack([-along[..., 1], along[..., 0]], dim=-1)
    return along, across, length


class LimbPlace(NamedTuple):
    """Limb coordinates (B, h, w): share of the limb's length, pixels past its ends, pixels across."""

    share: Tensor
    past: Tensor
    across: Tensor


def limb_coordinates(pixel: Tensor, a: Tensor, b: Tensor) -> tuple[LimbPlace, Tensor]:
    """Limb coordinates of every pixel (h, w, 2) for a limb from a to b (B, 2), and the distance to it in pixels."""
    along, across, length = limb_axes(a, b)
    offset = pixel[None] - a[:, None, None]
    run = (offset * along[:, None, None]).sum(-1)
    side = (offset * across[:, None, None]).sum(-1)
    on = torch.minimum(run.clamp_min(0), length[:, None])
    past = run - on
    return LimbPlace(on / length[:, None].clamp_min(1e-3), past, side), torch.sqrt(past**2 + side**2 + 1e-6)


def at_limb_coordinates(place: LimbPlace, scale: Tensor, sign: Tensor | float, a: Tensor, b: Tensor) -> Tensor:
    """The pixel (B, h, w, 2) at given limb coordinates; what lies beside and past a limb scales with the body.

    `sign` -1 swaps the limb's two sides, for a body seen from behind in one picture and from the front in the other.
    """
    along, across, length = limb_axes(a, b)
    run = place.share * length[:, None] + place.past * scale
    return (
        a[:, None, None]
        + run[..., None] * along[:, None, None]
        + (place.across * sign * scale)[..., None] * across[:, None, None]
    )
