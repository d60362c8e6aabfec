"""Losses of the style-transfer trainer on VGG19 features.

Source: Yang et al. 2022, section 4 (style transfer); statistics: Huang and Belongie 2017; relaxed earth mover's
distance and self-similarity: Kolkin et al. 2019, "Style Transfer by Relaxed Optimal Transport and Self-Similarity".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.vgg import VGG19Features

STATISTICS_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
RELATION_LAYERS = ("conv3_1", "conv4_1")


def statistics(features: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every channel, (B, C, 1, 1) each; the variance is unbiased, plus `eps`."""
    variance = features.flatten(2).var(2) + eps
    return features.mean((2, 3), keepdim=True), variance.sqrt()[..., None, None]


def normalised(features: Tensor) -> Tensor:
    """Features with mean 0 and deviation 1 in every channel."""
    mean, deviation = statistics(features)
    return (features - mean) / deviation


def cosine_distance(first: Tensor, second: Tensor) -> Tensor:
    """1 - cosine between every position of `first` and every position of `second`.

    Args:
        first: (B, C, H, W).
        second: (B, C, h, w).

    Returns:
        (B, H W, h w). A zero vector is at distance 1 from everything.
    """
    a, b = F.normalize(first.flatten(2), dim=1), F.normalize(second.flatten(2), dim=1)
    return 1 - a.transpose(1, 2) @ b


def self_similarity(prediction: Tensor, content: Tensor) -> Tensor:
    """How differently the positions of two pictures relate to each other: content without colours or textures."""
    ours, wanted = cosine_distance(prediction, prediction), cosine_distance(content, content)
    ours, wanted = ours / ours.sum(1, keepdim=True), wanted / wanted.sum(1, keepdim=True)
    return (ours - wanted).abs().mean() * prediction.shape[2] * prediction.shape[3]


def relaxed_transport(prediction: Tensor, style: Tensor, differentiable: bool) -> Tensor:
    """The larger of two mean distances to the nearest position: from prediction to style and back.

    Args:
        prediction: (B, C, H, W).
        style: (B, C, h, w).
        differentiable: False detaches the minima, as the released code does: the term then only shows in the log.
    """
    distance = cosine_distance(prediction, style)
    if not differentiable:
        distance = distance.detach()
    return torch.maximum(distance.amin(1).mean(), distance.amin(2).mean())


@dataclass(frozen=True)
class StyleWeights:
    """Weights of the four terms; the defaults are the published ones."""

    content: float = 1.0
    style: float = 3.0
    content_relation: float = 16.0
    style_relation: float = 10.0


@dataclass
class StyleTerms:
    """The four weighted terms of one batch."""

    content: Tensor
    style: Tensor
    content_relation: Tensor
    style_relation: Tensor

    def total(self, strength: float) -> Tensor:
        """The loss at style strength t: content terms in full, style terms in proportion to t."""
        return self.content + strength * self.style + self.content_relation + strength * self.style_relation


def style_terms(
    vgg: VGG19Features,
    prediction: Tensor,
    content: Tensor,
    style: Tensor,
    weights: StyleWeights = StyleWeights(),
    norm: bool = True,
    differentiable: bool = False,
) -> StyleTerms:
    """All terms for pictures (B, 3, H, W) in [0, 1]; gradients reach only `prediction`.

    Args:
        vgg: the feature network.
        prediction: what the network painted.
        content: the picture whose content it should keep.
        style: the picture whose style it should take.
        weights: of the four terms.
        norm: compare content after normalising each channel.
        differentiable: whether the relaxed transport has a gradient; the published trainer has none.
    """
    layers = tuple(dict.fromkeys(STATISTICS_LAYERS + RELATION_LAYERS))
    ours = vgg(prediction, layers)
    with torch.no_grad():
        of_content, of_style = vgg(content, layers), vgg(style, layers)
    seen = normalised if norm else (lambda features: features)
    zero = prediction.new_zeros(())
    terms = StyleTerms(zero, zero, zero, zero)
    for name in STATISTICS_LAYERS:
        terms.content = terms.content + weights.content * F.mse_loss(seen(ours[name]), seen(of_content[name]))
        pairs = zip(statistics(ours[name]), statistics(of_style[name]), strict=True)
        terms.style = terms.style + weights.style * sum(F.mse_loss(a, b) for a, b in pairs)
    for name in RELATION_LAYERS:
        related = self_similarity(ours[name], of_content[name])
        terms.content_relation = terms.content_relation + weights.content_relation * related
        moved = relaxed_transport(ours[name], of_style[name], differentiable)
        terms.style_relation = terms.style_relation + weights.style_relation * moved
    return terms
