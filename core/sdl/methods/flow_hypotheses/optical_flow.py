"""Motion between two frames for every pixel, brought to the moment t. Nothing here is learned.

Flow comes from OpenCV's dense inverse search, both ways; it is pushed along itself to the moment t, where the more
confident source wins and holes are filled from coarser scales.

Source: Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search"; splatting by confidence after Niklaus and Liu
2020, "Softmax Splatting for Video Frame Interpolation", section 3; filling after Gortler et al. 1996, section 3.3.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.metrics import LUMA
from core.ops.filters import box_filter, max_filter
from core.ops.pull_push import filled
from core.ops.warp import backward_warp
from core.sdl.methods.flow_hypotheses.block_matching import match_blocks


@dataclass(frozen=True)
class OpticalFlow:
    """Constants of the flow and of its way to the moment t."""

    side_px: int = 512  # longer side of what is searched at most: twice as much gains nothing (31.4 dB either way)
    patch_px: int = 8  # of the search, as the next three: finer and with more iterations than OpenCV's presets
    stride_px: int = 3
    descents: int = 40
    refinements: int = 5  # 10 take half as long again, for 0.01 dB less
    colour_decay: float = 15.0  # of confidence, per difference of colours (of 1)
    consistency_decay: float = 1.0  # of confidence, per pixel between forward and backward flow
    least_confidence: float = 1e-4  # keeps logarithms and quotients finite
    still_px: float = 0.15  # frames are blended where nothing near moves faster: noise moves flow by a tenth of a pixel
    moving_px: float = 0.4  # from here on all of the motion counts
    near_px: int = 9  # how far near is
    missed: float = 0.06  # difference of colours (of 1), mean of three by three pixels: the flow is wrong there
    missed_share: float = 0.03  # of a picture, from which on the flow is searched again from matched blocks
    window_radius_px: int = 6  # over which both are compared
    better_share: float = 0.8  # of what the first one misses, less the next: so much less the second must miss
    better: float = 0.01  # of colours
    covered: float = 0.3  # share of a pixel from which on it is covered: what grows spreads its pixels


FLOW = OpticalFlow()


def estimate_flow(source: Tensor, target: Tensor) -> Tensor:
    """For every pixel of the source, how far its content has moved in the target: (B, 2, H, W), pixels, x before y.

    Where much of a picture is missed, the search begins anew from matched blocks, and the better of both is taken.
    """
    flow = search_flow(source, target)
    missed = measure_miss(source, target, flow)
    lost = (box_filter(missed, 1) > FLOW.missed).float().mean((1, 2, 3)) > FLOW.missed_share
    if not lost.any():
        return flow
    one, two = source[lost], target[lost]
    other = search_flow(one, two, match_blocks(one, two))
    before, after = (box_filter(maps, FLOW.window_radius_px) for maps in (missed[lost], measure_miss(one, two, other)))
    better = after < FLOW.better_share * before - FLOW.better
    return flow.index_put((lost,), torch.where(better, other, flow[lost]))


def measure_miss(source: Tensor, target: Tensor, flow: Tensor) -> Tensor:
    """Difference of colours (B, 1, H, W) between the source and what the flow finds of it in the target."""
    return (source - backward_warp(target, flow)).abs().mean(1, keepdim=True)


def search_flow(source: Tensor, target: Tensor, start: Tensor | None = None) -> Tensor:
    """`estimate_flow` by dense inverse search alone, from a motion (B, 2, H, W) if one is known."""
    luma = source.new_tensor(LUMA).reshape(1, 3, 1, 1)
    grey = [((p.float() * luma).sum(1) * 255).round().clamp(0, 255).byte().cpu().numpy() for p in (source, target)]
    known = [None] * len(source) if start is None else list(start.permute(0, 2, 3, 1).contiguous().cpu().numpy())
    # OpenCV's own threads wait for one another most of the time: pairs beside each other take two thirds of the time.
    with ThreadPoolExecutor(max(1, min(len(source), torch.get_num_threads()))) as pool:
        flows = list(pool.map(search_pair, *grey, known))
    return torch.from_numpy(np.stack(flows)).permute(0, 3, 1, 2).to(source.device, torch.float32)


def search_pair(first: np.ndarray, second: np.ndarray, begin: np.ndarray | None) -> np.ndarray:
    """Dense inverse search between two grey pictures (H, W) uint8: (H, W, 2)."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(0)
    search.setPatchSize(FLOW.patch_px)
    search.setPatchStride(FLOW.stride_px)
    search.setGradientDescentIterations(FLOW.descents)
    search.setVariationalRefinementIterations(FLOW.refinements)
    return search.calc(first, second, begin)


def measure_confidence(source: Tensor, target: Tensor, there: Tensor, back: Tensor) -> Tensor:
    """Of the flow `there`, (B, 1, H, W) in (0, 1]: same colour at its end, and forward-backward consistency."""
    colour = F.avg_pool2d((source - backward_warp(target, there)).abs().mean(1, keepdim=True), 3, 1, 1)
    gap = speed(there + backward_warp(back, there)).clamp(max=5)
    return torch.exp(-FLOW.colour_decay * colour - FLOW.consistency_decay * gap).clamp(min=FLOW.least_confidence)


