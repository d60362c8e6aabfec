"""Positions of shape and appearance along a morph, and ways between two vectors."""

from __future__ import annotations

import torch
from torch import Tensor


def contract(content_alpha: Tensor, style_alpha: Tensor, tau: float) -> tuple[Tensor, Tensor]:
    """Draw shape and appearance towards each other.

    tau 0 leaves them apart, 1 makes both their mean (the plain morph), 2 swaps them.
    Source: Park et al. 2020, section 5.2; form as released.
    """
    step = tau / 2 * (style_alpha - content_alpha)
    return content_alpha + step, style_alpha - step


def grid_alphas(count: int, tau: float = 0.0) -> tuple[Tensor, Tensor]:
    """(content, style) positions (count^2,) of a square grid, row by row; the rows are style."""
    steps = torch.linspace(0, 1, count)
    style, content = torch.meshgrid(steps, steps, indexing="ij")
    return contract(content.flatten(), style.flatten(), tau)


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Between vectors (B, N) along the arc, t (B,) or scalar; vectors of any length.

    Source: Shoemake 1985; the angle is that of the two directions, the lengths stay.
    """
    t = t.reshape(-1, 1)
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=1).clamp(-1, 1)[:, None]
    angle = torch.arccos(cosine)
    straight = angle.sin() < 1e-6
    safe = torch.where(straight, torch.ones_like(angle), angle)
    arc = (torch.sin((1 - t) * safe) * a + torch.sin(t * safe) * b) / torch.sin(safe)
    return torch.where(straight, (1 - t) * a + t * b, arc)


def released_name(content_alpha: float, style_alpha: float | None = None) -> str:
    """The file name of the official script: the printed form of a 0-d tensor is part of it.

    With a style position the name holds style first, then content, both before any contraction.
    """
    parts = [content_alpha] if style_alpha is None else [style_alpha, content_alpha]
    return "out_" + "_".join(f"tensor({_printed(value)})" for value in parts) + ".png"


def _printed(value: float) -> str:
    """A float32 as torch prints it: whole numbers as `1.`, others with four decimals."""
    return f"{value:.0f}." if float(value).is_integer() else f"{value:.4f}"
