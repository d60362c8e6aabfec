"""One file per tab; each has `TAB = Tab(...)`. The suite shows them in their order."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Tab:
    """A tab of the suite.

    Attributes:
        id: name in links and in `spaces/`.
        title: what the tab says.
        order: place from the left.
        build: draws the tab inside the current gradio layout and wires it.
        load: makes the tab's pipelines; called at start-up on ZeroGPU, where networks must be placed before a request.
    """

    id: str
    title: str
    order: int
    build: Callable[[], object]
    load: Callable[[], object] | None = None


def all_tabs() -> list[Tab]:
    """Every tab of this folder, in order."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    return sorted((importlib.import_module(f"{__name__}.{name}").TAB for name in names), key=lambda tab: tab.order)