def estimate_motion(inputs: Tensor) -> Tensor:
    """Both flows and their confidence.

    Args:
        inputs: (B, 6, H, W) in [0, 1]; larger ones than `FLOW.side_px` are reduced first.

    Returns:
        (B, 6, h, w): there and back, in pixels of its own size, and the confidence of each.
    """
    source, target = reduce_frames(inputs).split(3, 1)
    one, two = torch.cat([source, target]), torch.cat([target, source])
    flow = estimate_flow(one, two)
    there, back = flow.chunk(2)
    confidence = measure_confidence(one, two, flow, torch.cat([back, there]))
    return torch.cat([there, back, *confidence.chunk(2)], 1)


def reduce_frames(inputs: Tensor, side_px: int = FLOW.side_px) -> Tensor:
    """The frames at the size at which motion is looked for, with this longer side at most."""
    scale = min(1.0, side_px / max(inputs.shape[-2:]))
    # The search needs a few patches on its coarsest scale.
    size = [max(32, round(side * scale)) for side in inputs.shape[-2:]]
    if tuple(size) == tuple(inputs.shape[-2:]):
        return inputs.float()
    return F.interpolate(inputs.float(), size, mode="bilinear", align_corners=False, antialias=True)


def carry_motion(motion: Tensor, t: Tensor) -> Tensor:
    """The motion as it is at the moment t.

    Args:
        motion: (B, 6, h, w) from `estimate_motion`.
        t: (B,).

    Returns:
        (B, 4, h, w): velocity of what is seen at t, in pixels from frame to frame; the logit of the second frame's
        share, which says in which frame that can be seen; and where anything moves, in [0, 1].
    """
    velocity, logit, _ = carry_flows(motion, t)
    return torch.cat([velocity, logit, detect_movement(velocity)], 1)


def carry_flows(motion: Tensor, t: Tensor, figures: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, ...]:
    """What both flows say of the moment t.

    Args:
        motion: as for `carry_motion`.
        t: (B,).
        figures: weights (B, 1, h, w) of some pixels of either frame.

    Returns:
        Velocity (B, 2, h, w) of what is seen; the logit of the second frame's share; and what arrived of the weighted
        pixels: velocity times weight, and weight, (B, 3, h, w), without channels where none are weighted.
    """
    t = t.reshape(-1, 1, 1, 1).float()
    there, back, confident, confident_back = motion.float().split((2, 2, 1, 1), 1)
    one = torch.ones_like(confident)
    extra = [[], []] if figures is None else [[there * figures[0], figures[0]], [-back * figures[1], figures[1]]]
    first = splat_forward(torch.cat([there * confident, confident, one, *extra[0]], 1), t * there)
    second = splat_forward(torch.cat([-back * confident_back, confident_back, one, *extra[1]], 1), (1 - t) * back)
    inside = t.clamp(0, 1)
    both = (1 - inside) * first + inside * second
    logit = measure_visibility(second[:, :4]).log() - measure_visibility(first[:, :4]).log()
    return filled(both[:, :2], both[:, 2:3]), logit, both[:, 4:]


def ramp(values: Tensor, low: float, high: float) -> Tensor:
    """0 below `low`, 1 above `high`, straight between."""
    return ((values - low) / (high - low)).clamp(0, 1)


def speed(velocity: Tensor) -> Tensor:
    """Length of velocities (B, 2, H, W): (B, 1, H, W). Ten times as fast as a norm over channels."""
    return torch.hypot(velocity[:, :1], velocity[:, 1:])


def detect_movement(velocity: Tensor, near_px: int = FLOW.near_px) -> Tensor:
    """Where anything near moves: (B, 1, H, W) in [0, 1] of velocities (B, 2, H, W) in pixels."""
    moving = ramp(max_filter(speed(velocity), near_px), FLOW.still_px, FLOW.moving_px)
    # The edge of the picture is no still thing.
    return F.avg_pool2d(moving, 5, 1, 2, count_include_pad=False)


def measure_visibility(landed: Tensor) -> Tensor:
    """How well a frame shows each place (B, 1, H, W): mean confidence of what landed, less where hardly anything did."""
    confident, count = landed[:, 2:3], landed[:, 3:]
    return confident / count.clamp(min=1e-6) * (count / FLOW.covered).clamp(max=1) + FLOW.least_confidence


def splat_forward(values: Tensor, flow: Tensor) -> Tensor:
    """Values (B, C, H, W) carried along `flow` (B, 2, H, W), each shared among the four pixels where it lands."""
    batch, channels, height, width = values.shape
    y, x = torch.meshgrid(
        torch.arange(height, device=flow.device), torch.arange(width, device=flow.device), indexing="ij"
    )
    landing_x, landing_y = x + flow[:, 0], y + flow[:, 1]
    left, top = landing_x.floor(), landing_y.floor()
    out = values.new_zeros(batch, channels, height * width)
    for down in (0, 1):
        for right in (0, 1):
            at_x, at_y = left + right, top + down
            share = (1 - (landing_x - at_x).abs()) * (1 - (landing_y - at_y).abs())
            inside = (at_x >= 0) & (at_x < width) & (at_y >= 0) & (at_y < height)
            index = (at_y.clamp(0, height - 1) * width + at_x.clamp(0, width - 1)).long().reshape(batch, 1, -1)
            landed = (values * (share * inside)[:, None]).reshape(batch, channels, -1)
            out.scatter_add_(2, index.expand(-1, channels, -1), landed)
    return out.reshape(batch, channels, height, width)
