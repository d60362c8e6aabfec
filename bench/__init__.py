"""Claims and their measurements: one file per claim, each with `rows() -> list[Row]`.

`python -m bench` runs all files, `python -m bench implicit sdl_frames` some of them; what was measured is written to
docs/numbers.md with machine, date and commit. Run it on an otherwise idle machine. Speed is a ratio of two ways measured in
turn in one run. Contact sheets go to the folder that MORPHOSPACE_SHEETS names, by default `morphospace-sheets` in the folder
for temporary files: they show photos, which do not belong into the repository.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: the claim.
        target: what the project wants, as text.
        measured: what came out, as text.
        met: whether it reaches the target; None where there is none.
    """

    what: str
    target: str
    measured: str
    met: bool | None = None


def seconds(*ways: Callable[[], object], repeats: int = 5, warm_up: int = 1) -> list[float]:
    """Median seconds of each way, taken in turn (A B A B ...), so that a drifting machine treats them alike."""
    for _ in range(warm_up):
        for way in ways:
            way()
    taken: list[list[float]] = [[] for _ in ways]
    for _ in range(repeats):
        for times, way in zip(taken, ways, strict=True):
            start = time.perf_counter()
            way()
            times.append(time.perf_counter() - start)
    return [statistics.median(times) for times in taken]


def sheet_path(name: str) -> Path:
    """Where the contact sheet `name` goes; its folder is made."""
    folder = Path(os.environ.get("MORPHOSPACE_SHEETS", Path(tempfile.gettempdir()) / "morphospace-sheets"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.png"
