"""Pictures as networks ("initial states"): fit a picture, then draw it at any resolution.

Source: section 3.1 of Schardong et al. 2024; Sitzmann et al. 2020.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor

from core.construction import building
from core.errors import InputError
from core.implicit.options import ImageFitOptions
from core.implicit.paper.coordinates import pixel_grid
from core.implicit.paper.network import Siren
from core.options import check
from core.progress import Progress, silent

LUMA = (0.2989, 0.587, 0.114)


def pixels_of(picture: Image.Image, size: tuple[int, int] | None = None, grey: bool = False) -> tuple[Tensor, Tensor]:
    """A picture as coordinates (N, 2), (y, x) in [-1, 1], and colours (N, 3 or 1) in [0, 1], row-major.

    Args:
        picture: RGB.
        size: (height, width) to reduce it to, bilinear with antialiasing; as it is by default.
        grey: one channel, weights 0.2989, 0.587, 0.114.
    """
    if size is not None:
        picture = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    colours = torch.from_numpy(np.array(picture.convert("RGB"))).float() / 255
    if grey:
        colours = (colours @ torch.tensor(LUMA))[..., None]
    return pixel_grid(colours.shape[:2]), colours.reshape(-1, colours.shape[-1])


def fit_image(
    coordinates: Tensor,
    colours: Tensor,
    options: ImageFitOptions | None = None,
    progress: Progress = silent,
    network: Siren | None = None,
    batches: Callable[[int], Tensor] | None = None,
) -> tuple[Siren, Tensor]:
    """A network that draws a picture, and the loss of every step.

    The loss is the squared error summed over channels, mean over pixels. The network with the smallest loss of the
    second half is returned.

    Args:
        coordinates: (N, 2), from `pixels_of`.
        colours: (N, C).
        options: see `ImageFitOptions`.
        progress: called at every step; may raise to cancel.
        network: where to begin; a fresh network by default.
        batches: pixel indices of a step; drawn with replacement by default.

    Returns:
        The network with raw frequencies, and losses (steps,) measured before each update.
    """
    options = check(options or ImageFitOptions())
    if len(coordinates) != len(colours):
        raise InputError(f"{len(coordinates)} coordinates came with {len(colours)} colours: give one for each")
    generator = Generator().manual_seed(options.seed)
    if network is None:
        with building(options.seed):
            network = Siren(
                in_features=2, out_features=colours.shape[1], hidden_features=[options.width] * options.layers,
                omega_0=options.omega, omega_w=options.omega,
            )  # fmt: skip
    count = options.batch or len(colours)
    draw = batches or (lambda _: torch.randint(len(colours), (count,), generator=generator))
    optimizer = torch.optim.Adam(network.parameters(), lr=options.learning_rate)
    best, lowest, losses = None, float("inf"), []
    for step in range(options.steps):
        chosen = draw(step)
        loss = (network(coordinates[chosen]) - colours[chosen]).square().sum(-1).mean()
        if step >= options.steps // 2 and loss.item() < lowest:
            best, lowest = copy.deepcopy(network.state_dict()), loss.item()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        progress((step + 1) / options.steps, f"step {step + 1} of {options.steps}, loss {losses[-1]:.5f}")
    fitted = copy.deepcopy(network)
    fitted.load_state_dict(best)
    return fitted, torch.tensor(losses)


@torch.no_grad()
def draw_image(network: Siren, size: tuple[int, int], rows_at_once: int = 64) -> np.ndarray:
    """What an image network shows at (height, width): (height, width, C) float32 in [0, 1]."""
    grid = pixel_grid(size)
    parts = [network(part).clamp(0, 1) for part in grid.split(rows_at_once * size[1])]
    return torch.cat(parts).reshape(*size, -1).numpy()
