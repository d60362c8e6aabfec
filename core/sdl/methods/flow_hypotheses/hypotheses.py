"""Several motions for every place of the frame at t, among which the interpolation network chooses.

One flow cannot be right where something thin or fast crosses a background: beside an outline the background's motion is
right, on it the figure's, and what the figure uncovers is seen in one frame only. So every place gets three motions: the
dense flow's, the whole background's, and that of what moves apart from it nearby.

Source: choosing among several candidates per place follows Park et al. 2021, "Asymmetric Bilateral Motion Estimation for
Video Frame Interpolation", and Hu et al. 2022, "Many-to-many Splatting for Efficient Video Frame Interpolation"; the
background's motion is a robust fit after Odobez and Bouthemy 1995, "Robust Multiresolution Estimation of Parametric Motion
Models".
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.pull_push import filled
from core.ops.warp import backward_warp
from core.sdl.methods.flow_hypotheses.optical_flow import (
    NEAR_PX,
    carried,
    dense_motion,
    moving_places,
    reduced,
    speed,
    splat,
)
from core.sdl.methods.refinement.network import SecondLook
from core.sdl.methods.small_network.composition import CHOICE, MOTION_UNIT_PX, enlarged
from core.sdl.methods.thin_structures.hough_voting import ramp, thin_motion
from core.sdl.methods.thin_structures.segmentation import ThinSearch
from core.sdl.methods.toon.abstraction import box
from core.sdl.paper.blocks import over_batch

CANDIDATES = 3
# Of `pair_motion`: both flows and their trust, both votes, the background, and what speaks against that in both frames.
# Of `candidates_at`: see there.
PAIR_CHANNELS, MOMENT_CHANNELS = 16, 11
# What the network sees of a moment, see `evidence`.
EVIDENCE_CHANNELS = CANDIDATES * 8 + MOMENT_CHANNELS
# The fit's scale of outliers in pixels, one per round; the background stands still if nearly as much agrees with that.
SCALES_PX, AGREES_PX, STILL_BY = (16.0, 8.0, 4.0, 2.0, 1.0, 0.7, 0.5, 0.5), 0.5, 0.85
# Differences of colour (of 1) around a pixel from which on the background's motion does not explain it.
AGAINST, AGAINST_BOX_PX = (0.02, 0.06), 2
# A figure is what moves by so many pixels apart from the background; its motion reaches so far, as a share of the side.
APART_PX, REACH_SHARE, BY_VOTES = (0.5, 1.5), 0.012, 50.0
# Without the network: a candidate is as much less likely as its two pictures differ, up to a limit; favourites first.
BY_DIFFERENCE, MOST_DOUBT, FAVOUR, BY_PRESENCE, BY_COVER = 30.0, 5.0, (0.0, -1.5, -2.0), 4.0, 4.0
# What is thin counts more than other figures: two warps of it that are a pixel off differ all over, and so speak against it.
THIN, THIN_COVERS = 10.0, 2.0
# A choice needs numbers of 5 and a motion some pixels; what a network learns in its first thousand steps is smaller.
BOLD_LOGITS, BOLD_CHANGES = 8.0, 4.0


def pair_motion(inputs: Tensor, search: ThinSearch | None = None) -> Tensor:
    """All that is known of a pair of frames before t: (B, `PAIR_CHANNELS`, h, w), in pixels of its own size.

    Args:
        inputs: (B, 6, H, W) in [0, 1].
        search: what tells the votes what is thin, beside what differs from its surroundings.
    """
    frames = reduced(inputs)
    dense, ground, unlike = smooth_motion(frames)
    # The search learns from known lines alone; through the votes no gradient would lead anywhere.
    with torch.no_grad():
        thin = None if search is None else search(frames, dense, ground, unlike)
    source, target = frames.split(3, 1)
    votes = thin_motion(source, target, dense[:, :2], dense[:, 2:4], thin)
    return torch.cat([dense, votes, ground, unlike], 1)


def smooth_motion(frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What flow and background explain of a pair (B, 6, H, W), and what not.

    Returns:
        Both flows and their trust (B, 6, H, W), see `core.sdl.methods.flow_hypotheses.optical_flow.dense_motion`; the background's motion from the first
        frame to the second (B, 2, H, W); where that explains neither frame (B, 2, H, W) in [0, 1].
    """
    dense = dense_motion(frames)
    source, target = frames.split(3, 1)
    ground = background(dense[:, :2], dense[:, 4:5])
    return dense, ground, torch.cat([against(source, target, ground), against(target, source, -ground)], 1)


