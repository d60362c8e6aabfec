"""The paper's Poisson network on any two warped pictures, guided by differences of the warped pictures, as the solver is."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.implicit.methods.poisson_solver.solver import guidance
from core.implicit.paper.image_network import draw_image
from core.implicit.paper.poisson import train_poisson
from core.progress import Progress, silent


def neural_clone(
    pictures: tuple[np.ndarray, np.ndarray],
    background: np.ndarray,
    mask: np.ndarray,
    weight: float,
    kind: str,
    epochs: int = 2001,
    progress: Progress = silent,
) -> Tensor:
    """One frame whose face is drawn by a network trained on its gradients: (1, 3, H, W) in [0, 1].

    Args:
        pictures: both warped pictures, (H, W, 3) float32 in [0, 1].
        background: what surrounds the face, the same.
        mask: (H, W) bool, the face.
        weight: share of the second picture where the mean of both gradients is taken.
        kind: a name in `GUIDANCES`.
        epochs: passes over all pixels; 2001 as published, which takes hours at their size.
        progress: called at every epoch; may raise to cancel.
    """
    right, down = guidance(*pictures, weight, kind)
    height, width = mask.shape
    gradients = np.zeros((height, width, 3, 2), np.float32)
    # Differences per pixel become derivatives by coordinates that span 2 over the picture, (y, x).
    gradients[:-1, :, :, 0] = down * (height / 2)
    gradients[:, :-1, :, 1] = right * (width / 2)
    colours, wanted = torch.from_numpy(background.reshape(-1, 3)), torch.from_numpy(gradients.reshape(-1, 3, 2))
    network = train_poisson(wanted, colours, mask, epochs, progress=progress)
    return torch.from_numpy(draw_image(network, (height, width))).permute(2, 0, 1)[None]
