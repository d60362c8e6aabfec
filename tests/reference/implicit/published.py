"""What the published code has and the suite does not use, in the form that the goldens compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from core.implicit.paper.coordinates import from_published, to_published
from core.implicit.paper.network import Siren, alike, scaled

# The mesh vertices of the published editor with its three repetitions: each lip line is written out with both corners.
OVAL_END, LIPS_OUTER_END, LIPS_INNER_UPPER_END, LIPS_END = 36, 56, 67, 76
# dlib's 68 points by part of the face; the published spelling of the names.
GROUPS_OF_68 = {
    "sillhouete": range(17),
    "left_eyebrow": range(22, 27),
    "right_eyebrow": range(17, 22),
    "nose": range(27, 31),
    "lower_nose": range(31, 36),
    "left_eye": range(42, 48),
    "right_eye": range(36, 42),
    "upper_lip_outer": range(48, 55),
    "lower_lip_outer": range(0),
    "upper_lip_inner": range(61, 64),
    "lower_lip_inner": range(65, 68),
}


def published_order(vertices: Sequence[int]) -> tuple[int, ...]:
    """Our list of mesh vertices with the three entries that the published one repeats."""
    whole = list(vertices)
    return (
        *(*whole[:LIPS_OUTER_END], 291, *whole[LIPS_OUTER_END:LIPS_INNER_UPPER_END], 78),
        *(*whole[LIPS_INNER_UPPER_END:LIPS_END], 308, *whole[LIPS_END:]),
    )


def folded_as_published(network: Siren) -> Siren:
    """Folded the published way: hidden layers by omega_0, which changes the function where omega_w differs."""
    factors = [network.config.omega_0] * (len(network.net) - 1) + [1.0]
    return scaled(network, factors, omega_0=1.0, omega_w=1.0)


def unfold_published(network: Siren, omega_0: float, omega_w: float) -> Siren:
    """The published folding taken back for frequencies that differ, such as the 40 and 30 of Poisson networks."""
    hidden = [omega_w / omega_0] * (len(network.net) - 2)
    return scaled(network, [1.0, *hidden, 1.0])


def lift_in_time(still: Siren, hidden_features: Sequence[int]) -> Siren:
    """A time-dependent network that starts as `still`: time does nothing, extra units pass on what they get."""
    lifted = alike(still, in_features=still.config.in_features + 1, hidden_features=list(hidden_features))
    with torch.no_grad():
        for index, (new, old) in enumerate(zip(lifted.linears(), still.linears(), strict=True)):
            height, width = old.weight.shape
            new.weight.zero_()
            if 0 < index < len(still.net) - 1:
                new.weight[height:, width:] = torch.eye(*new.weight[height:, width:].shape)
            new.weight[:height, :width] = old.weight
            new.bias.zero_()
            new.bias[:height] = old.bias
    return lifted


def to_editor(points: np.ndarray, size_px: tuple[int, int], right: bool = False) -> np.ndarray:
    """Published points (N, 2), (y, x), as screen pixels (x, y) of the left or the right picture of the editor."""
    return from_published(points, size_px) + (size_px[0] if right else 0, 0)


def from_editor(screen: np.ndarray, size_px: tuple[int, int], right: bool = False) -> np.ndarray:
    """Screen pixels (x, y) back to published points (y, x). Their own function leaves x first."""
    return to_published(np.asarray(screen) - (size_px[0] if right else 0, 0), size_px)


class Guidance(NamedTuple):
    """Warped coordinates (N, 2), colours (N, 3) in [0, 1] and colour gradients (N, 3, 2) of one picture in a frame."""

    coordinates: Tensor
    colours: Tensor
    gradients: Tensor


def guidance_of(image: Siren, warp: Siren, points: Tensor, time: float, chain: bool = True) -> Guidance:
    """An image network seen through the warp.

    Args:
        image: network of one picture.
        warp: network T(y, x, t).
        points: (N, 2) places of the frame.
        time: what the warp is asked for: -t for the first picture, 1 - t for the second.
        chain: gradients by place in the frame, which is what the paper states; False gives them by place in the
            picture, as published, without the factor dT/dx.
    """
    rows = torch.cat((points, points.new_full((len(points), 1), time)), 1)
    with torch.no_grad():
        moved = warp.derivatives(rows, order=1)
        drawn = image.derivatives(moved.value, order=1)
        inside = ((drawn.value >= 0) & (drawn.value <= 1))[..., None]
        gradients = drawn.jacobian * inside
        outside = (moved.value.abs() >= 1).any(-1)
        gradients[outside] = 0
        if chain:
            gradients = gradients @ moved.jacobian[..., :2]
    return Guidance(moved.value, drawn.value.clamp(0, 1), gradients)


def mix(first: Tensor, second: Tensor, t: float, kind: str) -> Tensor:
    """Wanted gradients (N, 3, 2) from those of both pictures; "mixclone" takes the larger by Frobenius norm."""
    if kind == "avgclone":
        return (1 - t) * first + t * second
    if kind == "mixclone":
        stronger = second.flatten(1).norm(dim=1) > first.flatten(1).norm(dim=1)
        return torch.where(stronger[:, None, None], second, first)
    return first if kind == "source2target" else second


def polygon_mask(polygon: np.ndarray, size: tuple[int, int], erosions: int = 0) -> np.ndarray:
    """(H, W) bool: inside a polygon (N, 2), (y, x) in [-1, 1], after that many 5 x 5 erosions."""
    height, width = size
    pixels = ((np.asarray(polygon) / 2 + 0.5) * (height, width)).astype(np.int32)[:, ::-1]
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.ascontiguousarray(pixels)], 1)
    return (
        cv2.erode(mask, np.ones((5, 5), np.uint8), iterations=erosions).astype(bool) if erosions else mask.astype(bool)
    )
