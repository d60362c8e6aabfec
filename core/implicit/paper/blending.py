"""Blending as published: bytes, OpenCV's clone, the first picture as the only background.

The suite's own blends, without these limits, are in `core.implicit.methods.blending`.
Source: section 4.2 of Schardong et al. 2024 and its released code.
"""

from __future__ import annotations

import cv2
import numpy as np

from core.errors import InputError, unknown_name
from core.implicit.paper.inference import as_bytes

KINDS = (
    *("linear", "min", "max", "src", "tgt", "linear_masked", "seamless_normal", "seamless_mix"),
    *("seamless_normal_src", "seamless_normal_tgt", "seamless_mix_src", "seamless_mix_tgt"),
)


def blend_published(
    first: np.ndarray, second: np.ndarray, t: float, kind: str, silhouette: np.ndarray | None = None
) -> np.ndarray:
    """One published frame.

    Args:
        first: (H, W, 3) warped first picture, floats in [0, 255], or in [0, 1].
        second: the warped second picture.
        t: time in [0, 1].
        kind: a name in `KINDS`. Names that end in "_src" and "_tgt" return one picture untouched, as published.
        silhouette: (N, 2) int (x, y) outline of the face in `first`, for the masked kinds.

    Returns:
        (H, W, 3) uint8.
    """
    if kind not in KINDS:
        raise unknown_name("published blend", kind, KINDS)
    mixed = (1 - t) * first + t * second
    plain = {"linear": mixed, "min": np.minimum(first, second), "max": np.maximum(first, second)}
    if kind in plain:
        return as_bytes(plain[kind])
    if kind.endswith(("src", "tgt")):
        return as_bytes(first if kind.endswith("src") else second)
    if silhouette is None:
        raise InputError(f"blend {kind} needs the outline of a face in the first picture")
    mask = np.zeros(first.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.asarray(silhouette, dtype=np.int32)], 255)
    # The clone is centred on the whole face, though only the eroded face is cloned.
    left, top, width, height = cv2.boundingRect(mask)
    centre = (left + width // 2, top + height // 2)
    background = as_bytes(first)
    if kind == "linear_masked":
        source = np.where(mask[..., None] > 0, as_bytes(mixed), background)
    else:
        source = as_bytes(mixed if kind == "seamless_normal" else second)
        mask = cv2.erode(mask, np.ones((5, 5), np.uint8))
    mode = cv2.MIXED_CLONE if kind == "seamless_mix" else cv2.NORMAL_CLONE
    return cv2.seamlessClone(source, background, mask, centre, mode)
