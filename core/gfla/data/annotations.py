"""The published lists of pose transfer: keypoint annotations and pairs of picture names.

Annotations: separator `:`, header `name:keypoints_y:keypoints_x`, each a JSON list of 18 integers, -1 where missing.
Pairs: comma, header `from,to`. Bad rows are refused by line number, all of them in one message.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Container, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.errors import InputError
from core.gfla.paper.pose import MISSING, NAMES

SHOWN = 5


class Pair(NamedTuple):
    """Two pictures of one person by name."""

    source: str
    target: str


def points_of_strings(keypoints_y: str, keypoints_x: str) -> np.ndarray:
    """(18, 2) x, y from the two JSON lists of one row; a point is missing if either coordinate is -1.

    Raises:
        InputError: no lists, not 18 numbers.
    """
    try:
        rows, columns = json.loads(keypoints_y), json.loads(keypoints_x)
        points = np.array([columns, rows], dtype=np.float64).T
    except (json.JSONDecodeError, ValueError, TypeError) as error:
        raise InputError(f"not two lists of numbers ({error})") from error
    if points.shape != (len(NAMES), 2):
        raise InputError(f"{len(rows)} rows and {len(columns)} columns, {len(NAMES)} each fit")
    return np.where((points == MISSING).any(1)[:, None], MISSING, points)


def _rows(file: Path, separator: str, header: tuple[str, ...]) -> Iterable[tuple[int, list[str]]]:
    if not file.is_file():
        raise InputError(f"no list at {file}: check the path")
    lines = csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline=""), delimiter=separator)
    first = next(lines, [])
    if tuple(cell.strip() for cell in first) != header:
        raise InputError(f"{file.name} begins with {separator.join(first)!r}, {separator.join(header)!r} fits")
    yield from ((lines.line_num, row) for row in lines if row)


def listed(faults: list[str]) -> str:
    """The first faults, and how many more there are."""
    more = f" and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
    return "; ".join(faults[:SHOWN]) + more


def _refuse(file: Path, faults: list[str]) -> None:
    if faults:
        raise InputError(f"{file.name} has {len(faults)} bad rows: {listed(faults)}")


def read_annotations(file: Path) -> dict[str, np.ndarray]:
    """Keypoints by picture name, (18, 2) x, y in pixels of the annotated frame.

    Raises:
        InputError: no such file, another header, or bad rows (named by line).
    """
    found: dict[str, np.ndarray] = {}
    faults = []
    for number, row in _rows(file, ":", ("name", "keypoints_y", "keypoints_x")):
        try:
            if len(row) != 3:
                raise InputError(f"{len(row)} columns, 3 fit")
            found[row[0]] = points_of_strings(row[1], row[2])
        except InputError as error:
            faults.append(f"line {number}: {error}")
    _refuse(file, faults)
    return found


def read_pairs(file: Path, known: Container[str] | None = None) -> list[Pair]:
    """Pairs of picture names.

    Args:
        file: the list.
        known: annotated names; a pair that names another is a bad row.

    Raises:
        InputError: no such file, another header, or bad rows (named by line).
    """
    found, faults = [], []
    for number, row in _rows(file, ",", ("from", "to")):
        strangers = [name for name in row if known is not None and name not in known]
        if len(row) != 2:
            faults.append(f"line {number}: {len(row)} columns, 2 fit")
        elif strangers:
            faults.append(f"line {number}: no keypoints for {', '.join(strangers)}")
        else:
            found.append(Pair(*row))
    _refuse(file, faults)
    return found
