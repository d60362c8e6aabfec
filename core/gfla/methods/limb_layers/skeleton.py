"""A flow known from two skeletons alone: every limb carries its surroundings along. Own addition.

It starts the flow network near the truth (config `flow_prior`) and supervises stage 1 where keypoints are exact.
The idea of moving limbs by simple maps is that of Siarohin et al. 2018, "Deformable GANs for Pose-based Human Image
Generation", section 3.3; the blending is ours.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from core.gfla.paper.pose import MISSING

# First joint, second joint, reach and usual length; both in torso lengths (neck to hip). Joint 18 is the head's middle,
# which keeps upright: the line from neck to nose leans with every turn of the head.
PARTS = (
    (2, 8, 0.24, 1.0), (5, 11, 0.24, 1.0), (2, 3, 0.14, 0.60), (3, 4, 0.12, 0.52), (5, 6, 0.14, 0.60),
    (6, 7, 0.12, 0.52), (8, 9, 0.18, 0.86), (9, 10, 0.14, 0.82), (11, 12, 0.18, 0.86), (12, 13, 0.14, 0.82),
    (18, 18, 0.24, 0.0), (14, 14, 0.09, 0.0), (15, 15, 0.09, 0.0), (16, 16, 0.09, 0.0), (17, 17, 0.09, 0.0),
)  # fmt: skip
MIDDLE_OF_HEAD = 18
HEAD = [0, 14, 15, 16, 17]
# Weight of the whole body's movement, against 1 on a limb's axis: it wins at about 3 reaches.
WHOLE = 0.01


def body_unit(points: Tensor, known: Tensor) -> Tensor:
    """The torso length in pixels that best explains the limbs, (B,). Foreshortening only shortens, so the longest rules."""
    limbs = [part for part in PARTS if part[3] > 0]
    first, second = [part[0] for part in limbs], [part[1] for part in limbs]
    usual = torch.tensor([part[3] for part in limbs], device=points.device)
    length = (points[:, first] - points[:, second]).norm(dim=-1)
    ratios = torch.where(known[:, first] & known[:, second], length / usual, torch.zeros_like(length))
    top = ratios.topk(2, dim=1).values
    # The second longest, so that one misplaced joint does not rule; the longest where there is no second.
    return torch.where(top[:, 1] > 0, top[:, 1], top[:, 0]).clamp_min(4.0)


def completed(points: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Points with a missing shoulder or hip filled in from the other side, so that the torso always moves as a whole."""
    points, known = points.clone(), known.clone()
    for missing, other in ((2, 5), (5, 2)):
        fill = ~known[:, missing] & known[:, other] & known[:, 1]
        points[fill, missing] = 2 * points[fill, 1] - points[fill, other]
        known[fill, missing] = True
    for missing, other, side, other_side in ((8, 11, 2, 5), (11, 8, 5, 2)):
        fill = ~known[:, missing] & known[:, other] & known[:, side] & known[:, other_side]
        points[fill, missing] = points[fill, other] + 0.6 * (points[fill, side] - points[fill, other_side])
        known[fill, missing] = True
    return points, known


