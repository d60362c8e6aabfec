"""The direction in which a picture's edges and strands run, and averages along it. Arrays (h, w), float32.

Source: the smoothed structure tensor, Kyprianidis and Doellner 2008, "Image Abstraction by Structure Adaptive Filtering",
section 3.1; line integral convolution, Cabral and Leedom 1993.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np


def structure_tensor(luma: np.ndarray, sigma_px: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Its parts xx, yy and xy, (h, w) each, averaged over `sigma_px`."""
    right, down = cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.GaussianBlur(part, (0, 0), sigma_px) for part in (right * right, down * down, right * down))
    return xx, yy, xy


def tangent_field(luma: np.ndarray, sigma_px: float) -> np.ndarray:
    """(h, w, 2) unit vectors (x, y) along edges, their sign arbitrary; averaged over `sigma_px`."""
    xx, yy, xy = structure_tensor(luma, sigma_px)
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.float32(np.pi / 2)
    return np.dstack([np.cos(angle), np.sin(angle)]).astype(np.float32)


def edge_coherence(luma: np.ndarray, sigma_px: float) -> np.ndarray:
    """(h, w): 1 where edges around a place run in one direction, 0 where they run in all."""
    xx, yy, xy = structure_tensor(luma, sigma_px)
    return np.hypot(xx - yy, 2 * xy) / (xx + yy + np.float32(1e-6))


def average_along(maps: np.ndarray, field: np.ndarray, weights: Sequence[float], step_px: int = 1) -> np.ndarray:
    """Maps (h, w) or (h, w, C) averaged along the lines of `field`: `weights[k]` is that of k steps away, either way."""
    start_y, start_x = np.mgrid[: field.shape[0], : field.shape[1]].astype(np.float32)
    total = maps * np.float32(weights[0])
    for sign in (-1, 1):
        x, y, last = start_x, start_y, sign * field
        for weight in weights[1:]:
            x, y = x + step_px * last[..., 0], y + step_px * last[..., 1]
            way = cv2.remap(field, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
            # A direction has no sign: go on the way that one came.
            last = (
                way
                * np.where(way[..., 0] * last[..., 0] + way[..., 1] * last[..., 1] < 0, -1, 1).astype(np.float32)[
                    ..., None
                ]
            )
            total += np.float32(weight) * cv2.remap(maps, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return total / np.float32(weights[0] + 2 * sum(weights[1:]))
