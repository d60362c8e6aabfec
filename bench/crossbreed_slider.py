"""Crossbreed: from a slider's position to the picture at 128 px, with the weights that ship and at the published size."""

from __future__ import annotations

import torch

from bench import Row, seconds
from bench.crossbreed_frames import OPTIONS, pictures
from core.crossbreed.network import CrossbreedGenerator
from core.crossbreed.pipeline import CrossbreedPipeline
from core.image import to_pil

TARGET_MS = 50


def rows() -> list[Row]:
    """Measure."""
    torch.manual_seed(0)
    pipes = {
        "weights that ship": CrossbreedPipeline.from_record(),
        "published size": CrossbreedPipeline(CrossbreedGenerator()),
    }
    found = []
    for name, pipe in pipes.items():
        prepared = pipe.prepare(*pictures(), options=OPTIONS)
        place = iter(torch.linspace(0, 1, 1000).tolist())

        def move(pipe=pipe, prepared=prepared, place=place):
            shape = next(place)
            return to_pil(pipe.render(prepared, [shape], shape=shape, appearance=1 - shape))

        (taken,) = seconds(move, repeats=15, warm_up=3)
        ms = 1000 * taken
        found.append(Row(f"slider to picture, {name}", f"< {TARGET_MS} ms", f"{ms:.0f} ms", ms < TARGET_MS))
    return found
