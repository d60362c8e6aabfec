"""FID: the distance of two sets of pictures as Inception v3 sees them.

Source: Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule", section 3; the network: Szegedy et al. 2016,
"Rethinking the Inception Architecture". Keys are torchvision's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy import linalg
from torch import Tensor, nn

from core.errors import ShapeError
from core.metrics.backbone_files import INCEPTION, filled, read_backbone

INCEPTION_SIDE_PX = 299


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Distance of two feature sets (N, D), (M, D), each taken as a Gaussian (FID without its network)."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ShapeError(f"features are {a.shape} and {b.shape}; two sets (N, D) of at least 2 rows fit")
    mean_gap = ((a.mean(0) - b.mean(0)) ** 2).sum()
    a, b = covariance_factor(a), covariance_factor(b)
    # The trace of the root of (A' A) (B' B) is the sum of the singular values of A B'.
    return float(mean_gap + (a**2).sum() + (b**2).sum() - 2 * linalg.svdvals(a @ b.T).sum())


def covariance_factor(features: np.ndarray) -> np.ndarray:
    """A matrix F of at most D rows whose product F' F is the covariance of features (N, D)."""
    centred = (features - features.mean(0)) / np.sqrt(len(features) - 1)
    return centred if len(centred) <= centred.shape[1] else linalg.qr(centred, mode="r")[0][: centred.shape[1]]


