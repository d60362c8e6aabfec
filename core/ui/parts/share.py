"""A link that restores a tab and every setting; it lives in the address, so it survives a restart."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import gradio as gr
from gradio.components import Component

LONGEST_VALUE = 500


def share_link(tab: str, settings: dict[str, Component]) -> None:
    """Draw the link button of a tab. Call inside the tab, after the settings were drawn.

    Args:
        tab: the tab's id; the link carries it as `tab`.
        settings: what to restore, by the name that it has in the link. Only values that differ from the defaults
            are carried.
    """
    defaults = [component.value for component in settings.values()]
    with gr.Row():
        button = gr.Button("Link to these settings", size="sm", elem_id=f"{tab}-share")
        link = gr.Textbox(
            label="Link", visible=False, interactive=False, buttons=["copy"], elem_id=f"{tab}-link", max_lines=2
        )

    def make(request: gr.Request, *values: Any) -> Any:
        changed = {
            name: value
            for name, value, default in zip(settings, values, defaults, strict=True)
            if value != default and value is not None
        }
        root = str(request.request.base_url).rstrip("/") if request.request is not None else ""
        return gr.update(value=f"{root}/?{urlencode({'tab': tab, **changed})}", visible=True)

    button.click(make, list(settings.values()), link, api_visibility="private", queue=False, show_progress="hidden")

    def restore(request: gr.Request) -> Any:
        query = dict(request.query_params) if request is not None else {}
        if query.get("tab") != tab:
            return [gr.skip()] * len(settings) if len(settings) > 1 else gr.skip()
        updates = [
            _restored(component, query[name]) if name in query else gr.skip() for name, component in settings.items()
        ]
        return updates if len(updates) > 1 else updates[0]

    context = gr.context.Context.root_block
    if context is not None:
        context.load(restore, None, list(settings.values()), api_visibility="private", show_progress="hidden")


def _restored(component: Component, text: str) -> Any:
    """The component with the value from a link; what does not fit is left at its default."""
    if len(text) > LONGEST_VALUE:
        return gr.skip()
    if isinstance(component, gr.Checkbox):
        return gr.update(value=text == "True")
    if isinstance(component, gr.Slider | gr.Number):
        try:
            value = float(text)
        except ValueError:
            return gr.skip()
        low, high = getattr(component, "minimum", None), getattr(component, "maximum", None)
        if (low is not None and value < low) or (high is not None and value > high) or value != value:
            return gr.skip()
        return gr.update(value=int(value) if value == int(value) else value)
    if isinstance(component, gr.Dropdown | gr.Radio):
        return gr.update(value=text) if text in [choice[1] for choice in component.choices] else gr.skip()
    return gr.update(value=text)
