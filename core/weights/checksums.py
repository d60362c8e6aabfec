"""Checksums that nobody published: the first file that converted strictly sets them, in the cache."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from core.errors import WeightsError
from core.weights.catalogue import Record
from core.weights.layout import sha256_of
from core.weights.places import cache_folder

FILE = "checksums.json"
log = logging.getLogger(__name__)


def remembered() -> dict[str, str]:
    """SHA-256 by record, of files that were converted on this machine.

    Raises:
        WeightsError: the list is damaged.
    """
    file = cache_folder() / FILE
    try:
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(f"the list of checksums {file} cannot be read ({error}): delete it") from error


def expected(entry: Record) -> str | None:
    """The beginning of the checksum that a record's file should have: published, or remembered from a conversion."""
    return entry.checksum or remembered().get(entry.name)


def remember(entry: Record, file: Path) -> str | None:
    """Keep the checksum of a file that converted strictly, where none is known; returns it, None if it was known."""
    known = remembered()
    if entry.checksum or entry.name in known or not file.is_file():
        return None
    digest = known[entry.name] = sha256_of(file)
    place = cache_folder() / FILE
    place.parent.mkdir(parents=True, exist_ok=True)
    # Other processes may convert at the same time.
    fresh = place.with_suffix(f".{os.getpid()}.part")
    fresh.write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")
    fresh.replace(place)
    log.warning("nobody states the checksum of %s: %s is remembered in %s", entry.filename, digest[:16], place)
    return digest


def wrong_checksum(entry: Record, file: Path) -> str | None:
    """What is wrong with the checksum of a file, None if nothing is or none is known."""
    wanted = expected(entry)
    if wanted is None or (digest := sha256_of(file)).startswith(wanted):
        return None
    origin = "" if entry.checksum else f" as remembered in {cache_folder() / FILE} from the first conversion"
    return f"has the checksum {digest[:16]}, {wanted[:16]} was expected{origin}"
