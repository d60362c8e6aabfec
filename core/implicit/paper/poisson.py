"""The Poisson network: a picture that has given gradients inside a mask and given colours around it.

`core.implicit.methods.poisson_solver` solves the same problem directly in a second; the network takes hours at their size.
Coordinates are (y, x) in [-1, 1]; gradients are (N, 3, 2), colour by direction.
Source: section 3.4 of Schardong et al. 2024.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Generator, Tensor

from core.construction import building
from core.errors import InputError, unknown_name
from core.implicit.paper.coordinates import pixel_grid
from core.implicit.paper.network import Siren
from core.progress import Progress, silent

MIXES = ("source2target", "target2source", "avgclone", "mixclone")
GRADIENT_WEIGHT, PIXEL_WEIGHT = 1.0, 8e4


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
    if kind not in MIXES:
        raise unknown_name("gradient mix", kind, MIXES)
    if kind == "avgclone":
        return (1 - t) * first + t * second
    if kind == "mixclone":
        stronger = second.flatten(1).norm(dim=1) > first.flatten(1).norm(dim=1)
        return torch.where(stronger[:, None, None], second, first)
    return first if kind == "source2target" else second


def poisson_loss(
    network: Siren,
    inside: Tensor,
    gradients: Tensor,
    outside: Tensor,
    colours: Tensor,
    weights: tuple[float, float] = (GRADIENT_WEIGHT, PIXEL_WEIGHT),
) -> tuple[Tensor, Tensor]:
    """Weighted squared errors: gradients at places inside the mask, colours at places outside."""
    zero = gradients.new_zeros(())
    steep = (network.derivatives(inside, order=1).jacobian - gradients).square().mean() if len(inside) else zero
    flat = (network(outside) - colours).square().mean() if len(outside) else zero
    return weights[0] * steep, weights[1] * flat


def polygon_mask(polygon: np.ndarray, size: tuple[int, int], erosions: int = 0) -> np.ndarray:
    """(H, W) bool: inside a polygon (N, 2), (y, x) in [-1, 1], after that many 5 x 5 erosions."""
    height, width = size
    pixels = ((np.asarray(polygon) / 2 + 0.5) * (height, width)).astype(np.int32)[:, ::-1]
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.ascontiguousarray(pixels)], 1)
    return (
        cv2.erode(mask, np.ones((5, 5), np.uint8), iterations=erosions).astype(bool) if erosions else mask.astype(bool)
    )


def training_mask(mask: np.ndarray) -> np.ndarray:
    """What the training counts as inside: eroded in the flattened list, so by 8 pixels left and right only."""
    flat = mask.reshape(-1, 1).astype(np.uint8)
    return cv2.erode(flat, np.ones((5, 5), np.uint8), iterations=4).astype(bool).reshape(mask.shape)


def train_poisson(
    gradients: Tensor,
    colours: Tensor,
    mask: np.ndarray,
    epochs: int = 2001,
    batch: int = 65536,
    seed: int = 123,
    width: int = 256,
    progress: Progress = silent,
) -> Siren:
    """Train the published blend network, frequencies 40 and 30.

    Args:
        gradients: (H * W, 3, 2) wanted gradients, row-major.
        colours: (H * W, 3) background.
        mask: (H, W) bool, the region with wanted gradients.
        epochs: each passes all pixels in random order.
        batch: pixels per step.
        seed: of the network and the order.
        width: of its three hidden layers.
        progress: called at every epoch; may raise to cancel.
    """
    if not mask.any():
        raise InputError("the mask is empty: mark a region")
    with building(seed):
        network = Siren(in_features=2, out_features=3, hidden_features=[width] * 3, omega_0=40.0, omega_w=30.0)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    points = pixel_grid(mask.shape)
    steep = torch.from_numpy(mask.reshape(-1))
    flat = ~torch.from_numpy(training_mask(mask).reshape(-1))
    generator = Generator().manual_seed(seed)
    for epoch in range(epochs):
        for chosen in torch.randperm(len(points), generator=generator).split(batch):
            a, b = chosen[steep[chosen]], chosen[flat[chosen]]
            terms = poisson_loss(network, points[a], gradients[a], points[b], colours[b])
            optimizer.zero_grad(set_to_none=True)
            torch.stack(list(terms)).sum().backward()
            optimizer.step()
        progress((epoch + 1) / epochs, f"epoch {epoch + 1} of {epochs}")
    return network
