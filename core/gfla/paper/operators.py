"""The sampling operations of GFLA as differentiable torch functions, and the one gather they rest on.

Convention of this file (the published one): pixel centres are whole numbers, a flow is (B, 2, h, w) with x before y,
in pixels of the source grid, from a target cell to the place it is fetched from. Neighbours beyond the edge are
clamped one by one, so that a sample outside repeats the border.

Source: Ren et al. 2020, section 3.2 and 3.3 (there as CUDA extensions).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import ShapeError
from core.ops.warp import backward_warp

HALF = (torch.float16, torch.bfloat16)


def weighted_gather(source: Tensor, rows: Tensor, columns: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums of source pixels: one fused pass, the gathered neighbourhood is never stored.

    Args:
        source: (B, C, H, W) float.
        rows: (B, h, w, J) long, row of each of J neighbours; clamped to the picture here.
        columns: like `rows`.
        weights: (B, h, w, J) float, differentiable.

    Returns:
        (B, C, h, w), differentiable in `source` and `weights`.

    `source` may have one item while the others have B: it is then shared by all of them.
    """
    batch, height, width, count = weights.shape
    shared = source.shape[0] == 1
    index = rows.clamp(0, source.shape[2] - 1) * source.shape[3] + columns.clamp(0, source.shape[3] - 1)
    if not shared:
        first = torch.arange(batch, device=source.device) * (source.shape[2] * source.shape[3])
        index = index + first.view(-1, 1, 1, 1)
    table = source.permute(0, 2, 3, 1).reshape(-1, source.shape[1])
    # Sums in the table's precision; float32 under autocast, where half the CPU kernels are missing.
    table = table.float() if table.dtype in HALF else table
    sums = F.embedding_bag(
        index.reshape(-1, count), table, mode="sum", per_sample_weights=weights.reshape(-1, count).to(table.dtype)
    )
    return sums.view(batch, height, width, -1).permute(0, 3, 1, 2)


def flow_positions(flow: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Where a flow points: rows and columns as whole numbers (floor, long) and the fractions beyond them.

    Returns:
        row, column (B, h, w) long and row_fraction, column_fraction (B, h, w) in [0, 1), differentiable in `flow`.
    """
    if flow.ndim != 4 or flow.shape[1] != 2:
        raise ShapeError(f"the flow is {tuple(flow.shape)}, (B, 2, h, w) fits: x before y")
    flow = flow.float() if flow.dtype in HALF else flow
    height, width = flow.shape[2:]
    x = flow[:, 0] + torch.arange(width, device=flow.device, dtype=flow.dtype)
    y = flow[:, 1] + torch.arange(height, device=flow.device, dtype=flow.dtype)[:, None]
    row, column = y.detach().floor(), x.detach().floor()
    return row.long(), column.long(), y - row, x - column


def bilinear_weights(row_fraction: Tensor, column_fraction: Tensor) -> Tensor:
    """(..., 4) weights of the neighbours upper left, upper right, lower left, lower right."""
    top, left = 1 - row_fraction, 1 - column_fraction
    return torch.stack([top * left, top * column_fraction, row_fraction * left, row_fraction * column_fraction], dim=-1)


def resample2d(source: Tensor, flow: Tensor, kernel_size: int = 4, dilation: int = 1, sigma: float = 2.0) -> Tensor:
    """A warp that averages kernel_size x kernel_size pixels round each flowed position with Gaussian weights.

    Its wide support lets the sampling-correctness loss pull a flow over more than one pixel.

    Args:
        source: (B, C, H, W).
        flow: (B, 2, h, w).
        kernel_size: even number of neighbours per axis.
        dilation: distance between neighbours in pixels.
        sigma: of the Gaussian, in pixels, over the true distance to each neighbour.

    Returns:
        (B, C, h, w).
    """
    row, column, row_fraction, column_fraction = flow_positions(flow)
    steps = torch.arange(kernel_size // 2, device=flow.device)
    # floor - i d below and floor + (i + 1) d above, for i = 0 .. kernel_size / 2 - 1
    offsets = torch.cat([-steps * dilation, (steps + 1) * dilation])

    def gaussian(fraction: Tensor) -> Tensor:
        distance = offsets[:, None] if fraction.ndim == 1 else offsets.view(1, 1, 1, -1)
        # The published kernel measures the upper side as (i + 1) d - fraction and the lower as i d + fraction.
        return torch.exp(-((distance - fraction[..., None]) ** 2) / (2 * sigma * sigma + 1e-8))

    weights = gaussian(row_fraction)[..., :, None] * gaussian(column_fraction)[..., None, :]
    weights = weights.flatten(-2)
    weights = weights / weights.sum(-1, keepdim=True).clamp_min(1e-8)
    rows = (row[..., None, None] + offsets[:, None]).expand(*row.shape, kernel_size, kernel_size).flatten(-2)
    columns = (column[..., None, None] + offsets[None]).expand(*row.shape, kernel_size, kernel_size).flatten(-2)
    return weighted_gather(source, rows, columns, weights)


def fetch_along(picture: Tensor, flow: Tensor) -> Tensor:
    """A picture (B, 3, H, W) moved along a coarser flow (B, 2, h, w), enlarged to its size; the border repeats.

    The flow counts in its own cells; cells and pixels share their outer edges.
    """
    height, width = picture.shape[2:]
    fine = F.interpolate(flow, (height, width), mode="bilinear", align_corners=False)
    return backward_warp(
        picture, fine * fine.new_tensor((width / flow.shape[3], height / flow.shape[2])).view(1, 2, 1, 1)
    )
