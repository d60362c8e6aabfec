"""Motion of what dense flow loses: thin or fast things that no smooth flow explains vote for where they have gone.

Flow is smooth, and what is thinner than its patches moves with what is behind it. But a wire that has moved is left over
in both frames once everything else is explained; so the residual pixels of one frame look for their like among those of the
other, and those of a neighbourhood must agree. A stretch of plain wire fits anywhere along the wire, only its ends do not;
so beliefs are propagated between neighbourhoods.

Source: generalised Hough voting (Ballard 1981) over translations; two passes, coarse to fine, after Bierling 1988; belief
propagation as in Felzenszwalb and Huttenlocher 2006, "Efficient Belief Propagation for Early Vision".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.warp import backward_warp
from core.sdl.methods.flow_hypotheses.optical_flow import ramp, splat_forward


@dataclass(frozen=True)
class HoughVoting:
    """Constants of residual pixels, voting, and belief propagation. Colours are of 1."""

    unexplained: tuple[float, float] = (0.03, 0.13)  # difference to where the flow leads: residual, and fully so
    salient: tuple[float, float] = (0.02, 0.10)  # the same for the difference to the surroundings
    median_px: int = 7  # of the surroundings: wider than what is thin
    segmented_weight: float = 0.5  # of such a pixel where the segmentation has looked too, and not found it
    least_residual: float = 0.15  # what is less does not vote
    similarity_scale: float = 0.05  # two pixels are alike within about this difference
    reach_px: int = 36  # of the coarse pass, at half the size
    fine_px: int = 2  # of the fine pass around it
    tile_px: int = 8  # votes are gathered in tiles, five by five of them together, the nearer ones more
    voter_share: int = 16  # one pixel in so many votes
    most_voters: int = 2048  # for speed
    most_far_voters: int = 1024  # in the coarse pass, where each looks at more shifts
    half_confidence: float = 4.0  # votes that make a motion half sure
    least_votes: float = 1e-3  # so that where nobody votes there is a motion as well
    same_object_px: float = 6.0  # between tiles whose motions are nearer, motion changes evenly
    iterations: int = 12  # of belief propagation
    neighbour_weight: float = 30.0  # of messages beside a tile's own votes
    speaking_votes: float = 0.5  # tiles with fewer send no message
    most_speaking: int = 512  # tiles that do, the surest: where more find their like, what moves is not thin
    step_decay: float = 0.97  # of a message for a shift a step beside: what turns moves a little differently there
    confidence_margin: float = 0.3  # what one frame knows by so much more surely is believed in the other


VOTING = HoughVoting()


def find_thin_motion(source: Tensor, target: Tensor, there: Tensor, back: Tensor, thin: Tensor | None = None) -> Tensor:
    """Where the residual pixels of either frame have gone.

    Args:
        source: (B, 3, H, W) in [0, 1].
        target: the same.
        there: dense flow from source to target, (B, 2, H, W) pixels.
        back: the other way.
        thin: what is thin in either frame, of `ThinSegmentation`, (B, 2, H, W) in [0, 1]; None: residual pixels alone.

    Returns:
        (B, 6, H, W): motion from the source in pixels and its confidence, in [0, 1], 0 where flow explains the picture;
        then both from the target.
    """
    made = []
    for index in range(len(source)):
        one, two = (pictures[index : index + 1].float() for pictures in (source, target))
        residual = find_residual(one, two, there[index : index + 1])
        residual_there = find_residual(two, one, back[index : index + 1])
        if thin is not None:
            here, elsewhere = thin[index : index + 1].float().split(1, 1)
            residual = torch.maximum(VOTING.segmented_weight * residual, here)
            residual_there = torch.maximum(VOTING.segmented_weight * residual_there, elsewhere)
        ahead = vote_motion(one, two, residual, residual_there)
        behind = vote_motion(two, one, residual_there, residual)
        both = [
            keep_confident(ahead, transfer_motion(two, one, behind)),
            keep_confident(behind, transfer_motion(one, two, ahead)),
        ]
        made.append(torch.cat(both, 1))
    return torch.cat(made)


def find_residual(picture: Tensor, other: Tensor, flow: Tensor) -> Tensor:
    """How much a pixel is both unexplained by the flow and unlike its surroundings: (1, 1, H, W) in [0, 1]."""
    missed = (picture - backward_warp(other, flow)).abs().mean(1, keepdim=True)
    array = (picture[0].permute(1, 2, 0) * 255).round().clamp(0, 255).byte().cpu().numpy()
    around = torch.from_numpy(cv2.medianBlur(np.ascontiguousarray(array), VOTING.median_px)).to(picture) / 255
    salient = (picture - around.permute(2, 0, 1)[None]).abs().mean(1, keepdim=True)
    return ramp(missed, *VOTING.unexplained) * ramp(salient, *VOTING.salient)


def vote_motion(source: Tensor, target: Tensor, residual: Tensor, residual_there: Tensor) -> Tensor:
    """Where the residual pixels of the source have gone, and the confidence: (1, 3, H, W); coarse to fine."""
    height, width = source.shape[-2:]
    tiles = [-(-side // VOTING.tile_px) for side in (height, width)]
    size = [max(1, side // 2) for side in (height, width)]
    near, far = (F.interpolate(picture, size, mode="area") for picture in (source, target))
    kept, kept_there = (F.adaptive_max_pool2d(maps, size) for maps in (residual, residual_there))
    start, reach = source.new_zeros(1, 2, *tiles), VOTING.reach_px // 2
    coarse, _ = vote_shifts(
        near, far, kept, kept_there, start, reach, VOTING.tile_px // 2, VOTING.most_far_voters, propagate=True
    )
    motion, votes = vote_shifts(source, target, residual, residual_there, 2 * coarse, VOTING.fine_px, VOTING.tile_px)
    sure = F.interpolate(votes / (votes + VOTING.half_confidence), scale_factor=VOTING.tile_px)
    return torch.cat([interpolate_tiles(motion, votes)[..., :height, :width], residual * sure[..., :height, :width]], 1)


def transfer_motion(source: Tensor, target: Tensor, motion: Tensor) -> Tensor:
    """What the source's motion (1, 3, H, W) says of the target: the way back and its confidence, where it leads to its like."""
    velocity, sure = motion.split((2, 1), 1)
    sure = sure * compare_colours((source - backward_warp(target, velocity)).abs().sum(1, keepdim=True))
    back, there = splat_forward(torch.cat([-velocity * sure, sure], 1), velocity).split((2, 1), 1)
    return torch.cat([back / there.clamp(min=VOTING.least_votes), there.clamp(max=1)], 1)


