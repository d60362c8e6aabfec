"""Crossbreed: a 24-frame morph at 128 px, encoded once, against encoding and decoding each frame separately.

The other way is what the released code computes: both pictures through both encoders for every frame, float32, one frame
at a time, spectral norm divided out at every call. (The released script moreover builds a gradient graph; this one does not.)
Both networks have the published size and the same random weights, with spectral norms that have settled.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench import Row, seconds
from core.crossbreed.options import CrossbreedOptions
from core.crossbreed.paper.convert import folded
from core.crossbreed.paper.network import CrossbreedGenerator
from core.crossbreed.paper.preprocessing import from_network, to_network
from core.crossbreed.pipeline import CrossbreedPipeline
from core.devices import policy
from core.metrics import psnr

FRAMES = 24
TARGET = 8
POWER_ITERATIONS = 30
OPTIONS = CrossbreedOptions(crop="middle", size_px=128, exact_ends=False)


def pictures() -> list[Image.Image]:
    """Two smooth pictures of 128 px."""
    noise = [np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.uint8) for seed in (1, 2)]
    return [Image.fromarray(values).resize((128, 128), Image.Resampling.BICUBIC) for values in noise]


@torch.no_grad()
def settled(network: CrossbreedGenerator) -> CrossbreedGenerator:
    """Random weights whose spectral norm has found the largest singular values, as in any network that was trained.

    Fresh vectors underestimate them up to a hundredfold: every layer then multiplies its input, the output saturates, and
    rounding alone decides a pixel.
    """
    network.train()
    x = torch.zeros(1, 3, 64, 64)
    for _ in range(POWER_ITERATIONS):
        network.decode(network.encode(x))
    return network


@torch.no_grad()
def separately(network: CrossbreedGenerator, pair: list[Image.Image]) -> Tensor:
    """Every frame from the pictures."""
    a, b = (to_network(picture) for picture in pair)
    steps = torch.linspace(0, 1, FRAMES)
    return torch.cat([from_network(network.morph(a, b, t, t)) for t in steps])


def once(pipe: CrossbreedPipeline, pair: list[Image.Image]) -> Tensor:
    """The same frames by the pipeline."""
    return pipe.render(pipe.prepare(*pair, options=OPTIONS), torch.linspace(0, 1, FRAMES).tolist())


def rows() -> list[Row]:
    """Measure."""
    torch.manual_seed(0)
    released = settled(CrossbreedGenerator(spectral_norm=True)).eval()
    pipe, halved = (CrossbreedPipeline(folded(released)).use(policy("cpu", name)) for name in ("float32", "bfloat16"))
    pair = pictures()
    slow, fast, half = seconds(
        lambda: separately(released, pair), lambda: once(pipe, pair), lambda: once(halved, pair), repeats=3
    )
    exact = once(pipe, pair)
    difference = (separately(released, pair) - exact).abs().max().item()
    return [
        Row(f"{FRAMES}-frame morph, published size, speed against frame by frame", f">= {TARGET}x",
            f"{slow / fast:.1f}x ({slow:.2f} s to {fast:.2f} s)", slow / fast >= TARGET),
        Row("largest difference of the two, in [0, 1]", "< 1e-4", f"{difference:.1e}", difference < 1e-4),
        Row("the same in bfloat16", "stated", f"{fast / half:.2f}x the speed of float32, PSNR {psnr(once(halved, pair), exact):.1f} dB"),
    ]  # fmt: skip
