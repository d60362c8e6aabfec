"""SDL: how many cases of the published code are met, by running the parity tests."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from bench import Row

ROOT = Path(__file__).parents[1]


def rows() -> list[Row]:
    """Count."""
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "sdl").glob("test_parity_*.py"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    counts = {kind: int(count) for count, kind in re.findall(r"(\d+) (passed|failed|error|skipped)", done.stdout)}
    if not counts:
        # With -q in the project's options the last line counts only what went wrong; dots are what passed.
        counts = {"passed": sum(line.count(".") for line in done.stdout.splitlines() if line.endswith("%]"))}
    passed, total = counts.get("passed", 0), sum(counts.values())
    return [Row("SDL parity cases met", "all", f"{passed} of {total}", done.returncode == 0 and passed == total > 0)]
