"""How evenly a transition goes from frame to frame."""

from __future__ import annotations

import torch
from torch import Tensor

from core.errors import ShapeError
from core.metrics.fidelity import luma_steps

# Two pictures whose edges agree more than this show one scene: laid over each other they have one outline.
SAME_EDGES = 0.8


def step_sizes(frames: Tensor) -> list[float]:
    """Root mean square change from each of T frames (T, 3, H, W) to the next: T - 1 numbers."""
    if frames.ndim != 4 or len(frames) < 2:
        raise ShapeError(f"frames are {tuple(frames.shape)}, at least two of (T, 3, H, W) are needed")
    return [(b.double() - a.double()).square().mean().sqrt().item() for a, b in zip(frames, frames[1:], strict=False)]


def evenness(frames: Tensor) -> float:
    """Smallest step between frames by the largest: 1 = even, 0 = it stands still and jumps; 1 for a still."""
    steps = step_sizes(frames)
    return min(steps) / max(steps) if max(steps) > 0 else 1.0


def one_outline(middle: Tensor, ends: Tensor) -> float:
    """How far a frame is from a double exposure of the two pictures between which it lies.

    The frame's edges are explained by both pictures' edges in their own places (least squares): a plain cross-fade is the half
    of both, features that moved are the half of neither.

    Args:
        middle: (1, 3, H, W) in [0, 1].
        ends: (2, 3, H, W), the pictures.

    Returns:
        1 = one outline, 0 = both pictures' outlines at once.
    """
    edges = torch.cat([middle, ends])
    frame, *pair = torch.cat([steps.flatten(1) for steps in luma_steps(edges)], 1)
    sides = torch.stack(pair)
    products, shared = sides @ sides.T, sides @ frame
    if products[0, 1] >= SAME_EDGES * products.diag().prod().sqrt() or frame.square().sum() == 0:
        return 1.0
    weights = torch.linalg.solve(products, shared)
    explained = (weights @ shared / frame.square().sum()).clamp(0, 1)
    return float(1 - explained * (2 * weights.min()).clamp(0, 1))
