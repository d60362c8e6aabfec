"""Where weights lie: an explicit place, the environment, the cache, the hub, then what ships with the project."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from core import settings
from core.errors import WeightsError
from core.weights.catalogue import WEIGHTS, Record, record

FOLDER_VARIABLE = settings.WEIGHTS_DIR
REPO_VARIABLE = settings.WEIGHTS_REPO
CACHE_VARIABLE = settings.CACHE
OFFLINE_VARIABLES = (settings.OFFLINE, "HF_HUB_OFFLINE")
# A Space's persistent storage, where its owner has some.
SPACE_STORAGE = Path("/data")
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")


@dataclass(frozen=True)
class Found:
    """Weights that answered: their folder, what to tell the user, and the kind (shipped, published, yours)."""

    folder: Path
    label: str
    kind: str


def resolve(name: str, path: str | Path | None = None) -> Found:
    """The folder of a record's weights, the first place that has them.

    Args:
        name: a record's name.
        path: a folder in our layout, or a hub repository `org/name` or `org/name@revision` that is one.

    Raises:
        WeightsError: nowhere; the message names the file, the places, the address, the licence and the command.
    """
    entry = record(name)
    if path is not None:
        return _explicit(entry, path)
    if place := local_folder(name, shipped=False):
        return Found(place, label_of(place, entry), _kind_of(place, entry))
    looked = [str(place / name) for place in _own_folders()]
    if repo := os.environ.get(REPO_VARIABLE):
        looked.append(f"hub:{repo}/{name}")
        if place := from_hub(repo, name):
            return Found(place, label_of(place, entry), _kind_of(place, entry))
    looked.append(str(WEIGHTS / name))
    if holds_weights(WEIGHTS / name):
        return Found(WEIGHTS / name, label_of(WEIGHTS / name, entry), entry.kind)
    raise WeightsError(missing_text(entry, looked))


def _own_folders() -> list[Path]:
    named = os.environ.get(FOLDER_VARIABLE)
    return [*([Path(named)] if named else []), cache_folder()]


def local_folder(name: str, shipped: bool = True) -> Path | None:
    """The record's folder on this machine, None where there is none; the hub is not asked."""
    places = [*_own_folders(), *([WEIGHTS] if shipped else [])]
    return next((place / name for place in places if holds_weights(place / name)), None)


def missing_text(entry: Record, looked: list[str]) -> str:
    """What to do about weights that are not there."""
    origin = entry.page or entry.url
    return (
        f"the weights {entry.name} ({entry.title}) are not here. "
        f"File: {entry.filename or 'config.json and *.safetensors'}. Looked in: {'; '.join(looked)}. "
        + (f"Address: {origin}. " if origin else "")
        + f"Licence: {entry.licence}{f' ({entry.licence_url})' if entry.licence_url else ''}. Get them with: {entry.command}"
    )


def _explicit(entry: Record, path: str | Path) -> Found:
    folder = Path(path)
    if holds_weights(folder):
        return Found(folder, _title_of(folder) or f"your weights in {folder.name}", "yours")
    if not folder.exists() and HUB_ID.fullmatch(str(path)):
        place = from_hub(str(path), "")
        if place is not None:
            return Found(place, _title_of(place) or f"your weights {path}", "yours")
        raise WeightsError(f"the hub repository {path} holds no weights for {entry.name}: check its name, or go online")
    raise WeightsError(
        f"{folder} holds no weights (config.json and *.safetensors) for {entry.name}: name a folder in that layout, "
        f"or leave the path out to search {FOLDER_VARIABLE}, the cache and the shipped weights"
    )


def holds_weights(folder: Path) -> bool:
    """Whether a folder is in our layout, directly or one level below (several networks)."""
    return any(folder.glob("*.safetensors")) or any(folder.glob("*/*.safetensors"))


def label_of(folder: Path, entry: Record) -> str:
    """What the user is told about the weights that answered."""
    if _kind_of(folder, entry) == "yours":
        return _title_of(folder) or f"your weights in {folder.name}"
    if entry.kind == "shipped":
        return f"preview weights: {entry.title} ({entry.licence})"
    return f"{entry.title}, {entry.paper} ({entry.licence})"


def _kind_of(folder: Path, entry: Record) -> str:
    """A shipped record found elsewhere than where we ship it was put there by the user."""
    return "yours" if entry.kind == "shipped" and folder.parent != WEIGHTS else entry.kind


def _title_of(folder: Path) -> str:
    """The first heading of the model card."""
    card = folder / "README.md"
    lines = card.read_text(encoding="utf-8", errors="replace").splitlines() if card.is_file() else []
    return next((line.lstrip("# ").strip() for line in lines if line.startswith("# ")), "")


def cache_folder() -> Path:
    """Where converted and downloaded weights are kept: MORPHOSPACE_CACHE, a Space's storage, or the user's cache folder."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    if settings.on_a_space() and os.access(SPACE_STORAGE, os.W_OK):
        return SPACE_STORAGE / "morphospace"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "morphospace"


def before_consent(entry: Record) -> dict[str, str]:
    """What a person should know before fetching a record's file: what, source, terms, size and the room for it."""
    size = f"{entry.bytes / 1e6:.0f} MB" if entry.bytes else entry.note if "MB" in entry.note else "told when it begins"
    folder = cache_folder()
    while not folder.exists():
        folder = folder.parent
    terms = f"{entry.licence} ({entry.licence_url})" if entry.licence_url else entry.licence
    room = f"{shutil.disk_usage(folder).free / 1e9:.1f} GB in {cache_folder()}"
    what, source = f"{entry.title}, {entry.paper}", entry.page or entry.url
    return {"what": what, "source": source, "terms": terms, "size": size, "free disk": room}


def offline() -> bool:
    """Whether the environment forbids the network."""
    return any(settings.switched_on(name) for name in OFFLINE_VARIABLES)


def from_hub(repo: str, folder: str) -> Path | None:
    """`folder` of a hub repository (`org/name` or `org/name@revision`) in the hub's cache, None if it has none.

    Raises:
        WeightsError: the repository does not exist, may not be read, or cannot be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    name, _, revision = repo.partition("@")
    wanted = [f"{folder}/*"] if folder else ["*.json", "*.safetensors", "*.md", "SHA256SUMS"]
    try:
        root = snapshot_download(
            name, revision=revision or None, allow_patterns=wanted, local_files_only=offline(), token=None
        )
    except LocalEntryNotFoundError:
        return None
    except Exception as error:  # the hub client raises its own, httpx's and plain ValueErrors
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise WeightsError(
            f"the hub repository {repo} cannot be read ({said}): check {REPO_VARIABLE} and the token"
        ) from error
    place = Path(root) / folder
    return place if holds_weights(place) else None
