"""The points at which the loss is measured.

Source: section 4.1 of Schardong et al. 2024.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from core.errors import InputError
from core.implicit.paper.coordinates import pixel_grid


class WarpSamples:
    """Batches (rows, 3) of (y, x, t): every place at t = 0 first, then the same places at times in [-1, 1).

    Places are a fixed grid of pixel centres whose times are a permutation of a fixed ladder; or, with `grid=False`,
    fresh uniform places and times.

    Args:
        samples: rows wanted; a grid has the next smaller square of places.
        grid: as the published scripts; random otherwise.
    """

    def __init__(self, samples: int = 20000, grid: bool = True) -> None:
        if samples < 8:
            raise InputError(f"{samples} samples per step came, at least 8 are needed")
        self.grid = grid
        half = samples // 2
        side = math.isqrt(half)
        self.count = side * side if grid else half
        self.places = pixel_grid((side, side))
        self.times = 2 * (torch.arange(self.count) - half / 2) / half if grid else torch.empty(0)

    def draw(self, generator: Generator | None = None) -> Tensor:
        """One batch; torch's own generator if none is given."""
        if self.grid:
            return self.at(self.times[torch.randperm(self.count, generator=generator)])
        places = torch.empty(self.count, 2).uniform_(-1, 1, generator=generator)
        times = torch.empty(self.count).uniform_(-1, 1, generator=generator)
        return self._rows(places, times)

    def at(self, times: Tensor) -> Tensor:
        """The batch in which the grid's places have these times."""
        return self._rows(self.places, times)

    def _rows(self, places: Tensor, times: Tensor) -> Tensor:
        still = torch.cat((places, torch.zeros(len(places), 1)), 1)
        return torch.cat((still, torch.cat((places, times[:, None]), 1)))
