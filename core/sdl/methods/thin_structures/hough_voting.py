"""Motion of what dense flow loses: thin or fast things that no smooth flow explains vote for where they have gone.

Flow is smooth, and what is thinner than its patches moves with what is behind it. But a wire that has moved is left over
in both frames once everything else is explained; so the pixels left over in one frame look for their like among those left
over in the other, and those of a neighbourhood must agree. A stretch of plain wire fits anywhere along the wire, only its
ends do not; so neighbourhoods tell one another what they believe.

Source: generalised Hough voting (Ballard 1981) over translations; two passes, coarse to fine, after Bierling 1988; beliefs
are passed on as in Felzenszwalb and Huttenlocher 2006, "Efficient Belief Propagation for Early Vision". Using
several candidate motions for one place follows Park et al. 2021, "Asymmetric Bilateral Motion Estimation for Video Frame
Interpolation", and Hu et al. 2022, "Many-to-many Splatting for Efficient Video Frame Interpolation".
"""

from __future__ import annotations

import math
from itertools import product

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.warp import backward_warp
from core.sdl.methods.flow_hypotheses.optical_flow import splat

# How far is looked, in pixels of the pictures, and how fine the second pass is.
REACH_PX, NEAR_PX = 36, 2
# Votes are gathered in tiles of so many pixels, five by five of them together, the nearer ones more; tiles whose motions
# are within the second of one another are parts of one thing, and between them its motion changes evenly.
TILE_PX, ONE_THING_PX = 8, 6.0
# One pixel in so many votes, at most so many.
ONE_IN, MOST = 16, 2048
# In the first pass, which looks far.
MOST_FAR = 1024
# A pixel is left over above this difference of colour (of 1), fully so at the second; the same for standing out.
UNEXPLAINED, STANDING_OUT = (0.03, 0.13), (0.02, 0.10)
MEDIAN_PX = 7
# Two pixels are alike within about this difference; so many like pixels make a motion half sure.
ALIKE, ENOUGH = 0.05, 4.0
LEAST = 0.15
# What differs from its surroundings votes by half where the search of `core.sdl.methods.thin_structures.segmentation` has looked too.
UNFOUND = 0.5
# So that where nobody votes there is a motion as well.
LEAST_VOTES = 1e-3
# So often tiles listen to their neighbours, and so much more than to their own votes; those with fewer votes keep silent.
ROUNDS, LISTENS, SPEAKS = 12, 30.0, 0.5
# A neighbour of which a motion is said counts so much for one that is a step beside.
BESIDE = 0.97
# What one frame knows by so much more surely is believed in the other.
SURER = 0.3


def thin_motion(source: Tensor, target: Tensor, there: Tensor, back: Tensor, thin: Tensor | None = None) -> Tensor:
    """Where the left-over pixels of either frame have gone.

    Args:
        source: (B, 3, H, W) in [0, 1].
        target: the same.
        there: dense flow from source to target, (B, 2, H, W) pixels.
        back: the other way.
        thin: what is thin in either frame, of `core.sdl.methods.thin_structures.segmentation`, (B, 2, H, W) in [0, 1]; None: what is left over alone.

    Returns:
        (B, 6, H, W): motion from the source in pixels and how sure it is, in [0, 1], 0 where flow explains the picture;
        then both from the target.
    """
    made = []
    for index in range(len(source)):
        one, two = (pictures[index : index + 1].float() for pictures in (source, target))
        left = left_over(one, two, there[index : index + 1])
        left_there = left_over(two, one, back[index : index + 1])
        if thin is not None:
            here, elsewhere = thin[index : index + 1].float().split(1, 1)
            left, left_there = torch.maximum(UNFOUND * left, here), torch.maximum(UNFOUND * left_there, elsewhere)
        ahead = found_way(one, two, left, left_there)
        behind = found_way(two, one, left_there, left)
        made.append(
            torch.cat([surer(ahead, handed_on(two, one, behind)), surer(behind, handed_on(one, two, ahead))], 1)
        )
    return torch.cat(made)


def found_way(source: Tensor, target: Tensor, left: Tensor, left_there: Tensor) -> Tensor:
    """Where the left-over pixels of the source have gone, and how sure that is: (1, 3, H, W)."""
    height, width = source.shape[-2:]
    moved, votes = voted_motion(source, target, left, left_there)
    sure = left * F.interpolate(votes / (votes + ENOUGH), scale_factor=TILE_PX)[..., :height, :width]
    return torch.cat([per_pixel(moved, votes)[..., :height, :width], sure], 1)


