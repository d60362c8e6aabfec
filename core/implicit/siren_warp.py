"""A trained warp network as a `Warp`, and the conversion between pixels and published coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.implicit.convert import siren_of
from core.implicit.network import Siren


def to_published(points: Tensor, size_px: tuple[int, int]) -> Tensor:
    """(N, 2) pixels (x, y) as (y, x) in [-1, 1], each axis spanning the picture."""
    return (2 * points / torch.tensor(size_px, dtype=points.dtype) - 1).flip(-1)


def from_published(points: Tensor, size_px: tuple[int, int]) -> Tensor:
    """(N, 2) published (y, x) in [-1, 1] as pixels (x, y)."""
    return (points.flip(-1) + 1) / 2 * torch.tensor(size_px, dtype=points.dtype)


class SirenWarp:
    """A `Warp` that asks the network for T(p, end - start), as the published code does."""

    def __init__(self, network: Siren, size_px: tuple[int, int]) -> None:
        self.network = network.eval()
        self.size_px = size_px

    @torch.no_grad()
    def carry(self, points: np.ndarray, start: float, end: float) -> np.ndarray:
        """See `Warp.carry`. The network has learnt this only nearly: there and back is not quite the identity."""
        places = to_published(torch.from_numpy(np.asarray(points, dtype=np.float64)), self.size_px).float()
        rows = torch.cat((places, places.new_full((len(places), 1), end - start)), 1)
        return from_published(self.network(rows).double(), self.size_px).numpy()

    def __getstate__(self) -> dict[str, Any]:
        """Configuration and tensors instead of the module, so that it pickles small and safely."""
        config = self.network.config
        state = {key: tensor.numpy() for key, tensor in self.network.state_dict().items()}
        return {"omegas": (config.omega_0, config.omega_w), "state": state, "size_px": self.size_px}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the network again."""
        tensors = {key: torch.from_numpy(array) for key, array in state["state"].items()}
        self.network = siren_of(tensors, *state["omegas"]).eval()
        self.size_px = state["size_px"]
