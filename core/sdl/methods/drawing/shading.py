"""What colours regions get: a tone or a few where light or hue changes slowly, taken from a small common palette."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.sdl.methods.drawing.regions import join_small, renumber


@dataclass(frozen=True)
class Tones:
    """Constants; lengths in pixels of the working size, colours in L*a*b*."""

    soft_px: float = 5.0  # sigma over which a region's light is averaged: tones' borders are that round
    step: float = 15.0  # range of colour in a region for each further tone
    most: int = 3  # tones of a region
    least_share: float = 0.004  # of the picture: a smaller region has one tone
    cell: float = 4.0  # colours nearer than this are one in the palette
    part_share: float = 0.06  # of its region: a smaller part joins what is around it


TONES = Tones()


def split_tones(labels: np.ndarray, lab: np.ndarray, kept: np.ndarray, step: float) -> np.ndarray:
    """Labels (h, w) from 0 with large regions whose colour changes split into two or three tones.

    Args:
        labels: (h, w) from 0.
        lab: (h, w, 3).
        kept: (h, w) bool: regions with such a pixel stay whole.
        step: see `Tones.step`.
    """
    made, top = labels.copy(), int(labels.max()) + 1
    sizes = np.bincount(labels.ravel())
    whole = np.unique(labels[kept])
    for label in np.flatnonzero(sizes >= TONES.least_share * labels.size):
        if label in whole:
            continue
        rows, columns = (np.flatnonzero((labels == label).any(axis)) for axis in (1, 0))
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        inside = labels[box] == label
        tones = tones_within(lab[box], inside, step)
        if tones is not None:
            tones = join_small(np.where(inside, tones, -1), int(TONES.part_share * sizes[label]), inside)
            made[box] = np.where(inside & (tones > 0), top + tones - 1, made[box])
            top += TONES.most
    return renumber(made)


def tones_within(lab: np.ndarray, inside: np.ndarray, step: float) -> np.ndarray | None:
    """Tones (h, w) from 0 of one region by its smoothed colour; None where one is enough."""
    weight = inside.astype(np.float32)
    spread = cv2.GaussianBlur(weight, (0, 0), TONES.soft_px).clip(1e-3)
    soft = cv2.GaussianBlur(lab * weight[..., None], (0, 0), TONES.soft_px) / spread[..., None]
    pixels = soft[inside]
    centre = pixels.mean(0)
    axis = np.linalg.eigh(np.cov((pixels - centre).T))[1][:, -1]
    along = (soft - centre) @ axis
    low, high = np.percentile(along[inside], (4, 96))
    count = min(TONES.most, 1 + int((high - low) / step))
    if count < 2:
        return None
    middles, values = np.linspace(low, high, 2 * count + 1)[1::2], along[inside]
    for _ in range(12):
        which = np.abs(values[:, None] - middles).argmin(1)
        middles = np.array(
            [values[which == part].mean() if (which == part).any() else middles[part] for part in range(count)]
        )
    return np.abs(along[..., None] - middles).argmin(2)


def region_colours(labels: np.ndarray, lab: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour (k, 3) and size in pixels (k,) of every label, without the mixed pixels at its rim where it is large."""
    count = int(labels.max()) + 1
    window = np.ones((5, 5), np.uint8)
    known = labels.astype(np.float32)
    inner = cv2.erode(known, window) == cv2.dilate(known, window)
    sizes = np.bincount(labels.ravel(), minlength=count)
    inner |= (np.bincount(labels[inner], minlength=count) < 0.2 * sizes)[labels]
    held = labels[inner]
    totals = np.stack([np.bincount(held, lab[..., part][inner], count) for part in range(3)], 1)
    return totals / np.bincount(held, minlength=count)[:, None], sizes


def common_palette(colours: np.ndarray, sizes: np.ndarray, most: int, apart: float) -> np.ndarray:
    """The palette's colour (k, 3) for each of the colours (k, 3): neighbours become one until few are left.

    Args:
        colours: L*a*b*.
        sizes: (k,) how much each counts.
        most: colours in the palette.
        apart: nearer ones always become one.
    """
    cells, which = np.unique(np.rint(colours / TONES.cell), axis=0, return_inverse=True)
    which, mass = which.ravel(), np.bincount(which.ravel(), np.sqrt(sizes))
    means = np.stack([np.bincount(which, np.sqrt(sizes) * part) for part in colours.T], 1) / mass[:, None]
    parent, away = np.arange(len(cells)), np.sqrt(((means[:, None] - means) ** 2).sum(2))
    np.fill_diagonal(away, np.inf)
    for left in range(len(cells), 1, -1):
        cost = away if away.min() < apart else away * np.sqrt(mass[:, None] * mass / (mass[:, None] + mass))
        a, b = np.unravel_index(np.argmin(cost), cost.shape)
        if left <= most and away[a, b] >= apart:
            break
        means[a] = (mass[a] * means[a] + mass[b] * means[b]) / (mass[a] + mass[b])
        mass[a] += mass[b]
        parent[parent == b] = a
        fresh = np.where(np.isfinite(away[a]), np.sqrt(((means - means[a]) ** 2).sum(1)), np.inf)
        away[a], away[:, a], away[b], away[:, b] = fresh, fresh, np.inf, np.inf
        away[a, a] = np.inf
    return means[parent][which]
