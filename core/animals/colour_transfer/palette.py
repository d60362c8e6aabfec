"""Pictures in one another's colours: what the appearance slider is taught, and what finishes its pictures.

The animal takes the animal's colours, the background takes the background's: in each the mean and the covariance of the
colours become those of the other picture, by the linear map that moves colours least.
Source: Pitié and Kokaram, "The linear Monge-Kantorovitch linear colour mapping", 2007; the two regions are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.ops.filters import gaussian_blur


@dataclass(frozen=True)
class ColourSettings:
    """What tunes the transfer.

    Attributes:
        base_sigma: share of the side; colour is what is broader, detail keeps its contrast.
        min_variance: of colours in [0, 1], below which differences are noise.
        teacher_max_gain: the most that the teacher enlarges a contrast: what is stretched farther shows noise and blocks.
        max_gain: the same for results, whose noise people see.
        barycentre_steps: of the fixed point; it has converged by then.
    """

    base_sigma: float = 1 / 40
    min_variance: float = 1e-3
    teacher_max_gain: float = 3.0
    max_gain: float = 2.0
    barycentre_steps: int = 4


SETTINGS = ColourSettings()


def mean_and_covariance(pictures: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (B, 3) and covariance (B, 3, 3) of pictures (B, 3, H, W) where mask (B, 1, H, W) in [0, 1] is high."""
    weight = mask.flatten(2) / mask.flatten(2).sum(2, keepdim=True).clamp(min=1e-6)
    values = pictures.flatten(2)
    mean = (values * weight).sum(2)
    centred = values - mean[:, :, None]
    return mean, (centred * weight) @ centred.transpose(1, 2)


def transport_map(source: Tensor, target: Tensor, min_variance: float, max_gain: float) -> Tensor:
    """(B, 3, 3) the optimal transport map between colours of two covariances (B, 3, 3), `min_variance` added to both.

    No contrast is enlarged or reduced by more than `max_gain`.
    """
    floor = min_variance * torch.eye(3)
    root, inverse = square_roots(source + floor)
    middle, _ = square_roots(root @ (target + floor) @ root)
    values, vectors = torch.linalg.eigh(inverse @ middle @ inverse)
    return vectors @ torch.diag_embed(values.clamp(1 / max_gain, max_gain)) @ vectors.transpose(1, 2)


def square_roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The square root of symmetric matrices (B, 3, 3), and its inverse."""
    values, vectors = torch.linalg.eigh(matrix)
    root = values.clamp(min=1e-8).sqrt()
    return tuple(vectors @ torch.diag_embed(v) @ vectors.transpose(1, 2) for v in (root, 1 / root))


def transfer_colours(pictures: Tensor, mask: Tensor, others: Tensor, other_mask: Tensor) -> Tensor:
    """`pictures` (B, 3, H, W) in [-1, 1] in the colours of `others`, animal to animal and background to background."""
    result = torch.zeros_like(pictures)
    for here, there in ((mask, other_mask), (1 - mask, 1 - other_mask)):
        mean, covariance = mean_and_covariance(pictures, here)
        wanted, wanted_covariance = mean_and_covariance(others, there)
        # Pictures in [-1, 1] have four times the variance.
        change = transport_map(covariance, wanted_covariance, 4 * SETTINGS.min_variance, SETTINGS.teacher_max_gain)
        moved = change @ (pictures.flatten(2) - mean[:, :, None]) + wanted[:, :, None]
        result = result + here * moved.reshape(pictures.shape)
    return result.clamp(-1, 1)


@dataclass(frozen=True)
class Palette:
    """The colours of N pictures, of the animal and of the background, without fine detail.

    Attributes:
        masks: (N, 1, S, S) in [0, 1], what is animal.
        means: (N, 2, 3) mean colours.
        covariances: (N, 2, 3, 3).
    """

    masks: Tensor
    means: Tensor
    covariances: Tensor

    @classmethod
    def measure(cls, pictures: Tensor, masks: Tensor) -> Palette:
        """The palette of pictures (N, 3, S, S) in [0, 1]."""
        pictures = gaussian_blur(pictures, SETTINGS.base_sigma * pictures.shape[-1])
        parts = [mean_and_covariance(pictures, mask) for mask in (masks, 1 - masks)]
        means, covariances = (torch.stack(part, 1) for part in zip(*parts, strict=True))
        return cls(masks, means, covariances)

    def barycentre(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (T, 2, 3) and covariance (T, 2, 3, 3) of mixtures (T, N): halfway between red and blue fur is one colour.

        Source: Wasserstein barycentre of normal distributions, fixed point of Álvarez-Esteban et al. 2016, equation 7.
        """
        weights = weights.clamp(min=0)
        weights = weights / weights.sum(1, keepdim=True)
        means = torch.tensordot(weights, self.means, dims=1)
        covariances = self.covariances + SETTINGS.min_variance * torch.eye(3)
        found = torch.tensordot(weights, covariances, dims=1)
        each = covariances.repeat(len(weights), 1, 1, 1, 1).transpose(1, 2).flatten(0, 1)
        for _ in range(SETTINGS.barycentre_steps):
            root, inverse = square_roots(found.flatten(0, 1))
            inner = root[:, None] @ each @ root[:, None]
            roots = square_roots(inner.flatten(0, 1))[0].unflatten(0, inner.shape[:2])
            middle = (weights.repeat_interleave(2, 0)[:, :, None, None] * roots).sum(1)
            found = (inverse @ middle @ middle @ inverse).unflatten(0, found.shape[:2])
        return means, found - SETTINGS.min_variance * torch.eye(3)

    def affine_map(self, index: int, weights: Tensor, region: int, max_gain: float) -> tuple[Tensor, Tensor]:
        """Matrix (3, 3) and offset (3,) that take the colours of a picture to those of a mixture (1, N).

        Args:
            index: of the picture.
            weights: of the mixture.
            region: 0 the animal, 1 what is around it.
            max_gain: the most that a contrast is enlarged or reduced.
        """
        means, covariances = (part[0, region] for part in self.barycentre(weights))
        source = self.covariances[index, region][None]
        change = transport_map(source, covariances[None], SETTINGS.min_variance, max_gain)[0]
        return change, means - change @ self.means[index, region]

    def transfer(self, pictures: Tensor, masks: Tensor, weights: Tensor) -> Tensor:
        """Pictures (T, 3, S, S) with masks (T, 1, S, S) brought to the colours of mixtures (T, N).

        Only what is broad is moved: fine detail keeps its contrast.
        """
        means, covariances = self.barycentre(weights)
        base = gaussian_blur(pictures, SETTINGS.base_sigma * pictures.shape[-1])
        result = pictures - base
        for side, mask in enumerate((masks, 1 - masks)):
            mean, covariance = mean_and_covariance(base, mask)
            change = transport_map(covariance, covariances[:, side], SETTINGS.min_variance, SETTINGS.max_gain)
            moved = change @ (base.flatten(2) - mean[:, :, None])
            result = result + mask * (moved + means[:, side, :, None]).reshape(pictures.shape)
        return result
