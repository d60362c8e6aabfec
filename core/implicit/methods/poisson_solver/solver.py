"""Gradient-domain cloning by a direct solver: the gradients of one picture inside a region, the colours of another around it.

Source: Pérez, Gangnet and Blake 2003, Poisson image editing, equations 3 to 13; used for morphs in section 4.2 of
Schardong et al. 2024. The solver replaces their network where no network is wanted; it is exact.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.sparse import csc_matrix, diags
from scipy.sparse.linalg import splu

from core.errors import ShapeError, unknown_name

GUIDANCES = ("first", "second", "average", "mixed")
NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0))


def guidance(first: np.ndarray, second: np.ndarray, weight: float, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """The gradients that a clone is to have, as forward differences of pictures that are warped already.

    Differences of the warped pictures hold the derivative of the warp by themselves; the published code leaves it out.

    Args:
        first: (H, W, 3) warped first picture.
        second: (H, W, 3) warped second picture.
        weight: share of the second picture in "average".
        kind: "first" or "second" picture's gradients, their "average", or "mixed": the stronger of both at each place.

    Returns:
        Differences to the right (H, W - 1, 3) and down (H - 1, W, 3).
    """
    if kind not in GUIDANCES:
        raise unknown_name("guidance", kind, GUIDANCES)
    answer = []
    for axis in (1, 0):
        a, b = np.diff(first, axis=axis), np.diff(second, axis=axis)
        if kind == "mixed":
            # One decision for all channels, otherwise edges change their hue.
            stronger = np.square(b).sum(-1, keepdims=True) > np.square(a).sum(-1, keepdims=True)
            answer.append(np.where(stronger, b, a))
        else:
            share = {"first": 0.0, "second": 1.0, "average": weight}[kind]
            answer.append((1 - share) * a + share * b)
    return answer[0], answer[1]


def clone(background: np.ndarray, right: np.ndarray, down: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`background` with the region `mask` rebuilt from gradients.

    Args:
        background: (H, W, 3) floats; kept outside the region, and its rim sets the region's colours.
        right: (H, W - 1, 3) wanted differences to the right.
        down: (H - 1, W, 3) wanted differences downwards.
        mask: (H, W) bool. Where it touches the picture's edge that edge is free.

    Returns:
        (H, W, 3) float64, not clipped.
    """
    height, width = mask.shape
    if background.shape != (height, width, 3) or right.shape[1] != width - 1 or down.shape[0] != height - 1:
        raise ShapeError(f"background {background.shape} and mask {mask.shape} do not fit: give both one size")
    result = background.astype(np.float64).copy()
    if not mask.any():
        return result
    if mask.all():
        # Without a rim the colours are not determined; the picture's own rim serves.
        mask = binary_erosion(mask, border_value=0)
    number = np.full(mask.shape, -1)
    ys, xs = np.nonzero(mask)
    number[ys, xs] = np.arange(len(ys))
    degree = np.zeros(len(ys))
    wanted = np.zeros((len(ys), 3))
    rows, columns = [], []
    for dy, dx in NEIGHBOURS:
        y, x = ys + dy, xs + dx
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        here, y, x = np.nonzero(inside)[0], y[inside], x[inside]
        degree[here] += 1
        field = right if dx else down
        step = field[np.minimum(ys[here], y), np.minimum(xs[here], x)] * (dx + dy)
        wanted[here] -= step
        known = number[y, x] < 0
        wanted[here[known]] += result[y[known], x[known]]
        rows.append(here[~known])
        columns.append(number[y[~known], x[~known]])
    row, column = np.concatenate(rows), np.concatenate(columns)
    system = diags(degree, format="csc") - csc_matrix((np.ones(len(row)), (row, column)), shape=(len(ys),) * 2)
    result[ys, xs] = splu(system.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(wanted)
    return result
