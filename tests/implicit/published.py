"""The published networks of the goldens, filled and converted."""

from functools import cache
from pathlib import Path

import numpy as np
import torch

from core.implicit.paper.convert import siren_of
from core.implicit.paper.network import Siren, alike
from tests.parity.fill import fill_state_dict, test_image
from tests.parity.golden import PARITY

FOLDER: Path = PARITY / "implicit"


@cache
def network(manifest: str, salt: str = "", omega_0: float = 1, omega_w: float = 1) -> Siren:
    """The network of a manifest through our converter."""
    return siren_of(fill_state_dict(FOLDER / manifest, salt), omega_0, omega_w).eval()


def network_of(case: dict) -> Siren:
    """The network that a golden case names."""
    return network(case["manifest"], case.get("salt", ""), case.get("omega_0", 1), case.get("omega_w", 1))


def fresh(case: dict) -> Siren:
    """A copy whose weights may change."""
    filled = network_of(case)
    copy = alike(filled)
    copy.load_state_dict(filled.state_dict())
    return copy


def picture_bytes(name: str, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8: the picture file of the goldens."""
    image = test_image(name, size)[0].permute(1, 2, 0).numpy()
    return np.round((image * 0.5 + 0.5) * 255).astype(np.uint8)


def tensors(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, torch.Tensor]:
    """A state dict that a golden file holds under `prefix`."""
    return {key.removeprefix(prefix): torch.from_numpy(a) for key, a in arrays.items() if key.startswith(prefix)}
