"""Landmark files: JSON (ours), the published YAML and .dat, and Psychomorph's .tem.

Everything leaves here as (N, 2) float64, (x, y) pixels of the picture, the centre of the top-left pixel at (0.5, 0.5).
"""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from core.errors import InputError
from core.implicit.paper.coordinates import from_published, to_published

# All that an array needs to come out of a pickle; anything else in a .dat file could run code.
PICKLED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


def read_landmarks(path: str | Path, size_px: tuple[int, int], which: str = "sources") -> np.ndarray:
    """Landmarks of one picture.

    Args:
        path: `.json`; `.yaml` or `.yml` with a list of (y, x) in [-1, 1] or a published configuration; `.dat`; `.tem`.
        size_px: (width, height) of the picture that they belong to.
        which: "sources" or "targets", where the file holds both.

    Raises:
        InputError: no such file, an unknown kind, a damaged file, or a pickle that asks for more than an array.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path.name} is no landmark file: {', '.join(READERS)} are read")
    if not path.is_file():
        raise InputError(f"the landmark file {path} does not exist: check the path")
    try:
        points = reader(path.read_bytes(), size_px, which)
        points = np.asarray(points, dtype=np.float64)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path.name} is damaged or no landmark file ({error}): export it again") from error
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise InputError(f"{path.name} holds numbers of shape {points.shape}, (N, 2) finite ones fit")
    return points


def write_landmarks(points: np.ndarray, path: str | Path, size_px: tuple[int, int]) -> Path:
    """Write landmarks of one picture as `.json` (pixels, with the picture's size) or `.yaml` (published convention)."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".json":
        content = {"convention": "x, y pixels, first pixel's centre at 0.5", "size_px": list(size_px)}
        path.write_text(json.dumps({**content, "points": np.asarray(points, float).round(4).tolist()}))
    elif path.suffix in (".yaml", ".yml"):
        path.write_text(yaml.safe_dump(to_published(points, size_px).tolist()))
    else:
        raise InputError(f"landmarks are written as .json or .yaml, not {path.suffix or 'without a suffix'}")
    return path


def _json(content: bytes, size_px: tuple[int, int], which: str) -> np.ndarray:
    data = json.loads(content)
    points = np.asarray(data["points"] if isinstance(data, dict) else data, dtype=np.float64)
    if isinstance(data, dict) and "size_px" in data:
        # A file made for another size of the same picture.
        points = points * (np.array(size_px) / np.array(data["size_px"]))
    return points


def _yaml(content: bytes, size_px: tuple[int, int], which: str) -> np.ndarray:
    data = yaml.safe_load(content)
    if isinstance(data, dict):
        data = (data.get("loss") or {}).get(which)
    if not isinstance(data, list):
        raise InputError(f"the YAML holds neither a list of (y, x) nor loss.{which}")
    return from_published(np.array(data), size_px)


def _dat(content: bytes, size_px: tuple[int, int], which: str) -> np.ndarray:
    return from_published(_ArrayUnpickler(io.BytesIO(content)).load(), size_px)


def _tem(content: bytes, size_px: tuple[int, int], which: str) -> np.ndarray:
    """A count, then that many lines "x y" in pixels; the template's lines that follow are not needed."""
    words = content.decode("ascii", "strict").split()
    count = int(words[0])
    if len(words) < 1 + 2 * count:
        raise InputError(f"the file announces {count} points but holds {(len(words) - 1) // 2}")
    return np.array(words[1 : 1 + 2 * count], dtype=np.float64).reshape(count, 2)


class _ArrayUnpickler(pickle.Unpickler):
    """Reads arrays and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        """The class or function, if an array needs it."""
        if (module, name) not in PICKLED:
            raise InputError(
                f"the .dat file asks for {module}.{name} and is refused: it must hold an array and nothing else"
            )
        return super().find_class(module, name)


READERS: dict[str, Callable[[bytes, tuple[int, int], str], np.ndarray]] = {
    ".json": _json,
    ".yaml": _yaml,
    ".yml": _yaml,
    ".dat": _dat,
    ".tem": _tem,
}
