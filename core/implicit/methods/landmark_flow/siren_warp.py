"""The paper's trained network as a `Warp`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from core.implicit.paper.convert import siren_of
from core.implicit.paper.coordinates import from_published, to_published
from core.implicit.paper.losses import warp
from core.implicit.paper.network import Siren


class SirenWarp:
    """A `Warp` that asks the network for T(p, end - start), as the published code does."""

    def __init__(self, network: Siren, size_px: tuple[int, int]) -> None:
        self.network = network.eval()
        self.size_px = size_px

    @torch.no_grad()
    def carry(self, points: np.ndarray, start: float, end: float) -> np.ndarray:
        """See `Warp.carry`. The network has learnt this only nearly: there and back is not quite the identity."""
        places = torch.from_numpy(to_published(points, self.size_px)).float()
        return from_published(warp(self.network, places, end - start).double().numpy(), self.size_px)

    def __getstate__(self) -> dict[str, Any]:
        """Configuration and tensors instead of the module, so that it pickles small and safely."""
        config = self.network.config
        state = {key: tensor.numpy() for key, tensor in self.network.state_dict().items()}
        return {"omegas": (config.omega_0, config.omega_w), "state": state, "size_px": self.size_px}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the network again."""
        tensors = {key: torch.from_numpy(array) for key, array in state["state"].items()}
        self.__init__(siren_of(tensors, *state["omegas"]), state["size_px"])  # type: ignore[misc]
