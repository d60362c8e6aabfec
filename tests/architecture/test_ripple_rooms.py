"""Ripple's rooms: the paper knows nothing of us, and what serves a picture reaches nothing that trains."""

from __future__ import annotations

from tests.architecture.test_rooms import imports
from tests.conftest import ROOT

RIPPLE = ROOT / "core/ripple"
OURS = ("methods", "data", "training")


def rooms_of(path) -> set[str]:
    found = (module.split(".") for module in imports(path) if module.startswith("core.ripple."))
    return {parts[2] for parts in found}


def test_the_paper_stands_alone():
    for path in (RIPPLE / "paper").glob("*.py"):
        assert not rooms_of(path) & {*OURS, "pipeline", "results", "components"}, path
    for path in (RIPPLE / "methods").rglob("*.py"):
        assert not rooms_of(path) & {"data", "training", "pipeline", "components"}, path


def test_what_serves_reaches_nothing_that_trains():
    seen, ahead = set(), [RIPPLE / "pipeline.py"]
    while ahead:
        path = ahead.pop()
        seen.add(path)
        for module in imports(path):
            file = ROOT / f"{module.replace('.', '/')}.py"
            if module.startswith("core.ripple.") and file.is_file() and file not in seen:
                ahead.append(file)
    names = {path.relative_to(RIPPLE).as_posix() for path in seen}
    assert "methods/head_turn/turn.py" in names
    assert not [
        name for name in names if name.startswith(("data/", "training/")) or "train" in name or "recipe" in name
    ]


def test_files_and_functions_are_short():
    for path in RIPPLE.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 350, path
    assert len(list(RIPPLE.glob("*.py"))) <= 5