def keep_confident(own: Tensor, other: Tensor) -> Tensor:
    """A motion with its confidence (1, 3, H, W), and another one where that is much more confident."""
    better = other[:, 2:] > own[:, 2:] + VOTING.confidence_margin
    return torch.cat([torch.where(better, other[:, :2], own[:, :2]), torch.maximum(own[:, 2:], other[:, 2:])], 1)


def compare_colours(difference: Tensor) -> Tensor:
    """Similarity in [0, 1] of summed differences of three colours."""
    return torch.exp(-((difference / (3 * VOTING.similarity_scale)) ** 2))


def interpolate_tiles(motion: Tensor, votes: Tensor) -> Tensor:
    """Motion of tiles (1, 2, h, w) as that of their pixels: bilinear among neighbours of like motion, by votes (1, 1, h, w)."""
    height, width = motion.shape[-2:]
    side = VOTING.tile_px
    own = F.interpolate(motion, scale_factor=side)
    down, right = ((torch.arange(n * side, device=motion.device) + 0.5) / side - 0.5 for n in (height, width))
    total, weight = torch.zeros_like(own), torch.zeros_like(own[:, :1])
    for below, beside in product((0, 1), repeat=2):
        y, x = down.floor() + below, right.floor() + beside
        near = (1 - (down - y).abs())[:, None] * (1 - (right - x).abs())
        rows, columns = y.clamp(0, height - 1).long()[:, None], x.clamp(0, width - 1).long()
        moved = motion[..., rows, columns]
        same = (moved - own).square().sum(1, keepdim=True) < VOTING.same_object_px**2
        share = near * same * (votes[..., rows, columns] + VOTING.least_votes)
        total, weight = total + share * moved, weight + share
    return total / weight


def list_shifts(radius: int, like: Tensor) -> Tensor:
    """All whole shifts within `radius`, (n, 2), x before y, row by row."""
    return like.new_tensor([(right, down) for down, right in product(range(-radius, radius + 1), repeat=2)])


