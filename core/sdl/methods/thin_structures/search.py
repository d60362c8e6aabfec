"""The search for thin structures in a pair: at full size, and only in the part of it where the smooth motion fails.

Smooth motion is found as well in small frames; a wire is not, for there it is fainter than what it crosses.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.filters import box_filter
from core.ops.warp import backward_warp
from core.sdl.methods.flow_hypotheses.optical_flow import reduce_frames
from core.sdl.methods.small_network.network import enlarge
from core.sdl.methods.thin_structures.hough_voting import VOTING, find_thin_motion
from core.sdl.methods.thin_structures.segmentation import ThinSegmentation


@dataclass(frozen=True)
class ThinSearch:
    """Where thin structures are looked for."""

    side_px: int = 1024  # longer side of the frames at most: more takes long
    missed: float = 0.06  # difference of colours (of 1), mean of three by three pixels, by which the flow fails there
    least_failing: int = 128  # pixels that fail; fewer are noise
    multiple: int = 16  # sides of the part searched, in pixels, so that the segmentation need not pad it
    found: float = 0.5  # what the segmentation takes for thin
    sure: float = 0.8  # and is sure of
    # Where nothing is found, a square of this side that fails throughout says that it is no thin thing.
    thick_px: int = 9
    few: int = 400  # pixels found: votes for so few lead astray no more than they help, whatever they are
    sure_share: float = 0.5  # of what is found: of real lines 0.64 to 0.82, of outlines of thick things 0.12 to 0.54


SEARCH = ThinSearch()


def search_thin(
    inputs: Tensor,
    small: Tensor,
    dense: Tensor,
    background: Tensor,
    unexplained: Tensor,
    segmentation: ThinSegmentation | None,
) -> Tensor:
    """Motion of thin structures from either frame, with its confidence.

    Args:
        inputs: (B, 6, H, W) in [0, 1].
        small: the same, of the maps' size, (B, 6, h, w).
        dense: both flows and their confidence, (B, 6, h, w), in pixels of its own size.
        background: its motion from the first frame to the second, (B, 2, h, w).
        unexplained: where that does not explain either frame, (B, 2, h, w) in [0, 1].
        segmentation: what tells the voting what is thin, beside what differs from its surroundings.

    Returns:
        (B, 6, h, w), as `find_thin_motion`, in pixels of that size.
    """
    fine = reduce_frames(inputs, SEARCH.side_px)
    ratio, found = fine.shape[-1] / small.shape[-1], []
    for index in range(len(fine)):
        one = [maps[index : index + 1] for maps in (small, dense, background, unexplained)]
        failing = mark_failing(one[0], one[1][:, :4])
        box = box_around(failing)
        made = torch.zeros_like(one[0])
        if box is not None:
            # It learns from known lines alone; through the voting no gradient would lead anywhere.
            with torch.no_grad():
                parts = [maps[..., box[0], box[1]] for maps in one]
                thin = None if segmentation is None else segmentation(*parts)
                if thin is None or is_sure(thin, failing):
                    made[..., box[0], box[1]] = vote_finely(fine[index : index + 1], box, ratio, parts[1][:, :4], thin)
        found.append(made)
    return torch.cat(found)


def is_sure(thin: Tensor, failing: Tensor) -> bool:
    """Whether what moves is thin: votes for anything else lead astray, and take long.

    Args:
        thin: what the segmentation found, (1, 2, h, w) in [0, 1].
        failing: where the flow fails, (H, W); where nothing was found, its shape tells.
    """
    found, sure = (int((thin > limit).sum()) for limit in (SEARCH.found, SEARCH.sure))
    if found:
        return found < SEARCH.few or sure > SEARCH.sure_share * found
    # Morphological erosion: what is left is thick.
    square = np.ones((SEARCH.thick_px, SEARCH.thick_px), np.uint8)
    return not cv2.erode(failing.byte().cpu().numpy(), square, borderValue=0).any()


def vote_finely(fine: Tensor, box: tuple[slice, slice], ratio: float, flows: Tensor, thin: Tensor | None) -> Tensor:
    """`find_thin_motion` in a part of the frames (1, 6, H, W), `ratio` times as large as the maps and as the answer.

    Args:
        fine: the whole frames.
        box: the part, in pixels of the maps.
        ratio: how many pixels of the frames one of the maps is.
        flows: there and back in that part, (1, 4, h, w).
        thin: see `find_thin_motion`, (1, 2, h, w).
    """
    if ratio == 1:
        frames, motion = fine[..., box[0], box[1]], flows
    else:
        rows, columns = (slice(round(ratio * side.start), round(ratio * side.stop)) for side in box)
        frames = fine[..., rows, columns]
        motion = ratio * enlarge(flows, frames)
        thin = None if thin is None else enlarge(thin, frames)
    source, target = frames.split(3, 1)
    found = find_thin_motion(source, target, motion[:, :2], motion[:, 2:], thin)
    return found if ratio == 1 else reduce_motion(found, (flows.shape[-2], flows.shape[-1]), ratio)


def mark_failing(frames: Tensor, flows: Tensor) -> Tensor:
    """Where the flows (1, 4, H, W) of a pair (1, 6, H, W) miss: (H, W), bool."""
    source, target = frames.split(3, 1)
    missed = torch.maximum(
        (source - backward_warp(target, flows[:, :2])).abs().mean(1, keepdim=True),
        (target - backward_warp(source, flows[:, 2:])).abs().mean(1, keepdim=True),
    )
    return box_filter(missed, 1)[0, 0] > SEARCH.missed


def box_around(failing: Tensor) -> tuple[slice, slice] | None:
    """Rows and columns of what fails in (H, W), with all that can be reached from there; None for hardly anything."""
    if failing.sum() < SEARCH.least_failing:
        return None
    ranges = []
    for axis, length in ((1, failing.shape[0]), (0, failing.shape[1])):
        places = failing.any(axis).nonzero()
        low = max(0, int(places[0]) - VOTING.reach_px) // SEARCH.multiple * SEARCH.multiple
        high = -(-(int(places[-1]) + 1 + VOTING.reach_px) // SEARCH.multiple) * SEARCH.multiple
        ranges.append(slice(low, min(length, high)))
    return ranges[0], ranges[1]


def reduce_motion(found: Tensor, size: tuple[int, int], scale: float) -> Tensor:
    """Motions with their confidence at `size`, `scale` times smaller; what is known of any pixel is known of what holds it."""
    made = []
    for part in found.split(3, 1):
        motion, sure = part.split((2, 1), 1)
        summed = F.adaptive_avg_pool2d(torch.cat([motion * sure, sure], 1), size)
        made += [
            summed[:, :2] / (scale * summed[:, 2:].clamp(min=VOTING.least_votes)),
            F.adaptive_max_pool2d(sure, size),
        ]
    return torch.cat(made, 1)
