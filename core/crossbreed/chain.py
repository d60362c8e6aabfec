"""Positions along a chain of pictures, and how much of each picture is shown there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from core.errors import InputError
from core.metrics import step_sizes
from core.timeline import Chain

PACE_STEPS = 32


def positions_of(given: float | Sequence[float] | None, along: Sequence[float], what: str) -> Tensor:
    """Positions (T,): those along the way, one for all, or one for each."""
    if given is None:
        given = along
    elif isinstance(given, int | float):
        given = [given] * len(along)
    if len(given) != len(along):
        raise InputError(f"{len(given)} {what} came with {len(along)} positions: give one for each, or one for all")
    return torch.tensor(list(given), dtype=torch.float64)


def chain_weights(chain: Chain, positions: Sequence[float]) -> Tensor:
    """(T, N) weights of the pictures at positions along a chain; a pair may be stretched beyond 0 and 1."""
    weights = torch.zeros(len(positions), chain.count)
    for row, position in enumerate(positions):
        segment, t = chain.at(position)
        if len(chain.pairs) == 1:
            t = position
        first, second = chain.pairs[segment]
        weights[row, first] += 1 - t
        weights[row, second] += t
    return weights


def even_pace(chain: Chain, render: Callable[[list[float]], Tensor]) -> tuple[float, ...]:
    """Positions at which the visible change since the start grows by equal amounts."""
    places = np.linspace(0, 1, PACE_STEPS * len(chain.pairs) + 1)
    walked = np.concatenate([[0.0], np.cumsum(step_sizes(render(places.tolist())))])
    if walked[-1] <= 0:
        return tuple(places)
    return tuple(np.interp(np.linspace(0, walked[-1], len(places)), walked, places))


def at_pace(pace: tuple[float, ...] | None, t: float) -> float:
    """Position t of an even pace on the plain one; None is the plain one."""
    if pace is None or not 0 <= t <= 1:
        return t
    return float(np.interp(t, np.linspace(0, 1, len(pace)), pace))