def against(source: Tensor, target: Tensor, ground: Tensor) -> Tensor:
    """Where the background's motion does not explain the source: (B, 1, H, W) in [0, 1]."""
    missed = (source - backward_warp(target, ground)).abs().mean(1, keepdim=True)
    return ramp(box(missed, AGAINST_BOX_PX), *AGAINST)


def background(flow: Tensor, trusted: Tensor) -> Tensor:
    """The motion of most of the picture, a bilinear function of the place: (B, 2, H, W); exactly 0 for a still camera.

    Args:
        flow: (B, 2, H, W) pixels.
        trusted: (B, 1, H, W).
    """
    height, width = flow.shape[-2:]
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, height, device=flow.device),
        torch.linspace(-1, 1, width, device=flow.device),
        indexing="ij",
    )
    basis = torch.stack([torch.ones_like(x), x, y, x * y], -1)
    step = max(1, min(height, width) // 64)
    terms = basis[::step, ::step].reshape(-1, 4)
    seen = flow[..., ::step, ::step].flatten(2).mT
    sure = trusted[..., ::step, ::step].flatten(2).mT
    weight, flat = sure, 1e-6 * torch.eye(4, device=flow.device)
    fit = flow.new_zeros(len(flow), 4, 2)
    for scale in SCALES_PX:
        weighted = terms * weight
        fit = torch.linalg.solve(weighted.mT @ terms + flat, weighted.mT @ seen)
        off = (seen - terms @ fit).norm(dim=2, keepdim=True)
        weight = sure / (1 + (off / scale) ** 2) ** 2
    agree = (sure * ((seen - terms @ fit).norm(dim=2, keepdim=True) < AGREES_PX)).sum((1, 2))
    still = (sure * (seen.norm(dim=2, keepdim=True) < AGREES_PX)).sum((1, 2)) >= STILL_BY * agree
    return ((basis @ fit[:, None]) * ~still.reshape(-1, 1, 1, 1)).permute(0, 3, 1, 2)


def candidates_at(motion: Tensor, t: Tensor) -> Tensor:
    """The candidates at the moment t.

    Args:
        motion: (B, `PAIR_CHANNELS`, h, w) from `pair_motion`.
        t: (B,).

    Returns:
        (B, `MOMENT_CHANNELS`, h, w): three velocities in pixels from frame to frame (dense, background, figure); the
        logit of the second frame's share as the flow sees it; whether the figure's motion leads to a figure in both
        frames (up to `THIN` for what is thin); whether the background's leads to one in the first and in the second; and
        where anything moves. All but the velocities about [0, 1].
    """
    motion, t = motion.float(), over_batch(t, motion).float()
    there, back, trusted, trusted_back, thin, sure, thin_back, sure_back, ground, *unlike = motion.split(
        (2, 2, 1, 1, 2, 1, 2, 1, 2, 1, 1), 1
    )
    figures = apart(there - ground) * trusted * unlike[0], apart(back + ground) * trusted_back * unlike[1]
    velocity, logit, figure = carried(motion[:, :6], t, figures)
    behind = ground
    for _ in range(2):
        behind = backward_warp(ground, -t * behind)
    votes = splat(torch.cat([thin * sure, sure], 1), t * thin)
    votes = votes + splat(torch.cat([-thin_back * sure_back, sure_back], 1), (1 - t) * thin_back)
    # Both are spread out anyway, so half the size will do.
    figure, votes = F.avg_pool2d(torch.cat([figure, votes], 1), 2, ceil_mode=True).split(3, 1)
    radius = max(1, round(REACH_SHARE * max(figure.shape[-2:])))
    votes = box(votes, radius)
    figure = box(box(figure, radius), radius) + BY_VOTES * votes
    other, support = filled(figure[:, :2], figure[:, 2:], 0.002), (10 * votes[:, 2:]).clamp(max=1)
    voted = moving_places(other * (support > 0.5), NEAR_PX // 2)
    other, voted = enlarged(other, velocity), enlarged(voted, velocity)
    # Votes are a pixel off, so what is thin is also beside where it was seen.
    thin_things = F.max_pool2d(torch.cat([sure, sure_back], 1), 3, 1, 1).split(1, 1)
    before, after = (
        torch.cat([torch.maximum(wide, THIN * thin), torch.maximum(wide, (THIN_COVERS * thin).clamp(max=1))], 1)
        for wide, thin in zip(figures, thin_things, strict=True)
    )
    present = torch.minimum(backward_warp(before[:, :1], -t * other), backward_warp(after[:, :1], (1 - t) * other))
    covered, covered_there = backward_warp(before[:, 1:], -t * behind), backward_warp(after[:, 1:], (1 - t) * behind)
    moving = torch.maximum(moving_places(velocity), voted)
    return torch.cat([velocity, behind, other, logit, present, covered, covered_there, moving], 1)


def apart(velocity: Tensor) -> Tensor:
    """Whether a velocity against the background is a figure's: (B, 1, H, W) in [0, 1]."""
    low, high = APART_PX
    return ((speed(velocity) - low) / (high - low)).clamp(0, 1)


def ways(moment: Tensor, inputs: Tensor, t: Tensor) -> list[Tensor]:
    """Where both frames are fetched for the moment t along every candidate, in pixels: the first frame's three, the second's.

    Args:
        moment: from `candidates_at`, of any size.
        inputs: (B, 6, H, W).
        t: (B, 1, 1, 1).
    """
    across = inputs.new_tensor([inputs.shape[3] / moment.shape[3], inputs.shape[2] / moment.shape[2]])
    velocities = enlarged(moment[:, :6], inputs) * across.repeat(CANDIDATES).reshape(1, -1, 1, 1)
    dense, behind, other = velocities.split(2, 1)
    return [-t * dense, -t * behind, -t * other, (1 - t) * dense, (1 - t) * behind, (1 - t) * other]


def changed(along: list[Tensor], changes: Tensor, t: Tensor) -> list[Tensor]:
    """`ways` with changes (B, 6, H, W) in pixels: of the dense candidate in either frame, and of the figure's velocity."""
    forth, back, figure = changes.split(2, 1)
    dense, behind, other, dense_back, behind_back, other_back = along
    return [
        dense + t * forth, behind, other - t * figure,
        dense_back + (1 - t) * back, behind_back, other_back + (1 - t) * figure,
    ]  # fmt: skip


def warps(
    inputs: Tensor, along: list[Tensor], known: Sequence[Tensor | None] = 2 * CANDIDATES * (None,)
) -> list[Tensor]:
    """Both frames (B, 6, H, W) brought to the moment t along `ways`: (B, 3, H, W) each, the first frame's, the second's.

    Those in `known` are taken as they are.
    """
    source, target = inputs.split(3, 1)
    pictures = [source] * CANDIDATES + [target] * CANDIDATES
    return [
        backward_warp(picture, way) if done is None else done
        for picture, way, done in zip(pictures, along, known, strict=True)
    ]


def evidence(moment: Tensor, seen: Tensor, t: Tensor) -> Tensor:
    """What the network is shown of the moment t: (B, `EVIDENCE_CHANNELS`, h / 2, w / 2) of seen (B, 6, h, w).

    Per candidate the colours of both warped frames and their mean and largest difference; and the moment's own maps.
    """
    t, maps = over_batch(t, seen), []
    warped = warps(seen, ways(moment, seen, t))
    for forth, back in zip(warped[:CANDIDATES], warped[CANDIDATES:], strict=True):
        unlike = (forth - back).abs().mean(1, keepdim=True)
        maps += [F.avg_pool2d(torch.cat([forth, back, unlike], 1), 2), F.max_pool2d(unlike, 2)]
    small = F.interpolate(moment, [side // 2 for side in seen.shape[2:]], mode="bilinear", align_corners=False)
    return torch.cat([*maps, in_units(small, moment, seen)], 1).to(seen.dtype)


def in_units(maps: Tensor, moment: Tensor, seen: Tensor) -> Tensor:
    """The moment's maps, of any size, about as large as colours: velocities (of `moment`'s pixels) in units of those of `seen`."""
    across = seen.new_tensor([seen.shape[3] / moment.shape[3], seen.shape[2] / moment.shape[2]]) / MOTION_UNIT_PX
    scale = torch.cat([across.repeat(CANDIDATES), across.new_tensor([0.25, 1, 1, 1, 1])])
    return maps * scale.reshape(1, -1, 1, 1)


def expected(warped: list[Tensor], moment: Tensor) -> Tensor:
    """What the network's logits are counted from, (B, 6, H, W): both frames agree, or one of them is covered."""
    unlike = [
        (BY_DIFFERENCE * box((one - other).abs().mean(1, keepdim=True), 1)).clamp(max=MOST_DOUBT)
        for one, other in zip(warped[:CANDIDATES], warped[CANDIDATES:], strict=True)
    ]
    dense, behind, other = (favour - doubt for favour, doubt in zip(FAVOUR, unlike, strict=True))
    present, covered, covered_there = moment[:, 7:10].split(1, 1)
    # What is seen in both frames stands before the background.
    other = other + BY_PRESENCE * present
    # Where one frame's background is covered, that the frames differ says nothing against the other's.
    first = behind + unlike[1] * covered_there - BY_COVER * covered
    second = behind + unlike[1] * covered - BY_COVER * covered_there
    return torch.cat([dense, first, other, dense, second, other], 1)


def compose_candidates(
    maps: Tensor, moment: Tensor, inputs: Tensor, t: Tensor, reduction: int, look: SecondLook | None = None
) -> Tensor:
    """The picture at t: a weighting of all warped frames, plus a residual; where nothing moves, the plain blend.

    Args:
        maps: (B, colours + 12, h, w): residual; logits of the first frame's warps and of the second's; changes of the
            dense motion in either frame and of the figure's.
        moment: from `candidates_at`.
        inputs: (B, 6, H, W).
        t: (B,).
        reduction: as in `core.sdl.methods.small_network.composition.map_channels`.
        look: what corrects the weighting at full size, if anything.

    Returns:
        (B, 3, H, W), around [0, 1], not clipped; the given frames at t = 0 and t = 1.
    """
    t = over_batch(t, inputs)
    maps, colours = maps.float(), maps.shape[1] - CHOICE
    residual = enlarged(F.pixel_shuffle(maps[:, :colours], reduction), inputs)
    rest = enlarged(maps[:, colours:], inputs)
    seen = maps.new_tensor([maps.shape[3], maps.shape[2]]) * reduction
    unit_px = MOTION_UNIT_PX * maps.new_tensor([inputs.shape[3], inputs.shape[2]]) / seen
    changes = BOLD_CHANGES * rest[:, 2 * CANDIDATES :] * unit_px.repeat(3).reshape(1, -1, 1, 1)
    along = changed(ways(moment, inputs, t), changes, t)
    warped = warps(inputs, along)
    logits = BOLD_LOGITS * rest[:, : 2 * CANDIDATES] + expected(warped, enlarged(moment, inputs))
    if look is not None:
        shares = shares_of(logits, t)
        known = torch.cat([in_units(moment, moment, inputs), (t - 0.5).expand(-1, -1, *moment.shape[2:])], 1)
        more, colours_too, changes_too = look(warped, shares, weighted(warped, shares), known)
        logits, residual = logits + BOLD_LOGITS * more, residual + colours_too
        # The background's warps are what they were.
        again = changed(along, BOLD_CHANGES * changes_too, t)
        warped = warps(
            inputs, again, [same if way is old else None for way, old, same in zip(again, along, warped, strict=True)]
        )
    made = weighted(warped, shares_of(logits, t))
    made = made + 4 * t * (1 - t) * residual
    blend = (1 - t) * inputs[:, :3] + t * inputs[:, 3:]
    return blend + enlarged(moment[:, -1:], inputs) * (made - blend)


def shares_of(logits: Tensor, t: Tensor) -> Tensor:
    """Shares (B, 6, H, W) of logits: only the first frame's warps count at t = 0, only the second's at t = 1."""
    inside = t.clamp(0, 1)
    # As a summand, what is far from likely still has its share at the ends; as a factor it would be 0 / 0.
    near = torch.cat([1 - inside, inside], 1).log().repeat_interleave(CANDIDATES, 1)
    return torch.softmax(logits + near, 1)


def weighted(pictures: list[Tensor], shares: Tensor) -> Tensor:
    """The sum of pictures (B, 3, H, W) by their shares (B, len(pictures), H, W)."""
    made = torch.zeros_like(pictures[0])
    for picture, share in zip(pictures, shares.split(1, 1), strict=True):
        made = made + share * picture
    return made
