"""Values from outside, a link or an exported file, into controls: what fits is set, what does not is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from core.errors import InputError
from core.ui.parts.handlers import PRIVATE
from core.video import FORMATS, read_settings

LONGEST_VALUE = 500


def restored(component: Component, value: Any) -> Any:
    """An update that sets the component to a value from outside; `gr.skip()` where it does not fit."""
    text = str(value)
    if len(text) > LONGEST_VALUE:
        return gr.skip()
    if isinstance(component, gr.Checkbox):
        return gr.update(value=text == "True")
    if isinstance(component, gr.Slider | gr.Number):
        try:
            place = float(text)
        except ValueError:
            return gr.skip()
        low, high = getattr(component, "minimum", None), getattr(component, "maximum", None)
        if place != place or (low is not None and place < low) or (high is not None and place > high):
            return gr.skip()
        return gr.update(value=int(place) if place == int(place) else place)
    if isinstance(component, gr.CheckboxGroup):
        known, names = [choice[1] for choice in component.choices], text.split(",")
        return gr.update(value=names) if set(names) <= set(known) else gr.skip()
    if isinstance(component, gr.Dropdown | gr.Radio):
        return gr.update(value=text) if text in [choice[1] for choice in component.choices] else gr.skip()
    return gr.update(value=text)


def settings_from_file(tab: str, path: str | None, controls: dict[str, Component]) -> tuple[list[Any], str]:
    """Updates for the controls from an exported file, and a sentence about them.

    Controls that the file does not name go back to their defaults: files carry only what differs.

    Raises:
        InputError: no file, one that was not exported here, or one of another tab.
    """
    if path is None:
        raise InputError("the file is missing: drop in a video or picture that was exported here")
    return settings_into(tab, read_settings(path), controls)


def settings_into(tab: str, found: Mapping[str, Any], controls: dict[str, Component]) -> tuple[list[Any], str]:
    """The same from settings at hand.

    Raises:
        InputError: they are of another tab.
    """
    made_by = found.get("system")
    if made_by != tab:
        raise InputError(f"this file was made by the tab {made_by!r}: open it there")
    updates, strange = [], []
    for name, component in controls.items():
        if name in found:
            update = restored(component, found[name])
            if "value" not in update:
                strange.append(f"{name} = {found[name]}")
            updates.append(update)
        else:
            updates.append(gr.skip() if name == "format" else gr.update(value=component.value))
    said = f"Restored {sum(name in found for name in controls) - len(strange)} settings; the rest are the defaults."
    return updates, said + (f" Not understood: {'; '.join(strange)}." if strange else "")


def restore_drop(tab: str, controls: dict[str, Component]) -> None:
    """Draw the place where an exported file gives its settings back. Call inside the tab, after its controls."""
    file = gr.File(
        label="Drop an exported video or picture here: its settings come back",
        file_types=[f".{kind}" for kind in FORMATS],
        height=150,
        elem_id=f"{tab}-restore",
    )
    said = gr.Markdown(elem_id=f"{tab}-restored")

    def restore(path: str | None) -> list[Any]:
        updates, sentence = settings_from_file(tab, path, controls)
        return [*updates, sentence]

    file.upload(
        restore,
        file,
        [*controls.values(), said],
        queue=False,
        **PRIVATE,
    )
