"""What each component takes as a value, in words and as a check; the same for the page, for programs and for agents."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.utils import get_upload_folder

from core.errors import InputError, unknown_name
from core.ui.parts.points import PointEditor

# Beyond it JSON's whole numbers are no longer exact.
LARGEST_NUMBER = 2.0**53
LONGEST_SHOWN = 60
PICKS = (gr.Dropdown, gr.Radio)
FILES = (gr.Image, gr.Video, gr.File)
HOW_TO_SEND = 'upload it, then send {"path": "...", "meta": {"_type": "gradio.FileData"}} with the path that came back'


def kind_of(component: Component) -> str:
    """A component's value in words."""
    if isinstance(component, PointEditor):
        return 'points: `{"panels": [{"points": [[x, y], ...]}, ...]}` in pixels, (-1, -1) = missing'
    if isinstance(component, gr.Slider):
        return f"number, {component.minimum:g} to {component.maximum:g}"
    if isinstance(component, gr.Number) and component.minimum is not None:
        return f"number, {component.minimum:g} or more"
    if isinstance(component, gr.Dropdown | gr.Radio):
        return "one of " + ", ".join(f"`{value}`" for _, value in component.choices)
    if isinstance(component, gr.ImageEditor):
        return 'picture with a mask: `{"background": file, "layers": [file], "composite": file}`'
    kinds = {gr.Checkbox: "true or false", gr.Number: "number", gr.Image: "picture file", gr.Video: "video file"}
    kinds |= {gr.File: "file", gr.JSON: "JSON", gr.Textbox: "text", gr.Dataframe: "table"}
    return next(
        (words for kind, words in kinds.items() if isinstance(component, kind)), type(component).__name__.lower()
    )


def shown(value: Any) -> str:
    """A value that came from outside, short enough for a sentence."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = repr(value) if not isinstance(value, int) or abs(value) < LARGEST_NUMBER else "a number of too many digits"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def check_value(title: str, component: Component, value: Any, needed: bool = False) -> None:
    """Look at what came for a component before gradio takes it apart.

    Args:
        title: the parameter's name in messages.
        component: the input.
        value: what JSON brought.
        needed: null does not fit, though nothing stands in the component.

    Raises:
        InputError: naming the parameter, what came and what fits.
    """
    if value is None:
        if needed:
            raise InputError(f"{title} is missing; what fits: {kind_of(component)}")
        if component.value is None or isinstance(component, PointEditor):
            return
    if isinstance(component, PICKS):
        choices = [choice for _, choice in component.choices]
        if isinstance(value, str) and value not in choices:
            raise unknown_name(title, value, map(str, choices))
        fits = value in choices
    elif isinstance(component, gr.CheckboxGroup):
        choices = [choice for _, choice in component.choices]
        for item in value if isinstance(value, list) else []:
            if item not in choices:
                raise unknown_name(title, item, map(str, choices))
        fits = isinstance(value, list)
    elif isinstance(component, gr.ImageEditor):
        _check_editor(title, value)
        return
    elif isinstance(component, FILES):
        several = isinstance(value, list) and getattr(component, "file_count", "single") == "multiple"
        for item in value if several else [value]:
            _check_file(title, kind_of(component), item, isinstance(component, gr.Image))
        return
    else:
        fits = _fits_plain(component, value)
    if not fits:
        raise InputError(f"{title} is {shown(value)}; what fits: {_exact(component)}")


def _fits_plain(component: Component, value: Any) -> bool:
    if isinstance(component, gr.Slider | gr.Number):
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LARGEST_NUMBER:
            return False
        low, high = component.minimum, component.maximum
        whole = component.precision != 0 or math.floor(value) == value
        return whole and (low is None or value >= low) and (high is None or value <= high)
    if isinstance(component, gr.Checkbox):
        return isinstance(value, bool)
    return isinstance(value, str) or not isinstance(component, gr.Textbox)


def _exact(component: Component) -> str:
    whole = isinstance(component, gr.Slider | gr.Number) and component.precision == 0
    return f"{'whole ' if whole else ''}{kind_of(component)}"


def _check_editor(title: str, value: Any) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("layers") or [], list):
        raise InputError(f'{title} is {shown(value)}; what fits: {{"background": file, "layers": [file]}}')
    # A browser sends its layers apart, under this number.
    if value.get("id") is None:
        for part in (value.get("background"), value.get("composite"), *(value.get("layers") or [])):
            if part is not None:
                _check_file(title, "picture file", part)
    elif not isinstance(value["id"], str):
        raise InputError(f"{title} has the id {shown(value['id'])}; what fits: text")


def _check_file(title: str, fits: str, value: Any, data_url: bool = False) -> None:
    """A file comes by the path of an upload or by a public address; a picture may also be a data URL."""
    given = value if isinstance(value, dict) else {}
    path, url = given.get("path"), given.get("url")
    if data_url and path is None and isinstance(url, str) and url.startswith("data:"):
        return
    # What carries no mark would pass gradio's own look at the path.
    if given.get("meta") != {"_type": "gradio.FileData"} or not isinstance(path, str) or not path:
        came = f"an object with {', '.join(map(str, list(given)[:5]))}" if given else shown(value)
        raise InputError(f"{title} is {came}; what fits: {fits}; {HOW_TO_SEND}")
    if path.startswith(("http://", "https://")):
        return
    if "\0" in path or not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(get_upload_folder())):
        raise InputError(f"{title} is {shown(path)}, which was not uploaded here; what fits: {fits}; {HOW_TO_SEND}")
    if not os.path.isfile(path):
        raise InputError(f"{title} is {shown(Path(path).name)}, which is not here any longer: upload it again")
