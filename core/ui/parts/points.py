"""An editor for points over pictures: drag, keyboard, add, delete, undo; paired for morphs, named for bodies."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from core.content import content_key
from core.errors import InputError
from core.image import limit_size

SHOWN_SIDE_PX = 720
MOST_POINTS = 1000
# Where a panel says for which inputs its points were found: of the example that a page opens with.
EXAMPLE = "example"

TEMPLATE = """<div class="editor">
<div class="tools" role="toolbar" aria-label="Point tools">
<button type="button" data-mode="move" aria-pressed="true">Move</button>
<button type="button" data-mode="add" aria-pressed="false">Add</button>
<button type="button" data-mode="delete" aria-pressed="false">Delete</button>
<button type="button" data-act="undo">Undo</button>
<button type="button" data-zoom="in" aria-label="Zoom in" title="Zoom in">+</button>
<button type="button" data-zoom="out" aria-label="Zoom out" title="Zoom out">&minus;</button>
<button type="button" data-zoom="fit">Whole picture</button>
<span class="hint" role="status">Drag a point, or focus it: arrow keys move it, Page Up and Page Down go to the next.</span></div>
<div class="tools groups" role="group" aria-label="Points shown"></div>
<div class="stage"></div></div>"""

STYLE = """
.stage { display: flex; flex-wrap: wrap; gap: 0.6rem; }
.stage figure { flex: 1 1 240px; min-width: 0; margin: 0; }
.stage svg { width: 100%; max-height: 460px; border-radius: 8px; touch-action: pan-x pan-y; background: #8883; display: block; }
.stage svg.near { touch-action: none; cursor: move; }
.stage figcaption { font-size: 0.8rem; opacity: 0.75; text-align: center; }
.stage circle { fill: #22d3ee; stroke: #083344; cursor: grab; fill-opacity: 0.85; touch-action: none;
  transform-box: fill-box; transform-origin: center; transform: scale(var(--zoom, 1)); }
.stage circle.lit, .stage circle:focus { fill: #facc15; outline: none; stroke: #713f12; }
.stage circle.waiting { fill: #f43f5e; }
.stage line { stroke: #f59e0b; stroke-opacity: 0.8; }
.tools { display: flex; flex-wrap: wrap; gap: 0.3rem; align-items: center; margin-bottom: 0.4rem; }
.tools button { padding: 0.15rem 0.7rem; border-radius: 6px; border: 1px solid #8886; cursor: pointer; }
.tools button[aria-pressed=true] { background: #7c3aed; color: white; }
.tools button { font: inherit; margin: 0; font-size: 0.85rem; }
.groups button { opacity: 0.55; } .groups button[aria-pressed=true] { opacity: 1; }
.groups:empty { display: none; }
.tools .hint { font-size: 0.8rem; opacity: 0.8; }
:host(.empty) .tools, .empty .tools { display: none; }
"""


class Panels(list[np.ndarray]):
    """One (N, 2) float array per picture, and for which inputs each was found: `inputs_key`, "" where nobody said it."""

    def __init__(self, points: Iterable[np.ndarray], found_for: Iterable[str]) -> None:
        super().__init__(points)
        self.found_for = list(found_for)


def inputs_key(values: Iterable[Any]) -> str:
    """A short hash of what points are looked for in: of pictures every eighth pixel, so that it takes milliseconds."""
    parts = [
        (value.size, np.asarray(value)[::8, ::8]) if isinstance(value, Image.Image) else (value,) for value in values
    ]
    return content_key(*(part for one in parts for part in one))


class PointEditor(gr.HTML):
    """Pictures with draggable points.

    The value that a handler receives is `Panels`: one (N, 2) float array per picture, (x, y) in pixels of the picture
    as it was given to `panel`; a missing point is (-1, -1). An empty editor gives an empty list.
    `groups` are names and sizes of runs of points that can be hidden while others are moved.
    """

    def __init__(
        self,
        *,
        paired: bool,
        names: Sequence[str] = (),
        edges: Sequence[tuple[int, int]] = (),
        label: str = "Points",
        groups: Sequence[tuple[str, int]] = (),
        first: Sequence[dict[str, Any]] = (),
        elem_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("html_template", TEMPLATE)
        kwargs.setdefault("css_template", STYLE)
        kwargs.setdefault("js_on_load", (Path(__file__).parent / "points.js").read_text())
        super().__init__(
            kwargs.pop("value", {"panels": []}),
            label=label,
            elem_id=elem_id,
            paired=paired,
            names=list(names),
            edges=[list(edge) for edge in edges],
            groups=[list(group) for group in groups],
            **kwargs,
        )
        # The page opens with these panels; they are no default value, which programs that send none would get.
        self.first = {"panels": [{**one, "found_for": EXAMPLE} for one in first]}

    def get_config(self) -> dict[str, Any]:
        """The parent's settings, with what the page opens with."""
        return {**super().get_config(), "value": self.first}

    def preprocess(self, payload: Any) -> Panels:
        """Points per picture; what a browser or a client sends is checked."""
        if not payload:
            return Panels([], [])
        try:
            panels = [np.asarray(panel["points"], dtype=float).reshape(-1, 2) for panel in payload["panels"]]
            found_for = [str(panel.get("found_for", "")) for panel in payload["panels"]]
        except (AttributeError, TypeError, KeyError, ValueError) as error:
            raise InputError(
                'the points are damaged: {"panels": [{"points": [[x, y], ...]}, ...]} fits, or Detect again'
            ) from error
        if any(len(points) > MOST_POINTS or not np.isfinite(points).all() for points in panels):
            raise InputError(f"points must be finite numbers, {MOST_POINTS} at most per picture: press Detect again")
        return Panels(panels, found_for)

    def postprocess(self, value: Any) -> Any:
        """A list of `panel(...)` as the browser reads it."""
        if not value:
            return {"panels": []}
        return {"panels": value["panels"] if isinstance(value, dict) else list(value)}

    def api_info(self) -> dict[str, Any]:
        """The value's shape, for the API page."""
        return {
            "type": "object",
            "description": 'points per picture: {"panels": [{"points": [[x, y], ...]}, ...]}, pixels, (-1, -1) = missing',
        }


def panel(picture: Image.Image, points: np.ndarray, label: str, **more: Any) -> dict[str, Any]:
    """One picture of the editor with its points, (N, 2), (x, y) in pixels of `picture`, and what else a tab wants to know."""
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(f"points are of shape {points.shape}, (N, 2) fits")
    buffer = io.BytesIO()
    limit_size(picture, SHOWN_SIDE_PX).save(buffer, "JPEG", quality=82)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return {
        "label": label,
        "image": f"data:image/jpeg;base64,{encoded}",
        "width": picture.width,
        "height": picture.height,
        "points": points.round(2).tolist(),
        **more,
    }
