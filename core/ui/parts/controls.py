"""Options dataclasses as controls: every field becomes a slider, checkbox, list or text box with its help."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from core.options import Field, build, fields_of

# Labels that are not just the field's name.
WORDS = {"face_a": "Face in the first picture", "face_b": "Face in the second picture", "fps": "Frames per second"}


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


def named(handler: Callable[..., Any], *groups: Controls | dict[str, str]) -> Callable[..., Any]:
    """The handler with one named, described parameter per control in place of its `*values`.

    The API page, the Python client and MCP show these names and texts; left out, a control's own value holds. A group is
    the controls of an options class, or a dict of names and descriptions.
    """
    described: dict[str, str] = {}
    for group in groups:
        if isinstance(group, Controls):
            # In the order of the components, which need not be that of the fields.
            helps = {field.name: field.help for field in fields_of(group.options)}
            described.update({name: helps[name] for name in group.by_name})
        else:
            described.update(group)
    kept: list[inspect.Parameter] = []
    after: list[inspect.Parameter] = []
    for parameter in inspect.signature(handler).parameters.values():
        if parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            special = parameter.kind is inspect.Parameter.KEYWORD_ONLY
            (after if special else kept).append(parameter.replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD))
    added = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None) for name in described]

    def called(*args: Any) -> Any:
        fixed, last = args[: len(args) - len(after)], args[len(args) - len(after) :]
        return handler(*fixed, **dict(zip((p.name for p in after), last, strict=True)))

    def streamed(*args: Any) -> Any:
        fixed, last = args[: len(args) - len(after)], args[len(args) - len(after) :]
        yield from handler(*fixed, **dict(zip((p.name for p in after), last, strict=True)))

    chosen = streamed if inspect.isgeneratorfunction(handler) else called
    chosen.__name__ = handler.__name__
    chosen.__signature__ = inspect.Signature([*kept, *added, *after])  # type: ignore[attr-defined]
    text = inspect.getdoc(handler) or ""
    lines = "\n".join(f"    {name}: {help[:1].upper() + help[1:]}." for name, help in described.items())
    chosen.__doc__ = text.replace("    values: The remaining controls.", lines)
    return chosen


def _control(field: Field, elem_id: str | None) -> Component:
    words = field.name.removesuffix("_s").removesuffix("_px").replace("_", " ").capitalize()
    label = WORDS.get(field.name, words)
    unit = " (seconds)" if field.name.endswith("_s") else " (pixels)" if field.name.endswith("_px") else ""
    common: dict[str, Any] = {"label": label + unit, "info": field.help, "value": field.default, "elem_id": elem_id}
    if field.choices:
        return gr.Dropdown(list(field.choices), **common)
    if field.kind is bool:
        return gr.Checkbox(**common)
    if field.kind in (int, float):
        # A slider always stands somewhere: where a field may be left empty it would answer with its least value.
        if field.low is not None and field.high is not None and not field.optional:
            step = field.step or (1 if field.kind is int else 0.01)
            return gr.Slider(field.low, field.high, step=step, precision=0 if field.kind is int else None, **common)
        return gr.Number(
            minimum=field.low,
            maximum=field.high,
            step=field.step or 1,
            precision=0 if field.kind is int else None,
            **common,
        )
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
