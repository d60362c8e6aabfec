"""Pictures in one another's colours: what the appearance slider is taught.

The animal takes the animal's colours, the background takes the background's: in each the mean and the covariance of the
colours become those of the other picture, by the straightest linear map there is.
Source: Pitié and Kokaram, "The linear Monge-Kantorovitch linear colour mapping", 2007; the two regions are ours.
"""

from __future__ import annotations

import torch
from torch import Tensor

# The most that a contrast is enlarged: what is stretched farther shows noise and blocks.
MOST = 3.0
FLOOR = 4e-3


def colour_statistics(pictures: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (B, 3) and covariance (B, 3, 3) of pictures (B, 3, H, W) where mask (B, 1, H, W) in [0, 1] is high."""
    weight = mask.flatten(2) / mask.flatten(2).sum(2, keepdim=True).clamp(min=1e-6)
    values = pictures.flatten(2)
    mean = (values * weight).sum(2)
    centred = values - mean[:, :, None]
    return mean, (centred * weight) @ centred.transpose(1, 2)


def colour_map(source: Tensor, target: Tensor) -> Tensor:
    """(B, 3, 3) the symmetric map that gives colours of one covariance the other (both (B, 3, 3))."""
    floor = FLOOR * torch.eye(3)
    root, inverse = _roots(source + floor)
    middle, _ = _roots(root @ (target + floor) @ root)
    values, vectors = torch.linalg.eigh(inverse @ middle @ inverse)
    return vectors @ torch.diag_embed(values.clamp(1 / MOST, MOST)) @ vectors.transpose(1, 2)


def recoloured(pictures: Tensor, mask: Tensor, others: Tensor, other_mask: Tensor) -> Tensor:
    """`pictures` (B, 3, H, W) in [-1, 1] in the colours of `others`, animal to animal and background to background."""
    result = torch.zeros_like(pictures)
    for here, there in ((mask, other_mask), (1 - mask, 1 - other_mask)):
        (mean, spread), (wanted, wanted_spread) = (
            colour_statistics(pictures, here), colour_statistics(others, there),
        )  # fmt: skip
        moved = colour_map(spread, wanted_spread) @ (pictures.flatten(2) - mean[:, :, None]) + wanted[:, :, None]
        result = result + here * moved.reshape(pictures.shape)
    return result.clamp(-1, 1)


def _roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The square root of symmetric matrices (B, 3, 3), and its inverse."""
    values, vectors = torch.linalg.eigh(matrix)
    root = values.clamp(min=1e-8).sqrt()
    return tuple(vectors @ torch.diag_embed(v) @ vectors.transpose(1, 2) for v in (root, 1 / root))
