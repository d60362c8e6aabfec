"""GFLA: parity cases met, forward and gradient, as the parity tests count them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from bench import Row

ROOT = Path(__file__).parents[1]


def rows() -> list[Row]:
    """Run the parity tests; every golden case is one test."""
    files = sorted(str(path) for path in (ROOT / "tests" / "gfla").glob("test_parity_*.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", *files]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", said)}
    met, missed = counts.get("passed", 0), counts.get("failed", 0) + counts.get("error", 0)
    return [Row("parity cases met, forward and gradient", "all", f"{met} of {met + missed}", met > 0 and missed == 0)]
