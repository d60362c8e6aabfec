"""The interpolation network: it weights both frames, warped along every motion hypothesis, corrects, and adds a residual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import register_to_config
from torch import Tensor

from core.ops.filters import box_filter
from core.ops.warp import backward_warp
from core.sdl.methods.flow_hypotheses.hypotheses import (
    MOMENT_CHANNELS,
    PAIR_CHANNELS,
    carry_hypotheses,
    find_pair_motion,
)
from core.sdl.methods.refinement.network import RefinementNet
from core.sdl.methods.small_network.network import (
    MOTION_UNIT_PX,
    SmallSDLNet,
    enlarge,
    grid_scale,
    motion_unit_px,
    start_silently,
    unfold_residual,
)
from core.sdl.methods.thin_structures.segmentation import ThinSegmentation
from core.sdl.paper.blocks import over_batch

# Motions per place, and pictures warped along them: three of either frame.
HYPOTHESES = 3
WARPS = 2 * HYPOTHESES


@dataclass(frozen=True)
class Weighting:
    """Constants of the logits that the network's are counted from, and of the units of its output."""

    difference_penalty: float = 30.0  # per difference (of 1) of a hypothesis's two warped frames
    most_penalty: float = 5.0  # a wrong colour is no proof
    preference: tuple[float, float, float] = (
        0.0,
        -1.5,
        -2.0,
    )  # dense, background's, figure's, if nothing speaks against
    presence: float = 4.0  # of a figure seen in both frames: it stands before the background
    cover: float = 4.0  # against a frame's background where a figure hides it
    logit_unit: float = 8.0  # of an output of 1: a choice needs logits of 5; what is learned first is smaller
    displacement_unit: float = 4.0  # of an output of 1, in units of `MOTION_UNIT_PX`, for the same reason


WEIGHTING = Weighting()


@dataclass(frozen=True)
class MovingPart:
    """Where a picture is computed at all: the rest stands still."""

    around_px: int = 32  # beside what moves: as far as the refinement sees
    step_px: int = 8  # of its corner, so that the refinement's strides fall as in the whole picture


PART = MovingPart()
# Where the encoder is shown the motion.
MIDDLE = 0.5


class HypothesisSDLNet(SmallSDLNet):
    """Two frames; `motion` is that of `find_pair_motion`, which it looks for where there is None.

    Args:
        look_widths: channels of the rows of `RefinementNet`; empty = no refinement.
        thin_widths: channels of the rows of `ThinSegmentation`; empty = voting alone.
        **others: as in `SmallSDLNet`.
    """

    whole_only = True
    # Beyond t = 1 its motion goes on; other networks were never shown such t.
    goes_on = True
    OUTPUT, MATCHING, PICTURES = "candidates", "dense", 2
    # Per hypothesis both warped frames, their mean and largest difference; and the moment's own maps.
    PRIOR_CHANNELS = EVIDENCE_CHANNELS = HYPOTHESES * 8 + MOMENT_CHANNELS
    # Logits of the warps, and displacements of the dense motion in either frame and of the figure's.
    CHANGE_CHANNELS = WARPS + 6

    @register_to_config
    def __init__(
        self,
        num_in_ch: int = 6,
        num_out_ch: int = 3,
        split: float = 0.5,
        widths: Sequence[int] = (16, 24, 32, 48, 64, 64),
        grid_widths: Sequence[int] = (16, 24, 32),
        ncol: int = 2,
        output: str = "",
        reduction: int = 2,
        work_px: int = 448,
        matching: str = "",
        look_widths: Sequence[int] = (),
        thin_widths: Sequence[int] = (),
    ) -> None:
        super().__init__(num_in_ch, num_out_ch, split, widths, grid_widths, ncol, output, reduction, work_px, matching)
        self.look = RefinementNet(WARPS, MOMENT_CHANNELS + 1, look_widths) if look_widths else None
        self.thin = ThinSegmentation(thin_widths) if thin_widths else None
        for part in (self.look, self.thin):
            if part is not None:
                start_silently(part, part.grid)

    def find_prior(self, inputs: Tensor, seen: Tensor, motion: Tensor | None) -> Tensor | None:
        """All that is known of the pair before t, and of the moment in the middle: it is shown to the encoder."""
        motion = find_pair_motion(inputs, self.thin) if motion is None else motion
        return torch.cat([motion, carry_hypotheses(motion, motion.new_full((len(motion),), MIDDLE))], 1)

    def describe_prior(self, seen: Tensor, prior: Tensor | None) -> Tensor:
        """The evidence at t = 1/2."""
        middle = cast(Tensor, prior)[:, PAIR_CHANNELS:]
        return collect_evidence(middle, seen, middle.new_full((len(middle),), MIDDLE))

    def paint(self, features: Tensor, inputs: Tensor, t: Tensor, prior: Tensor | None) -> Tensor:
        """See `SmallSDLNet`; the GridNet also sees the evidence at t."""
        count, t = len(features), t.reshape(-1)
        seen = self.reduce_inputs(inputs).expand(count, -1, -1, -1)
        inputs = inputs.expand(count, -1, -1, -1)
        motion, moment = cast(Tensor, prior).expand(count, -1, -1, -1).split((PAIR_CHANNELS, MOMENT_CHANNELS), 1)
        # A compiled graph takes no shortcut that its numbers decide.
        if torch.compiler.is_compiling() or not (t == MIDDLE).all():
            moment = carry_hypotheses(motion, t)
        predicted = self.gridnet(torch.cat([features, collect_evidence(moment, seen, t)], 1))
        return self.compose(predicted.float(), inputs, t, moment)

    def compose(self, predicted: Tensor, inputs: Tensor, t: Tensor, prior: Tensor | None = None) -> Tensor:
        """See `compose_hypotheses`; `prior` is the moment at t."""
        return compose_hypotheses(predicted, cast(Tensor, prior), inputs, t, self.look)


