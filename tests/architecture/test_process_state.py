"""Nothing in core changes what all threads of a process share; the few exceptions stand here with their reason."""

from __future__ import annotations

import ast

from tests.conftest import ROOT

SETTERS = {
    "set_num_threads", "set_num_interop_threads", "set_default_dtype", "set_default_device", "set_float32_matmul_precision",
    "use_deterministic_algorithms", "manual_seed", "set_rng_state", "filterwarnings", "simplefilter", "catch_warnings",
    "setNumThreads", "setRNGSeed", "setUseOptimized", "putenv", "setdefault", "chdir", "umask", "setlocale", "dup2",
    "basicConfig", "redirect_stdout", "redirect_stderr", "set_start_method", "setrecursionlimit", "setswitchinterval",
    "seterr", "set_verbosity", "init_empty_weights", "no_init_weights",
}  # fmt: skip
SHARED = {
    "os.environ",
    "tempfile.tempdir",
    "sys.stdout",
    "sys.stderr",
    "sys.path",
    "Image.MAX_IMAGE_PIXELS",
    "torch.backends",
}
ALLOWED = {
    "core/ui/__init__.py": "gradio reads its folder and its manners when it is imported, before the app starts",
    "core/image/read.py": "Pillow's own limit is lifted on import: ours is said in a sentence",
    "core/cli/__init__.py": "at the end of a command whose reader went away",
    "core/detect/solutions.py": "native code knows no other place for its log; what others write is passed on",
    "core/animals/colour_transfer/masks.py": "OpenCV keeps one generator per thread",
    "core/implicit/methods/layers/mattes.py": "OpenCV keeps one generator per thread",
    "core/training/loop.py": "dropout knows no generator but the global one; a run leaves it as it found it",
}


def setters(tree: ast.AST) -> list[str]:
    """Calls and assignments in a file that change shared state."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            own = node.func.attr == "manual_seed" and "Generator" in owner
            mine = node.func.attr == "setdefault" and owner != "os.environ"
            if node.func.attr in SETTERS and not own and not mine:
                found.append(f"{owner}.{node.func.attr}")
            if node.func.attr == "from_pretrained" and owner not in ("super()", "DiffusionPipeline"):
                found.append(f"{owner}.from_pretrained")
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        )
        for target in targets:
            name = ast.unparse(target.value if isinstance(target, ast.Subscript) else target)
            if any(name == shared or name.startswith(f"{shared}.") for shared in SHARED):
                found.append(f"{name} =")
    return found


def test_no_file_changes_what_threads_share():
    files = {str(p.relative_to(ROOT)): p for p in [ROOT / "app.py", *sorted((ROOT / "core").rglob("*.py"))]}
    found = {name: said for name, path in files.items() if (said := setters(ast.parse(path.read_text())))}
    assert {name: said for name, said in found.items() if name not in ALLOWED} == {}
    assert sorted(found) == sorted(ALLOWED), "an exception that is none any more"


def test_the_search_finds_each_kind():
    code = (
        "torch.set_num_threads(1)\nos.environ['A'] = '1'\nos.environ.setdefault('A', '1')\ntorch.manual_seed(0)\n"
        "warnings.simplefilter('ignore')\ntempfile.tempdir = 'x'\nSiren.from_pretrained('x')\nsys.path += ['x']\n"
        "g = torch.Generator().manual_seed(0)\nd.setdefault('a', 1)\n"
    )
    assert len(setters(ast.parse(code))) == 8
