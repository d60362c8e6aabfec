"""Ripple: how many published cases are met, counted by running their tests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from bench import Row

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "tests" / "ripple").glob("test_parity_*.py"))


def rows() -> list[Row]:
    """Goldens on disk, and whether every test that holds them passes."""
    goldens = (ROOT / "tests" / "parity" / "ripple").glob("*.golden.json")
    cases = sum(len(json.loads(file.read_text())["cases"]) for file in goldens)
    done = subprocess.run([sys.executable, "-m", "pytest", *map(str, FILES)], cwd=ROOT, capture_output=True, text=True)
    said = {name: int(count) for count, name in re.findall(r"(\d+) (passed|failed|error)", done.stdout)}
    met = done.returncode == 0
    text = ", ".join(f"{count} tests {name}" for name, count in said.items())
    return [Row(f"parity: {cases} published cases", "all met", text or done.stdout[-200:], met)]
