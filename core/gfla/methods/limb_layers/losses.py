"""Losses of ours: distance from the skeletons' flow, and what makes the blend of layers decide."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import ShapeError
from core.gfla.methods.limb_layers.network import LayeredPainting
from core.gfla.methods.limb_layers.skeleton import HEAD_CENTRE, append_centres, torso_length
from core.gfla.paper.pose import MISSING


def flow_to_prior(flows: Sequence[Tensor], wanted: Tensor, confidence: Tensor) -> Tensor:
    """Mean distance of the flows from the skeletons' flow, where that is sure.

    Args:
        flows: (B, 2, h, w) per scale, in pixels of their own grid.
        wanted: (B, 2, H, W) in pixels of the picture.
        confidence: (B, 1, H, W) in [0, 1], of `wanted`.

    Returns:
        In pixels of the picture, summed over scales.
    """
    terms = []
    for flow in flows:
        scale = wanted.shape[-1] / flow.shape[-1]
        sure = F.interpolate(confidence, flow.shape[2:], mode="area")
        goal = F.interpolate(wanted * confidence, flow.shape[2:], mode="area") / (sure + 1e-4)
        terms.append((sure * F.smooth_l1_loss(flow * scale, goal, reduction="none")).sum() / (2 * sure.sum() + 1.0))
    return torch.stack(terms).sum()


def expected_error(painted: LayeredPainting, real: Tensor) -> Tensor:
    """The error that a pixel would have on average if it showed one candidate, drawn by their weights; (B, 3, H, W).

    The error of the blend lets two half weights average to the right colour and leaves ghosts elsewhere; this one is
    smallest where one candidate has it all, or where those that share agree.

    Args:
        painted: in training, with its candidates.
        real: (B, 3, H, W) in [-1, 1].
    """
    if painted.candidates is None:
        raise ShapeError("this picture has lost its candidates: take it right from the generator")
    return (painted.weights[:, :, None] * (painted.candidates - real[:, None]).abs()).sum(1)


def background_loss(background: Tensor, person: Tensor) -> Tensor:
    """Cross entropy of the background's weight (B, 1, H, W) against a person's true mask, both in [0, 1]; same shape."""
    background = background.clamp(1e-4, 1 - 1e-4)
    return -(person * (1 - background).log() + (1 - person) * background.log())


def pixel_weights(real: Tensor, points: Tensor, strength: float, grey: float | None) -> Tensor:
    """How much each pixel of a picture counts, (B, 1, H, W): 1 on background, more on the person, most on the head.

    The person fills a fifth of the frame and the face a fiftieth, and an even mean would paint background.

    Args:
        real: (B, 3, H, W) in [-1, 1].
        points: (B, 18, 2) of the person, -1 where missing.
        strength: added on the person, and once more on the head; 0 counts all pixels alike.
        grey: in [0, 1], of a plain background; None where it is not plain, then only the head counts more.
    """
    weight = torch.ones_like(real[:, :1])
    if not strength:
        return weight
    if grey is not None:
        apart = (real - (2 * grey - 1)).abs().amax(1, keepdim=True)
        # A rim of background counts with the person, so that limbs do not grow.
        weight = weight + strength * F.max_pool2d((apart * 8).clamp_max(1), 5, 1, 2)
    known = (points != MISSING).all(-1)
    points, known = append_centres(points.float(), known, known)
    unit = torso_length(points, known)[:, None, None]
    head = points[:, HEAD_CENTRE]
    x = torch.arange(real.shape[3], device=real.device) + 0.5 - head[:, 0, None]
    y = torch.arange(real.shape[2], device=real.device) + 0.5 - head[:, 1, None]
    distance = (x[:, None, :] ** 2 + y[:, :, None] ** 2) / (0.3 * unit) ** 2
    return weight + strength * (torch.exp(-0.5 * distance) * known[:, HEAD_CENTRE, None, None])[:, None]