def handed_on(source: Tensor, target: Tensor, way: Tensor) -> Tensor:
    """What the source's way (1, 3, H, W) says of the target: the way back and how sure it is, where it leads to its like."""
    velocity, sure = way.split((2, 1), 1)
    sure = sure * alike((source - backward_warp(target, velocity)).abs().sum(1, keepdim=True))
    back, there = splat(torch.cat([-velocity * sure, sure], 1), velocity).split((2, 1), 1)
    return torch.cat([back / there.clamp(min=LEAST_VOTES), there.clamp(max=1)], 1)


def surer(own: Tensor, told: Tensor) -> Tensor:
    """A way (1, 3, H, W), and where the other frame knows much better, what that tells."""
    better = told[:, 2:] > own[:, 2:] + SURER
    return torch.cat([torch.where(better, told[:, :2], own[:, :2]), torch.maximum(own[:, 2:], told[:, 2:])], 1)


def alike(unlike: Tensor) -> Tensor:
    """In [0, 1] of summed differences of three colours."""
    return torch.exp(-((unlike / (3 * ALIKE)) ** 2))


def left_over(picture: Tensor, other: Tensor, flow: Tensor) -> Tensor:
    """How much a pixel is both unexplained by the flow and unlike its surroundings: (1, 1, H, W) in [0, 1]."""
    missed = (picture - backward_warp(other, flow)).abs().mean(1, keepdim=True)
    array = (picture[0].permute(1, 2, 0) * 255).round().clamp(0, 255).byte().cpu().numpy()
    around = torch.from_numpy(cv2.medianBlur(np.ascontiguousarray(array), MEDIAN_PX)).to(picture) / 255
    stands_out = (picture - around.permute(2, 0, 1)[None]).abs().mean(1, keepdim=True)
    return ramp(missed, *UNEXPLAINED) * ramp(stands_out, *STANDING_OUT)


def ramp(values: Tensor, low: float, high: float) -> Tensor:
    """0 below `low`, 1 above `high`, straight between."""
    return ((values - low) / (high - low)).clamp(0, 1)