def with_head(points: Tensor, known: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
    """The middle of those head points that both skeletons have, appended as joint 18."""
    head = shared[:, HEAD, None].float()
    middle = (points[:, HEAD] * head).sum(1) / head.sum(1).clamp_min(1)
    return torch.cat([points, middle[:, None]], 1), torch.cat([known, shared[:, HEAD].any(1, keepdim=True)], 1)


def facing(points: Tensor, known: Tensor) -> Tensor:
    """1 if the right shoulder (or hip) is left of the left one, as in a front view, else -1; (B,)."""
    across = torch.zeros(len(points), device=points.device)
    for right, left in ((2, 5), (8, 11)):
        both = known[:, right] & known[:, left]
        across = across + (points[:, left, 0] - points[:, right, 0]) * both
    return torch.where(across >= 0, 1.0, -1.0)


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
        flow (B, 2, H, W), x before y, in pixels from a target pixel to its source, and how sure it is, (B, 1, H, W)
        in [0, 1): near 0 far from all limbs.
    """
    source_points, target_points = source_points.float(), target_points.float()
    source_known, target_known = (source_points != MISSING).all(-1), (target_points != MISSING).all(-1)
    source_points, source_known = completed(source_points, source_known)
    target_points, target_known = completed(target_points, target_known)
    shared = source_known & target_known
    source_points, source_known = with_head(source_points, source_known, shared)
    target_points, target_known = with_head(target_points, target_known, shared)
    source_unit, target_unit = body_unit(source_points, source_known), body_unit(target_points, target_known)
    ratio = (source_unit / target_unit)[:, None, None]
    turned = facing(source_points, source_known) * facing(target_points, target_known)
    pixel = _pixels(size_hw, stride, source_points.device)
    middle_source, middle_target = (_middle(points, shared) for points in (source_points, target_points))
    # Far from all limbs the whole body's shift and scale hold, so that the flow has no jump round the person.
    whole_body = middle_source + ratio[..., None] * (pixel[None] - middle_target)
    moved = WHOLE * (whole_body - pixel)
    total = torch.full((len(source_points), *pixel.shape[:2]), WHOLE, device=pixel.device)
    for first, second, reach, _ in PARTS:
        usable = (source_known & target_known)[:, [first, second]].all(1)
        if first == second and first != MIDDLE_OF_HEAD:
            # Seen from behind in one picture only, eyes and ears change sides: the head moves as a whole then.
            usable = usable & (turned > 0)
        if not usable.any():
            continue
        from_a, to_a = source_points[:, first], target_points[:, first]
        place, beyond = _along_limb(pixel, to_a, target_points[:, second])
        sign = turned[:, None, None] if first != second else 1.0
        fetched = _on_limb(place, ratio, sign, from_a, source_points[:, second])
        weight = torch.exp(-0.5 * (beyond / (reach * target_unit[:, None, None])) ** 2) * usable[:, None, None]
        moved = moved + weight[..., None] * (fetched - pixel)
        total = total + weight
    flow = (moved / total[..., None]).permute(0, 3, 1, 2)
    sure = (1 - WHOLE / total)[:, None]
    resize = partial(F.interpolate, size=tuple(size_hw), mode="bilinear", align_corners=False)
    return resize(flow), resize(sure)


def limb_map(points: Tensor, size_hw: tuple[int, int], stride: int = 2) -> Tensor:
    """Where the limbs of a skeleton are: 1 on their axes, falling with the distance, (B, 1, H, W) from (B, 18, 2)."""
    points = points.float()
    points, known = completed(points, (points != MISSING).all(-1))
    points, known = with_head(points, known, known)
    unit = body_unit(points, known)[:, None, None]
    pixel = _pixels(size_hw, stride, points.device)
    found = torch.zeros(len(points), *pixel.shape[:2], device=points.device)
    for first, second, reach, _ in PARTS:
        _, beyond = _along_limb(pixel, points[:, first], points[:, second])
        usable = known[:, [first, second]].all(1)[:, None, None]
        found = torch.maximum(found, torch.exp(-0.5 * (beyond / (reach * unit)) ** 2) * usable)
    return F.interpolate(found[:, None], size=tuple(size_hw), mode="bilinear", align_corners=False)


def limb_prior(source_points: Tensor, target_points: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """What a generator with `flow_prior` is handed: the limbs' flow and the target's limb map, (B, 3, H, W)."""
    flow, _ = limb_flow(source_points, target_points, size_hw)
    return torch.cat([flow, limb_map(target_points, size_hw)], dim=1)


def _pixels(size_hw: tuple[int, int], stride: int, device: torch.device) -> Tensor:
    """The places of every `stride`-th pixel, (H / stride, W / stride, 2), in whole-number centres."""
    x = (torch.arange(size_hw[1] // stride, device=device) + 0.5) * stride - 0.5
    y = (torch.arange(size_hw[0] // stride, device=device) + 0.5) * stride - 0.5
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)


def _middle(points: Tensor, shared: Tensor) -> Tensor:
    """The mean of the joints that both skeletons have, (B, 1, 1, 2)."""
    weight = torch.cat([shared, torch.zeros_like(shared[:, :1])], 1)[:, : points.shape[1], None].float()
    return ((points * weight).sum(1) / weight.sum(1).clamp_min(1))[:, None, None]


def _axes(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Unit vector along a limb, unit vector across it, its length; upright axes for a single point."""
    vector = b - a
    length = vector.norm(dim=-1, keepdim=True)
    along = torch.where(length > 1e-3, vector / length.clamp_min(1e-3), torch.tensor([0.0, 1.0], device=a.device))
    across = torch.stack([-along[..., 1], along[..., 0]], dim=-1)
    return along, across, length


def _along_limb(pixel: Tensor, a: Tensor, b: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
    """Limb coordinates of every pixel (share of the limb, pixels past its ends, pixels across), and the distance to it."""
    along, across, length = _axes(a, b)
    offset = pixel[None] - a[:, None, None]
    run = (offset * along[:, None, None]).sum(-1)
    side = (offset * across[:, None, None]).sum(-1)
    on = torch.minimum(run.clamp_min(0), length[:, None])
    share = on / length[:, None].clamp_min(1e-3)
    past = run - on
    return (share, past, side), torch.sqrt(past**2 + side**2 + 1e-6)


def _on_limb(place: tuple[Tensor, Tensor, Tensor], ratio: Tensor, sign: Tensor | float, a: Tensor, b: Tensor) -> Tensor:
    """The source pixel at given limb coordinates; what lies beside and past a limb scales with the body.

    `sign` -1 swaps the limb's two sides, for a body seen from behind in one picture and from the front in the other.
    """
    along, across, length = _axes(a, b)
    share, past, side = place
    run = share * length[:, None] + past * ratio
    return (
        a[:, None, None]
        + run[..., None] * along[:, None, None]
        + (side * sign * ratio)[..., None] * across[:, None, None]
    )