def compose_hypotheses(
    predicted: Tensor, moment: Tensor, inputs: Tensor, t: Tensor, refinement: RefinementNet | None = None
) -> Tensor:
    """The picture at t: a weighting of all warped frames, plus a residual; where nothing moves, the plain blend.

    Args:
        predicted: (B, 12 + 12, h, w): residual; logits of the first frame's warps and of the second's; displacements of
            the dense motion in either frame and of the figure's.
        moment: from `carry_hypotheses`.
        inputs: (B, 6, H, W).
        t: (B,).
        refinement: what corrects the weighting at full size, if anything.

    Returns:
        (B, 3, H, W), around [0, 1], not clipped; the given frames at t = 0 and t = 1.
    """
    t = over_batch(t, inputs)
    # Beyond the ends motion goes on, colours do not.
    inside = t.clamp(0, 1)
    plain = (1 - inside) * inputs[:, :3] + inside * inputs[:, 3:]
    moving = enlarge(moment[:, -1:], inputs)
    rows, columns = find_moving(moving)
    known = enlarge(scale_moment(moment, moment, inputs), inputs)[..., rows, columns]
    residual = unfold_residual(predicted, inputs)[..., rows, columns]
    rest = enlarge(predicted[:, -HypothesisSDLNet.CHANGE_CHANNELS :], inputs)[..., rows, columns]
    displacements = WEIGHTING.displacement_unit * rest[:, WARPS:] * motion_unit_px(predicted, inputs).repeat(1, 3, 1, 1)
    # From a place of the part the way leads to places of the whole frames.
    corner = t.new_tensor([columns.start, rows.start]).reshape(1, 2, 1, 1)
    flows = [corner + flow[..., rows, columns] for flow in flows_to_frames(moment, inputs, t)]
    flows = correct_flows(flows, displacements, t)
    warped = warp_frames(inputs, flows)
    logits = WEIGHTING.logit_unit * rest[:, :WARPS] + expect_logits(warped, known)
    if refinement is not None:
        weights = weigh_by_time(logits, t)
        told = torch.cat([known, (inside - 0.5).expand(-1, -1, *known.shape[2:])], 1)
        more, colours, displacements = refinement(warped, weights, blend(warped, weights), told)
        logits, residual = logits + WEIGHTING.logit_unit * more, residual + colours
        refined = correct_flows(flows, WEIGHTING.displacement_unit * displacements, t)
        # The background's warps are what they were.
        same = [one if new is old else None for new, old, one in zip(refined, flows, warped, strict=True)]
        warped = warp_frames(inputs, refined, same)
    made = blend(warped, weigh_by_time(logits, t)) + 4 * inside * (1 - inside) * residual
    here = plain[..., rows, columns]
    part = here + moving[..., rows, columns] * (made - here)
    if part.shape == plain.shape:
        return part
    plain[..., rows, columns] = part
    return plain


