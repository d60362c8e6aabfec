"""The Poisson network on any two warped pictures; guidance by differences of the warped pictures, which is the right one."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.implicit.blend import crossfade
from core.implicit.clone import guidance
from core.implicit.photograph import draw_photograph
from core.implicit.pipeline import ImplicitPrepared, face_region, warped_pictures
from core.implicit.poisson import train_poisson
from core.progress import Progress, silent


def neural_clone(
    prepared: ImplicitPrepared, t: float, kind: str, background: str, epochs: int = 2001, progress: Progress = silent
) -> Tensor:
    """One frame whose face is drawn by a network trained on its gradients: (1, 3, H, W) in [0, 1].

    Args:
        prepared: the morph.
        t: warp time.
        kind: "poisson_first", "poisson_second", "poisson_average" or "poisson_mixed".
        background: "crossfade", "first" or "second".
        epochs: passes over all pixels; 2001 as published, which takes hours at their size.
        progress: called at every epoch; may raise to cancel.
    """
    first, second = warped_pictures(prepared, t)
    right, down = guidance(first, second, t, kind.removeprefix("poisson_"))
    height, width = first.shape[:2]
    gradients = np.zeros((height, width, 3, 2), np.float32)
    # Differences per pixel become derivatives by coordinates that span 2 over the picture, (y, x).
    gradients[:-1, :, :, 0] = down * (height / 2)
    gradients[:, :-1, :, 1] = right * (width / 2)
    around = {"crossfade": crossfade(first, second, t), "first": first, "second": second}[background]
    colours = torch.from_numpy(around.reshape(-1, 3))
    wanted = torch.from_numpy(gradients.reshape(-1, 3, 2))
    network = train_poisson(wanted, colours, face_region(prepared, t), epochs, progress=progress)
    return torch.from_numpy(draw_photograph(network, (height, width))).permute(2, 0, 1)[None]
