"""Spaces of the Hugging Face Hub: one folder each with exactly what its app reaches, and its upload.

`spaces/<name>/` holds what a Space adds (card, app, lists of packages). `stage` puts beside it the source files that the
app can import, the shipped weights of its systems and the examples of its tabs.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from core.errors import ExportError, MorphospaceError, WeightsError, unknown_name

ROOT = Path(__file__).parents[1]
SPACES = ROOT / "spaces"
EXAMPLES = Path("core/ui/examples")
SUITE = "suite"
MARK = "STAGED.txt"
NOT_FOR_SPACES = ("tensorboard", "typer")

# Which rendered people and drawings the tabs show, below `core/ui/examples`, besides what all tabs share.
EXAMPLES_OF = {"gfla": ("people",), "ripple": ("drivers",)}
SHARED_EXAMPLES = ("LICENSE.md", "pictures", "thumbnails")


def space_names() -> list[str]:
    """Every Space that can be staged."""
    return sorted(folder.name for folder in SPACES.iterdir() if (folder / "app.py").is_file())


def tabs_of(name: str) -> list[str]:
    """The tabs of a Space: its own, or all for the suite."""
    if name != SUITE:
        return [name]
    return sorted(file.stem for file in (ROOT / "core/ui/tabs").glob("*.py") if file.stem != "__init__")


def requirements_of() -> str:
    """What every Space's requirements.txt must say: the project's list without what only training and the command line need."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("#", *NOT_FOR_SPACES))]
    return "\n".join(["# Generated from the project's requirements.txt by `python -m core space lists`.", *kept]) + "\n"


def write_lists() -> list[Path]:
    """Renew requirements.txt and packages.txt of every Space."""
    written = []
    for name in space_names():
        for file, text in (("requirements.txt", requirements_of()), ("packages.txt", packages_of())):
            (SPACES / name / file).write_text(text)
            written.append(SPACES / name / file)
    return written


def packages_of() -> str:
    """The Debian packages that every Space needs."""
    return (ROOT / "packages.txt").read_text()


def stage(name: str, to: str | Path) -> Path:
    """Write a complete Space into the folder `to`, which is made, or must be empty or a Space staged before.

    Raises:
        OptionError: a Space that does not exist.
        ExportError: a folder that holds other things, or cannot be written.
        WeightsError: weights that the project should ship are not here.
    """
    if name not in space_names():
        raise unknown_name("space", name, space_names())
    folder = Path(to)
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise ExportError(f"{folder} holds other things: choose an empty folder")
    tabs = tabs_of(name)
    try:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(SPACES / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "LICENSE", folder)
        roots = ["core.ui.build", *(f"core.ui.tabs.{tab}" for tab in tabs)]
        sources = reached(roots)
        for file in [*sources, *data_beside(sources), *examples_of(tabs), *weights_of(tabs, sources)]:
            target = folder / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
        (folder / MARK).write_text(f"staged by `python -m core space build {name}`\n")
    except OSError as error:
        raise ExportError(f"{folder} cannot be written ({error}): free space, or choose another folder") from error
    return folder


def reached(modules: Iterable[str]) -> list[Path]:
    """The project's source files that importing `modules` can reach, imports inside functions included."""
    waiting, found = list(modules), set[Path]()
    while waiting:
        name = waiting.pop()
        file = source_of(name)
        if file is None or file in found:
            continue
        found.add(file)
        if "." in name:
            waiting.append(name.rpartition(".")[0])
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return sorted(found)


def source_of(module: str) -> Path | None:
    """The file of one of our modules; None for a package of others, or a name inside a module."""
    if module.split(".")[0] != "core":
        return None
    place = ROOT / module.replace(".", "/")
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


def data_beside(sources: Iterable[Path]) -> list[Path]:
    """What lies in the sources' folders, or in folders of theirs without any source, and is no source."""
    found = set[Path]()
    for folder in {file.parent for file in sources}:
        inner = [child for child in folder.iterdir() if child.is_dir() and not any(child.rglob("*.py*"))]
        files = [*folder.iterdir(), *(file for child in inner for file in child.rglob("*"))]
        found.update(f for f in files if f.is_file() and f.suffix not in (".py", ".pyi", ".pyc"))
    return sorted(file for file in found if not file.is_relative_to(ROOT / EXAMPLES))


