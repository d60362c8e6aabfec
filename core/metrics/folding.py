"""Whether a map folds."""

from __future__ import annotations

import torch
from torch import Tensor

from core.errors import ShapeError


def folded_share(places: Tensor) -> float:
    """Share of grid cells that a map turns inside out.

    Args:
        places: (H, W, 2) or (B, H, W, 2): where each point of a regular grid goes, (x, y); right along W, down along H.

    Returns:
        The share, in [0, 1], of the triangles (two per cell, both ways of cutting it) with no or negative area.
    """
    if places.shape[-1] != 2 or places.ndim not in (3, 4) or min(places.shape[-3:-1]) < 2:
        raise ShapeError(f"places are {tuple(places.shape)}, (H, W, 2) with at least 2 x 2 points is needed")
    places = places.double()
    a, b = places[..., :-1, :-1, :], places[..., :-1, 1:, :]
    c, d = places[..., 1:, :-1, :], places[..., 1:, 1:, :]

    def area(origin: Tensor, right: Tensor, down: Tensor) -> Tensor:
        (ux, uy), (vx, vy) = (right - origin).unbind(-1), (down - origin).unbind(-1)
        return ux * vy - uy * vx

    triangles = torch.stack((area(a, b, c), area(d, c, b), area(b, d, a), area(c, a, d)))
    return (triangles <= 0).double().mean().item()
