"""Crossbreed: from a slider's position to the picture at 128 px.

With the weights that ship as the tab uses them (heads in line, exact ends, colours carried over), with the network alone, and with
the network alone at the published size.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from bench import Row, seconds
from bench.crossbreed_frames import OPTIONS, pictures
from core.crossbreed.options import CrossbreedOptions
from core.crossbreed.paper.network import CrossbreedGenerator
from core.crossbreed.pipeline import CrossbreedPipeline
from core.image import to_pil

TARGET_MS = 50
EXAMPLES = Path(__file__).parents[1] / "core" / "ui" / "examples"


def rows() -> list[Row]:
    """Measure."""
    torch.manual_seed(0)
    shipped = CrossbreedPipeline.from_record()
    drawn = sorted((EXAMPLES / "pets").glob("*.png"))[:2]
    ways: dict[str, tuple[CrossbreedPipeline, Sequence[Any], CrossbreedOptions]] = {
        "weights that ship, as in the tab": (shipped, drawn, CrossbreedOptions(size_px=128)),
        "weights that ship, the network alone": (shipped, pictures(), OPTIONS),
        "published size, the network alone": (CrossbreedPipeline(CrossbreedGenerator()), pictures(), OPTIONS),
    }
    found = []
    for name, (pipe, pair, options) in ways.items():
        prepared = pipe.prepare(*pair, options=options)
        place = iter(torch.linspace(0, 1, 1000).tolist())

        def move(pipe=pipe, prepared=prepared, place=place):
            shape = next(place)
            return to_pil(pipe.render(prepared, [shape], shape=shape, appearance=1 - shape))

        (taken,) = seconds(move, repeats=15, warm_up=3)
        ms = 1000 * taken
        found.append(Row(f"slider to picture, {name}", f"< {TARGET_MS} ms", f"{ms:.0f} ms", ms < TARGET_MS))
    return found
