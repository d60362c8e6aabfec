"""What a run leaves behind for people: curves, sample sheets, and how it was started."""

from __future__ import annotations

import csv
import datetime
import json
import math
import platform
import shlex
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from core.errors import WeightsError
from core.image import to_pil

PLOT_PX = (360, 234)


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
    names = list(dict.fromkeys(name for row in rows for name in row if name != "step"))
    if not names:
        return
    across = min(3, len(names))
    sheet = Image.new("RGB", (across * PLOT_PX[0], -(-len(names) // across) * PLOT_PX[1]), "white")
    for place, name in enumerate(names):
        plot = draw_curve(name, [(row["step"], row[name]) for row in rows if math.isfinite(row.get(name, math.nan))])
        sheet.paste(plot, (place % across * PLOT_PX[0], place // across * PLOT_PX[1]))
    sheet.save(path)


def draw_curve(name: str, points: list[tuple[float, float]]) -> Image.Image:
    """A plot of `PLOT_PX`: a frame, the line, and what its ends and its middle height stand for."""
    scale = 2  # drawn larger and reduced, so that the line is smooth
    width, height = (scale * side for side in PLOT_PX)
    left, top, right, bottom = 0.16 * width, 0.12 * height, 0.96 * width, 0.88 * height
    plot = Image.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(plot), ImageFont.load_default(scale * 10)
    x, y = np.array(points or [(0, 0)], dtype=float).T
    low, high = y.min(), y.max()
    across = left + (x - x[0]) / max(x[-1] - x[0], 1e-12) * (right - left)
    down = bottom - (y - low) / max(high - low, 1e-12) * (bottom - top)
    draw.rectangle((left, top, right, bottom), outline="#888888", width=scale)
    draw.line(list(zip(across, down, strict=True)), fill="#1f77b4", width=scale)
    draw.text(((left + right) / 2, top / 2), name, "black", font, "mm")
    for share, anchor in ((0.0, "la"), (0.5, "ma"), (1.0, "ra")):
        value, step = low + share * (high - low), x[0] + share * (x[-1] - x[0])
        draw.text((left - 3 * scale, bottom - share * (bottom - top)), f"{value:.3g}", "black", font, "rm")
        draw.text((left + share * (right - left), bottom + 3 * scale), f"{step:.0f}", "black", font, anchor)
    return plot.resize(PLOT_PX, Image.Resampling.LANCZOS)


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
