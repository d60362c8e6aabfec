"""`python -m bench [file ...]`: run the measurements and write docs/numbers.md."""

from __future__ import annotations

import datetime
import importlib
import os
import pkgutil
import platform
import re
import subprocess
import sys
from pathlib import Path

import torch

import bench
from bench import Row

ROOT = Path(__file__).parents[1]
NUMBERS = ROOT / "docs" / "numbers.md"
HEAD = """# Numbers
Written by `python -m bench`; nothing here is typed by hand. Ratios are measured side by side in one run.
"""


def main(names: list[str]) -> int:
    """Run the named files, or all; returns 1 if a target was missed."""
    known = [module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_")]
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"unknown: {', '.join(unknown)}. Known: {', '.join(known)}", file=sys.stderr)
        return 2
    missed = 0
    for name in names or known:
        module = importlib.import_module(f"bench.{name}")
        rows = module.rows()
        # Read again each time: another run may have written meanwhile.
        sections = {**read_sections(), name: section(name, (module.__doc__ or "").strip().splitlines()[0], rows)}
        print(sections[name])
        missed += sum(row.met is False for row in rows)
        NUMBERS.write_text(HEAD + "".join(f"\n{text}" for _, text in sorted(sections.items())))
    return 1 if missed else 0


def read_sections() -> dict[str, str]:
    """The sections that stand in docs/numbers.md, by file name."""
    if not NUMBERS.exists():
        return {}
    parts = re.split(r"^(?=## )", NUMBERS.read_text(), flags=re.M)[1:]
    return {part.split("`")[1]: part.strip() + "\n" for part in parts}


def section(name: str, title: str, rows: list[Row]) -> str:
    """One table with where and when it was measured."""
    marks = {True: "yes", False: "**no**", None: ""}
    lines = [f"| {row.what} | {row.target} | {row.measured} | {marks[row.met]} |" for row in rows]
    return (
        f"## `{name}` {title}\n{machine()}\n\n| what | target | measured | met |\n|---|---|---|---|\n"
        + "\n".join(lines)
        + "\n"
    )


def machine() -> str:
    """Processor, torch, date and commit."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        model = re.search(r"model name\s*: (.*)", info.read_text()).group(1)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return (
        f"{datetime.date.today().isoformat()}, commit {commit.strip() or 'none'}, {os.cpu_count()} cores of {model}{gpu}, "
        f"torch {torch.__version__}, {torch.get_num_threads()} threads"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
