"""Motion between two frames for every pixel, brought to the moment t: what the small interpolation network starts from.

Nothing here is learned. Flow comes from OpenCV's dense inverse search, both ways; it is pushed along itself to the moment
t, where the more trustworthy source wins and holes are filled from coarser scales. The published network has no such
start; it is an extension of ours.

Source: Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search"; splatting by trust after Niklaus and Liu 2020,
"Softmax Splatting for Video Frame Interpolation", section 3; filling after Gortler et al. 1996, section 3.3 (push-pull).
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.metrics import LUMA
from core.ops.pull_push import filled
from core.ops.warp import backward_warp

FLOW_PX = 1024
# Of the search: finer and with more iterations than OpenCV's own presets.
PATCH_PX, STRIDE_PX, DESCENTS, REFINEMENTS = 8, 3, 40, 10
# How fast trust falls with the difference of colours (of 1), and with the gap between the ways there and back (pixels).
BY_COLOUR, BY_GAP, LEAST_TRUST = 15.0, 1.0, 1e-4
# Frames stand still, and are blended, where nothing within `NEAR_PX` moves faster than this; above the second all is used.
STILL_PX, MOVING_PX, NEAR_PX = 0.15, 0.4, 9
# A place is covered from this share of a pixel on: what grows spreads its pixels.
COVERED = 0.3


def dense_flow(source: Tensor, target: Tensor) -> Tensor:
    """For every pixel of the source, how far its content has moved in the target: (B, 2, H, W), pixels, x before y."""
    luma = source.new_tensor(LUMA).reshape(1, 3, 1, 1)
    pairs = [((p.float() * luma).sum(1) * 255).round().clamp(0, 255).byte().cpu().numpy() for p in (source, target)]
    flows = []
    for first, second in zip(*pairs, strict=True):
        search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        search.setFinestScale(0)
        search.setPatchSize(PATCH_PX)
        search.setPatchStride(STRIDE_PX)
        search.setGradientDescentIterations(DESCENTS)
        search.setVariationalRefinementIterations(REFINEMENTS)
        flows.append(search.calc(np.ascontiguousarray(first), np.ascontiguousarray(second), None))
    return torch.from_numpy(np.stack(flows)).permute(0, 3, 1, 2).to(source.device, torch.float32)


def trust(source: Tensor, target: Tensor, there: Tensor, back: Tensor) -> Tensor:
    """How far the flow `there` can be believed, (B, 1, H, W) in (0, 1]: same colour at its end, and a way back."""
    colour = F.avg_pool2d((source - backward_warp(target, there)).abs().mean(1, keepdim=True), 3, 1, 1)
    gap = speed(there + backward_warp(back, there)).clamp(max=5)
    return torch.exp(-BY_COLOUR * colour - BY_GAP * gap).clamp(min=LEAST_TRUST)


def dense_motion(inputs: Tensor) -> Tensor:
    """Both flows and their trust.

    Args:
        inputs: (B, 6, H, W) in [0, 1]; larger ones than `FLOW_PX` are reduced first.

    Returns:
        (B, 6, h, w): there and back, in pixels of its own size, and the trust in each.
    """
    source, target = reduced(inputs).split(3, 1)
    there, back = dense_flow(source, target), dense_flow(target, source)
    return torch.cat([there, back, trust(source, target, there, back), trust(target, source, back, there)], 1)


def reduced(inputs: Tensor) -> Tensor:
    """The frames at the size at which motion is looked for."""
    scale = min(1.0, FLOW_PX / max(inputs.shape[-2:]))
    # The search needs a few patches on its coarsest scale.
    size = [max(32, round(side * scale)) for side in inputs.shape[-2:]]
    if tuple(size) == tuple(inputs.shape[-2:]):
        return inputs.float()
    return F.interpolate(inputs.float(), size, mode="bilinear", align_corners=False, antialias=True)


def at_moment(motion: Tensor, t: Tensor) -> Tensor:
    """The motion as it is at the moment t.

    Args:
        motion: (B, 6, h, w) from `dense_motion`.
        t: (B,).

    Returns:
        (B, 4, h, w): velocity of what is seen at t, in pixels from frame to frame; the logit of the second frame's
        share, which says in which frame that can be seen; and where anything moves, in [0, 1].
    """
    velocity, logit, _ = carried(motion, t)
    return torch.cat([velocity, logit, moving_places(velocity)], 1)


def carried(motion: Tensor, t: Tensor, figures: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """What both flows say of the moment t.

    Args:
        motion: as for `at_moment`.
        t: (B,).
        figures: weights (B, 1, h, w) of some pixels of either frame.

    Returns:
        Velocity (B, 2, h, w) of what is seen; the logit of the second frame's share; and what arrived of the weighted
        pixels: velocity times weight, and weight, (B, 3, h, w), without channels where none are weighted.
    """
    t = t.reshape(-1, 1, 1, 1).float()
    there, back, trusted, trusted_back = motion.float().split((2, 2, 1, 1), 1)
    one = torch.ones_like(trusted)
    extra = [[], []] if figures is None else [[there * figures[0], figures[0]], [-back * figures[1], figures[1]]]
    first = splat(torch.cat([there * trusted, trusted, one, *extra[0]], 1), t * there)
    second = splat(torch.cat([-back * trusted_back, trusted_back, one, *extra[1]], 1), (1 - t) * back)
    both = (1 - t) * first + t * second
    logit = seen_share(second[:, :4]).log() - seen_share(first[:, :4]).log()
    return filled(both[:, :2], both[:, 2:3]), logit, both[:, 4:]


def speed(velocity: Tensor) -> Tensor:
    """Length of velocities (B, 2, H, W): (B, 1, H, W). Ten times as fast as a norm over channels."""
    return torch.hypot(velocity[:, :1], velocity[:, 1:])


def moving_places(velocity: Tensor, near_px: int = NEAR_PX) -> Tensor:
    """Where anything near moves: (B, 1, H, W) in [0, 1] of velocities (B, 2, H, W) in pixels."""
    window = 2 * near_px + 1
    fastest = F.max_pool2d(speed(velocity), (window, 1), 1, (near_px, 0))
    fastest = F.max_pool2d(fastest, (1, window), 1, (0, near_px))
    moving = ((fastest - STILL_PX) / (MOVING_PX - STILL_PX)).clamp(0, 1)
    # The edge of the picture is no still thing.
    return F.avg_pool2d(moving, 5, 1, 2, count_include_pad=False)


def seen_share(landed: Tensor) -> Tensor:
    """How well a frame shows each place (B, 1, H, W): mean trust of what landed there, less where hardly anything did."""
    trusted, count = landed[:, 2:3], landed[:, 3:]
    return trusted / count.clamp(min=1e-6) * (count / COVERED).clamp(max=1) + LEAST_TRUST


def splat(values: Tensor, flow: Tensor) -> Tensor:
    """Values (B, C, H, W) carried along `flow` (B, 2, H, W), each shared among the four pixels where it lands."""
    batch, channels, height, width = values.shape
    y, x = torch.meshgrid(
        torch.arange(height, device=flow.device), torch.arange(width, device=flow.device), indexing="ij"
    )
    place_x, place_y = x + flow[:, 0], y + flow[:, 1]
    left, top = place_x.floor(), place_y.floor()
    out = values.new_zeros(batch, channels, height * width)
    for down in (0, 1):
        for right in (0, 1):
            at_x, at_y = left + right, top + down
            share = (1 - (place_x - at_x).abs()) * (1 - (place_y - at_y).abs())
            inside = (at_x >= 0) & (at_x < width) & (at_y >= 0) & (at_y < height)
            index = (at_y.clamp(0, height - 1) * width + at_x.clamp(0, width - 1)).long().reshape(batch, 1, -1)
            landed = (values * (share * inside)[:, None]).reshape(batch, channels, -1)
            out.scatter_add_(2, index.expand(-1, channels, -1), landed)
    return out.reshape(batch, channels, height, width)
