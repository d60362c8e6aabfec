"""What the code imports is what the lists of packages name."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.conftest import ROOT

OURS = {"core", "tests", "bench", "app"}
# Packages that need not be here, under another name than their distribution's.
OPTIONAL = {"pillow_jxl": ["pillow-jxl-plugin"]}
# Named although no import statement shows it.
UNSEEN = {
    "mediapipe": "core.detect.solutions imports its modules by name",
    "protobuf": "mediapipe and tensorboard agree on this one alone",
    "tensorboard": "torch.utils.tensorboard writes through it",
}


def name_of(requirement: str) -> str:
    """A requirement's distribution, spelt as packaging spells it."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found.group()).lower()


@cache
def imported(*places: str) -> dict[str, str]:
    """Package of others -> a file that imports it, for the sources below `places`."""
    found: dict[str, str] = {}
    for place in places:
        for file in [ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names = [node.module]
                found |= {name.split(".")[0]: str(file.relative_to(ROOT)) for name in names}
    return {name: file for name, file in found.items() if name not in OURS | sys.stdlib_module_names}


def unnamed(imports: dict[str, str], named: Iterable[str]) -> dict[str, str]:
    """Imports whose distribution is none of the named ones."""
    known, brought_by = set(named), OPTIONAL | packages_distributions()
    return {
        package: file
        for package, file in imports.items()
        if not known & {name_of(each) for each in brought_by.get(package, [package])}
    }


def required() -> list[str]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def extras() -> dict[str, list[str]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.slow
def test_every_import_is_named():
    optional = [line for extra, lines in extras().items() if extra != "dev" for line in lines]
    app = imported("core", "spaces", "app.py")
    assert not unnamed(app, map(name_of, [*required(), *optional]))
    assert not unnamed(imported("tests", "bench"), map(name_of, [*required(), *extras()["dev"]]))


def test_everything_named_is_imported():
    brought_by = packages_distributions()
    used = {name_of(each) for package in imported("core", "spaces", "app.py") for each in brought_by.get(package, ())}
    assert {name_of(line) for line in required()} - used == set(UNSEEN)


@pytest.mark.parametrize("line", required())
def test_every_requirement_is_pinned_to_what_runs_here(line):
    from importlib.metadata import version

    from packaging.requirements import Requirement

    wanted = Requirement(line)
    assert [each.operator for each in wanted.specifier] == ["=="], f"{line}: pin it"
    if wanted.marker is None or wanted.marker.evaluate():
        assert wanted.specifier.contains(version(wanted.name).partition("+")[0])


def test_every_package_is_named_once():
    names = [name_of(line) for line in required() if not line.startswith("torch==")]  # torch: one for each Python
    assert len(names) == len(set(names))


def test_one_opencv():
    assert [line for line in required() if line.startswith("opencv")] == ["opencv-contrib-python==4.11.0.86"]
    files = [path for path in Path(ROOT / "spaces").glob("*/requirements.txt") if "opencv" not in path.read_text()]
    assert not files
