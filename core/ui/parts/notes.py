"""What reading a picture had to change: told beside it on the page, and in the details for programs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from core.image import notes_of

DROPPED = "What a photo's file says of place, time and camera (EXIF) is dropped on purpose."


def draw_notes(pictures: Sequence[Component]) -> None:
    """A line where the layout stands that tells of these pictures."""
    line = gr.Markdown(DROPPED, elem_classes="picture-notes")
    gr.on(
        [picture.change for picture in pictures if hasattr(picture, "change")], tell_notes, list(pictures), line,
        api_visibility="private", show_progress="hidden", trigger_mode="always_last",
    )  # fmt: skip


def tell_notes(*pictures: Any) -> str:
    """What was changed to read them, in sentences, and what is dropped from all."""
    said = [f"**{note[:1].upper()}{note[1:]}.**" for note in notes_in(pictures)]
    return " ".join([*said, DROPPED])


def notes_in(values: Any) -> list[str]:
    """The notes of all pictures among some values, each once."""
    if isinstance(values, Image.Image):
        return list(notes_of(values))
    if not isinstance(values, list | tuple):
        return []
    return list(dict.fromkeys(note for value in values for note in notes_in(value)))


def with_notes(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The handler, whose details also tell what was changed to read its pictures."""

    def told(answer: Any, notes: list[str]) -> Any:
        if not notes or not isinstance(answer, tuple):
            return answer
        return tuple(_joined(part, notes) if _is_details(part) else part for part in answer)

    @functools.wraps(handler)
    def called(*args: Any, **more: Any) -> Any:
        return told(handler(*args, **more), notes_in(args))

    @functools.wraps(handler)
    def streamed(*args: Any, **more: Any) -> Iterator[Any]:
        notes = notes_in(args)
        for answer in handler(*args, **more):
            yield told(answer, notes)

    return streamed if inspect.isgeneratorfunction(handler) else called


def _is_details(part: Any) -> bool:
    return isinstance(part, dict) and "seconds" in part


def _joined(details: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    return {**details, "notes": list(dict.fromkeys([*notes, *details.get("notes", [])]))}
