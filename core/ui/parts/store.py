"""Pictures of shared links: kept on the server for some hours, found by an unguessable name, then deleted."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from core import settings
from core.errors import ExportError, InputError
from core.image import limit_size

STORE = Path(tempfile.gettempdir()) / "morphospace-shared"
NAME = re.compile(r"[A-Za-z0-9_-]{16}")
FIELD = re.compile(r"[a-z0-9_]{1,40}")
MOST_SHARES = 500
SHARED_SIDE_PX = 2048


def keep(pictures: Mapping[str, Image.Image]) -> str:
    """Keep pictures by field name; returns the name under which `fetch` finds them.

    Raises:
        ExportError: the server keeps none (`MORPHOSPACE_SHARE_HOURS` is 0), is full, or cannot write.
    """
    if settings.number(settings.SHARE_HOURS) == 0:
        raise ExportError("this server keeps no pictures for links: share the link without pictures")
    sweep()
    name = secrets.token_urlsafe(12)
    try:
        STORE.mkdir(parents=True, exist_ok=True, mode=0o700)
        if sum(1 for _ in STORE.iterdir()) >= MOST_SHARES:
            raise ExportError("this server keeps too many shared pictures already: share the link without pictures")
        with tempfile.TemporaryDirectory(dir=STORE, prefix=".") as folder:
            for field, picture in pictures.items():
                limit_size(picture, SHARED_SIDE_PX).save(Path(folder) / f"{field}.png")
            shutil.copytree(folder, STORE / name)
    except OSError as error:
        raise ExportError(f"the pictures could not be kept ({error}): share the link without them") from error
    return name


def fetch(name: str, field: str) -> Path:
    """The file of one kept picture.

    Raises:
        InputError: no such share, or its hours are over.
    """
    place = STORE / name / f"{field}.png"
    if not NAME.fullmatch(name) or not FIELD.fullmatch(field) or _old(STORE / name) or not place.is_file():
        raise InputError(
            f"the link's pictures are gone: they are kept for {settings.number(settings.SHARE_HOURS)} hours; add your own"
        )
    return place


def sweep() -> None:
    """Delete what is past its hours."""
    if STORE.is_dir():
        for folder in STORE.iterdir():
            if _old(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _old(folder: Path) -> bool:
    try:
        return time.time() - folder.stat().st_mtime > 3600 * settings.number(settings.SHARE_HOURS)
    except OSError:
        return True
