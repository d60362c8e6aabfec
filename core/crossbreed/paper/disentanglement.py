"""Positions of shape and appearance along a morph, and the file names that hold them."""

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


def released_name(content_alpha: float, style_alpha: float | None = None) -> str:
    """The file name of the official script: the printed form of a 0-d tensor is part of it.

    With a style position the name holds style first, then content, both before any contraction.
    """
    parts = [content_alpha] if style_alpha is None else [style_alpha, content_alpha]
    return "out_" + "_".join(f"tensor({_printed(value)})" for value in parts) + ".png"


def _printed(value: float) -> str:
    """A float32 as torch prints it: whole numbers as `1.`, others with four decimals."""
    return f"{value:.0f}." if float(value).is_integer() else f"{value:.4f}"
