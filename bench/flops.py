"""Operations of the published networks at published sizes, counted on the meta device, and what they mean in hours and seconds of a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench import Row
from core.gfla.paper.discriminators import ResDiscriminator
from core.gfla.paper.network_flow import PoseFlowGenerator
from core.ops.vgg import VGG19Features
from core.sdl.paper.discriminator import PatchGANDiscriminator
from core.sdl.paper.network import SDLNet
from tests.gpu.test_readiness import PUBLISHED

# One H100 in bfloat16 without sparsity, and the share of it that convolutions of large batches are taken to reach.
PEAK_FLOPS, USED = 989e12, 0.2
PICTURE, SKELETON = (3, 256, 256), (18, 256, 256)
Part = tuple[Callable[[], Any], list[tuple[int, ...]]]
NETWORKS: dict[str, Part] = {
    **{name: (make, shapes) for name, (make, shapes, _) in PUBLISHED.items()},
    "fashion flow": (PoseFlowGenerator, [PICTURE, SKELETON, SKELETON]),
    "gfla discriminator": (ResDiscriminator, [PICTURE]),
    "sdl pair at 256 px": (lambda: SDLNet(num_in_ch=6), [(6, 256, 256), ()]),
    "sdl discriminator": (PatchGANDiscriminator, [(3, 512, 512)]),
    "vgg19": (lambda: VGG19Features().features, [PICTURE]),
}
# Per item of a batch what is learned (three times its forward pass: itself, and both gradients of the way back) and what
# only judges (twice: the gradient goes through it); steps and batch as published, or as the pages of the systems assume.
TRAINERS: dict[str, tuple[dict[str, float], dict[str, float], int, int]] = {
    "gfla fashion, stage 1": ({"fashion flow": 1}, {"vgg19": 2}, 500_000, 8),
    "gfla fashion, stage 2": ({"fashion": 1, "gfla discriminator": 2}, {"vgg19": 5}, 500_000, 8),
    "gfla views, stage 2": ({"views": 1, "gfla discriminator": 2}, {"vgg19": 5}, 500_000, 8),
    "gfla face": ({"face": 10, "gfla discriminator": 60}, {"vgg19": 150}, 100_000, 2),
    "sdl vfi": ({"sdl pair at 256 px": 1}, {"vgg19": 4}, 600_000, 64),
    "sdl morphing": ({"sdl pair": 1, "sdl discriminator": 2}, {}, 600_000, 24),
    "hfgi": ({"hfgi residual": 1, "hfgi aligner": 1}, {"hfgi generator": 1, "hfgi encoder": 1}, 100_000, 8),
}


def rows() -> list[Row]:
    """What each network counts, and what each trainer adds up to."""
    counted = {name: flops(*part) for name, part in NETWORKS.items()}
    made = [
        Row(f"{name}: one forward pass", "", f"{count / 1e9:.1f} GFLOP, {1e3 * count / PEAK_FLOPS / USED:.2f} ms at that rate")
        for name, count in counted.items()
    ]  # fmt: skip
    for name, (learned, judged, steps, batch) in TRAINERS.items():
        item = sum(3 * times * counted[part] for part, times in learned.items())
        item += sum(2 * times * counted[part] for part, times in judged.items())
        hours = item * steps * batch / PEAK_FLOPS / USED / 3600
        said = f"{hours:.1f} h: {item / 1e9:.0f} GFLOP per item, {steps:,} steps of {batch}"
        made.append(Row(f"{name}: estimate for one H100 at {USED:.0%} of its peak, not measured", "", said))
    return made


@torch.no_grad()
def flops(make: Callable[[], Any], shapes: list[tuple[int, ...]]) -> int:
    """Of one forward pass of one item; a multiplication and an addition are two."""
    with torch.device("meta"):
        network = make().eval().requires_grad_(False)
        given = [torch.empty(1, *shape) if shape else torch.empty(1) for shape in shapes]
    with FlopCounterMode(display=False) as counter:
        network(*given)
    return int(counter.get_total_flops())
