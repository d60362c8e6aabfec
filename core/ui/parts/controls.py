"""Options dataclasses as controls: every field becomes a slider, checkbox, list or text box with its help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from core.options import Field, build, fields_of


@dataclass
class Controls:
    """The controls of one options class, in the order of its fields."""

    options: type
    by_name: dict[str, Component]

    @property
    def components(self) -> list[Component]:
        """What an event takes as inputs."""
        return list(self.by_name.values())

    def read(self, values: Sequence[Any]) -> Any:
        """Checked options from an event's values; fields without a control keep their defaults."""
        given = dict(zip(self.by_name, values, strict=True))
        kinds = {field.name: field for field in fields_of(self.options)}
        return build(self.options, {name: _as_kind(kinds[name], value) for name, value in given.items()})


def controls(options: type, names: Sequence[str] | None = None, tab: str = "") -> Controls:
    """Draw the controls of `options` (or of the fields `names` only) where the caller's layout stands.

    `tab` prefixes the elements' ids, so that tests and links can name them.
    """
    drawn = {}
    for field in fields_of(options):
        if names is None or field.name in names:
            drawn[field.name] = _control(field, f"{tab}-{field.name}" if tab else None)
    return Controls(options, drawn)


def _control(field: Field, elem_id: str | None) -> Component:
    label = field.name.removesuffix("_s").removesuffix("_px").replace("_", " ").capitalize()
    unit = " (seconds)" if field.name.endswith("_s") else " (pixels)" if field.name.endswith("_px") else ""
    common: dict[str, Any] = {"label": label + unit, "info": field.help, "value": field.default, "elem_id": elem_id}
    if field.choices:
        return gr.Dropdown(list(field.choices), **common)
    if field.kind is bool:
        return gr.Checkbox(**common)
    if field.kind in (int, float):
        if field.low is not None and field.high is not None:
            step = field.step or (1 if field.kind is int else 0.01)
            return gr.Slider(field.low, field.high, step=step, **common)
        return gr.Number(precision=0 if field.kind is int else None, **common)
    return gr.Textbox(max_lines=1, **common)


def _as_kind(field: Field, value: Any) -> Any:
    """What the browser sent, as the field's type (sliders send whole numbers as int or float alike)."""
    if value is None or (value == "" and field.optional):
        return None
    if field.kind is float:
        return float(value)
    if field.kind is int and float(value) == int(value):
        return int(value)
    return value
