"""What reading the pictures of a call had to change, for the line beside them and for the details."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image

from core.image import notes_of


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
