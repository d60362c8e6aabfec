"""A link that restores a tab, every setting and, for some hours, the pictures; and the drop that reads exported files.

Settings live in the address itself, so they survive a restart. Pictures cannot: see `core.ui.parts.store`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import gradio as gr
from gradio.components import Component
from PIL import Image

from core import settings as installation
from core.errors import InputError
from core.ui.parts.handlers import friendly
from core.ui.parts.restore import restore_drop, restored
from core.ui.parts.store import fetch, keep

SHARE = "pictures"


def share_link(tab: str, settings: dict[str, Component], inputs: dict[str, Component] | None = None) -> None:
    """Draw the link button of a tab and the drop for exported files. Call inside the tab, after the settings were drawn.

    Args:
        tab: the tab's id; the link carries it as `tab`.
        settings: what to restore, by the name that it has in the link. Only values that differ from the defaults
            are carried.
        inputs: picture inputs by name; they are kept on the server for a while when a person asks for it.
    """
    pictures = inputs or {}
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
    with gr.Accordion("Settings from an exported file", open=False):
        restore_drop(tab, settings)

    defaults = [component.value for component in settings.values()]

    def make(request: gr.Request, *values: Any) -> Any:
        changed = {
            name: value
            for name, value, default in zip(settings, values, defaults, strict=False)
            if value != default and value is not None
        }
        shown = dict(zip(pictures, values[len(settings) :], strict=False))
        given = {name: picture for name, picture in shown.items() if isinstance(picture, Image.Image)}
        if shown and not given:
            raise InputError("there is no picture to share: drop one in, or take the link to the settings")
        kept = {SHARE: keep(given)} if given else {}
        root = str(request.request.base_url).rstrip("/") if request.request is not None else ""
        return gr.update(value=f"{root}/?{urlencode({'tab': tab, **changed, **kept})}", visible=True)

    private: dict[str, Any] = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
    button.click(make, list(settings.values()), link, **private)
    if pictures:
        with_pictures.click(friendly(make), [*settings.values(), *pictures.values()], link, **private)
    _restore_on_load(tab, settings, pictures)


def _restore_on_load(tab: str, settings: dict[str, Component], pictures: dict[str, Component]) -> None:
    """Set the controls from the address when the page opens."""
    outputs = [*settings.values(), *pictures.values()]

    def restore(request: gr.Request) -> Any:
        query = dict(request.query_params) if request is not None else {}
        if query.get("tab") != tab:
            return [gr.skip()] * len(outputs) if len(outputs) > 1 else gr.skip()
        updates = [restored(component, query[n]) if n in query else gr.skip() for n, component in settings.items()]
        updates += [_picture(query.get(SHARE, ""), name) for name in pictures]
        return updates if len(updates) > 1 else updates[0]

    context = gr.context.Context.root_block
    if context is not None:
        context.load(restore, None, outputs, api_visibility="private", show_progress="hidden")


def _picture(share: str, name: str) -> Any:
    """A kept picture; a link whose pictures are gone still restores the settings, and says so."""
    if not share:
        return gr.skip()
    try:
        return gr.update(value=str(fetch(share, name)))
    except InputError as error:
        gr.Warning(str(error))
        return gr.skip()
