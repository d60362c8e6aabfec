"""Clean areas of few colours: smoothed along the edges, a palette, and boundaries without fringes.

Source: mean shift, Comaniciu and Meer 2002; quantised abstraction after Winnemoeller, Olsen and Gooch 2006, "Real-Time Video
Abstraction".
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ops.tangents import average_along, tangent_field


@dataclass(frozen=True)
class Palette:
    """Constants of the colours; lengths in pixels of a picture whose longer side is 1000."""

    work_px: int = 560  # longer side on which areas are found: finer ones would not read as drawn
    space_px: int = 9  # of mean shift, on that
    colour: int = 15  # of mean shift, of 255
    tensor_px: float = 3.0
    along_px: int = 5  # smoothing along strands and edges, on the working size
    round_px: float = 2.2  # how round the areas' boundaries are drawn
    crisp: float = 14.0  # how sharp they are
    least_share: float = 0.0002  # of the picture: smaller areas join what is around them
    saturation: float = 1.25
    samples: int = 12000
    accents: int = 4  # colours at most beyond those by size
    apart: float = 22.0  # from all others, L*a*b*, that an accent is at least
    cell: float = 6.0  # side of the cells in which accents are looked for
    face_weight: int = 3  # how many times a face's pixels count for the palette


PALETTE = Palette()


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """(h, w, 3) L*a*b*, L from 0 to 100, of uint8 or of float32 in [0, 1]."""
    return cv2.cvtColor(rgb.astype(np.float32) / 255 if rgb.dtype == np.uint8 else rgb, cv2.COLOR_RGB2LAB)


def flatten(photo: np.ndarray, longer_px: int = PALETTE.work_px) -> np.ndarray:
    """The photo without texture, its longer side at most so long: (h, w, 3) float32 L*a*b*."""
    scale = min(1.0, longer_px / max(photo.shape[:2]))
    size = (max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale)))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    shifted = cv2.pyrMeanShiftFiltering(np.ascontiguousarray(small), PALETTE.space_px, PALETTE.colour, maxLevel=1)
    lab = to_lab(shifted)
    field = tangent_field(to_lab(small)[..., 0], PALETTE.tensor_px)
    return average_along(lab, field, [1.0] * PALETTE.along_px)


def paint_areas(lab: np.ndarray, size: tuple[int, int], centres: np.ndarray, coarse: float = 1.0) -> np.ndarray:
    """Areas of a palette's colours at (width, height): (H, W, 3) float32 L*a*b*, boundaries smooth and antialiased.

    Args:
        lab: from `flatten`.
        size: of the result.
        centres: from `find_palette`.
        coarse: how much larger the least area is and how much rounder its boundaries are.
    """
    away = np.stack([((lab - centre) ** 2 * (0.7, 1.0, 1.0)).sum(2) for centre in centres])
    least_px = max(6, int(coarse**2 * PALETTE.least_share * lab.shape[0] * lab.shape[1]))
    labels = join_small(away.argmin(0).astype(np.uint8), least_px)
    best = np.zeros((size[1], size[0]), np.float32)
    shares = []
    for index in range(len(centres)):
        share = cv2.GaussianBlur((labels == index).astype(np.float32), (0, 0), coarse * PALETTE.round_px)
        shares.append(cv2.resize(share, size, interpolation=cv2.INTER_CUBIC))
        best = np.maximum(best, shares[-1])
    # Sharpness by the size of the enlargement, so that boundaries are a pixel or two wide.
    crisp = PALETTE.crisp * max(1.0, size[0] / lab.shape[1])
    total, weights = np.zeros((size[1], size[0], 3), np.float32), np.zeros((size[1], size[0]), np.float32)
    for share, centre in zip(shares, centres, strict=True):
        weight = np.exp(crisp * (share - best))
        total += weight[..., None] * centre
        weights += weight
    return total / weights[..., None]


def find_palette(lab: np.ndarray, colours: int, important: np.ndarray | None) -> np.ndarray:
    """(n, 3) colours by k-means, and a few accents: small things whose colour none of them comes near.

    Args:
        lab: from `flatten`.
        colours: by k-means, at most.
        important: (h, w) bool, where colours count more, or None.
    """
    pixels = whole = lab.reshape(-1, 3)
    if important is not None and important.any():
        pixels = np.concatenate([pixels, *[lab[important]] * PALETTE.face_weight])
    pixels = np.ascontiguousarray(pixels[:: max(1, len(pixels) // PALETTE.samples)], np.float32)
    count = min(colours, len(pixels))
    # Started from evenly spaced lightness, so that the same picture gives the same palette.
    labels = np.empty((len(pixels), 1), np.int32)
    labels[np.argsort(pixels[:, 0], kind="stable"), 0] = np.arange(len(pixels)) * count // len(pixels)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 25, 0.3)
    palette = cv2.kmeans(pixels, count, labels, stop, 1, cv2.KMEANS_USE_INITIAL_LABELS)[2]
    # By size alone skies take all colours, and a red tower or a pink tongue gets none.
    cells, which, counts = np.unique(
        np.rint(whole / PALETTE.cell).astype(np.int32), axis=0, return_inverse=True, return_counts=True
    )
    means = np.stack([np.bincount(which.ravel(), whole[:, part]) for part in range(3)], 1) / counts[:, None]
    seen = counts >= 0.5 * PALETTE.least_share * len(whole)
    for _ in range(PALETTE.accents if seen.any() else 0):
        away = np.sqrt(((means[:, None] - palette) ** 2).sum(2).min(1)) * seen
        if away.max() < PALETTE.apart:
            break
        palette = np.concatenate([palette, means[[np.argmax(away * np.sqrt(counts) * (away >= PALETTE.apart))]]])
    return palette.astype(np.float32)


def join_small(labels: np.ndarray, least_px: int) -> np.ndarray:
    """Labels whose small areas took the label around them."""
    holes = np.zeros(labels.shape, bool)
    for index in np.unique(labels):
        _, parts, stats, _ = cv2.connectedComponentsWithStats((labels == index).astype(np.uint8), connectivity=4)
        small = stats[:, cv2.CC_STAT_AREA] < least_px
        small[0] = False
        holes |= small[parts]
    if not holes.any() or holes.all():
        return labels
    _, nearest = cv2.distanceTransformWithLabels(holes.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    source = np.zeros(nearest.max() + 1, labels.dtype)
    source[nearest[~holes]] = labels[~holes]
    return source[nearest]


def to_rgb(lab: np.ndarray, saturation: float) -> np.ndarray:
    """(h, w, 3) float32 in [0, 1], colours richer by `saturation`."""
    richer = lab * np.array((1, saturation, saturation), np.float32)
    return cv2.cvtColor(richer, cv2.COLOR_LAB2RGB).clip(0, 1)
