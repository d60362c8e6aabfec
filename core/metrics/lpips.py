"""LPIPS 0.1 on AlexNet: how different two pictures look.

Source: Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", section 3; AlexNet:
Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from core.metrics.backbone_files import ALEXNET, LPIPS, check_fit, filled

WIDTHS = (64, 192, 384, 256, 256)


class AlexFeatures(nn.Module):
    """The five ReLU outputs of AlexNet, inputs normalised as LPIPS does."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1))
        relu, pool = nn.ReLU, lambda: nn.MaxPool2d(3, 2)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 64, 11, 4, 2), relu(), pool(),
            nn.Conv2d(64, 192, 5, padding=2), relu(), pool(),
            nn.Conv2d(192, 384, 3, padding=1), relu(),
            nn.Conv2d(384, 256, 3, padding=1), relu(),
            nn.Conv2d(256, 256, 3, padding=1), relu(),
        )  # fmt: skip

    def forward(self, image: Tensor) -> list[Tensor]:
        """Feature maps of (B, 3, H, W) in [-1, 1]."""
        x, found = (image - self.mean) / self.std, []
        for layer in self.layers:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                found.append(x)
        return found


class Lpips(ModelMixin, ConfigMixin):
    """Weighted distances of unit features at five depths."""

    @register_to_config
    def __init__(self) -> None:
        super().__init__()
        self.net = AlexFeatures()
        # index 0 is a dropout without effect; the published keys count it
        self.lin = nn.ModuleList(nn.Sequential(nn.Dropout(), nn.Conv2d(n, 1, 1, bias=False)) for n in WIDTHS)

    @classmethod
    def from_published(cls, alexnet: Mapping[str, Any], own: Mapping[str, Any]) -> Lpips:
        """From the state dicts of torchvision's AlexNet (its classifier is left out) and of LPIPS's `alex.pth`.

        Raises:
            WeightsError: one of them holds something else.
        """
        network = cls()
        features = {
            f"net.layers.{key.removeprefix('features.')}": value
            for key, value in alexnet.items()
            if key.startswith("features.")
        }
        lines = {
            f"lin.{key[3]}.1.weight": value
            for key, value in own.items()
            if key.startswith("lin") and key.endswith(".model.1.weight")
        }
        check_fit(features, network, ALEXNET)
        fixed = {"net.mean": network.net.mean, "net.std": network.net.std}
        return filled(network, {**features, **lines, **fixed}, LPIPS)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Distances (B,) of pictures (B, 3, H, W) in [-1, 1]."""
        total = first.new_zeros(len(first))
        weighings = (line.get_submodule("1") for line in self.lin)
        for weigh, a, b in zip(weighings, self.net(first), self.net(second), strict=True):
            a, b = (x / (x.norm(dim=1, keepdim=True) + 1e-10) for x in (a, b))
            total = total + weigh((a - b).square()).mean((1, 2, 3))
        return total
