"""Inputs of shared links: kept on the server for some hours, found by an unguessable name, then deleted.

A field is a picture (kept as PNG), a file such as a clip, several files, or plain data such as moved points (JSON).
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from core import settings
from core.errors import ExportError, InputError
from core.image import limit_size

STORE = Path(tempfile.gettempdir()) / "morphospace-shared"
NAME = re.compile(r"[A-Za-z0-9_-]{16}")
FIELD = re.compile(r"[a-z0-9_]{1,40}")
MOST_SHARES = 500
SHARED_SIDE_PX = 2048
SHARED_FILE_MB = 64
SUFFIX = re.compile(r"\.[a-z0-9]{2,5}")


def keep(items: Mapping[str, Any]) -> str:
    """Keep inputs by field name; returns the name under which `fetch_all` finds them.

    Args:
        items: a picture, a path, a list of paths, or JSON data under each field's name.

    Raises:
        ExportError: the server keeps none (`MORPHOSPACE_SHARE_HOURS` is 0), is full, or cannot write.
        InputError: a file that is too large to be kept.
    """
    if settings.number(settings.SHARE_HOURS) == 0:
        raise ExportError("this server keeps no pictures for links: share the link without pictures")
    name = secrets.token_urlsafe(12)
    try:
        STORE.mkdir(parents=True, exist_ok=True, mode=0o700)
        if sum(1 for _ in STORE.iterdir()) >= MOST_SHARES:
            raise ExportError("this server keeps too many shared pictures already: share the link without pictures")
        with tempfile.TemporaryDirectory(dir=STORE, prefix=".") as folder:
            for field, item in items.items():
                _write(Path(folder), field, item)
            shutil.copytree(folder, STORE / name)
    except OSError as error:
        raise ExportError(f"the pictures could not be kept ({error}): share the link without them") from error
    return name


def _write(folder: Path, field: str, item: Any) -> None:
    if isinstance(item, Image.Image):
        limit_size(item, SHARED_SIDE_PX).save(folder / f"{field}.png")
    elif isinstance(item, str | Path):
        source, suffix = Path(item), Path(item).suffix.lower()
        if source.stat().st_size > SHARED_FILE_MB * 2**20:
            size = source.stat().st_size / 2**20
            raise InputError(f"{source.name} has {size:.0f} MB, links keep files up to {SHARED_FILE_MB} MB: shorten it")
        shutil.copyfile(source, folder / (field + (suffix if SUFFIX.fullmatch(suffix) else ".bin")))
    elif isinstance(item, list) and item and all(isinstance(part, str | Path) for part in item):
        for index, part in enumerate(item):
            _write(folder, f"{field}-{index}", part)
    else:
        (folder / f"{field}.json").write_text(json.dumps(item))


def fetch_all(name: str, field: str) -> list[Path]:
    """The files of one kept field, in order; none where the field was empty.

    Raises:
        InputError: no such share, or its hours are over.
    """
    if not NAME.fullmatch(name) or not FIELD.fullmatch(field) or _old(STORE / name):
        raise _gone()
    return sorted(
        (file for file in (STORE / name).iterdir() if file.stem.split("-")[0] == field),
        key=lambda file: int((file.stem.split("-") + ["0"])[1]),
    )


def _gone() -> InputError:
    return InputError(
        f"the link's pictures are gone: they are kept for {settings.number(settings.SHARE_HOURS)} hours; add your own"
    )


def _old(folder: Path) -> bool:
    try:
        return time.time() - folder.stat().st_mtime > 3600 * settings.number(settings.SHARE_HOURS)
    except OSError:
        return True