def voted_motion(source: Tensor, target: Tensor, left: Tensor, left_there: Tensor) -> tuple[Tensor, Tensor]:
    """Motion per tile of `TILE_PX`, (1, 2, h, w) in pixels, and its votes (1, 1, h, w): first at half the size, then near it."""
    tiles = [-(-side // TILE_PX) for side in source.shape[-2:]]
    start = source.new_zeros(1, 2, *tiles)
    size = [max(1, side // 2) for side in source.shape[-2:]]
    near, far = (F.interpolate(picture, size, mode="area") for picture in (source, target))
    kept, kept_there = (F.adaptive_max_pool2d(maps, size) for maps in (left, left_there))
    shifts = steps(REACH_PX // 2, source)
    coarse, _ = best_shift(near, far, kept, kept_there, start, shifts, TILE_PX // 2, MOST_FAR, passed_on=True)
    return best_shift(source, target, left, left_there, 2 * coarse, steps(NEAR_PX, source), TILE_PX)


def per_pixel(moved: Tensor, votes: Tensor) -> Tensor:
    """Motion of tiles (1, 2, h, w) as that of their pixels, bilinear among neighbours of like motion, by their votes (1, 1, h, w)."""
    height, width = moved.shape[-2:]
    own = F.interpolate(moved, scale_factor=TILE_PX)
    down, right = ((torch.arange(n * TILE_PX, device=moved.device) + 0.5) / TILE_PX - 0.5 for n in (height, width))
    total, weight = torch.zeros_like(own), torch.zeros_like(own[:, :1])
    for below, beside in product((0, 1), repeat=2):
        y, x = down.floor() + below, right.floor() + beside
        near = (1 - (down - y).abs())[:, None] * (1 - (right - x).abs())
        rows, columns = y.clamp(0, height - 1).long()[:, None], x.clamp(0, width - 1).long()
        way = moved[..., rows, columns]
        same = (way - own).square().sum(1, keepdim=True) < ONE_THING_PX**2
        share = near * same * (votes[..., rows, columns] + LEAST_VOTES)
        total, weight = total + share * way, weight + share
    return total / weight


def steps(radius: int, like: Tensor) -> Tensor:
    """All whole shifts within `radius`, (n, 2), x before y."""
    return like.new_tensor([(right, down) for down, right in product(range(-radius, radius + 1), repeat=2)])


def best_shift(
    source: Tensor, target: Tensor, left: Tensor, left_there: Tensor, start: Tensor, shifts: Tensor, tile_px: int,
    most: int = MOST, passed_on: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Per tile, the shift from `start` (1, 2, h, w) for which most left-over pixels find their like, and its votes.

    Where votes are `passed_on`, tiles agree with their neighbours; that needs a start that is everywhere the same.
    """
    height, width = source.shape[-2:]
    down, across = start.shape[-2:]
    weight = left.flatten()
    count = min(max(64, height * width // ONE_IN), most, int((weight > LEAST).sum()))
    if not count:
        return start, start.new_zeros(1, 1, down, across)
    voters = weight.topk(count).indices
    y, x = voters // width, voters % width
    tile = (y // tile_px).clamp(max=down - 1) * across + (x // tile_px).clamp(max=across - 1)
    base = start.reshape(2, -1)[:, tile].round()
    at_x = (x + base[0])[:, None] + shifts[:, 0]
    at_y = (y + base[1])[:, None] + shifts[:, 1]
    inside = (at_x >= 0) & (at_x < width) & (at_y >= 0) & (at_y < height)
    place = (at_y.clamp(0, height - 1) * width + at_x.clamp(0, width - 1)).long()
    unlike = torch.zeros_like(at_x)
    for there, here in zip(target[0].flatten(1), source[0].flatten(1), strict=True):
        unlike += (there[place] - here[voters, None]).abs()
    like = alike(unlike) * left_there.flatten()[place] * inside
    votes = like.new_zeros(down * across, len(shifts)).index_add_(0, tile, like * weight[voters, None])
    gathered = votes.T.reshape(1, -1, down, across)
    for _ in range(2):
        gathered = F.avg_pool2d(gathered, 3, 1, 1)
    # As a sum over the area of 36 tiles, most of it near the own.
    gathered = 36 * gathered
    index = agreed(gathered[0]) if passed_on else gathered[0].argmax(0)
    best = gathered.gather(1, index[None, None])
    return start.round() + shifts[index].permute(2, 0, 1)[None], best


def agreed(votes: Tensor) -> Tensor:
    """Per tile the shift, of a square of them, that its votes and its neighbours' support best.

    Args:
        votes: (n * n, h, w), by shifts in the order of `steps`.

    Returns:
        (h, w), indices of shifts.
    """
    chosen, top = votes.argmax(0), votes.amax(0)
    speaking = top > SPEAKS
    if not speaking.any():
        return chosen
    count, side = int(speaking.sum()), math.isqrt(len(votes))
    own = votes[:, speaking].T / (top[speaking] + ENOUGH)[:, None]
    sure = own.amax(1, keepdim=True)
    # Who is beside whom; beside a tile that is silent, or none, is the last row, which is 0.
    number = torch.full_like(F.pad(chosen, (1, 1, 1, 1)), count)
    number[1:-1, 1:-1][speaking] = torch.arange(count, device=votes.device)
    height, width = chosen.shape
    beside = [
        number[down : down + height, right : right + width][speaking]
        for down, right in product(range(3), repeat=2)
        if (down, right) != (1, 1)
    ]
    nothing = sure.new_zeros(1, 1)
    heard_of = torch.stack([torch.cat([sure, nothing])[others] for others in beside]).sum(0)
    belief = own
    for _ in range(ROUNDS):
        told = loosened(belief.reshape(count, side, side)).flatten(1)
        told = torch.cat([told * (sure / told.amax(1, keepdim=True)), nothing.expand(1, len(votes))])
        heard = sum(told[others] for others in beside)
        belief = own + LISTENS / heard_of.clamp(min=SPEAKS) * heard
    chosen[speaking] = belief.argmax(1)
    return chosen


def loosened(maps: Tensor) -> Tensor:
    """The largest of each value (n, h, w) and, a little less, its neighbours: what turns moves a little differently beside."""
    for axis in (1, 2):
        wide = F.pad(maps, (1, 1, 0, 0) if axis == 2 else (0, 0, 1, 1))
        size = maps.shape[axis]
        maps = torch.maximum(maps, BESIDE * torch.maximum(wide.narrow(axis, 0, size), wide.narrow(axis, 2, size)))
    return maps
