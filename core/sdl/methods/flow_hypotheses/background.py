"""What smooth motion explains of a pair of frames: optical flow, the background's motion, and where that fails.

Source: a robust parametric fit after Odobez and Bouthemy 1995, "Robust Multiresolution Estimation of Parametric Motion
Models".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.ops.filters import box_filter
from core.ops.warp import backward_warp
from core.sdl.methods.flow_hypotheses.optical_flow import estimate_motion, ramp


@dataclass(frozen=True)
class Background:
    """Constants of the fit."""

    outlier_px: tuple[float, ...] = (
        16.0,
        8.0,
        4.0,
        2.0,
        1.0,
        0.7,
        0.5,
        0.5,
    )  # one per round: the first sees everything
    agreement_px: float = 0.5  # what agrees with a fit is nearer
    still_share: float = 0.85  # the camera stands still if so much of what agrees with the fit agrees with that too
    unexplained: tuple[float, float] = (0.02, 0.06)  # differences of colour (of 1): explained no more, and not at all
    window_radius_px: int = 2  # around a pixel, for that difference


BACKGROUND = Background()


def estimate_smooth_motion(frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What flow and background explain of a pair (B, 6, H, W), and what not.

    Returns:
        Both flows and their confidence (B, 6, H, W), see `estimate_motion`; the background's motion from the first frame
        to the second (B, 2, H, W); where that explains neither frame (B, 2, H, W) in [0, 1].
    """
    dense = estimate_motion(frames)
    source, target = frames.split(3, 1)
    background = fit_background(dense[:, :2], dense[:, 4:5])
    unexplained = [find_unexplained(source, target, background), find_unexplained(target, source, -background)]
    return dense, background, torch.cat(unexplained, 1)


def find_unexplained(source: Tensor, target: Tensor, background: Tensor) -> Tensor:
    """Where the background's motion does not explain the source: (B, 1, H, W) in [0, 1]."""
    missed = (source - backward_warp(target, background)).abs().mean(1, keepdim=True)
    return ramp(box_filter(missed, BACKGROUND.window_radius_px), *BACKGROUND.unexplained)


def fit_background(flow: Tensor, confidence: Tensor) -> Tensor:
    """The motion of most of the picture, a bilinear function of the place: (B, 2, H, W); exactly 0 for a still camera.

    Args:
        flow: (B, 2, H, W) pixels.
        confidence: (B, 1, H, W).
    """
    height, width = flow.shape[-2:]
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, height, device=flow.device),
        torch.linspace(-1, 1, width, device=flow.device),
        indexing="ij",
    )
    basis = torch.stack([torch.ones_like(x), x, y, x * y], -1)
    step = max(1, min(height, width) // 64)
    terms = basis[::step, ::step].reshape(-1, 4)
    seen = flow[..., ::step, ::step].flatten(2).mT
    sure = confidence[..., ::step, ::step].flatten(2).mT
    weight, flat = sure, 1e-6 * torch.eye(4, device=flow.device)
    fit = flow.new_zeros(len(flow), 4, 2)
    for scale in BACKGROUND.outlier_px:
        weighted = terms * weight
        fit = torch.linalg.solve(weighted.mT @ terms + flat, weighted.mT @ seen)
        off = torch.hypot(*(seen - terms @ fit).split(1, 2))
        weight = sure / (1 + (off / scale) ** 2) ** 2
    near = BACKGROUND.agreement_px
    agree = (sure * ((seen - terms @ fit).norm(dim=2, keepdim=True) < near)).sum((1, 2))
    still = (sure * (seen.norm(dim=2, keepdim=True) < near)).sum((1, 2)) >= BACKGROUND.still_share * agree
    return ((basis @ fit[:, None]) * ~still.reshape(-1, 1, 1, 1)).permute(0, 3, 1, 2)
