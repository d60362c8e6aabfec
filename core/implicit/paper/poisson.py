"""The Poisson network: a picture that has given gradients inside a mask and given colours around it.

`core.implicit.methods.poisson_solver` solves the same problem directly in a second; the network takes hours at their size.
Coordinates are (y, x) in [-1, 1]; gradients are (N, 3, 2), colour by direction.
Source: section 3.4 of Schardong et al. 2024.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Generator, Tensor

from core.construction import building
from core.errors import InputError
from core.implicit.paper.coordinates import pixel_grid
from core.implicit.paper.network import Siren
from core.progress import Progress, silent

GRADIENT_WEIGHT, PIXEL_WEIGHT = 1.0, 8e4


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
