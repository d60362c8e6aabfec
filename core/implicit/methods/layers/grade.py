"""Whole pictures brought to one tone all along a film, so that not all of the change is left for the moment when it changes over."""

from __future__ import annotations

import numpy as np

from core.implicit.methods.layers.face import Picture

# Brighter or darker by no more than this power: noise and blocks would show.
MOST = 1.5
LEAST_TONE = 0.02


def tones_of(picture: np.ndarray) -> np.ndarray:
    """(3,) mean of each channel of a picture (H, W, 3) uint8, in [0, 1]."""
    return picture.mean((0, 1)) / 255


def bring_to(picture: Picture, own: np.ndarray, wanted: np.ndarray) -> Picture:
    """A picture (H, W, 3) float32 in [0, 1] of tones `own` in tones `wanted`, (3,) each; black stays black and white white."""
    powers = np.log(np.clip(wanted, LEAST_TONE, 1 - LEAST_TONE)) / np.log(np.clip(own, LEAST_TONE, 1 - LEAST_TONE))
    return np.power(picture, np.clip(powers, 1 / MOST, MOST).astype(np.float32))
