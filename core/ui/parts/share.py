"""A link that restores a tab, every setting and, for some hours, the inputs; and the drop that reads exported files.

Settings live in the address itself, so they survive a restart. Pictures, clips and moved points cannot: see
`core.ui.parts.store`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import gradio as gr
import numpy as np
from gradio.components import Component
from PIL import Image

from core import settings as installation
from core.content import content_key
from core.errors import InputError
from core.image import limit_size
from core.ui.parts.handlers import PRIVATE
from core.ui.parts.points import PointEditor
from core.ui.parts.restore import restore_drop, restored
from core.ui.parts.store import SHARED_SIDE_PX, fetch_all, keep

SHARE = "pictures"
POINTS = "points"
# A page that opens without a link asks the server for nothing: every control that it might set costs the browser time.
ADDRESSED = """() => new URLSearchParams(location.search).get("tab") === "%s" ? { link: location.search } : {}"""


@dataclass(frozen=True)
class SharedPoints:
    """Points that a link brings back.

    The editor is filled by whatever finds points in the pictures; that handler asks `points_for` first.

    Attributes:
        editor: where they are moved.
        given: state in which a link's points wait for their pictures.
        source: everything the finding handler looks at, in its order.
        over: for each panel of the editor the picture input whose pixels its points count, None if another frame.
    """

    editor: PointEditor
    given: gr.State
    source: list[Component]
    over: tuple[Component | None, ...]


def points_for(given: dict[str, Any] | None, *source: Any) -> list[np.ndarray] | None:
    """The link's points, one (N, 2) array per panel, if they were shared with just these inputs; else None."""
    if not given or given.get("key") != _key(source):
        return None
    return [np.asarray(points, dtype=float).reshape(-1, 2) for points in given["points"]]


def _key(source: Any) -> str:
    kept = [limit_size(item, SHARED_SIDE_PX) if isinstance(item, Image.Image) else item for item in source]
    # A number is 1 in the control and 1.0 in the browser's answer.
    return content_key(
        *(float(item) if isinstance(item, int) and not isinstance(item, bool) else item for item in kept)
    )


def share_link(
    tab: str,
    settings: dict[str, Component],
    inputs: dict[str, Component] | None = None,
    points: SharedPoints | None = None,
) -> None:
    """Draw the link button of a tab and the drop for exported files. Call inside the tab, after the settings were drawn.

    Args:
        tab: the tab's id; the link carries it as `tab`.
        settings: what to restore, by the name that it has in the link. Only values that differ from the defaults
            are carried.
        inputs: picture, clip and file inputs by name; they are kept on the server for a while when a person asks for it.
        points: points over the pictures, kept with them.
    """
    pictures = inputs or {}
    sources = [points.editor, *points.source] if points else []
    button, with_pictures, link = _draw_buttons(tab, bool(pictures))
    with gr.Accordion("Settings from an exported file", open=False):
        restore_drop(tab, settings)

    defaults = [component.value for component in settings.values()]

    def make(request: gr.Request, *values: Any) -> Any:
        changed = {
            name: ",".join(value) if isinstance(value, list) else value
            for name, value, default in zip(settings, values, defaults, strict=False)
            if value != default and value is not None
        }
        rest = values[len(settings) :]
        shown = dict(zip(pictures, rest, strict=False))
        given = {name: item for name, item in shown.items() if item}
        if shown and not given:
            raise InputError("there is no picture to share: drop one in, or take the link to the settings")
        if given and points is not None and rest[len(pictures)]:
            given[POINTS] = _shared_points(points, *rest[len(pictures) :])
        kept = {SHARE: keep(given)} if given else {}
        root = str(request.request.base_url).rstrip("/") if request.request is not None else ""
        return gr.update(value=f"{root}/?{urlencode({'tab': tab, **changed, **kept})}", visible=True)

    private: dict[str, Any] = {"queue": False, **PRIVATE}
    button.click(make, list(settings.values()), link, **private)
    if pictures:
        with_pictures.click(make, [*settings.values(), *pictures.values(), *sources], link, **private)
    _restore_on_load(tab, settings, pictures, points)


def _draw_buttons(tab: str, pictures: bool) -> tuple[gr.Button, gr.Button, gr.Textbox]:
    """The two buttons, what is said beside them, and the place where the link appears."""
    hours = installation.number(installation.SHARE_HOURS)
    with gr.Row():
        button = gr.Button("Link to these settings", size="sm", elem_id=f"{tab}-share")
        with_pictures = gr.Button(
            "Link with the pictures", size="sm", elem_id=f"{tab}-share-pictures", visible=bool(pictures and hours)
        )
    if pictures and hours:
        gr.Markdown(
            f"Settings are part of the link. Pictures are kept on this server for {hours} hours, then deleted; until then "
            "everybody with the link sees them.",
            elem_classes="weights-note",
        )
    link = gr.Textbox(
        label="Link", visible=False, interactive=False, buttons=["copy"], elem_id=f"{tab}-link", max_lines=2
    )
    return button, with_pictures, link


def _shared_points(points: SharedPoints, panels: list[np.ndarray], *source: Any) -> dict[str, Any]:
    """The editor's points as they lie in the kept pictures, which may be smaller."""
    sizes = {id(component): item for component, item in zip(points.source, source, strict=True)}
    kept = []
    for panel, component in zip(panels, points.over, strict=False):
        picture = sizes.get(id(component))
        scale = limit_size(picture, SHARED_SIDE_PX).width / picture.width if isinstance(picture, Image.Image) else 1.0
        kept.append(np.where(panel < 0, panel, panel * scale).tolist())
    return {"key": _key(source), "points": kept}


def _restore_on_load(
    tab: str, settings: dict[str, Component], pictures: dict[str, Component], points: SharedPoints | None
) -> None:
    """Set the controls from the address when the page opens at this tab."""
    outputs = [*settings.values(), *pictures.values(), *([points.given] if points else [])]

    def restore(request: gr.Request) -> Any:
        query = dict(request.query_params) if request is not None else {}
        if query.get("tab") != tab:
            return [gr.skip()] * len(outputs) if len(outputs) > 1 else gr.skip()
        updates = [restored(component, query[n]) if n in query else gr.skip() for n, component in settings.items()]
        share = query.get(SHARE, "")
        updates += [_kept(share, name, component) for name, component in pictures.items()]
        updates += [_kept_points(share)] if points else []
        return updates if len(updates) > 1 else updates[0]

    context = gr.context.Context.root_block
    if context is not None:
        linked = gr.JSON({}, visible=False)
        context.load(None, None, linked, js=ADDRESSED % tab, **PRIVATE)
        linked.change(restore, None, outputs, **PRIVATE)


def _kept(share: str, name: str, component: Component) -> Any:
    """A kept input; a link whose pictures are gone still restores the settings, and says so."""
    if not share:
        return gr.skip()
    try:
        files = [str(file) for file in fetch_all(share, name)]
    except InputError as error:
        gr.Warning(str(error))
        return gr.skip()
    if not files:
        return gr.skip()
    return gr.update(value=files if getattr(component, "file_count", "single") == "multiple" else files[0])


def _kept_points(share: str) -> Any:
    """Kept points, if the link has any; that its pictures are gone was said with the pictures."""
    try:
        files = fetch_all(share, POINTS) if share else []
    except InputError:
        files = []
    return json.loads(files[0].read_text()) if files else gr.skip()
