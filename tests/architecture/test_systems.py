"""A system's rooms: the paper stands alone, methods build on it, and what serves a picture never imports what trains."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.test_rooms import CORE, FILES, SYSTEMS

LONGEST_FILE, LONGEST_FUNCTION, FILES_IN_THE_ROOT = 350, 50, 5


def module_of(path: Path) -> str:
    parts = path.relative_to(CORE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


@cache
def asked(path: Path, at_import_only: bool = False) -> dict[str, set[str]]:
    """Modules of ours that a file imports, and the names it takes from each."""
    found: dict[str, set[str]] = {}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if at_import_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update({alias.name: set() for alias in node.names if alias.name in MODULES})
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if f"{node.module}.{alias.name}" in MODULES:
                    found.setdefault(f"{node.module}.{alias.name}", set())
                elif node.module in MODULES:
                    found.setdefault(node.module, set()).add(alias.name)
    return found


def reached(module: str, seen: set[str] | None = None) -> set[str]:
    """All modules of ours that importing `module` and running its functions may load."""
    seen = set() if seen is None else seen
    if module not in seen:
        seen.add(module)
        for other in asked(MODULES[module]):
            reached(other, seen)
    return seen


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_paper_stands_alone_and_methods_build_on_it(system):
    for path in (CORE / system).rglob("*.py"):
        room = path.relative_to(CORE / system).parts[0]
        shut = {"paper": ("methods", "data", "training"), "methods": ("data", "training")}.get(room, ())
        for module in asked(path):
            assert not any(module.startswith(f"core.{system}.{other}") for other in shut), f"{path} imports {module}"


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_serves_imports_nothing_that_trains(system):
    for module in reached(f"core.{system}.pipeline") | reached(f"core.{system}.options"):
        assert not module.startswith((f"core.{system}.data", f"core.{system}.training")), module


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_front_door_is_small(system):
    root = sorted(path.name for path in (CORE / system).glob("*.py"))
    assert len(root) <= FILES_IN_THE_ROOT and {"pipeline.py", "options.py"} <= set(root)
    methods = [path for path in (CORE / system / "methods").iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert methods and all((path / "README.md").is_file() for path in methods)


def test_no_circle_between_files():
    done: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, f"a circle: {' -> '.join((*way[way.index(module) :], module))}"
        if module not in done:
            for other in asked(MODULES[module], at_import_only=True):
                walk(other, (*way, module))
            done.add(module)

    for module in MODULES:
        walk(module, ())


def test_no_private_name_crosses_a_file():
    for path in FILES:
        for module, names in asked(path).items():
            private = [name for name in names if name.startswith("_") and not name.startswith("__")]
            assert not private, f"{path} takes {private} from {module}"


def test_files_and_functions_are_short():
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= LONGEST_FILE, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                assert lines <= LONGEST_FUNCTION, f"{path}: {node.name} has {lines} lines"
