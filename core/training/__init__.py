"""The training loop that five systems share: accelerate, averaging, exact resume, curves and sample sheets.

    class Recipe:                                    # what a system writes
        networks = {"generator": ..., "discriminator": ...}
        optimizers = {"generator": ..., "discriminator": ...}
        averaged = ("generator",)
        def step(self, batch, run): ...              # -> {"loss": 0.3}; calls run.update(name, loss)
        def samples(self, networks): ...             # -> (3, H, W) picture in [0, 1], or None

    train(recipe, source, TrainOptions(out="runs/pets", steps=1000))

`source.draw(rng, size)` makes the batch of one step from a numpy generator that depends on seed, step and process only:
this, and one torch seed per step, is why a resumed run repeats an uninterrupted one to the bit.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.training.checkpoint import load_trained
    from core.training.loop import Recipe, Run, Source, train
    from core.training.options import TrainOptions

__all__ = ["Recipe", "Run", "Source", "TrainOptions", "load_trained", "train"]

_HOMES = {"TrainOptions": "options", "load_trained": "checkpoint"}


def __getattr__(name: str) -> Any:
    """Load what is asked for: options are read by `--help`, which must not wait for torch."""
    if name not in __all__:
        raise AttributeError(f"core.training has no {name!r}")
    return getattr(importlib.import_module(f"core.training.{_HOMES.get(name, 'loop')}"), name)
