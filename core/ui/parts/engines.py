"""Pipelines that live as long as the server: made on first use, once, and shared by all tabs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from core.ui.parts.gpu import on_gpu

_LOCK = threading.Lock()
_MADE: dict[str, Any] = {}


def engine(name: str, make: Callable[[], Any]) -> Any:
    """The pipeline called `name`, made by `make()` when it is asked for the first time."""
    with _LOCK:
        if name not in _MADE:
            _MADE[name] = on_gpu(make())
        return _MADE[name]
