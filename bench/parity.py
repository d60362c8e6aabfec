"""All learned systems: how many golden cases of the published code are met, by running the parity tests.

The implicit morph counts its own in `bench/implicit.py`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from bench import Row

ROOT = Path(__file__).parents[1]
SYSTEMS = ("crossbreed", "sdl", "ripple", "gfla")


def rows() -> list[Row]:
    """Count, one row per system; every golden case, forward or gradient, is one test."""
    return [row(system) for system in SYSTEMS]


def row(system: str) -> Row:
    """The cases of one system; those that need pictures we may not have are counted apart."""
    files = sorted(str(path) for path in (ROOT / "tests" / system).glob("test_parity_*.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", *files]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error|skipped)", said)}
    met, missed = counts.get("passed", 0), counts.get("failed", 0) + counts.get("error", 0)
    skipped = counts.get("skipped", 0)
    apart = f"; {skipped} not run: they need the authors' own pictures" if skipped else ""
    return Row(f"{system}: parity cases met", "all", f"{met} of {met + missed}{apart}", met > 0 and missed == 0)
