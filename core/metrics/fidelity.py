"""How near one picture is to another, and how sharp it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core.errors import ShapeError

# Weights of red, green and blue in the luma. Source: ITU-R BT.601.
LUMA = (0.299, 0.587, 0.114)


def check_same_shape(a: Tensor, b: Tensor) -> None:
    """Refuse tensors of two shapes.

    Raises:
        ShapeError: they differ.
    """
    if a.shape != b.shape:
        raise ShapeError(f"{tuple(a.shape)} and {tuple(b.shape)} cannot be compared: give both one size")


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in dB over the whole batch; infinite for equal pictures."""
    check_same_shape(a, b)
    error = (a.double() - b.double()).square().mean().item()
    return math.inf if error == 0 else -10 * math.log10(error)


def luma_steps(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """The luma's steps from pixel to pixel along x and along y."""
    luma = (pictures.double() * pictures.new_tensor(LUMA, dtype=torch.double).view(3, 1, 1)).sum(-3)
    return luma.diff(dim=-1), luma.diff(dim=-2)


def sharpness(pictures: Tensor) -> float:
    """Gradient energy: the mean square of the luma's steps along x and along y. Blur and double edges lower it."""
    across, down = luma_steps(pictures)
    return (across.square().mean() + down.square().mean()).item()
