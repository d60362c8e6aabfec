"""The ageing network: one face moved, its colours changed place by place along its own edges, and a residual.

Grey hair is brown hair with other colours and the same strands: an affine change keeps them, a residual blurs them.

Source: colour maps per place, drawn to the picture's edges, after Gharbi et al. 2017, "Deep Bilateral Learning for
Real-Time Image Enhancement".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core.metrics import LUMA
from core.ops.filters import box_filter, guided_coefficients
from core.ops.warp import fine_warp
from core.sdl.methods.small_network.network import SmallSDLNet, enlarge, motion_unit_px, unfold_residual
from core.sdl.paper.blocks import over_batch

# Of the guide: place right of and below the middle of the face, person, and oval of the face.
GUIDE_CHANNELS = 4
# A displacement, and an affine change of colours (3 x 4).
DISPLACEMENT, AFFINE = 2, 12


@dataclass(frozen=True)
class Ageing:
    """Constants of the method."""

    person_margin: float = 0.003  # of the longer side: masks are about a pixel off
    neck: float = (
        0.55  # face heights below the middle of the face: from here on what is worn keeps its shape more and more
    )
    body: float = 0.95  # and from here on wholly
    edge_radius: int = 2  # of the guided filter, in cells of the predicted maps
    edge_variance: float = 1e-3  # of the luma, below which an edge does not count


AGEING = Ageing()


class AgeingSDLNet(SmallSDLNet):
    """One picture to the same person at another age; `motion` is the guide of `find_face_guide`, or None."""

    whole_only = True
    OUTPUT, MATCHING, PICTURES = "retouch", "face", 1
    PRIOR_CHANNELS, CHANGE_CHANNELS = GUIDE_CHANNELS, DISPLACEMENT + AFFINE

    def describe_prior(self, seen: Tensor, prior: Tensor | None) -> Tensor:
        """The guide; 0 where nothing is known."""
        size = [side // 2 for side in seen.shape[2:]]
        if prior is None:
            return seen.new_zeros(len(seen), GUIDE_CHANNELS, *size)
        return F.interpolate(prior.to(seen), size, mode="bilinear", align_corners=False)

    def compose(self, predicted: Tensor, inputs: Tensor, t: Tensor, prior: Tensor | None = None) -> Tensor:
        """See `SmallSDLNet`; here the residual comes last, after displacement and affine change."""
        residual = unfold_residual(predicted[:, DISPLACEMENT + AFFINE :], inputs)
        predicted, t = predicted[:, : DISPLACEMENT + AFFINE], over_batch(t, predicted)
        if prior is None:
            return retouch(predicted, residual, inputs, t)
        prior = prior.to(predicted)
        head = ((AGEING.body - enlarge(prior[:, 1:2], inputs)) / (AGEING.body - AGEING.neck)).clamp(0, 1)
        return blend_on_person(retouch(predicted, residual, inputs, t, head), inputs, prior[:, 2:3])


def retouch(predicted: Tensor, residual: Tensor, source: Tensor, t: Tensor, head: Tensor | float = 1.0) -> Tensor:
    """The source moved, with other colours, plus the residual; all times t.

    Args:
        predicted: (B, 14, h, w): displacement, 3 x 4 colour change.
        residual: (B, 3, H, W).
        source: (B, 3, H, W).
        t: (B, 1, 1, 1).
        head: (B, 1, H, W) in [0, 1], where shape changes, and not the colours alone.
    """
    displacement = enlarge(predicted[:, :DISPLACEMENT], source)
    moved = fine_warp(source, t * head * displacement * motion_unit_px(predicted, source))
    change = upsample_along_edges(predicted[:, DISPLACEMENT:], moved.detach()).unflatten(1, (3, 4))
    recoloured = (change[:, :, :3] * moved[:, None]).sum(2) + change[:, :, 3]
    return moved + t * (recoloured + head * residual)


def upsample_along_edges(maps: Tensor, picture: Tensor) -> Tensor:
    """Small maps (B, C, h, w) at the size of a picture (B, 3, H, W), changing where it does: grey hair ends where hair ends.

    Source: He and Sun 2015, "Fast Guided Filter", with the luma as guide.
    """
    luma = (picture * picture.new_tensor(LUMA).reshape(1, 3, 1, 1)).sum(1, keepdim=True)
    guide = F.interpolate(luma, maps.shape[2:], mode="bilinear", align_corners=False, antialias=True)
    line = guided_coefficients(guide, maps, lambda x: box_filter(x, AGEING.edge_radius), AGEING.edge_variance)
    slope, offset = enlarge(torch.cat(line, 1), picture).split(maps.shape[1], 1)
    return slope * luma + offset


def blend_on_person(made: Tensor, source: Tensor, person: Tensor) -> Tensor:
    """`made` on and just around the person (B, 1, h, w), the source elsewhere."""
    radius = max(1, round(AGEING.person_margin * max(person.shape[-2:])))
    near = box_filter(F.max_pool2d(person.float(), 2 * radius + 1, 1, radius), radius)
    return torch.lerp(source, made, enlarge(near, source))
