"""Blending two warped pictures into one frame; no way of blending knows the warp.

Source: section 4.2 of Schardong et al. 2024. Their own code, with its limits, is in `tests/reference`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from core.errors import InputError, ShapeError, unknown_name
from core.implicit.methods.blending.colours import keep_light, match_colours
from core.implicit.methods.poisson_solver.solver import clone, guidance
from core.implicit.options import BACKGROUNDS, MATCHES, WARPED_BLENDS

FEATHER = 0.03
CLONE_RIM_PX = 3

Picture = np.ndarray


class Layers(NamedTuple):
    """What the blends of a face onto a background see; pictures are (H, W, 3) float32 in [0, 1], `mask` (H, W) bool."""

    first: Picture
    second: Picture
    weight: float
    mixed: Picture
    background: Picture
    mask: np.ndarray


def blend(
    first: Picture,
    second: Picture,
    weight: float,
    kind: str = "linear",
    mask: np.ndarray | None = None,
    background: str = "crossfade",
    match: str = "auto",
) -> Picture:
    """One frame from two warped pictures.

    Args:
        first: (H, W, 3) float32 in [0, 1].
        second: the same.
        weight: appearance: 0 = the first picture's, 1 = the second's.
        kind: a name in `WARPED_BLENDS`.
        mask: (H, W) bool, the face; the blends onto a background need it.
        background: what surrounds the face there: both pictures crossfaded, one of them, or their plain mean colour.
        match: whether colours are matched before; "auto" does so where gradients of both are mixed.

    Returns:
        (H, W, 3) float32 in [0, 1].

    Raises:
        InputError: an unknown name, pictures of two sizes, or no face region where one is needed.
    """
    if kind not in WARPED_BLENDS:
        raise unknown_name("blend", kind, WARPED_BLENDS)
    if background not in BACKGROUNDS:
        raise unknown_name("background", background, BACKGROUNDS)
    if first.shape != second.shape:
        raise ShapeError(f"the warped pictures are {first.shape} and {second.shape}: give both one size")
    if match not in MATCHES:
        raise unknown_name("way of matching colours", match, MATCHES)
    around = background_of(first, second, weight, background)
    if match == "on" or (match == "auto" and kind in MIXED):
        first, second = match_colours(first, second, weight, mask)
    if kind in PLAIN:
        return np.clip(PLAIN[kind](first, second, weight), 0, 1).astype(np.float32)
    if mask is None or not mask.any():
        raise InputError(f"blend {kind} needs a face region: use a picture with a face, or blend linear, min or max")
    layers = Layers(first, second, weight, crossfade(first, second, weight), around, mask)
    frame = ONTO_BACKGROUND[kind](layers)
    if kind in MIXED:
        frame = keep_light(frame, ONTO_BACKGROUND[MIXED[kind]](layers), mask)
    return np.clip(frame, 0, 1).astype(np.float32)


def crossfade(first: Picture, second: Picture, weight: Picture | float) -> Picture:
    """(1 - weight) first + weight second, with one weight or one for each place, (H, W, 1)."""
    return first + np.asarray(weight, np.float32) * (second - first)


def background_of(first: Picture, second: Picture, weight: float, name: str) -> Picture:
    """What surrounds the face, by a name in `BACKGROUNDS`."""
    if name == "plain":
        return np.full_like(first, (first.mean((0, 1)) + second.mean((0, 1))) / 2)
    return {"crossfade": crossfade(first, second, weight), "first": first, "second": second}[name]


def _feathered(layers: Layers) -> Picture:
    """The crossfade inside the face, fading into the background at its rim."""
    rim = max(1.0, FEATHER * float(np.sqrt(layers.mask.sum())))
    soft = cv2.GaussianBlur(_eroded(layers.mask, round(rim)).astype(np.float32), (0, 0), rim / 2)[..., None]
    return layers.background + soft * (layers.mixed - layers.background)


def _opencv_clone(face: Picture, layers: Layers, mode: int) -> Picture:
    """OpenCV's seamless clone of `face` onto the background; it works in bytes and needs a rim of a few pixels."""
    mask = _eroded(layers.mask, 2)
    mask[:CLONE_RIM_PX] = mask[-CLONE_RIM_PX:] = False
    mask[:, :CLONE_RIM_PX] = mask[:, -CLONE_RIM_PX:] = False
    if not mask.any():
        return layers.background
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    centre = (left + width // 2, top + height // 2)
    sources = (_bytes(face), _bytes(layers.background))
    cloned = cv2.seamlessClone(*sources, mask.astype(np.uint8) * 255, centre, mode)
    # What the clone leaves alone keeps the background's full precision.
    inside = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))[..., None] > 0
    return np.where(inside, cloned.astype(np.float32) / 255, layers.background)


def _gradient_domain(kind: str) -> Callable[[Layers], Picture]:
    def solve(layers: Layers) -> Picture:
        right, down = guidance(layers.first, layers.second, layers.weight, kind)
        return clone(layers.background, right, down, layers.mask)

    return solve


def _eroded(mask: np.ndarray, rim_px: int) -> np.ndarray:
    kernel = np.ones((2 * rim_px + 1,) * 2, np.uint8)
    return cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE).astype(bool)


def _bytes(picture: Picture) -> np.ndarray:
    return (picture.clip(0, 1) * 255 + 0.5).astype(np.uint8)


PLAIN: dict[str, Callable[[Picture, Picture, float], Picture]] = {
    "linear": crossfade,
    "min": lambda first, second, weight: np.minimum(first, second),
    "max": lambda first, second, weight: np.maximum(first, second),
    "first": lambda first, second, weight: first,
    "second": lambda first, second, weight: second,
}
ONTO_BACKGROUND: dict[str, Callable[[Layers], Picture]] = {
    "linear_masked": _feathered,
    "seamless_normal": lambda layers: _opencv_clone(layers.mixed, layers, cv2.NORMAL_CLONE),
    "seamless_mix": lambda layers: _opencv_clone(layers.second, layers, cv2.MIXED_CLONE),
    "poisson_first": _gradient_domain("first"),
    "poisson_second": _gradient_domain("second"),
    "poisson_average": _gradient_domain("average"),
    "poisson_mixed": _gradient_domain("mixed"),
}
# Which clone, of gradients that belong together, has the light that a clone of mixed gradients is to have.
MIXED = {"seamless_mix": "seamless_normal", "poisson_mixed": "poisson_average"}
