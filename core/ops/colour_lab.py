"""CIE L*a*b* of sRGB pictures, as tensors."""

from __future__ import annotations

import torch
from torch import Tensor

# CIE 1931 XYZ of linear sRGB, by the white point D65.
TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
WHITE = (0.950456, 1.0, 1.088754)
KNEE, SLOPE = 216 / 24389, 24389 / 27


def lab_of(rgb: Tensor) -> Tensor:
    """CIE L*a*b* (B, 3, H, W), L from 0 to 100, of sRGB in [0, 1]."""
    rgb = rgb.clamp(0, 1)
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    matrix = linear.new_tensor(TO_XYZ) / linear.new_tensor(WHITE)[:, None]
    xyz = torch.einsum("ij,bjhw->bihw", matrix, linear)
    root = torch.where(xyz > KNEE, xyz.clamp(min=KNEE) ** (1 / 3), (SLOPE * xyz + 16) / 116)
    x, y, z = root.split(1, 1)
    return torch.cat([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def rgb_of(lab: Tensor) -> Tensor:
    """The inverse of `lab_of`, clipped to [0, 1]."""
    y = (lab[:, :1] + 16) / 116
    root = torch.cat([y + lab[:, 1:2] / 500, y, y - lab[:, 2:] / 200], 1)
    cube = root.clamp(min=0) ** 3
    xyz = torch.where(cube > KNEE, cube, (116 * root - 16) / SLOPE) * root.new_tensor(WHITE).reshape(1, 3, 1, 1)
    linear = torch.einsum("ij,bjhw->bihw", torch.linalg.inv(xyz.new_tensor(TO_XYZ)), xyz).clamp(0, 1)
    return torch.where(linear > 0.0031308, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055, 12.92 * linear)
