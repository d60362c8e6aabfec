"""The smoothest values between known ones: motions of skin, colours of what is hidden."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

FILL_PX = 64  # longest side at which colours are carried into a hole
KNOWN_SHARE = 0.3  # of a cell, that must be seen for its colour to count


def solve_membrane(values: np.ndarray, domain: np.ndarray) -> np.ndarray:
    """The smoothest values (n, n, C) that take what is known, free at the domain's rim; outside those of the nearest place.

    Args:
        values: (n, n, C), NaN where they are sought.
        domain: (n, n) bool.
    """
    known = ~np.isnan(values[..., 0])
    domain = domain | known
    number = np.full(domain.shape, -1)
    number[domain] = np.arange(domain.sum())
    rows, columns, weights = [], [], []
    total = np.zeros(domain.sum())
    for axis in (0, 1):
        first = np.take(number, range(number.shape[axis] - 1), axis).ravel()
        second = np.take(number, range(1, number.shape[axis]), axis).ravel()
        both = (first >= 0) & (second >= 0)
        for a, b in ((first[both], second[both]), (second[both], first[both])):
            rows.append(a)
            columns.append(b)
            weights.append(np.full(len(a), -1.0))
            np.add.at(total, a, 1.0)
    flat, held = values[domain], known[domain]
    # A tiny pull to zero keeps parts that touch nothing known solvable.
    rows.append(np.arange(len(total)))
    columns.append(np.arange(len(total)))
    weights.append(total + 1e-6)
    matrix = coo_matrix((np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))).tocsc()
    free = ~held
    solved = np.nan_to_num(flat)
    if free.any():
        solved[free] = spsolve(matrix[free][:, free], -(matrix[free][:, held] @ flat[held])).reshape(free.sum(), -1)
    result = np.zeros_like(values)
    result[domain] = solved
    nearest = distance_transform_edt(~domain, return_distances=False, return_indices=True)
    return result[tuple(nearest)]


def fill_smoothly(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A picture (h, w, C) with colours that run evenly between what is known, (h, w) bool; coarse: (h, w, C) float32."""
    height, width = known.shape
    scale = min(1.0, FILL_PX / max(height, width))
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    seen = known.astype(np.float32)
    weight = cv2.resize(seen, size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(picture.astype(np.float32) * seen[..., None], size, interpolation=cv2.INTER_AREA)
    if weight.max() <= KNOWN_SHARE:
        return picture.astype(np.float32)
    values = np.where(weight[..., None] > KNOWN_SHARE, total / np.maximum(1e-6, weight[..., None]), np.nan)
    solved = solve_membrane(values.astype(np.float64), np.ones(weight.shape, bool)).astype(np.float32)
    return cv2.resize(solved, (width, height), interpolation=cv2.INTER_CUBIC)
