"""The arrows between rooms point one way, the Hub's `spaces` stays importable, and nothing heavy happens on import."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

SYSTEMS = ("implicit", "crossbreed", "sdl", "ripple", "gfla")
CORE = ROOT / "core"
FILES = sorted(CORE.rglob("*.py"))
# What works with pictures, asked for by the functions that do; drawing the page and `--help` need none of it.
HEAVY = (
    *("torch", "diffusers", "transformers", "accelerate", "safetensors", "sympy"),
    *("scipy", "skimage", "mediapipe", "moviepy", "matplotlib"),
)


def imports(path) -> set[str]:
    """Every module that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def room(path) -> str:
    return path.relative_to(CORE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    mine = room(path)
    for module in imports(path):
        top = module.split(".")[0]
        assert not (top == "gradio" and mine != "ui"), f"{path}: gradio belongs below core/ui"
        assert not (top == "mediapipe" and mine != "detect"), f"{path}: mediapipe belongs below core/detect"
        if not module.startswith("core."):
            continue
        other = module.split(".")[1]
        if other in ("ui", "cli"):
            assert mine in ("ui", "cli", "__main__"), f"{path} imports {module}: nothing below the interface may"
        if other in SYSTEMS:
            assert mine in (other, "ui", "cli"), f"{path} imports {module}: a system stands alone"
        if mine in ("ops", "errors", "options", "progress", "image", "timeline", "video", "metrics", "devices"):
            assert other not in ("pipeline", "weights", "detect", "training"), f"{path} imports {module}"
    if path.name.startswith("network"):
        assert not any(m.startswith(("core.weights", "core.pipeline")) for m in imports(path)), path


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_readable(path):
    assert len(path.read_text().splitlines()) <= 500, f"{path} is past 500 lines: split it by meaning"


def run_python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_spaces_is_the_hubs_package():
    assert not (ROOT / "spaces" / "__init__.py").exists()
    code = "import spaces; assert callable(spaces.GPU), spaces; import core.cli; print('fine')"
    assert "fine" in run_python(code)


def test_import_costs_nothing():
    code = "import sys, core; print([m for m in ('torch', 'gradio', 'numpy', 'diffusers') if m in sys.modules])"
    assert run_python(code).strip() == "[]"


def test_help_needs_no_torch():
    code = (
        "import sys\nfrom core.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print('heavy:', [m for m in {('gradio', *HEAVY)} if m in sys.modules])"
    )
    assert "heavy: []" in run_python(code)


def late_imports(path) -> set[str]:
    """Modules that a file's functions import when they are called."""
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    asked = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.ImportFrom)]
    return {str(node.module) for node in asked}


@pytest.mark.slow
def test_the_page_is_drawn_without_what_works_and_then_all_of_it_is_opened_at_once():
    late = set().union(*map(late_imports, [CORE / "compare.py", *(CORE / "ui").rglob("*.py")]))
    late = {module for module in late if module.startswith("core.")}
    assert {"core.implicit.pipeline", "core.metrics"} <= late
    code = (
        "import sys\nfrom core.ui.build import build_demo\nfrom core.ui.rooms import opened\nbuild_demo()\n"
        f"print('heavy:', [m for m in {HEAVY} if m in sys.modules])\n"
        f"opened().result()\nprint('shut:', [m for m in {sorted(late)} if m not in sys.modules])"
    )
    # A device that is asked for by name is looked at when the page is built.
    said = run_python(code, MORPHOSPACE_DEVICE="")
    assert said.split("\n")[-3:-1] == ["heavy: []", "shut: []"]