def examples_of(tabs: Iterable[str]) -> list[Path]:
    """The example files that the tabs show, with their results, licence and credits."""
    patterns = {*SHARED_EXAMPLES, *(pattern for tab in tabs for pattern in (tab, *EXAMPLES_OF.get(tab, ())))}
    found = [match for pattern in patterns for match in (ROOT / EXAMPLES).glob(pattern)]
    files = [file for match in found for file in ([match] if match.is_file() else match.rglob("*"))]
    return sorted({file for file in files if file.is_file()})


def weights_of(tabs: Iterable[str], sources: Iterable[Path]) -> list[Path]:
    """The shipped weights of the tabs' systems and of the detectors they use; none where no source asks for weights."""
    from core.weights import records
    from core.weights.catalogue import WEIGHTS

    if ROOT / "core/weights/catalogue.py" not in sources:
        return []
    text = "".join(file.read_text(encoding="utf-8") for file in sources)
    files = [WEIGHTS / "records.json"]
    for entry in records().values():
        detects = entry.system == "detect" and f'"{entry.name}"' in text
        if entry.kind == "shipped" and (entry.system in tabs or detects):
            folder = WEIGHTS / entry.name
            if not any(folder.rglob("*.safetensors")):
                raise WeightsError(f"the shipped weights {entry.name} are not in {folder}: {entry.command}")
            files += [file for file in folder.rglob("*") if file.is_file()]
    return files


def try_out(folder: str | Path, timeout_s: float = 300) -> list[str]:
    """Import a staged Space's app in a fresh process that sees no other project folder; returns its endpoints.

    Raises:
        ExportError: the app does not start; the message ends with what Python said.
    """
    place = str(Path(folder).resolve())
    code = (
        f"import sys; sys.path.insert(0, {place!r}); import spaces, app, core\n"
        f"assert core.__file__.startswith({place!r}), core.__file__\n"
        "assert callable(spaces.GPU)\n"
        "print(*app.demo.get_api_info()['named_endpoints'])"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    try:
        done = subprocess.run(
            [sys.executable, "-IB", "-c", code], cwd=place, env=environment, capture_output=True, text=True,
            timeout=timeout_s,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ExportError(f"the app in {place} did not start within {timeout_s:.0f} s") from error
    if done.returncode != 0:
        raise ExportError(f"the app in {place} does not start: {done.stderr.strip()[-800:]}")
    return done.stdout.split()


def push(folder: str | Path, repo: str, *, private: bool = True, hardware: str | None = None) -> str:
    """Upload a staged Space to `user/space`, made if it does not exist, and return its address.

    Files that an earlier upload left there and that are no longer part of the Space are deleted.

    Raises:
        ExportError: the folder is no Space, or the hub refuses.
    """
    from huggingface_hub import HfApi

    place = Path(folder)
    if not (place / "app.py").is_file() or not (place / "README.md").is_file():
        raise ExportError(f"{place} is no Space: stage it with `python -m core space build NAME --to {place}`")
    api = HfApi()
    try:
        api.create_repo(
            repo, repo_type="space", space_sdk="gradio", private=private, space_hardware=hardware, exist_ok=True
        )
        api.upload_folder(
            repo_id=repo, folder_path=place, repo_type="space", delete_patterns="*",
            ignore_patterns=["**/__pycache__/**", ".gradio/**"], commit_message=f"Morphospace {place.name}",
        )  # fmt: skip
    except MorphospaceError:
        raise
    except Exception as error:  # the hub client raises its own, httpx's and plain ValueErrors
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ExportError(
            f"the Space {repo} was not taken ({said}): log in with `hf auth login` and check the name"
        ) from error
    return f"{api.endpoint}/spaces/{repo}"
