"""Pictures in one another's colours: what the appearance slider is taught.

The animal takes the animal's colours, the background takes the background's: in each the mean and the covariance of the
colours become those of the other picture, by the straightest linear map there is.
Source: Pitié and Kokaram, "The linear Monge-Kantorovitch linear colour mapping", 2007; the two regions are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.crossbreed.methods.blending.fusion import BASE, blurred
from core.detect.segment import depth

# The most that a contrast is enlarged: what is stretched farther shows noise and blocks.
MOST = 3.0
CARRIED_MOST = 2.0
# A variance of colours in [0, 1] below which differences are noise.
FLOOR = 1e-3
STEPS = 4


def colour_statistics(pictures: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (B, 3) and covariance (B, 3, 3) of pictures (B, 3, H, W) where mask (B, 1, H, W) in [0, 1] is high."""
    weight = mask.flatten(2) / mask.flatten(2).sum(2, keepdim=True).clamp(min=1e-6)
    values = pictures.flatten(2)
    mean = (values * weight).sum(2)
    centred = values - mean[:, :, None]
    return mean, (centred * weight) @ centred.transpose(1, 2)


def colour_map(source: Tensor, target: Tensor, least: float = FLOOR, most: float = MOST) -> Tensor:
    """(B, 3, 3) the symmetric map that gives colours of one covariance the other (both (B, 3, 3), `least` added).

    No contrast is enlarged or reduced by more than `most`.
    """
    floor = least * torch.eye(3)
    root, inverse = _roots(source + floor)
    middle, _ = _roots(root @ (target + floor) @ root)
    values, vectors = torch.linalg.eigh(inverse @ middle @ inverse)
    return vectors @ torch.diag_embed(values.clamp(1 / most, most)) @ vectors.transpose(1, 2)


def recoloured(pictures: Tensor, mask: Tensor, others: Tensor, other_mask: Tensor) -> Tensor:
    """`pictures` (B, 3, H, W) in [-1, 1] in the colours of `others`, animal to animal and background to background."""
    result = torch.zeros_like(pictures)
    for here, there in ((mask, other_mask), (1 - mask, 1 - other_mask)):
        (mean, spread), (wanted, wanted_spread) = (
            colour_statistics(pictures, here), colour_statistics(others, there),
        )  # fmt: skip
        moved = (
            colour_map(spread, wanted_spread, 4 * FLOOR) @ (pictures.flatten(2) - mean[:, :, None]) + wanted[:, :, None]
        )
        result = result + here * moved.reshape(pictures.shape)
    return result.clamp(-1, 1)


@dataclass(frozen=True)
class Palette:
    """The colours of N pictures, of the animal and of the background, without fine detail.

    Attributes:
        masks: (N, 1, S, S) in [0, 1], what is animal.
        depths: (N, 1, S, S), how deep inside the animal a place lies, in pixels, negative outside.
        means: (N, 2, 3) mean colours.
        spreads: (N, 2, 3, 3) covariances.
    """

    masks: Tensor
    depths: Tensor
    means: Tensor
    spreads: Tensor

    @classmethod
    def of(cls, pictures: Tensor, masks: Tensor) -> Palette:
        """The palette of pictures (N, 3, S, S)."""
        pictures = blurred(pictures, BASE * pictures.shape[-1])
        parts = [colour_statistics(pictures, mask) for mask in (masks, 1 - masks)]
        means, spreads = (torch.stack(part, 1) for part in zip(*parts, strict=True))
        depths = torch.stack([torch.from_numpy(depth(mask[0].numpy()))[None] for mask in masks])
        return cls(masks, depths, means, spreads)

    def mixed(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (T, 2, 3) and covariance (T, 2, 3, 3) of mixtures (T, N): halfway between red and blue fur is one colour.

        Source: Wasserstein barycentre of normal distributions, fixed point of Álvarez-Esteban et al. 2016, equation 7.
        """
        weights = weights.clamp(min=0)
        weights = weights / weights.sum(1, keepdim=True)
        means = torch.tensordot(weights, self.means, dims=1)
        spreads = self.spreads + FLOOR * torch.eye(3)
        found = torch.tensordot(weights, spreads, dims=1)
        for _ in range(STEPS):
            root, inverse = _roots(found.flatten(0, 1))
            inner = (
                root[:, None] @ spreads.repeat(len(weights), 1, 1, 1, 1).transpose(1, 2).flatten(0, 1) @ root[:, None]
            )
            roots = _roots(inner.flatten(0, 1))[0].unflatten(0, inner.shape[:2])
            middle = (weights.repeat_interleave(2, 0)[:, :, None, None] * roots).sum(1)
            found = (inverse @ middle @ middle @ inverse).unflatten(0, found.shape[:2])
        return means, found - FLOOR * torch.eye(3)

    def carried(self, pictures: Tensor, masks: Tensor, weights: Tensor) -> Tensor:
        """Pictures (T, 3, S, S) with masks (T, 1, S, S) brought to the colours of mixtures (T, N).

        Only what is broad is moved: fine detail keeps its contrast.
        """
        means, spreads = self.mixed(weights)
        base = blurred(pictures, BASE * pictures.shape[-1])
        result, pictures = pictures - base, base
        for side, mask in enumerate((masks, 1 - masks)):
            mean, spread = colour_statistics(pictures, mask)
            moved = colour_map(spread, spreads[:, side], most=CARRIED_MOST) @ (pictures.flatten(2) - mean[:, :, None])
            result = result + mask * (moved + means[:, side, :, None]).reshape(pictures.shape)
        return result


def _roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The square root of symmetric matrices (B, 3, 3), and its inverse."""
    values, vectors = torch.linalg.eigh(matrix)
    root = values.clamp(min=1e-8).sqrt()
    return tuple(vectors @ torch.diag_embed(v) @ vectors.transpose(1, 2) for v in (root, 1 / root))