def find_moving(moving: Tensor) -> tuple[slice, slice]:
    """Rows and columns of all that moves in maps (B, 1, H, W), with what the refinement sees around it; in training, and in a compiled graph, all."""
    height, width = moving.shape[2:]
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        return slice(0, height), slice(0, width)
    there, ranges = moving.amax((0, 1)) > 0, []
    for axis, length in ((1, height), (0, width)):
        places = there.any(axis).nonzero()
        low, high = (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 1)
        around, step = PART.around_px, PART.step_px
        ranges.append(slice(max(0, low - around) // step * step, min(length, high + around)))
    return ranges[0], ranges[1]


def flows_to_frames(moment: Tensor, inputs: Tensor, t: Tensor) -> list[Tensor]:
    """From the moment t to the frames along every hypothesis, in pixels: three to the first frame, three to the second.

    Args:
        moment: from `carry_hypotheses`, of any size.
        inputs: (B, 6, H, W).
        t: (B, 1, 1, 1).
    """
    velocities = enlarge(moment[:, : 2 * HYPOTHESES], inputs) * grid_scale(moment, inputs).repeat(1, HYPOTHESES, 1, 1)
    dense, behind, other = velocities.split(2, 1)
    return [-t * dense, -t * behind, -t * other, (1 - t) * dense, (1 - t) * behind, (1 - t) * other]


def correct_flows(flows: list[Tensor], displacements: Tensor, t: Tensor) -> list[Tensor]:
    """`flows_to_frames` with displacements (B, 6, H, W) in pixels: of the dense motion in either frame, of the figure's."""
    forth, back, figure = displacements.split(2, 1)
    dense, behind, other, dense_back, behind_back, other_back = flows
    return [
        dense + t * forth, behind, other - t * figure,
        dense_back + (1 - t) * back, behind_back, other_back + (1 - t) * figure,
    ]  # fmt: skip


def warp_frames(inputs: Tensor, flows: list[Tensor], known: Sequence[Tensor | None] = (None,) * WARPS) -> list[Tensor]:
    """Both frames (B, 6, H, W) brought to the moment t: (B, 3, H, W) each; those in `known` are taken as they are."""
    source, target = inputs.split(3, 1)
    frames = [source] * HYPOTHESES + [target] * HYPOTHESES
    return [
        backward_warp(frame, flow) if done is None else done
        for frame, flow, done in zip(frames, flows, known, strict=True)
    ]


def collect_evidence(moment: Tensor, seen: Tensor, t: Tensor) -> Tensor:
    """What the network is shown of the moment t: (B, `EVIDENCE_CHANNELS`, h / 2, w / 2) of seen (B, 6, h, w)."""
    t, maps = over_batch(t, seen), []
    warped = warp_frames(seen, flows_to_frames(moment, seen, t))
    for forth, back in zip(warped[:HYPOTHESES], warped[HYPOTHESES:], strict=True):
        difference = (forth - back).abs().mean(1, keepdim=True)
        maps += [F.avg_pool2d(torch.cat([forth, back, difference], 1), 2), F.max_pool2d(difference, 2)]
    small = F.interpolate(moment, [side // 2 for side in seen.shape[2:]], mode="bilinear", align_corners=False)
    return torch.cat([*maps, scale_moment(small, moment, seen)], 1).to(seen.dtype)


def scale_moment(maps: Tensor, moment: Tensor, seen: Tensor) -> Tensor:
    """The moment's maps, of any size, about as large as colours: velocities (of `moment`'s pixels) in units of `seen`'s."""
    across = grid_scale(moment, seen).flatten() / MOTION_UNIT_PX
    scale = torch.cat([across.repeat(HYPOTHESES), across.new_tensor([0.25, 1, 1, 1, 1])])
    return maps * scale.reshape(1, -1, 1, 1)


def expect_logits(warped: list[Tensor], moment: Tensor) -> Tensor:
    """What the network's logits are counted from, (B, 6, H, W): both frames agree, or one of them is covered."""
    penalty = [
        (WEIGHTING.difference_penalty * box_filter((one - other).abs().mean(1, keepdim=True), 1)).clamp(
            max=WEIGHTING.most_penalty
        )
        for one, other in zip(warped[:HYPOTHESES], warped[HYPOTHESES:], strict=True)
    ]
    dense, behind, other = (liked - doubt for liked, doubt in zip(WEIGHTING.preference, penalty, strict=True))
    present, covered, covered_there = moment[:, 7:10].split(1, 1)
    other = other + WEIGHTING.presence * present
    # Where one frame's background is covered, that the frames differ says nothing against the other's.
    first = behind + penalty[1] * covered_there - WEIGHTING.cover * covered
    second = behind + penalty[1] * covered - WEIGHTING.cover * covered_there
    return torch.cat([dense, first, other, dense, second, other], 1)


def weigh_by_time(logits: Tensor, t: Tensor) -> Tensor:
    """Weights (B, 6, H, W) of logits: only the first frame's warps count at t = 0, only the second's at t = 1."""
    inside = t.clamp(0, 1)
    # As a summand, what is far from likely still has its share at the ends; as a factor it would be 0 / 0.
    near = torch.cat([1 - inside, inside], 1).log().repeat_interleave(HYPOTHESES, 1)
    return torch.softmax(logits + near, 1)


def blend(pictures: list[Tensor], weights: Tensor) -> Tensor:
    """The sum of pictures (B, 3, H, W) by their weights (B, len(pictures), H, W)."""
    made = torch.zeros_like(pictures[0])
    for picture, weight in zip(pictures, weights.split(1, 1), strict=True):
        made = torch.addcmul(made, weight, picture)
    return made
