"""Folders of frames, as the original command line and the data sets name them."""

from __future__ import annotations

from pathlib import Path

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder in name order, jpg and png alike."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
