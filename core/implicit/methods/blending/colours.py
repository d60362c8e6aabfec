"""Colours of two pictures brought together before they are blended, and light that a clone of mixed gradients must keep."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from core.ops.blur import soft_blur
from core.ops.colour_lab import lab_of, rgb_of

Picture = np.ndarray
# Contrast is changed by no more than this factor: a flat picture has none to stretch.
MOST_STRETCH = 1.6
# What is smoother than this share of the region's diameter is light; over as much it sets in from the region's rim.
LIGHT = 0.12


def match_colours(first: Picture, second: Picture, weight: float, region: np.ndarray | None) -> tuple[Picture, Picture]:
    """Both pictures with mean and spread of their colours brought to what lies between, at `weight` from first to second.

    Source: Reinhard et al. 2001, "Color Transfer between Images", section 3, in CIE L*a*b*.

    Args:
        first: (H, W, 3) float32 in [0, 1].
        second: the same.
        weight: 0 keeps the first's colours, 1 the second's.
        region: (H, W) bool, where colours are measured, the face; everywhere where it is None or empty.
    """
    there = np.ones(first.shape[:2], bool) if region is None or not region.any() else region
    labs = [lab_of(torch.from_numpy(np.ascontiguousarray(one.transpose(2, 0, 1)))[None])[0] for one in (first, second)]
    inside = torch.from_numpy(there)
    means = [lab[:, inside].mean(1)[:, None, None] for lab in labs]
    spreads = [lab[:, inside].std(1, correction=0)[:, None, None] + 0.5 for lab in labs]
    mean, spread = (one + weight * (other - one) for one, other in (means, spreads))
    matched = []
    for lab, own, width in zip(labs, means, spreads, strict=True):
        stretch = (spread / width).clamp(1 / MOST_STRETCH, MOST_STRETCH)
        matched.append(rgb_of(((lab - own) * stretch + mean)[None])[0].permute(1, 2, 0).numpy().astype(np.float32))
    return matched[0], matched[1]


def keep_light(cloned: Picture, light: Picture, mask: np.ndarray) -> Picture:
    """A clone (H, W, 3) with the light of another picture inside its mask (H, W) bool: the stronger gradient of two pictures,
    chosen place by place, leads to no light of either.
    """
    diameter = float(np.sqrt(mask.sum()))
    inside = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    soft = np.clip(inside / max(1.0, LIGHT * diameter), 0, 1)[..., None].astype(np.float32)
    change = (light - cloned).astype(np.float32) * mask[..., None]
    both = soft_blur(np.dstack((change, mask.astype(np.float32))), LIGHT * diameter)
    return cloned + soft * both[..., :3] / np.maximum(both[..., 3:], 1e-3)
