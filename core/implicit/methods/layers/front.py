"""The front behind which one person becomes the other: narrow, so that each place is one of them, opaque, and nothing is seen twice.

It starts at the face of whom half way is and runs outwards, through hair or hat as far as both have some; then what only that one
has of a head grows out of it, in outlines between both; then it runs down the clothes. What only the other one has shrinks towards
the outline of that one shortly before the front is there. Outlines between two by signed distances: Raya and Udupa 1990,
"Shape-Based Interpolation of Multidimensional Objects".
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ops.masks import signed_distance
from core.ops.smoothstep import smoothstep


@dataclass(frozen=True)
class FrontConstants:
    """What it is tuned by. Lengths are shares of the face's diameter, unless said."""

    # How wide the front is, as a share of the frame's longer side, and how long it is in one place at least and at most, in appearance.
    wide: float = 0.012
    least: float = 0.004
    most: float = 0.05
    # So far around the face all changes over as it does, and how soft that ends; inside both people.
    around: float = 0.08
    soft: float = 0.15
    inside: float = 0.05
    # Heads end below the chin, over this length; their share of the change, and the part of it after which clothes begin.
    neck: float = 0.7
    heads: tuple[float, float] = (0.2, 0.8)
    clothes: float = 0.7
    # What only the other one has is gone when the front is so near; what lies so far from the outline goes first.
    gone: float = 0.8
    far: float = 0.5
    # The front is smoothed by so many pixels of 512, and its speed.
    smooth: float = 1.5
    steady: float = 4.0
    # Steps in which the order of places is measured.
    bins: int = 512


FRONT = FrontConstants()


def away_from(face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each place is from a face (H, W), in its diameters, and how much it changes over with it, in [0, 1]."""
    away = cv2.distanceTransform(1 - face.astype(np.uint8), cv2.DIST_L2, 5) / _diameter(face)
    return away, smoothstep(1 - (away - FRONT.around) / FRONT.soft)


def arrivals(
    change: np.ndarray, people: tuple[np.ndarray, np.ndarray], face: np.ndarray, chin: float, owner: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """When the front of the owner comes to each place, (H, W) in [0, 1], by the share of all change that lies before.

    Args:
        change: (H, W), how much each place changes.
        people: (H, W) in [0, 1], where both are.
        face: (H, W), 1 in the middle of the face, else 0.
        chin: y of the lower one of both chins, in pixels.
        owner: from whose face it starts, 0 or 1.

    Returns:
        That, how much each place changes over with the face instead, (H, W), and the heads' share of the change.
    """
    own, other = (signed_distance(people[index]) for index in (owner, 1 - owner))
    away, near = away_from(face)
    near = near * smoothstep(np.minimum(own, other) / (FRONT.inside * _diameter(face)) + 0.5)
    y = np.arange(len(face))[:, None] + 0.5
    head = smoothstep(1 - (y - chin) / (FRONT.neck * _diameter(face))) + 0 * away
    weight = change * np.maximum(*people) * (1 - near)
    heads = float((weight * head).sum() / max(float(weight.sum()), 1e-6))
    heads = min(max(heads, FRONT.heads[0]), FRONT.heads[1])
    # 0 at the outline of the owner, 1 at that of the other one; between them only one of them is.
    between = _share(own, own - other)
    both, top = (own > 0) & (other > 0), head > 0.5
    most = float(away[both & top].max()) if (both & top).any() else 0.0
    grown = np.where((own > 0) & (other <= 0), most + 1 - between, away)
    gone = FRONT.gone * np.maximum(between, np.clip(-own / (FRONT.far * _diameter(face)), 0, 1))
    sigma = FRONT.smooth * max(face.shape) / 512
    upper, lower = (
        cv2.GaussianBlur(_shrunk(key, gone, own, other).astype(np.float32), (0, 0), sigma) for key in (grown, away)
    )
    begin = FRONT.clothes * heads
    comes = head * heads * order(upper, weight * head)
    comes += (1 - head) * (begin + (1 - begin) * order(lower, weight * (1 - head)))
    return order(comes, weight), near, heads


def passing(times: np.ndarray) -> np.ndarray:
    """(H, W) float32: how long a front of its width is in each place, by the times (H, W) float32 at which it comes."""
    across, down = (cv2.Sobel(times, cv2.CV_32F, *way, scale=1 / 8) for way in ((1, 0), (0, 1)))
    slow = cv2.GaussianBlur(np.hypot(across, down), (0, 0), FRONT.steady * max(times.shape) / 512)
    return np.clip(FRONT.wide * max(times.shape) * slow, FRONT.least, FRONT.most)


def order(key: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(H, W) in [0, 1]: the share of all weight that lies where the key is smaller."""
    sums, edges = np.histogram(key, FRONT.bins, weights=weight + 1e-9)
    return np.interp(key, edges, np.concatenate(([0.0], np.cumsum(sums) / sums.sum())))


def _shrunk(key: np.ndarray, gone: np.ndarray, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The key, sooner by `gone` than at the nearest outline of the owner where only the other one is, as beside it where nobody is."""
    key = np.where((other > 0) & (own <= 0), key.ravel()[_nearest(own > 0)] - gone, key)
    return key.ravel()[_nearest((own > 0) | (other > 0))]


def _nearest(there: np.ndarray) -> np.ndarray:
    """(H, W) int: the flat index of the nearest place of a mask (H, W) that is not empty."""
    _, labels = cv2.distanceTransformWithLabels(
        (~there).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    index = np.zeros(labels.max() + 1, np.int64)
    index[labels[there]] = np.flatnonzero(there)
    return index[labels]


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.clip(part / np.where(np.abs(whole) < 1e-3, 1e-3, whole), 0, 1)


def _diameter(face: np.ndarray) -> float:
    return max(1.0, float(np.sqrt(face.sum())))
