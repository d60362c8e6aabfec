"""Ripple: one more degree of a 1024 px edit after the inversion, against the whole chain each time.

The whole chain is what the thesis' script runs for one pose result: the attribute `inversion` and the attribute `pose`, each
from the picture (encode, three generator runs, align, fuse). Both ways use our networks in published sizes with the same
random weights, so the ratio counts only what is kept, not how fast a network is.
"""

from __future__ import annotations

import torch

from bench import Row, seconds
from core.ripple.paper.directions import Directions, published_directions
from core.ripple.paper.e4e import Encoder
from core.ripple.paper.fusion import ResidualAligner, ResidualEncoder
from core.ripple.paper.inversion import Inversion, Inverter, resized
from core.ripple.paper.stylegan2 import Generator

TARGET = 3.0


def chain(inverter: Inverter, directions: Directions, image: torch.Tensor) -> torch.Tensor:
    """Inversion and pose, both from the picture, every generator run in full."""
    pictures = []
    for name, degree in (("inversion", 0.0), ("pose", 2.0)):
        generator = inverter.generator
        codes = inverter.encode(image)
        first = resized(generator(codes).clamp(-1, 1), inverter.size)
        edited = directions(codes, name, degree)
        plain = resized(generator(edited).clamp(-1, 1), inverter.size)
        aligned = inverter.aligner(torch.cat([image - first, plain], dim=1))
        pictures.append(generator(edited, inverter.residual(aligned)))
    return torch.cat(pictures)


@torch.no_grad()
def rows() -> list[Row]:
    """Seconds per extra degree, seconds of the chain, and their ratio; the result must be the same."""
    torch.manual_seed(0)
    networks = (Encoder().eval(), Generator().eval(), ResidualAligner().eval(), ResidualEncoder().eval())
    inverter, directions = Inverter(*networks), published_directions()
    image = torch.rand(1, 3, 256, 256) * 2 - 1
    inversion: Inversion = inverter.invert(image)

    def turn() -> torch.Tensor:
        return inverter.edit(inversion, directions(inversion.codes, "pose", 2.0)).image

    difference = (turn() - chain(inverter, directions, image)[1:]).abs().max().item()
    extra, whole = seconds(turn, lambda: chain(inverter, directions, image), repeats=3, warm_up=0)
    return [
        Row("seconds of the whole chain, 1024 px", "", f"{whole:.2f} s"),
        Row("seconds per extra degree, 1024 px", "", f"{extra:.2f} s"),
        Row("an extra degree against the chain", f">= {TARGET:g}x", f"{whole / extra:.2f}x", whole / extra >= TARGET),
        Row("largest difference of the results", "<= 1e-4", f"{difference:.1e}", difference <= 1e-4),
    ]
