"""Compare what our networks compute with the goldens of the published code.

A golden lies in `tests/parity/<system>/<name>.golden.npz` with `<name>.golden.json` beside it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

PARITY = Path(__file__).parent


@cache
def arrays(system: str, name: str) -> dict[str, np.ndarray]:
    """All arrays of one golden file."""
    with np.load(PARITY / system / f"{name}.golden.npz") as file:
        return dict(file)


@cache
def facts(system: str, name: str) -> dict[str, Any]:
    """The JSON beside a golden: cases, inputs, tolerances."""
    return json.loads((PARITY / system / f"{name}.golden.json").read_text())


def assert_matches(got: Any, want: Any, what: str, **tolerance: float) -> None:
    """Fail with size, place and mean of the error unless `got` is within every stated tolerance of `want`.

    Tolerances: max_abs, mean_abs, max_rel (|a-b| <= max_rel |b| + 1e-6), max_rel_l2.
    """
    a = np.asarray(got.detach().cpu() if isinstance(got, torch.Tensor) else got, dtype=np.float64)
    b = np.asarray(want.detach().cpu() if isinstance(want, torch.Tensor) else want, dtype=np.float64)
    assert a.shape == b.shape, f"{what}: shape {a.shape}, the golden has {b.shape}"
    assert tolerance, f"{what}: no tolerance given"
    error = np.abs(a - b)
    where = np.unravel_index(int(error.argmax()), error.shape) if error.size else ()
    said = f"{what}: max |error| {error.max():.3g} at {where} (got {a[where]:.6g}, want {b[where]:.6g}), mean {error.mean():.3g}"
    assert np.isfinite(a).all() or not np.isfinite(b).all(), f"{what}: not finite"
    for name, limit in tolerance.items():
        if name == "max_abs":
            assert error.max() <= limit, f"{said}; allowed {limit}"
        elif name == "mean_abs":
            assert error.mean() <= limit, f"{said}; allowed mean {limit}"
        elif name == "max_rel":
            assert (error <= limit * np.abs(b) + 1e-6).all(), f"{said}; allowed relative {limit}"
        elif name == "max_rel_l2":
            assert np.linalg.norm(a - b) <= limit * np.linalg.norm(b) + 1e-12, f"{said}; allowed relative norm {limit}"
        else:
            raise ValueError(f"unknown tolerance {name}")
