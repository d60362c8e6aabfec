"""What a run leaves behind for people: curves, sample sheets, and how it was started."""

from __future__ import annotations

import csv
import datetime
import json
import platform
import shlex
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import WeightsError
from core.image import to_pil


class Journal:
    """Writes `run.json`, `curves.csv`, TensorBoard events, `samples/` and, at the end, `curves.png`."""

    def __init__(self, folder: Path, options: Any, first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.folder = folder
        self.curves = folder / "curves.csv"
        self.rows = [row for row in read_curves(folder) if row["step"] <= first_step]
        self.events = SummaryWriter(str(folder / "events"), purge_step=first_step + 1)
        (folder / "samples").mkdir(exist_ok=True)
        _note_start(folder / "run.json", _origin(options, first_step))
        self._write()

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """One line of the curves."""
        row = {"step": float(step), **values}
        self.rows.append(row)
        for name, value in values.items():
            self.events.add_scalar(name, value, step)
        if list(row) == self.names:
            with self.curves.open("a", newline="") as file:
                csv.DictWriter(file, self.names).writerow(row)
        else:
            self._write()

    def sheet(self, step: int, picture: Tensor) -> None:
        """One sample sheet, (3, H, W) in [0, 1]."""
        to_pil(picture)[0].save(self.folder / "samples" / f"{step:07d}.png")
        self.events.add_image("samples", picture.clamp(0, 1), step)

    def close(self) -> None:
        """Draw the curves."""
        self.events.close()
        draw_curves(self.rows, self.folder / "curves.png")

    def _write(self) -> None:
        self.names = list(dict.fromkeys(name for row in self.rows for name in row)) or ["step"]
        with self.curves.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.names)
            writer.writeheader()
            writer.writerows(self.rows)


def read_curves(folder: Path) -> list[dict[str, float]]:
    """The lines of `curves.csv`; empty where there is none."""
    path = folder / "curves.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def draw_curves(rows: list[dict[str, float]], path: Path) -> None:
    """One small plot per value, over steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for row in rows for name in row if name != "step"))
    if not names:
        return
    figure = Figure(figsize=(4 * min(3, len(names)), 2.6 * -(-len(names) // 3)), layout="constrained")
    FigureCanvasAgg(figure)
    for place, name in enumerate(names, 1):
        axis = figure.add_subplot(-(-len(names) // 3), min(3, len(names)), place)
        points = [(row["step"], row[name]) for row in rows if name in row]
        axis.plot(*zip(*points, strict=True), linewidth=0.9)
        axis.set_title(name, fontsize=9)
        axis.tick_params(labelsize=7)
    figure.savefig(path, dpi=90)


def _origin(options: Any, first_step: int) -> dict[str, Any]:
    return {
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "commit": _commit(),
        "options": asdict(options),
        "resumed_from_step": first_step,
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, torch {torch.__version__}",
    }


def options_of(run: str | Path) -> dict[str, Any]:
    """The options that a run was started with, as they stand in its `run.json`.

    Raises:
        WeightsError: a folder without a run, or with a damaged one.
    """
    file = Path(run) / "run.json"
    try:
        return dict(json.loads(file.read_text(encoding="utf-8"))["options"])
    except OSError as error:
        raise WeightsError(f"{run} holds no run.json: name the folder (--out) of a training run") from error
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{file} is damaged ({type(error).__name__}: {error}): name another run") from error


def _note_start(path: Path, origin: dict[str, Any]) -> None:
    """The newest start is the file's own; what a resumed run was started with before is kept below it."""
    before = json.loads(path.read_text()) if path.exists() and origin["resumed_from_step"] else None
    earlier = [*before.pop("earlier", []), before] if before else []
    path.write_text(json.dumps({**origin, "earlier": earlier}, indent=2))


def _commit() -> str | None:
    """The project's commit, with a mark where files differ from it; None outside git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
