"""Values that are as smooth as can be between given ones: harmonic on a grid."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu


def harmonic(values: np.ndarray, free: np.ndarray, domain: np.ndarray) -> np.ndarray:
    """(h, w, C) float32: the mean of the four neighbours at each free place, and what is given elsewhere.

    Args:
        values: (h, w, C), what is given.
        free: (h, w) bool, where it is looked for; each such piece has a given value beside it, else it becomes 0.
        domain: (h, w) bool, whose places count as neighbours; the frame's edges let nothing through.
    """
    count = int(free.sum())
    if not count:
        return values.astype(np.float32)
    index = np.full(free.shape, -1)
    index[free] = np.arange(count)
    right, beside = np.zeros((count, values.shape[-1])), np.zeros(count)
    pairs: list[np.ndarray] = []
    for axis in (0, 1):
        for way in (-1, 1):
            neighbour = np.roll(domain, -way, axis)
            np.moveaxis(neighbour, axis, 0)[-1 if way > 0 else 0] = False
            used = free & neighbour
            own, other = index[used], np.roll(index, -way, axis)[used]
            beside[own] += 1
            given = other < 0
            right[own[given]] += np.roll(values, -way, axis)[used][given]
            pairs.append(np.stack((own[~given], other[~given])))
    rows, columns = np.concatenate((*pairs, np.arange(count)[None].repeat(2, 0)), 1)
    weights = np.concatenate((np.full(len(rows) - count, -1.0), np.maximum(beside, 1.0) + 1e-9))
    system = coo_array((weights, (rows, columns)), shape=(count, count)).tocsc()
    answer = values.astype(np.float32)
    answer[free] = splu(system, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(right)
    return answer
