"""What weights exist: the list in `weights/records.json`, one entry per checkpoint, shipped or published."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from core.errors import OptionError, WeightsError

WEIGHTS = Path(__file__).parents[2] / "weights"


@dataclass(frozen=True)
class Record:
    """One checkpoint.

    Attributes:
        name: how it is asked for, and the name of its folder; `<system>-<tag>`.
        system: the folder below `core` whose networks it fills.
        title: what a person reads.
        kind: "shipped" (trained by us, in `weights/<name>/`) or "published" (the authors' file, converted).
        paper: whose it is; empty for shipped ones.
        licence: terms in a few words, shown before a download.
        licence_url: where the terms are stated.
        url: direct address of the file; empty where its page has to be walked.
        page: address that a person opens; empty where `url` is enough.
        filename: name of the published file.
        member: the file wanted from inside, where the published file is an archive.
        beside: address of a second file that the converter wants next to it.
        bytes: exact size of the published file, None where unknown.
        sha256: its checksum, None where unknown.
        nesting: where its state dicts lie, for the reader; the converter knows.
        converter: key of the system's `CONVERTERS`; empty means the record's own name, "as-published" that the file
            is read as it is.
        note: anything else worth knowing.
    """

    name: str
    system: str
    title: str
    kind: str
    licence: str
    paper: str = ""
    licence_url: str = ""
    url: str = ""
    page: str = ""
    filename: str = ""
    member: str = ""
    beside: str = ""
    bytes: int | None = None
    sha256: str | None = None
    nesting: str = ""
    converter: str = ""
    note: str = ""

    @property
    def checksum(self) -> str | None:
        """The beginning of the file's SHA-256, as far as it is known: its name may carry it, as torchvision's do."""
        named = re.search(r"-([0-9a-f]{8,64})\.\w+$", self.filename)
        return self.sha256 or (named.group(1) if named else None)

    @property
    def fetchable(self) -> bool:
        """Whether a program can fetch the file: from its address, or from a Drive page."""
        return bool(self.url) or "drive.google.com/" in self.page

    @property
    def command(self) -> str:
        """The command that puts these weights where `resolve` finds them."""
        if self.kind == "shipped":
            return f"git checkout -- weights/{self.name}"
        if self.fetchable:
            return f"python -m core weights pull {self.name}"
        return f"python -m core weights convert {self.name} PATH/TO/{self.filename}"


@cache
def records() -> dict[str, Record]:
    """All records by name."""
    file = WEIGHTS / "records.json"
    known = {field.name for field in fields(Record)}
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
        found = [Record(**{key: value for key, value in entry.items() if key in known}) for entry in entries]
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(
            f"the list of weights {file} cannot be read ({error}): restore it from the project"
        ) from error
    return {entry.name: entry for entry in found}


def record(name: str) -> Record:
    """One record by name; an unknown name is refused with the nearest known one."""
    known = records()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ":"
        raise OptionError(f"unknown weights {name!r}{hint} `python -m core weights list` shows all")
    return known[name]
