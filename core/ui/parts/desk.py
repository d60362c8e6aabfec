"""The desk under a film: strip of frames, step plot, film and sliders together, and what this visit made before.

All of it happens in the browser. A film's details carry under `film` what it needs; what a visit made is kept in the tab's
session storage and ends with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from core.image import limit_size, to_tensor

LOOK_PX = 128
GATHER = "(video, file, details) => ({ video, file, details })"
# What was clicked waits under this name: a value that the page itself gave a component would stay there.

SCATTER = """() => {
  const film = JSON.parse(sessionStorage.getItem("morphospace-chosen"));
  return [film.video, film.file, film.details];
}"""

TEMPLATE = """<div class="film" hidden>
<div class="strip" role="group" aria-label="Frames of the film"></div>
<svg class="steps" viewBox="0 0 100 30" preserveAspectRatio="none" role="img"></svg>
<div class="tools"><span class="said" role="status"></span>
<button type="button" data-act="loop" aria-pressed="true">Loop</button>
<button type="button" data-act="frame">This film frame (PNG)</button></div></div>
<div class="made-here" hidden><div class="tools"><b>Made in this visit</b>
<button type="button" data-act="all">Download all</button></div>
<div class="visit" role="group" aria-label="Films made in this visit: a click brings film and settings back"></div></div>"""

STYLE = """
.strip, .visit { display: flex; gap: 2px; overflow-x: auto; }
.strip button, .visit button { flex: none; margin: 0; padding: 0; border: 2px solid transparent; border-radius: 6px; cursor: pointer; line-height: 0; }
.strip button:hover, .strip button:focus-visible, .visit button:hover, .visit button:focus-visible { border-color: var(--primary-500); outline: none; }
.strip canvas, .visit video { border-radius: 4px; }
.visit video { height: 64px; max-width: 110px; object-fit: cover; pointer-events: none; }
.steps { width: 100%; height: 44px; display: block; }
.steps polyline { fill: none; stroke: var(--primary-500); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.steps .now { stroke: #f59e0b; stroke-width: 2; vector-effect: non-scaling-stroke; }
.tools { display: flex; flex-wrap: wrap; gap: 0.4rem; align-items: center; margin: 0.3rem 0; font-size: 0.85rem; }
.tools .said { min-width: 9rem; font-variant-numeric: tabular-nums; }
.tools button { font: inherit; margin: 0; padding: 0.15rem 0.7rem; border-radius: 6px; border: 1px solid #8886; cursor: pointer; }
.tools button[aria-pressed=true] { background: #7c3aed; color: white; }
"""


class Watched:
    """Frames on their way to a file; what the desk shows of them is measured as they pass."""

    def __init__(self, frames: Iterable[Image.Image]) -> None:
        self.frames = frames
        self.count = 0
        self._change: list[float] = []

    def __iter__(self) -> Iterator[Image.Image]:
        import torch

        from core.metrics import step_sizes

        before = None
        for frame in self.frames:
            now = to_tensor(limit_size(frame, LOOK_PX))
            if before is not None:
                self._change += step_sizes(torch.cat([before, now]))
            before, self.count = now, self.count + 1
            yield frame

    def facts(self, fps: float, at: Mapping[str, Sequence[float]]) -> dict[str, Any]:
        """Frames per second, how much each frame changes (per cent of full scale), and where sliders stand in each.

        Places are left out where there is not one per frame, as in a film that follows a clip.
        """
        places = {name: [round(place, 4) for place in along] for name, along in at.items() if len(along) == self.count}
        return {"fps": float(fps), "change": [round(100 * step, 3) for step in self._change], "at": places}


def draw_desk(tab: str) -> gr.HTML:
    """The desk, which shows nothing until there is a film."""
    return gr.HTML(
        None, html_template=TEMPLATE, css_template=STYLE, js_on_load=(Path(__file__).parent / "desk.js").read_text(), tab=tab,
        elem_id=f"{tab}-desk", label="The film's frames",
    )  # fmt: skip
