"""Verbs from functions: a parameter is an argument or a flag, an options dataclass is a group of flags.

    @verb(app, "cat.jpg dog.jpg --out morph.mp4")
    def morph(first: Annotated[Path, Argument(help="first picture")], morph: CrossbreedOptions, progress: Progress) -> Result:

The options classes are those of the page (`core.options`), so help, range and default are written once.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer
from typer import Argument, BadParameter, Option
from typer.core import TyperArgument, TyperCommand

from core.errors import CancelledError, InputError, MorphospaceError, unknown_name
from core.options import check, fields_of, option
from core.progress import Progress, part_of

Result = dict[str, Any]
MANY = "..."  # a flag whose metavar ends so takes all words up to the next flag
VALUE = re.compile(r"[^-]|-$|-\.?\d")
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
VIDEOS = (".mp4", ".webm", ".mov", ".gif", ".webp", ".png", ".zip")


@dataclasses.dataclass(frozen=True)
class Place:
    """Where weights come from and networks run."""

    PANEL: ClassVar[str] = "weights and device"
    checkpoint: str | None = option(None, "a folder or hub id with converted weights, in place of the record's")
    device: str = option("auto", "auto, cpu, cuda, cuda:N or mps")
    precision: str = option("auto", "auto, float32, bfloat16 or float16")

    def pipeline(self, kind: Any, weights: str) -> Any:
        """A pipeline of a class on a record's weights, or on the checkpoint."""
        return kind.from_record(weights, self.checkpoint, self.device, self.precision)


class Given(frozenset[str]):
    """The names of the parameters that stand on the command line; a verb that wants to know takes one."""


class Verb(TyperCommand):
    """A command that also takes several values after one flag, and flags cut short, as its users are used to."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Bring the words into the form that typer reads."""
        flags = {name: param for param in self.get_params(ctx) for name in (*param.opts, *param.secondary_opts)}
        words, plain = list(args), []
        while words:
            word = words.pop(0)
            if word == "--":
                plain += [word, *words]
                break
            name, mark, value = word.partition("=")
            name = _whole_name(name, flags)
            param = flags.get(name)
            if mark or param is None or isinstance(param, TyperArgument) or getattr(param, "is_flag", False):
                plain.append(name + mark + value)
                continue
            many = str(param.metavar).endswith(MANY)
            taken: list[str] = []
            while words and VALUE.match(words[0]) and (many or len(taken) < param.nargs):
                taken.append(words.pop(0))
            if len(taken) < (1 if many else param.nargs):
                raise BadParameter(f"{name} needs {'a value' if param.nargs == 1 else f'{param.nargs} values'}", ctx)
            plain += [part for item in taken for part in (name, item)] if many else [name, *taken]
        return super().parse_args(ctx, plain)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """List the flags by their groups."""
        panels: dict[str, list[tuple[str, str]]] = {"arguments": [], "options": []}
        for param in self.get_params(ctx):
            if record := param.get_help_record(ctx):
                panel = getattr(param, "rich_help_panel", None) or "options"
                heading = "arguments" if isinstance(param, TyperArgument) else panel
                panels.setdefault(heading, []).append(record)
        for heading, records in panels.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def _whole_name(name: str, flags: Iterable[str]) -> str:
    """A long flag that was cut short but cannot be another one, in full."""
    if not name.startswith("--") or name in flags:
        return name
    fits = [flag for flag in flags if flag.startswith(name)]
    return fits[0] if len(fits) == 1 else name


def verb(app: typer.Typer, example: str = "", name: str | None = None) -> Callable[[Callable[..., Result]], Any]:
    """Make a function a verb of `app`; its docstring is the help, `example` follows the verb's name in it."""

    def add(run: Callable[..., Result]) -> Callable[..., Result]:
        hints = typing.get_type_hints(run, include_extras=True)
        parameters = inspect.signature(run).parameters
        groups: dict[str, Any] = {key: hint for key, hint in hints.items() if dataclasses.is_dataclass(hint)}
        flags = [_context()]
        for key, parameter in parameters.items():
            if key in groups:
                flags += _flags_of(groups[key], getattr(groups[key], "PANEL", key.replace("_", " ")))
            elif hints[key] not in (Progress, Given):
                flags.append(parameter.replace(annotation=hints[key], kind=inspect.Parameter.KEYWORD_ONLY))

        def command(ctx: typer.Context, **values: Any) -> Result:
            for key, kind in groups.items():
                made = kind(**{field.name: values.pop(field.name) for field in dataclasses.fields(kind)})
                values[key] = check(made) if all(map(_is_option, dataclasses.fields(kind))) else made
            for key in parameters:
                if hints[key] is Given:
                    sources = {one: ctx.get_parameter_source(one) for one in ctx.params}
                    values[key] = Given(n for n, source in sources.items() if source and source.name == "COMMANDLINE")
            if Progress not in hints.values():
                return run(**values)
            with bar(ctx) as shown:
                return run(**values, **{key: shown for key in parameters if hints[key] is Progress})

        command.__doc__, command.__annotations__ = run.__doc__, {}
        command.__signature__ = inspect.Signature(flags)  # type: ignore[attr-defined]
        called = name or run.__name__.strip("_").replace("_", "-")
        words = f"{app.info.name} {called}" if isinstance(app.info.name, str) else called
        note = f"\b\nexample:\n  python -m core {words} {example}".replace("\n\n", "\n\n\b\n") if example else None
        app.command(called, cls=Verb, epilog=note)(command)
        return run

    return add


