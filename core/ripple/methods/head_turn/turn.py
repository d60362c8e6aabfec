"""HFGI with a flow before ADA, and the edit of the photograph itself: moved with the head, painted where no flow can help."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.detect.segment import person_mask
from core.errors import NothingFoundError, WeightsError
from core.ops.warp import backward_warp
from core.ripple.methods.head_turn.painter import PAINTING, Painted, Painter, enlarged
from core.ripple.methods.head_turn.pre_aligner import FLOW_EDITS, PreAligner
from core.ripple.methods.head_turn.surface import HeadMotion
from core.ripple.options import MASK_PX
from core.ripple.paper.inversion import Edited, Inversion, Inverter, resized


@dataclass(frozen=True)
class Turned(Edited):
    """One edit along a flow.

    Attributes:
        flow: (1, 2, S, S) px, from a pixel of the edited picture to where it was in the input.
        person: (1, 1, S, S) logit, above 0 where the person is expected.
        painted: what the painter adds; None without one.
        moves: whether the head moves; otherwise its silhouette means nothing.
    """

    flow: Tensor
    person: Tensor
    painted: Painted | None
    moves: bool


@dataclass(frozen=True)
class HeadTurner(Inverter):
    """HFGI's networks and ours.

    Attributes:
        pre_aligner: says where a head goes that was not measured.
        painter: says where the flow can be trusted, and paints the rest; None: HFGI's picture stands there.
    """

    pre_aligner: PreAligner
    painter: Painter | None = None

    def turn(self, inversion: Inversion, codes: Tensor, degrees: Tensor, motion: HeadMotion | None = None) -> Turned:
        """The picture for edited codes; its distortion map is warped along the flow before ADA aligns it.

        Args:
            inversion: of the input.
            codes: (1, N, D) edited codes.
            degrees: (1, 2) of `FLOW_EDITS`.
            motion: where the head goes, measured on the photograph; otherwise the pre-aligner says so.
        """
        lower, plain = self.generate(codes)
        source, rough = inversion.source, lower[1].clamp(-1, 1)
        if motion is None:
            flow, person = self.pre_aligner.flow_px(source, rough, degrees)
        else:
            flow, person = motion.flow_px(self.size).to(codes), motion.logit(self.size).to(codes)
        moves = bool(degrees[:, :1].any()) or not bool(degrees.any())
        flow = flow if moves else torch.zeros_like(flow)  # ageing is colour: its flow was hardly trained
        painted = None
        if self.painter is not None:
            painted = self.painter.paint(source, resized(rough, self.size), flow, person, degrees)
            person = painted.person
        edited = self.consult(codes, lower, plain, backward_warp(inversion.distortion, flow))
        return Turned(**vars(edited), flow=flow, person=person, painted=painted, moves=moves)


def fit_size(image: Tensor, side: int) -> Tensor:
    """A picture at side x side: HFGI's resize downwards, bicubic upwards."""
    return resized(image, side) if image.shape[-1] > side else enlarged(image, side)


def degrees_of(edit: str, degree: float) -> Tensor:
    """(1, 2): the degree where the edit is one of `FLOW_EDITS`, 0 elsewhere."""
    return torch.tensor([[degree if edit == known else 0.0 for known in FLOW_EDITS]])


def edit_photograph(start: Tensor, missing: Tensor, result: Tensor, edited: Edited) -> Tensor:
    """The edit of the photograph itself: moved with the head inside the silhouette, still outside.

    Args:
        start: (1, 3, P, P) the inversion without an edit.
        missing: (1, 3, P, P) photograph minus `start`.
        result: (1, 3, P, P) the edit by HFGI, for where there is no painter.
        edited: the edit, for its flow and silhouette.

    Raises:
        WeightsError: the edit has no flow.
    """
    if not isinstance(edited, Turned):
        raise WeightsError("these weights have no pre-aligner: detail cannot be carried along, set detail to 0")
    side = missing.shape[-1]
    flow = resized(edited.flow, side) * (side / edited.flow.shape[-1])
    share = torch.sigmoid(PAINTING.rim_slope * resized(edited.person, side))
    if not edited.moves:  # ageing heads have no known silhouette to learn from, and need none
        share = torch.ones_like(share)
    photo = (start + missing).to(flow)
    if edited.painted is None:
        person = result.to(flow) + backward_warp(missing.to(flow), flow)
    else:
        person = edited.painted.composite(photo, flow)
    return share * person + (1 - share) * photo


def still_motion(crop: Image.Image) -> HeadMotion:
    """A head that stays, and where the crop's person is: what recolouring by the weights is told; all of it where none is found."""
    try:
        person = person_mask(crop)
    except NothingFoundError:
        person = torch.ones(1, 1, 8, 8)
    return HeadMotion(torch.zeros(1, 2, 8, 8), person)


def silhouette(edited: Edited) -> np.ndarray | None:
    """(256, 256) bool, where surface or pre-aligner expect the person; None without either."""
    return (enlarged(edited.person, MASK_PX)[0, 0] > 0).numpy() if isinstance(edited, Turned) else None
