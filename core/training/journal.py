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
        (folder / "run.json").write_text(json.dumps(_origin(options, first_step), indent=2))
        self._write()

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """One line of the curves."""
        self.rows.append({"step": float(step), **values})
        for name, value in values.items():
            self.events.add_scalar(name, value, step)
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
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        with self.curves.open("w", newline="") as file:
            writer = csv.DictWriter(file, names or ["step"])
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
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "commit": git.stdout.strip() or None,
        "options": asdict(options),
        "resumed_from_step": first_step,
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, torch {torch.__version__}",
    }
