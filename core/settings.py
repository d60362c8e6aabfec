"""Settings of an installation: environment variables at home, variables and secrets of a Space; checked at start."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import OptionError

DEVICE = "MORPHOSPACE_DEVICE"
PRECISION = "MORPHOSPACE_PRECISION"
COMPILE = "MORPHOSPACE_COMPILE"
WEIGHTS_DIR = "MORPHOSPACE_WEIGHTS_DIR"
WEIGHTS_REPO = "MORPHOSPACE_WEIGHTS_REPO"
CACHE = "MORPHOSPACE_CACHE"
OFFLINE = "MORPHOSPACE_OFFLINE"
FETCH = "MORPHOSPACE_FETCH"
OWNERS = "MORPHOSPACE_OWNERS"
TOKEN = "HF_TOKEN"
QUEUE_SIZE = "MORPHOSPACE_QUEUE_SIZE"
WORKERS = "MORPHOSPACE_WORKERS"
UPLOAD_MB = "MORPHOSPACE_UPLOAD_MB"
SHARE_HOURS = "MORPHOSPACE_SHARE_HOURS"

YES_NO = ("0", "1", "true", "false", "yes", "no", "on", "off")


@dataclass(frozen=True)
class Setting:
    """One environment variable.

    Attributes:
        name: the variable.
        meaning: what it does, in the table of the README.
        default: what holds where it is not set, as shown in the table.
        fits: what values fit, in words.
        accepts: whether a value fits.
        secret: a Space keeps it under its secrets; its value is never shown.
    """

    name: str
    meaning: str
    default: str
    fits: str
    accepts: Callable[[str], bool]
    secret: bool = False


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value) is not None


def _between(low: float, high: float) -> Callable[[str], bool]:
    return lambda value: value.isdecimal() and low <= int(value) <= high


def _writable(value: str) -> bool:
    """Whether a file can be made in the folder, which is made where it does not exist."""
    try:
        Path(value).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=value):
            return True
    except OSError:
        return False


SETTINGS = (
    Setting(DEVICE, "where networks run", "what accelerate finds", "auto, cpu, cuda, cuda:N or mps",
            _matches(r"auto|cpu|mps|cuda(:\d+)?")),
    Setting(PRECISION, "what networks compute in", "what the device gains from", "auto, float32, bfloat16 or float16",
            _matches(r"auto|float32|bfloat16|float16")),
    Setting(COMPILE, "let torch.compile build the networks' render paths: it takes minutes at first and gains 2 to 36 % of a frame's time on a CPU", "0", "0 or 1",
            lambda value: value.lower() in YES_NO),
    Setting(WEIGHTS_DIR, "a folder with weights of your own, one folder per record", "none", "a folder that exists",
            lambda value: Path(value).is_dir()),
    Setting(WEIGHTS_REPO, "a hub repository with weights, one folder per record", "none", "org/name or org/name@revision",
            _matches(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")),
    Setting(TOKEN, "the token that opens a private weights repository", "none", "a token from the Hub's settings page",
            _matches(r"\S+"), secret=True),
    Setting(CACHE, "where converted and downloaded weights lie", "the user's cache folder", "a folder that can be written",
            _writable),
    Setting(OFFLINE, "never ask the network for weights", "0", "0 or 1", lambda value: value.lower() in YES_NO),
    Setting(FETCH, "let everybody who sees the page fetch the authors' weights", "1, on a Space 0",
            "0 or 1", lambda value: value.lower() in YES_NO),
    Setting(OWNERS, "who may fetch them on a Space after logging in, beside its author: names on the Hub, commas between", "none",
            "names with commas between", _matches(r"[\w.-]+(,[\w.-]+)*")),
    Setting(QUEUE_SIZE, "jobs that may wait; later ones are refused with a message", "64", "1 to 10000", _between(1, 10000)),
    Setting(WORKERS, "jobs of one kind that run at the same time", "2", "1 to 64", _between(1, 64)),
    Setting(UPLOAD_MB, "largest file that a visitor may send, in megabytes", "60", "1 to 2000", _between(1, 2000)),
    Setting(SHARE_HOURS, "hours that the pictures of a shared link are kept; 0 keeps none", "24", "0 to 720", _between(0, 720)),
)  # fmt: skip


def check_settings(environment: Mapping[str, str] | None = None) -> None:
    """Look at every variable that is set, once, before anything starts.

    Raises:
        OptionError: naming all that do not fit, what came and what fits; a secret's value is not repeated.
    """
    given = os.environ if environment is None else environment
    wrong = [
        f"{setting.name} is {'set to something else' if setting.secret else repr(given[setting.name])}, it fits as {setting.fits}"
        for setting in SETTINGS
        if given.get(setting.name) and not setting.accepts(given[setting.name])
    ]
    if wrong:
        raise OptionError("; ".join(wrong) + ": change or remove the variable")


def number(name: str) -> int:
    """The value of a whole-number setting, or its default."""
    default = next(setting.default for setting in SETTINGS if setting.name == name)
    return int(os.environ.get(name) or default)


def switched_on(name: str) -> bool:
    """Whether a yes-or-no variable says yes."""
    return os.environ.get(name, "").lower() in ("1", "true", "yes", "on")


def on_a_space() -> bool:
    """Whether this is a Space of the hub."""
    return bool(os.environ.get("SPACE_ID"))


def owners() -> set[str]:
    """Who owns this Space: its author, and whom a setting names; empty at home."""
    named = {os.environ.get("SPACE_AUTHOR_NAME", ""), *os.environ.get(OWNERS, "").split(",")}
    return named - {""} if on_a_space() else set()


def table() -> str:
    """The settings as the README's table."""
    rows = [f"| `{s.name}`{' (secret)' if s.secret else ''} | {s.meaning} | {s.fits} | {s.default} |" for s in SETTINGS]
    return "\n".join(["| variable | meaning | fits | otherwise |", "|---|---|---|---|", *rows])
