"""How evenly a transition goes from frame to frame."""

from __future__ import annotations

from torch import Tensor

from core.errors import ShapeError


def step_sizes(frames: Tensor) -> list[float]:
    """Root mean square change from each of T frames (T, 3, H, W) to the next: T - 1 numbers."""
    if frames.ndim != 4 or len(frames) < 2:
        raise ShapeError(f"frames are {tuple(frames.shape)}, at least two of (T, 3, H, W) are needed")
    return [(b.double() - a.double()).square().mean().sqrt().item() for a, b in zip(frames, frames[1:], strict=False)]


def evenness(frames: Tensor) -> float:
    """Smallest step between frames by the largest: 1 = even, 0 = it stands still and jumps; 1 for a still."""
    steps = step_sizes(frames)
    return min(steps) / max(steps) if max(steps) > 0 else 1.0
