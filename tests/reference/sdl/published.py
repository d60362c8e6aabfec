"""What the released training code of SDL has and our trainers do not use, in the form that the goldens compare."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from core.ops.vgg import VGG19Features


def enlarged_order(count: int, ratio: int, epoch: int, rank: int = 0, replicas: int = 1) -> list[int]:
    """The published order of one epoch: a permutation, seeded by the epoch, of a data set that counts `ratio` times.

    Every process takes each `replicas`-th index from its rank on.
    """
    share = -(-count * ratio // replicas)
    order = torch.randperm(share * replicas, generator=torch.Generator().manual_seed(epoch)).tolist()
    return [index % count for index in order[rank::replicas]]


def charbonnier_sum(prediction: Tensor, target: Tensor, eps: float) -> Tensor:
    """The smooth L1 added up."""
    return torch.sqrt((prediction - target) ** 2 + eps).sum()


def gram(features: Tensor) -> Tensor:
    """Correlations of channels, (B, C, C), divided by C H W."""
    batch, channels, height, width = features.shape
    flat = features.reshape(batch, channels, height * width)
    return flat @ flat.transpose(1, 2) / (channels * height * width)


def gram_distance(vgg: VGG19Features, prediction: Tensor, target: Tensor, layers: Mapping[str, float]) -> Tensor:
    """The perceptual loss on Gram matrices in place of the features."""
    found, wanted = vgg(prediction, layers), vgg(target.detach(), layers)
    terms = [weight * F.l1_loss(gram(found[name]), gram(wanted[name])) for name, weight in layers.items()]
    return torch.stack(terms).sum()
