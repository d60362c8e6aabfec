"""The training loop that five systems share: accelerate, averaging, exact resume, curves and sample sheets.

    class Recipe:                                    # what a system writes
        networks = {"generator": ..., "discriminator": ...}
        optimizers = {"generator": ..., "discriminator": ...}
        averaged = ("generator",)
        def step(self, batch, run): ...              # -> {"loss": 0.3}; calls run.update(name, loss)
        def samples(self, networks): ...             # -> (3, H, W) picture in [0, 1], or None

    train(recipe, source, TrainOptions(out="runs/pets", steps=1000))
    export("runs/pets", {"generator": Generator()}, "weights/pets", Card(title=..., ...))

`source.draw(rng, size)` makes the batch of one step from a numpy generator that depends on seed, step and process only:
this, and one torch seed per step, is why a resumed run repeats an uninterrupted one to the bit.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from core.training.options import TrainOptions

if TYPE_CHECKING:
    from core.training.card import Card, describe, export
    from core.training.checkpoint import load_trained
    from core.training.loop import Recipe, Run, Source, train

__all__ = ["Card", "Recipe", "Run", "Source", "TrainOptions", "describe", "export", "load_trained", "train"]

_MODULES = {"Card": "card", "describe": "card", "export": "card", "load_trained": "checkpoint"}


def __getattr__(name: str) -> Any:
    """Everything but the options brings torch along, which `--help` must not wait for: it comes when it is used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"core.training.{_MODULES.get(name, 'loop')}"), name)
