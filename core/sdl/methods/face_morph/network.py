"""The morph network: two things of one kind, brought to the same shape by a known motion, each place from one of them."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.warp import backward_warp, fine_warp
from core.sdl.methods.face_morph.block_matching import match_structure
from core.sdl.methods.face_morph.fusion import fuse_pictures
from core.sdl.methods.flow_hypotheses.optical_flow import carry_motion
from core.sdl.methods.small_network.network import (
    MOTION_UNIT_PX,
    SmallSDLNet,
    enlarge,
    grid_scale,
    motion_unit_px,
    unfold_residual,
)
from core.sdl.paper.blocks import over_batch

# Both flows and their confidence; two more channels say how deep inside a person each pixel lies.
FLOW_CHANNELS = 6


class MorphSDLNet(SmallSDLNet):
    """Two pictures; `motion` is that of `find_face_motion`, or of `match_structure` where there is None."""

    whole_only = True
    OUTPUT, MATCHING, PICTURES = "motion", "landmarks", 2
    # Both pictures in the middle, folded; velocity, share, movement, and the confidence of both flows.
    PRIOR_CHANNELS = 24 + 6
    # A displacement in either picture, and the logit of the second one's share.
    CHANGE_CHANNELS = 5

    def find_prior(self, inputs: Tensor, seen: Tensor, motion: Tensor | None) -> Tensor | None:
        """The motion between the pictures, (B, 6 or 8, h, w)."""
        return match_structure(seen) if motion is None else motion

    def describe_prior(self, seen: Tensor, prior: Tensor | None) -> Tensor:
        """What the motion makes of the middle moment, for the network to judge."""
        motion = cast(Tensor, prior)
        middle = carry_motion(motion[:, :FLOW_CHANNELS], motion.new_full((len(motion),), 0.5))
        small = F.interpolate(
            torch.cat([middle, motion[:, 4:FLOW_CHANNELS]], 1), seen.shape[2:], mode="bilinear", align_corners=False
        )
        velocity = small[:, :2] * grid_scale(motion, seen)
        source, target = seen.split(3, 1)
        both = torch.cat([backward_warp(source, -velocity / 2), backward_warp(target, velocity / 2)], 1)
        maps = F.avg_pool2d(torch.cat([velocity / MOTION_UNIT_PX, small[:, 2:3] / 4, small[:, 3:]], 1), self.reduction)
        return torch.cat([F.pixel_unshuffle(both, self.reduction), maps], 1).to(seen.dtype)

    def compose(self, predicted: Tensor, inputs: Tensor, t: Tensor, prior: Tensor | None = None) -> Tensor:
        """See `SmallSDLNet`; the displacements are counted from the motion, the residual vanishes at both ends."""
        motion = cast(Tensor, prior)
        velocity = enlarge(carry_motion(motion[:, :FLOW_CHANNELS], t)[:, :2], inputs) * grid_scale(motion, inputs)
        t, residual = over_batch(t, inputs), unfold_residual(predicted, inputs)
        change, unit_px = enlarge(predicted[:, -self.CHANGE_CHANNELS :], inputs), motion_unit_px(predicted, inputs)
        source, target = inputs.split(3, 1)
        from_source = t * (change[:, :2] * unit_px - velocity)
        from_target = (1 - t) * (change[:, 2:4] * unit_px + velocity)
        inside, share = t.clamp(0, 1), torch.sigmoid(change[:, 4:5])
        weight = inside * share / (inside * share + (1 - inside) * (1 - share))
        depths_px = None
        if motion.shape[1] > FLOW_CHANNELS:
            across = inputs.shape[3] / motion.shape[3]
            first, second = (enlarge(motion[:, FLOW_CHANNELS:], inputs) * across).split(1, 1)
            first, second = backward_warp(first, from_source), backward_warp(second, from_target)
            depths_px = first, second, torch.lerp(first, second, inside)
        fused = fuse_pictures(fine_warp(source, from_source), fine_warp(target, from_target), weight, depths_px)
        return fused + 4 * t * (1 - t) * residual