def vote_shifts(
    source: Tensor, target: Tensor, residual: Tensor, residual_there: Tensor, start: Tensor, radius: int,
    tile_px: int, most: int = VOTING.most_voters, propagate: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Per tile, the shift from `start` (1, 2, h, w) for which most residual pixels find their like, and its votes.

    Shifts are those within `radius`. Beliefs may be propagated between tiles where the start is everywhere the same.
    """
    height, width = source.shape[-2:]
    down, across = start.shape[-2:]
    weight = residual.flatten()
    count = min(max(64, height * width // VOTING.voter_share), most, int((weight > VOTING.least_residual).sum()))
    if not count:
        return start, start.new_zeros(1, 1, down, across)
    voters = weight.topk(count).indices
    y, x = voters // width, voters % width
    tile = (y // tile_px).clamp(max=down - 1) * across + (x // tile_px).clamp(max=across - 1)
    right, below = start.reshape(2, -1)[:, tile].round().long()
    # Around the picture nothing is left over, so what is looked for there finds nothing.
    border = radius + int(torch.stack([right, below]).abs().max())
    there = F.pad(torch.cat([target[0], residual_there[0]]), (border,) * 4)
    side = 2 * radius + 1
    windows = there.unfold(1, side, 1).unfold(2, side, 1)[:, y + below + border - radius, x + right + border - radius]
    here = source[0].flatten(1)[:, voters, None, None]
    like = compare_colours((windows[:3] - here).abs_().sum(0)) * windows[3]
    gathered = gather_votes(like.flatten(1) * weight[voters, None], tile, down, across)
    best = propagate_beliefs(gathered) if propagate else gathered.argmax(0)
    shifts = list_shifts(radius, source)
    return start.round() + shifts[best].permute(2, 0, 1)[None], gathered.gather(0, best[None])[None]


def gather_votes(votes: Tensor, tile: Tensor, down: int, across: int) -> Tensor:
    """Votes (voters, n) summed by their tiles, five by five of them together, the nearer ones more: (n, down, across)."""
    tiles, place = tile.unique(return_inverse=True)
    own = votes.new_zeros(len(tiles), votes.shape[1]).index_add_(0, place, votes)
    y, x = tiles // across, tiles % across
    gathered = votes.new_zeros(down * across, votes.shape[1])
    for dy, dx in product(range(-2, 3), repeat=2):
        inside = (y + dy >= 0) & (y + dy < down) & (x + dx >= 0) & (x + dx < across)
        # As a sum over the area of 36 tiles, most of it near the own.
        gathered.index_add_(
            0, ((y + dy) * across + x + dx)[inside], own[inside], alpha=36 / 81 * (3 - abs(dy)) * (3 - abs(dx))
        )
    # Not turned around in memory: it is large, and every tile is looked at by itself.
    return gathered.T.unflatten(1, (down, across))


def propagate_beliefs(votes: Tensor) -> Tensor:
    """Per tile the shift, of a square of them, that its votes and its neighbours' support best.

    Args:
        votes: (n * n, h, w), by shifts in the order of `list_shifts`.

    Returns:
        (h, w), indices of shifts.
    """
    chosen, top = votes.argmax(0), votes.amax(0)
    speaking = top > VOTING.speaking_votes
    if not speaking.any():
        return chosen
    if speaking.sum() > VOTING.most_speaking:
        speaking &= top >= top.flatten().topk(VOTING.most_speaking).values[-1]
    count, side = int(speaking.sum()), math.isqrt(len(votes))
    own = votes.movedim(0, -1)[speaking] / (top[speaking] + VOTING.half_confidence)[:, None]
    sure = own.amax(1, keepdim=True)
    # Who is beside whom; beside a tile that sends nothing, or none, is the last row, which is 0.
    number = torch.full_like(F.pad(chosen, (1, 1, 1, 1)), count)
    number[1:-1, 1:-1][speaking] = torch.arange(count, device=votes.device)
    height, width = chosen.shape
    places = [place for place in product(range(3), repeat=2) if place != (1, 1)]
    beside = torch.stack([number[down : down + height, right : right + width][speaking] for down, right in places], 1)
    nothing = sure.new_zeros(1, 1)
    # A bag's sum is that of its rows, without a copy of each.
    senders = F.embedding_bag(beside, torch.cat([sure, nothing]), mode="sum")
    belief = own
    for _ in range(VOTING.iterations):
        message = dilate_messages(belief.reshape(count, side, side)).flatten(1)
        message = torch.cat([message * (sure / message.amax(1, keepdim=True)), nothing.expand(1, len(votes))])
        received = F.embedding_bag(beside, message, mode="sum")
        belief = own + VOTING.neighbour_weight / senders.clamp(min=VOTING.speaking_votes) * received
    chosen[speaking] = belief.argmax(1)
    return chosen


def dilate_messages(messages: Tensor) -> Tensor:
    """The largest of each value (n, h, w) and, a little less, its neighbours in the square of shifts."""
    for axis in (1, 2):
        less, rest = VOTING.step_decay * messages, messages.shape[axis] - 1
        messages = messages.clone()
        for here, there in ((0, 1), (1, 0)):
            part = messages.narrow(axis, here, rest)
            torch.maximum(part, less.narrow(axis, there, rest), out=part)
    return messages
