"""Losses of GFLA: sampling correctness, affine regularisation, perceptual, style, adversarial.

The perceptual ones take feature dictionaries (`core.gfla.paper.features`), so VGG19 and its substitute are interchangeable.

Source: Ren et al. 2020, sections 3.2 and 3.4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import ShapeError, unknown_name
from core.gfla.paper.operators import resample2d

# The feature that a flow of each attention layer is judged on, by layer.
CORRECTNESS_FEATURES = {1: "relu2_1", 2: "relu3_1", 3: "relu4_1"}
CONTENT_FEATURES = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
STYLE_FEATURES = ("relu2_2", "relu3_4", "relu4_4", "relu5_2")
EPS = 1e-8


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Cosine over channels, (B, C, ...) twice to (B, ...)."""
    return F.cosine_similarity(a, b, dim=1, eps=EPS)


def correctness_at(source: Tensor, target: Tensor, flow: Tensor, mask: Tensor | None, bilinear: bool) -> Tensor:
    """How well `flow` fetches from `source` what `target` shows, relative to the best place in the whole source.

    Args:
        source: (B, C, H, W) feature.
        target: like `source`.
        flow: (B, 2, h, w), resized to H x W by nearest neighbour with its values kept, as published.
        mask: (B, 1, any, any) in [0, 1], where to judge.
        bilinear: sample bilinearly in place of the Gaussian, which does not converge from far away.

    Returns:
        Mean of exp(-similarity / best similarity) minus 1/e: 0 where every flow finds the best place.
    """
    height, width = target.shape[2:]
    flow = F.interpolate(flow, (height, width), mode="nearest")
    unit_source = F.normalize(source.flatten(2), dim=1, eps=EPS)
    unit_target = F.normalize(target.flatten(2), dim=1, eps=EPS)
    with torch.no_grad():
        best = (unit_source.transpose(1, 2) @ unit_target).amax(dim=1)
    if bilinear:
        sampled = _sampled_bilinear(source, flow)
    else:
        sampled = resample2d(source, flow, kernel_size=4, dilation=1, sigma=2.0)
    similarity = cosine(sampled.flatten(2), target.flatten(2))
    error = torch.exp(-similarity / (best + EPS)) - math.exp(-1)
    if mask is None:
        return error.mean()
    weight = F.interpolate(mask, (height, width), mode="nearest").flatten(1)
    return (weight * error).sum() / (weight.sum() + EPS)


def _sampled_bilinear(source: Tensor, flow: Tensor) -> Tensor:
    height, width = source.shape[2:]
    # As published, the grid is scaled by side - 1 and the flow by side; outside is zero.
    x = 2 * torch.arange(width, device=flow.device) / (width - 1) - 1 + 2 * flow[:, 0] / width
    y = (2 * torch.arange(height, device=flow.device) / (height - 1) - 1)[:, None] + 2 * flow[:, 1] / height
    grid = torch.stack([x, y], dim=-1)
    return F.grid_sample(source, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def sampling_correctness(
    source: Mapping[str, Tensor],
    target: Mapping[str, Tensor],
    flows: Sequence[Tensor],
    attn_layers: Sequence[int],
    mask: Tensor | None = None,
    bilinear: bool = False,
) -> Tensor:
    """Sum of `correctness_at` over the attention layers (equation 3).

    Args:
        source: features of the source picture by name.
        target: features of the target picture.
        flows: coarse first.
        attn_layers: which layer each flow belongs to, in any order (they are matched coarse first).
        mask: where to judge, or None.
        bilinear: see `correctness_at`.
    """
    layers = sorted(attn_layers, reverse=True)
    if len(layers) != len(flows):
        raise ShapeError(f"{len(flows)} flows for {len(layers)} attention layers {layers}: one each fits")
    terms = []
    for layer, flow in zip(layers, flows, strict=True):
        name = CORRECTNESS_FEATURES[layer]
        terms.append(correctness_at(source[name], target[name], flow, mask, bilinear))
    return torch.stack(terms).sum()


def affine_residual(flow: Tensor, kernel_size: int) -> Tensor:
    """Mean squared residual of the best affine map in every window of the positions a flow points at (equation 5).

    Args:
        flow: (B, 2, h, w).
        kernel_size: side of the windows; all full windows count, no padding.

    Returns:
        Mean over windows for x plus that for y; 0 exactly for affine flows.
    """
    height, width = flow.shape[2:]
    x = flow[:, :1] + torch.arange(width, device=flow.device, dtype=flow.dtype)
    y = flow[:, 1:] + torch.arange(height, device=flow.device, dtype=flow.dtype)[:, None]
    side = torch.arange(kernel_size, device=flow.device, dtype=torch.float64)
    rows, columns = torch.meshgrid(side, side, indexing="ij")
    design = torch.stack([rows.flatten(), columns.flatten(), torch.ones_like(rows).flatten()], dim=1)
    off_plane = torch.eye(len(design), dtype=torch.float64, device=flow.device) - design @ torch.linalg.pinv(design)
    off_plane = off_plane.to(flow.dtype)
    total = flow.new_zeros(())
    for positions in (x, y):
        windows = F.unfold(positions, kernel_size)
        total = total + ((off_plane @ windows) ** 2).sum(dim=1).mean()
    return total


def affine_regularization(flows: Sequence[Tensor], attn_layers: Sequence[int], kernel_sizes: Sequence[int]) -> Tensor:
    """Sum of `affine_residual` over scales, with the window of each layer's kernel size."""
    sizes = dict(zip(attn_layers, kernel_sizes, strict=True))
    layers = sorted(attn_layers, reverse=True)
    return torch.stack([affine_residual(flow, sizes[layer]) for layer, flow in zip(layers, flows, strict=True)]).sum()


def gram(feature: Tensor) -> Tensor:
    """Channel correlations (B, C, C), divided by C H W."""
    flat = feature.flatten(2)
    return flat @ flat.transpose(1, 2) / (feature.shape[1] * flat.shape[2])


def content_loss(generated: Mapping[str, Tensor], real: Mapping[str, Tensor]) -> Tensor:
    """Sum over five layers of the mean absolute feature difference."""
    return torch.stack([F.l1_loss(generated[name], real[name]) for name in CONTENT_FEATURES]).sum()


def style_loss(generated: Mapping[str, Tensor], real: Mapping[str, Tensor]) -> Tensor:
    """Sum over four layers of the mean absolute difference of Gram matrices."""
    return torch.stack([F.l1_loss(gram(generated[name]), gram(real[name])) for name in STYLE_FEATURES]).sum()


def adversarial(scores: Tensor, real: bool, for_discriminator: bool, mode: str = "lsgan") -> Tensor:
    """The adversarial loss of patch scores that are meant to be `real` or not.

    Args:
        scores: any shape; unbounded (lsgan, hinge) or probabilities (nsgan).
        real: what the scores are held against.
        for_discriminator: hinge has another form for the generator.
        mode: lsgan (published), hinge or nsgan.
    """
    if mode == "lsgan":
        return F.mse_loss(scores, torch.full_like(scores, float(real)))
    if mode == "nsgan":
        return F.binary_cross_entropy(scores, torch.full_like(scores, float(real)))
    if mode == "hinge":
        if not for_discriminator:
            return -scores.mean()
        return F.relu(1 - scores if real else 1 + scores).mean()
    raise unknown_name("adversarial loss", mode, ("lsgan", "hinge", "nsgan"))
