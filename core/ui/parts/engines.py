"""Pipelines that live as long as the server: made on first use, once, and shared by all tabs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.once import Once
from core.ui.parts.gpu import on_gpu

_ENGINES = Once()


def engine(name: str, make: Callable[[], Any]) -> Any:
    """The pipeline called `name`, made by `make()` when it is asked for the first time."""
    return _ENGINES(name, lambda: on_gpu(make()))
