"""Rough masks of animals drawn to the picture's edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from core.animals.head_alignment.network_points import EARS, ear_roots
from core.metrics import LUMA
from core.ops.filters import gaussian_blur, guided_filter
from core.ops.masks import signed_distance


@dataclass(frozen=True)
class MaskSettings:
    """What tunes the masks; all but the rounds, pixels and variance are shares of the side.

    Attributes:
        certain_inside: farther inside a rough mask is animal beyond doubt.
        certain_outside: farther outside is background; ears that a rough mask cuts off are shorter,
        certain_beyond_marks: and where ears are marked, nothing else is looked for so far.
        window_sigma: of the guided filter.
        max_side_px: GrabCut looks at pictures reduced to this.
        grabcut_rounds: each costs as much as the first; the mask rests by then.
        ear_share: of the way from an ear's root to its tip that is taken for ear.
        ear_width: of the line that marks it.
        edge_variance: of the luma, below which an edge does not count.
    """

    certain_inside: float = 0.03
    certain_outside: float = 0.12
    certain_beyond_marks: float = 0.06
    window_sigma: float = 1 / 40
    max_side_px: int = 256
    grabcut_rounds: int = 3
    ear_share: float = 1.0
    ear_width: float = 0.05
    edge_variance: float = 1e-3


SETTINGS = MaskSettings()


def mark_ears(masks: Tensor, points: Sequence[Tensor | None]) -> Tensor:
    """Masks (N, 1, S, S) in [0, 1] with the lines from the roots of the ears to near their tips, of heads (9, 2) each, as animal.

    Rough masks end before long ears do; from such a line the colours lead to the whole ear. Heads without points (None) stay.
    """
    side = masks.shape[-1]
    result = masks.numpy().copy()
    for mask, head in zip(result, points, strict=True):
        if head is None:
            continue
        for root, tip in zip(ear_roots(head.numpy()), head.numpy()[list(EARS)], strict=True):
            start, end = (
                tuple(int(v) for v in side * place) for place in (root, root + SETTINGS.ear_share * (tip - root))
            )
            cv2.line(mask[0], start, end, 1.0, max(1, round(SETTINGS.ear_width * side)))
    return torch.from_numpy(result)


def apply_grabcut(heads: Tensor, masks: Tensor, marked: Sequence[bool] | None = None) -> Tensor:
    """Masks that end where the colours change: ears that a rough mask cuts off belong to the animal again.

    Args:
        heads: (N, 3, S, S) in [0, 1].
        masks: (N, 1, S, S) in [0, 1], from `segment_animals`; only what lies near their rims changes.
        marked: whether the ears of each are marked; no ear is otherwise.

    Returns:
        (N, 1, S, S), 0 or 1; a mask that is empty or full is returned as it came.

    Source: Rother, Kolmogorov, Blake, "GrabCut", 2004, by OpenCV.
    """
    result = []
    for head, mask, ears in zip(heads, masks, marked or [False] * len(heads), strict=True):
        outside = SETTINGS.certain_beyond_marks if ears else SETTINGS.certain_outside
        scale = min(1.0, SETTINGS.max_side_px / head.shape[-1])
        size = round(scale * head.shape[-1])
        picture = cv2.resize(
            (head.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8), (size, size), interpolation=cv2.INTER_AREA
        )
        deep = signed_distance(cv2.resize(mask[0].numpy(), (size, size), interpolation=cv2.INTER_AREA)) / size
        kinds = np.where(deep > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        kinds[deep > SETTINGS.certain_inside], kinds[deep < -outside] = cv2.GC_FGD, cv2.GC_BGD
        if not ((kinds == cv2.GC_FGD).any() and (kinds == cv2.GC_BGD).any()):
            result.append(mask)
            continue
        # The first colour models are drawn by chance, from a generator that OpenCV keeps for each thread.
        cv2.setRNGSeed(0)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(picture, kinds, None, *models, SETTINGS.grabcut_rounds, cv2.GC_INIT_WITH_MASK)
        animal = _without_holes(np.isin(kinds, (cv2.GC_FGD, cv2.GC_PR_FGD))).astype(np.float32)
        result.append(torch.from_numpy(cv2.resize(animal, head.shape[-2:], interpolation=cv2.INTER_LINEAR))[None])
    return torch.stack(result)


def _without_holes(mask: np.ndarray) -> np.ndarray:
    """A mask (S, S) bool in which what does not reach the picture's edge is no background."""
    _, parts = cv2.connectedComponents((~mask).astype(np.uint8))
    open_parts = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    return np.asarray(mask | ~np.isin(parts, open_parts))


def refine_masks(masks: Tensor, pictures: Tensor, window_sigma: float = SETTINGS.window_sigma) -> Tensor:
    """Masks (N, 1, H, W) drawn to the edges of the pictures (N, 3, H, W) in [0, 1], with soft rims where fur is soft.

    `window_sigma` is the standard deviation of the window, share of the side.
    """
    sigma = window_sigma * pictures.shape[-1]
    luma = (pictures * pictures.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    return guided_filter(luma, masks, lambda x: gaussian_blur(x, sigma), SETTINGS.edge_variance).clamp(0, 1)
