"""Options as frozen dataclasses: one field is a slider, a command-line flag, a check and a link.

    @dataclass(frozen=True)
    class MorphOptions:
        tau: float = option(0.3, "how far shape and appearance follow each other", low=0, high=2)

A field's type is `bool`, `int`, `float`, `str` or one of these `| None`; `choices` makes it a list.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from core.errors import OptionError, unknown_name

Options = TypeVar("Options")


def option(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    choices: Sequence[str] | None = None,
    group: str = "",
) -> Any:
    """A dataclass field with what the interface, the command line and the checks need to know."""
    facts = {"help": help, "low": low, "high": high, "step": step, "group": group}
    return dataclasses.field(default=default, metadata={**facts, "choices": tuple(choices or ())})


@dataclass(frozen=True)
class Field:
    """One option as the interface and the command line see it."""

    name: str
    kind: type
    optional: bool
    default: Any
    help: str
    low: float | None
    high: float | None
    step: float | None
    choices: tuple[str, ...]
    group: str


def fields_of(options: Any) -> list[Field]:
    """The fields of an options class (or object), in order."""
    cls = options if isinstance(options, type) else type(options)
    hints = typing.get_type_hints(cls)
    found = []
    for field in dataclasses.fields(cls):
        hint, optional = hints[field.name], False
        if isinstance(hint, types.UnionType):
            members = [a for a in typing.get_args(hint) if a is not type(None)]
            optional = len(members) < len(typing.get_args(hint))
            hint = members[0]
        facts = {"help": "", "low": None, "high": None, "step": None, "choices": (), "group": "", **field.metadata}
        found.append(Field(field.name, hint, optional, field.default, **facts))
    return found


def check(options: Options) -> Options:
    """The same options if every value has its type and lies in its range.

    Raises:
        OptionError: naming the option, what came and what fits.
    """
    for field in fields_of(options):
        value = getattr(options, field.name)
        if value is None:
            if not field.optional:
                raise OptionError(f"option {field.name} is missing: {field.help}")
            continue
        allowed = (int, float) if field.kind is float else (field.kind,)
        if not isinstance(value, allowed) or (isinstance(value, bool) and field.kind is not bool):
            raise OptionError(f"option {field.name} is {value!r}, it needs a {field.kind.__name__}")
        if isinstance(value, float) and not math.isfinite(value):
            raise OptionError(f"option {field.name} is {value}, it needs a finite number")
        if field.choices and value not in field.choices:
            raise unknown_name(field.name, value, field.choices)
        if isinstance(value, int | float) and not _within(value, field.low, field.high):
            raise OptionError(f"option {field.name} is {value}, it fits between {field.low} and {field.high}")
    return options


def _within(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def build(cls: type[Options], values: Mapping[str, Any]) -> Options:
    """Checked options from a mapping; unknown names are refused with the nearest known one."""
    known = {field.name: field for field in fields_of(cls)}
    for name in values:
        if name not in known:
            raise unknown_name("option", name, known)
    return check(cls(**values))


def to_query(options: Any) -> dict[str, str]:
    """What differs from the defaults, as strings for a link."""
    changed = {}
    for field in fields_of(options):
        value = getattr(options, field.name)
        if value != field.default:
            changed[field.name] = "" if value is None else repr(value) if field.kind is float else str(value)
    return changed


def from_query(cls: type[Options], query: Mapping[str, str]) -> Options:
    """Checked options from text, as a link or a command has it; unknown names are refused with the nearest known one."""
    known = {field.name: field for field in fields_of(cls)}
    return build(cls, {name: parse_value(known[name], text) if name in known else text for name, text in query.items()})


def parse_value(field: Field, text: str) -> Any:
    """`text` as the type of `field`; an empty text is None where that is allowed."""
    if text == "" and field.optional:
        return None
    if field.kind is bool:
        if text.lower() not in ("true", "false", "1", "0", "yes", "no"):
            raise OptionError(f"option {field.name} is {text!r}, it needs true or false")
        return text.lower() in ("true", "1", "yes")
    try:
        return field.kind(text)
    except ValueError:
        raise OptionError(f"option {field.name} is {text!r}, it needs a {field.kind.__name__}") from None