class Conv(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(self, a: int, b: int, kernel: Any, stride: int = 1, padding: Any = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(a, b, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(b, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """(B, a, H, W) to (B, b, H', W')."""
        return F.relu(self.bn(self.conv(x)))


class Branches(nn.Module):
    """A block of the network: rows of convolutions side by side, joined along channels.

    Args:
        rows: per row, the names of its convolutions in order; a tuple of names within a row splits its end in two.
        layers: the convolutions by name.
        pool: what the last row sees: "mean" its 3 x 3 mean, "max" nothing but the 3 x 3 maximum of stride 2 is joined.
    """

    def __init__(self, rows: list[list[Any]], layers: dict[str, Conv], pool: str) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.rows, self.pool = rows, pool

    def forward(self, x: Tensor) -> Tensor:
        """All rows of one input, joined."""
        found = []
        for index, row in enumerate(self.rows):
            last = index == len(self.rows) - 1
            y = F.avg_pool2d(x, 3, 1, 1) if last and self.pool == "mean" else x
            for name in row:
                if isinstance(name, tuple):
                    y = torch.cat([self.get_submodule(part)(y) for part in name], 1)
                else:
                    y = self.get_submodule(name)(y)
            found.append(y)
        if self.pool == "max":
            found.append(F.max_pool2d(x, 3, 2))
        return torch.cat(found, 1)


def _block_a(a: int, pooled: int) -> Branches:
    layers = {
        "branch1x1": Conv(a, 64, 1), "branch5x5_1": Conv(a, 48, 1), "branch5x5_2": Conv(48, 64, 5, padding=2),
        "branch3x3dbl_1": Conv(a, 64, 1), "branch3x3dbl_2": Conv(64, 96, 3, padding=1),
        "branch3x3dbl_3": Conv(96, 96, 3, padding=1), "branch_pool": Conv(a, pooled, 1),
    }  # fmt: skip
    rows = [["branch1x1"], ["branch5x5_1", "branch5x5_2"], [f"branch3x3dbl_{i}" for i in (1, 2, 3)], ["branch_pool"]]
    return Branches(rows, layers, "mean")


def _block_b(a: int) -> Branches:
    layers = {
        "branch3x3": Conv(a, 384, 3, 2), "branch3x3dbl_1": Conv(a, 64, 1),
        "branch3x3dbl_2": Conv(64, 96, 3, padding=1), "branch3x3dbl_3": Conv(96, 96, 3, 2),
    }  # fmt: skip
    return Branches([["branch3x3"], [f"branch3x3dbl_{i}" for i in (1, 2, 3)]], layers, "max")


def _block_c(a: int, c: int) -> Branches:
    wide: dict[str, Any] = {"kernel": (1, 7), "padding": (0, 3)}
    tall: dict[str, Any] = {"kernel": (7, 1), "padding": (3, 0)}
    layers = {
        "branch1x1": Conv(a, 192, 1), "branch7x7_1": Conv(a, c, 1), "branch7x7_2": Conv(c, c, **wide),
        "branch7x7_3": Conv(c, 192, **tall), "branch7x7dbl_1": Conv(a, c, 1), "branch7x7dbl_2": Conv(c, c, **tall),
        "branch7x7dbl_3": Conv(c, c, **wide), "branch7x7dbl_4": Conv(c, c, **tall),
        "branch7x7dbl_5": Conv(c, 192, **wide), "branch_pool": Conv(a, 192, 1),
    }  # fmt: skip
    seven = [f"branch7x7_{i}" for i in (1, 2, 3)]
    return Branches([["branch1x1"], seven, [f"branch7x7dbl_{i}" for i in range(1, 6)], ["branch_pool"]], layers, "mean")


def _block_d(a: int) -> Branches:
    layers = {
        "branch3x3_1": Conv(a, 192, 1), "branch3x3_2": Conv(192, 320, 3, 2), "branch7x7x3_1": Conv(a, 192, 1),
        "branch7x7x3_2": Conv(192, 192, (1, 7), padding=(0, 3)), "branch7x7x3_3": Conv(192, 192, (7, 1), padding=(3, 0)),
        "branch7x7x3_4": Conv(192, 192, 3, 2),
    }  # fmt: skip
    return Branches([["branch3x3_1", "branch3x3_2"], [f"branch7x7x3_{i}" for i in (1, 2, 3, 4)]], layers, "max")


def _block_e(a: int) -> Branches:
    def ends(name: str) -> dict[str, Conv]:
        return {
            f"{name}a": Conv(384, 384, (1, 3), padding=(0, 1)), f"{name}b": Conv(384, 384, (3, 1), padding=(1, 0)),
        }  # fmt: skip

    layers = {
        "branch1x1": Conv(a, 320, 1), "branch3x3_1": Conv(a, 384, 1), **ends("branch3x3_2"),
        "branch3x3dbl_1": Conv(a, 448, 1), "branch3x3dbl_2": Conv(448, 384, 3, padding=1), **ends("branch3x3dbl_3"),
        "branch_pool": Conv(a, 192, 1),
    }  # fmt: skip
    rows: list[list[Any]] = [
        ["branch1x1"], ["branch3x3_1", ("branch3x3_2a", "branch3x3_2b")],
        ["branch3x3dbl_1", "branch3x3dbl_2", ("branch3x3dbl_3a", "branch3x3dbl_3b")], ["branch_pool"],
    ]  # fmt: skip
    return Branches(rows, layers, "mean")


class InceptionPool(nn.Module):
    """Inception v3 up to its 2048 pooled features."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3, self.Conv2d_2a_3x3 = Conv(3, 32, 3, 2), Conv(32, 32, 3)
        self.Conv2d_2b_3x3, self.Conv2d_3b_1x1 = Conv(32, 64, 3, padding=1), Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _block_a(192, 32), _block_a(256, 64), _block_a(288, 64)
        self.Mixed_6a = _block_b(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d = _block_c(768, 128), _block_c(768, 160), _block_c(768, 160)
        self.Mixed_6e, self.Mixed_7a = _block_c(768, 192), _block_d(768)
        self.Mixed_7b, self.Mixed_7c = _block_e(1280), _block_e(2048)

    @classmethod
    def from_file(cls, file: Path) -> InceptionPool:
        """From torchvision's file; its classifiers are left out.

        Raises:
            WeightsError: the file holds something else.
        """
        state = {key: value for key, value in read_backbone(file).items() if not key.startswith(("AuxLogits", "fc."))}
        return filled(cls(), state, INCEPTION)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to (B, 2048).

        As published: enlarged bilinearly to 299, then put through the affine map that expects ImageNet's normalisation
        although there was none, so numbers compare with the authors' but not with other FID code.
        """
        side = (INCEPTION_SIDE_PX, INCEPTION_SIDE_PX)
        x = F.interpolate(pictures, side, mode="bilinear", align_corners=False)
        gain = x.new_tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1) / 0.5
        x = x * gain + (x.new_tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1) - 0.5) / 0.5
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = F.max_pool2d(x, 3, 2)
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                x = block(x)
        return x.mean((2, 3))
