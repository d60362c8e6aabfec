"""Small networks and pictures that the SDL tests share."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from core.sdl.loading import AnyNet, build_network, network_class

TINY = {"widths": (4, 4, 6, 6, 8, 8), "grid_widths": (4, 4, 6), "ncol": 2}


def stirred(network: AnyNet, gain: float = 1.0) -> AnyNet:
    """Every weight random and not small, so that no part of the network is silent."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                spread = gain * (2 / parameter[0].numel()) ** 0.5
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * spread)
    return network.eval()


def tiny(**config) -> AnyNet:
    """A stirred network of a few thousand weights."""
    return stirred(network_class(config)(**{**TINY, **config}))


FORMS = {
    "direct-pair": {"num_in_ch": 6},
    "direct-single": {"num_in_ch": 3},
    "candidates": {"num_in_ch": 6, "output": "candidates", "reduction": 2, "work_px": 64, "matching": "dense"},
    "second-look": {
        "num_in_ch": 6, "output": "candidates", "reduction": 2, "work_px": 64, "matching": "dense",
        "look_widths": (4, 6, 6),
    },
    "thin": {
        "num_in_ch": 6, "output": "candidates", "reduction": 2, "work_px": 64, "matching": "dense", "thin_widths": (4, 6),
    },
    "landmarks": {"num_in_ch": 6, "output": "motion", "reduction": 2, "work_px": 64, "matching": "landmarks"},
    "face": {"num_in_ch": 3, "output": "retouch", "reduction": 2, "work_px": 64, "matching": "face"},
    "abstraction": {"num_in_ch": 3, "output": "abstraction", "reduction": 2},
    "style": {"output": "style", "widths": (4, 6, 8), "code_channels": 5, "blocks": 1, "code_widths": (4, 6)},
}  # fmt: skip


@pytest.fixture(params=FORMS)
def form(request) -> AnyNet:
    """One network per way of making the picture."""
    values = FORMS[request.param]
    return stirred(network_class(values)(**values)) if values.get("output") == "style" else tiny(**values)


def shipped_network(record: str) -> AnyNet:
    """The untrained network of a shipped record."""
    return build_network(record).eval()


def textured(width: int, height: int, seed: int = 0, cell_px: int = 6) -> Image.Image:
    """A smooth random picture, in which every place looks different."""
    size = (max(2, height // cell_px), max(2, width // cell_px), 3)
    coarse = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
