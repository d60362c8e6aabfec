"""Several motion hypotheses for every place of the frame at t, among which the interpolation network chooses.

One flow cannot be right where something thin or fast crosses a background: beside an outline the background's motion is
right, on it the figure's, and what the figure uncovers is seen in one frame only. So every place gets three motions: the
dense flow's, the whole background's, and that of what moves apart from it nearby.

Source: choosing among several candidates per place follows Park et al. 2021, "Asymmetric Bilateral Motion Estimation for
Video Frame Interpolation", and Hu et al. 2022, "Many-to-many Splatting for Efficient Video Frame Interpolation".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.filters import box_filter, max_filter
from core.ops.pull_push import filled
from core.ops.warp import backward_warp
from core.sdl.methods.flow_hypotheses.background import estimate_smooth_motion
from core.sdl.methods.flow_hypotheses.optical_flow import (
    FLOW,
    carry_flows,
    detect_movement,
    ramp,
    reduce_frames,
    speed,
    splat_forward,
)
from core.sdl.methods.small_network.network import enlarge
from core.sdl.methods.thin_structures.search import search_thin
from core.sdl.methods.thin_structures.segmentation import ThinSegmentation
from core.sdl.paper.blocks import over_batch

# Of `find_pair_motion` and of `carry_hypotheses`, see there.
PAIR_CHANNELS, MOMENT_CHANNELS = 16, 11


@dataclass(frozen=True)
class FigureMotion:
    """Constants of the third hypothesis, the motion of what moves apart from the background."""

    apart_px: tuple[float, float] = (
        0.5,
        1.5,
    )  # a figure moves by more than that apart from the background, surely by this
    reach: float = 0.012  # of its motion, over its outline, as a share of the longer side
    voted_weight: float = 50.0  # of voted motion beside the flow's: thin structures are few pixels
    support: float = 0.002  # weight that suffices to be known by itself, for the filling of holes
    thin_presence: float = (
        10.0  # of a thin structure: two warps of it a pixel off differ all over, and speak against it
    )
    thin_cover: float = 2.0  # the same where it hides the background


FIGURE = FigureMotion()


def find_pair_motion(inputs: Tensor, segmentation: ThinSegmentation | None = None) -> Tensor:
    """All that is known of a pair of frames before t, in pixels of its own size.

    Args:
        inputs: (B, 6, H, W) in [0, 1].
        segmentation: what tells the voting what is thin, beside what differs from its surroundings.

    Returns:
        (B, `PAIR_CHANNELS`, h, w): both flows and their confidence; both voted motions, each with its confidence; the
        background's motion, and where it explains neither frame.
    """
    frames = reduce_frames(inputs)
    dense, background, unexplained = estimate_smooth_motion(frames)
    voted = search_thin(inputs, frames, dense, background, unexplained, segmentation)
    return torch.cat([dense, voted, background, unexplained], 1)


def carry_hypotheses(motion: Tensor, t: Tensor) -> Tensor:
    """The hypotheses at the moment t.

    Args:
        motion: (B, `PAIR_CHANNELS`, h, w) from `find_pair_motion`.
        t: (B,).

    Returns:
        (B, `MOMENT_CHANNELS`, h, w): three velocities in pixels from frame to frame (dense, background, figure); the
        logit of the second frame's share as the flow sees it; whether the figure's motion leads to a figure in both
        frames (up to `thin_presence` for what is thin); whether the background's leads to one in the first and in the
        second; and where anything moves. All but the velocities about [0, 1].
    """
    motion, t = motion.float(), over_batch(t, motion).float()
    there, back, confident, confident_back, thin, sure, thin_back, sure_back, background, *unexplained = motion.split(
        (2, 2, 1, 1, 2, 1, 2, 1, 2, 1, 1), 1
    )
    figures = (
        ramp(speed(there - background), *FIGURE.apart_px) * confident * unexplained[0],
        ramp(speed(back + background), *FIGURE.apart_px) * confident_back * unexplained[1],
    )
    velocity, logit, figure = carry_flows(motion[:, :6], t, figures)
    behind = background
    for _ in range(2):
        behind = backward_warp(background, -t * behind)
    voted = splat_forward(torch.cat([thin * sure, sure], 1), t * thin)
    voted = voted + splat_forward(torch.cat([-thin_back * sure_back, sure_back], 1), (1 - t) * thin_back)
    other, movement = spread_figures(figure, voted, velocity)
    before, after = (
        torch.cat(weigh_thin(wide, sure), 1) for wide, sure in zip(figures, (sure, sure_back), strict=True)
    )
    present = torch.minimum(backward_warp(before[:, :1], -t * other), backward_warp(after[:, :1], (1 - t) * other))
    covered, covered_there = backward_warp(before[:, 1:], -t * behind), backward_warp(after[:, 1:], (1 - t) * behind)
    moving = torch.maximum(detect_movement(velocity), movement)
    return torch.cat([velocity, behind, other, logit, present, covered, covered_there, moving], 1)


def spread_figures(figure: Tensor, voted: Tensor, velocity: Tensor) -> tuple[Tensor, Tensor]:
    """The motion of figures over their outlines, (B, 2, h, w), and where what was voted moves, (B, 1, h, w).

    Args:
        figure: velocity times weight, and weight, of the flow's figures, (B, 3, h, w).
        voted: the same of thin structures.
        velocity: whose size the answers have.
    """
    # Both are spread out anyway, so half the size will do.
    figure, voted = F.avg_pool2d(torch.cat([figure, voted], 1), 2, ceil_mode=True).split(3, 1)
    radius = max(1, round(FIGURE.reach * max(figure.shape[-2:])))
    voted = box_filter(voted, radius)
    figure = box_filter(box_filter(figure, radius), radius) + FIGURE.voted_weight * voted
    other, support = filled(figure[:, :2], figure[:, 2:], FIGURE.support), (10 * voted[:, 2:]).clamp(max=1)
    movement = detect_movement(other * (support > 0.5), FLOW.near_px // 2)
    return enlarge(other, velocity), enlarge(movement, velocity)


def weigh_thin(figure: Tensor, sure: Tensor) -> tuple[Tensor, Tensor]:
    """Weights of a frame's figures (B, 1, h, w), with its thin structures: where they are present, where they cover."""
    # Voted motion is a pixel off, so what is thin is also beside where it was seen.
    thin = max_filter(sure, 1)
    present = torch.maximum(figure, FIGURE.thin_presence * thin)
    return present, torch.maximum(figure, (FIGURE.thin_cover * thin).clamp(max=1))
