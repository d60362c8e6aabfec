"""A part of a picture that is worked on and put back, its rims fading into the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

# Width of the fading rim, as a share of the shorter side.
RIM = 0.1


@dataclass(frozen=True)
class Region:
    """A rectangle of a picture."""

    whole: Tensor  # the picture, (1, 3, H, W) in [0, 1]
    left: int  # where the rectangle lies, in pixels
    top: int
    mask: Tensor  # (1, 1, h, w), 1 inside and falling to 0 at those of its rims that lie inside the picture

    @classmethod
    def of_box(cls, whole: Tensor, box: tuple[int, int, int, int]) -> Self:
        """The region of a box: left, top, right, bottom in whole pixels inside the picture."""
        left, top, right, bottom = box
        height, width = whole.shape[-2:]
        rims = ((top > 0, bottom < height), (left > 0, right < width))
        length = max(1.0, RIM * min(bottom - top, right - left))
        down, across = (
            fade_ends(count, *ends, length) for count, ends in zip((bottom - top, right - left), rims, strict=True)
        )
        return cls(whole, left, top, (down[:, None] * across)[None, None])

    def cut(self) -> Tensor:
        """The part of the picture, (1, 3, h, w)."""
        height, width = self.mask.shape[-2:]
        return self.whole[..., self.top : self.top + height, self.left : self.left + width].contiguous()

    def paste(self, pictures: Tensor) -> Tensor:
        """(T, 3, H, W): the whole with each of `pictures` (T, 3, h, w) in its place."""
        height, width = pictures.shape[-2:]
        wholes = self.whole.repeat(len(pictures), 1, 1, 1)
        inside = wholes[..., self.top : self.top + height, self.left : self.left + width]
        inside.copy_(torch.lerp(inside, pictures, self.mask))
        return wholes


def fade_ends(count: int, start: bool, end: bool, length: float) -> Tensor:
    """(count,): 1, rising from 0 over `length` at the start and falling to 0 at the end, where asked."""
    centre = torch.arange(count) + 0.5
    rise = (centre / length).clamp(max=1) if start else torch.ones(count)
    return rise * ((count - centre) / length).clamp(max=1) if end else rise
