"""Published forms that the package computes otherwise, or not at all, and the goldens hold: nothing in core needs them."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.gfla.paper.operators import bilinear_weights, flow_positions, weighted_gather
from core.gfla.paper.pose import MISSING


def block_extractor(source: Tensor, flow: Tensor, kernel_size: int) -> Tensor:
    """The kernel_size x kernel_size neighbourhood round every flowed position, laid out as blocks.

    Args:
        source: (B, C, H, W).
        flow: (B, 2, h, w); h x w may differ from H x W, target cell (y, x) starts at source cell (y, x).
        kernel_size: k; taps run from -(k // 2) to k - 1 - k // 2.

    Returns:
        (B, C, k h, k w); tap (i, j) of cell (y, x) is at row k y + i, column k x + j.
    """
    k = kernel_size
    row, column, row_fraction, column_fraction = flow_positions(flow)
    taps = torch.arange(k, device=flow.device) - k // 2

    def blocks(values: Tensor, offset: Tensor) -> Tensor:
        """(B, k h, k w): every cell repeated k x k times, plus each tap's offset (k, 1) or (1, k)."""
        tiled = values[:, :, None, :, None] + offset[None, None, :, None, :]
        return tiled.expand(-1, -1, k, -1, k).reshape(values.shape[0], k * values.shape[1], k * values.shape[2])

    still = torch.zeros(1, 1, device=flow.device, dtype=torch.long)
    rows, columns = blocks(row, taps[:, None]), blocks(column, taps[None])
    weights = bilinear_weights(blocks(row_fraction, still), blocks(column_fraction, still))
    neighbour_rows = torch.stack([rows, rows, rows + 1, rows + 1], dim=-1)
    neighbour_columns = torch.stack([columns, columns + 1, columns, columns + 1], dim=-1)
    return weighted_gather(source, neighbour_rows, neighbour_columns, weights)


def local_attn_reshape(weights: Tensor, kernel_size: int) -> Tensor:
    """(B, k k, h, w) tap weights as blocks (B, 1, k h, k w): channel k i + j goes to row offset i, column offset j."""
    return F.pixel_shuffle(weights, kernel_size)


def points_of_heatmaps(maps: np.ndarray, threshold: float = 0.1) -> np.ndarray:
    """The peak of every map as (N, 2); missing where it does not exceed `threshold`."""
    flat = np.asarray(maps).reshape(len(maps), -1)
    peak = flat.argmax(axis=1)
    points = np.stack([peak % maps.shape[2], peak // maps.shape[2]], axis=1).astype(np.float64)
    return np.where(flat.max(axis=1)[:, None] > threshold, points, MISSING)


def learning_rate(epoch: int, lr: float, niter: int, niter_decay: int, iter_count: int = 1) -> float:
    """The published rule (per epoch): constant until `niter`, then linearly to zero; it goes on below, as published."""
    return lr * (1 - max(0, epoch + 2 + iter_count - niter) / (niter_decay + 1))