def system(name: str, text: str, epilog: str = "") -> typer.Typer:
    """The verbs of one system; `epilog` shows examples, line by line."""
    return typer.Typer(name=name, help=text, epilog=f"\b\n{epilog}" if epilog else None, rich_markup_mode=None)


def _context() -> inspect.Parameter:
    return inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)


def _is_option(field: dataclasses.Field[Any]) -> bool:
    return "help" in field.metadata


def _flags_of(cls: Any, panel: str) -> Iterator[inspect.Parameter]:
    """One parameter per field of a class; the ranges of options are left to `check`, which says what fits."""
    hints = typing.get_type_hints(cls, include_extras=True)
    options = {field.name: field for field in fields_of(cls) if field.help}
    for field in dataclasses.fields(cls):
        hint, known = hints[field.name], options.get(field.name)
        if known:
            limits = "" if known.low is None and known.high is None else f"; {known.low} to {known.high}"
            choices = "|".join(filter(None, known.choices)) or None
            hint = Annotated[hint, Option(help=known.help + limits, rich_help_panel=panel, metavar=choices)]
        default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
        yield inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


@contextmanager
def bar(ctx: typer.Context) -> Iterator[Progress]:
    """Progress on standard error, unless the result is for a program or the log is on."""
    from core.progress import TqdmProgress

    with TqdmProgress(quiet=bool(ctx.obj and ctx.obj["quiet"])) as shown:
        yield shown


def weights_flag(text: str) -> Any:
    """The flag `--weights`, beside those of `Place`."""
    return Option(help=f"record: {text}", rich_help_panel=Place.PANEL)


def one_of(known: Iterable[str], text: str, *names: str) -> Any:
    """A flag that takes one of several words."""
    return Option(*names, help=text, metavar="|".join(known), callback=_chooser(known))


def one_word_of(known: Iterable[str], text: str) -> Any:
    """An argument that is one of several words."""
    return Argument(help=text, metavar="|".join(known), callback=_chooser(known))


def _chooser(known: Iterable[str]) -> Callable[[typer.Context, typer.CallbackParam, Any], Any]:
    def choose(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
        for word in value if isinstance(value, list) else [value]:
            if word is not None and word not in known:
                raise unknown_name(param.name or "choice", word, known)
        return value

    return choose


def picture_file(path: Path) -> Path:
    """A picture to write; what cannot be one is refused before the work."""
    return checked_file(path, PICTURES)


def video_file(path: Path) -> Path:
    """A video to write; what cannot be one is refused before the work."""
    return checked_file(path, VIDEOS)


def checked_file(path: Path, kinds: Iterable[str]) -> Path:
    """A file to write, if its kind is known and its folder can be made."""
    if path.suffix.lower() not in kinds:
        raise unknown_name("kind of file", path.suffix or path.name, kinds)
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file to write")
    folder(path.parent)
    return path


def folder(path: Path | None) -> Path | None:
    """A folder to write to, if no file stands in its way."""
    for part in (path, *path.parents) if path else ():
        if part.exists() and not part.is_dir():
            raise InputError(f"{part} is a file: name a folder to write to")
    return path


def each(items: list[Any], work: Callable[[Any, Progress], list[str]], progress: Progress) -> Result:
    """Do `work` for all items; what fails is listed and the rest goes on. A single item's mistake is raised."""
    written: list[str] = []
    failed: list[str] = []
    for index, item in enumerate(items):
        try:
            written += work(item, part_of(progress, index / len(items), (index + 1) / len(items)))
        except CancelledError:
            raise
        except MorphospaceError as error:
            if len(items) == 1:
                raise
            failed.append(f"{item}: {error}")
    return {"written": written, "failed": failed}
