"""VGG19 features for perceptual and style losses.

Weights are torchvision's (`vgg19-dcbb9e9d.pth`); they are not shipped, losses that need them ask for the file.

Source: Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition", configuration E.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import WeightsError, unknown_name

CONVS_PER_STAGE = (2, 2, 4, 4, 4)
WIDTHS = (64, 128, 256, 512, 512)
FILE = "vgg19-dcbb9e9d.pth"
ADDRESS = f"https://download.pytorch.org/models/{FILE}"


class VGG19Features(nn.Module):
    """The convolutions of VGG19, frozen; keys are torchvision's."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.index: dict[str, int] = {}
        before = 3
        for stage, (count, width) in enumerate(zip(CONVS_PER_STAGE, WIDTHS, strict=True), start=1):
            for number in range(1, count + 1):
                self.index[f"conv{stage}_{number}"] = len(layers)
                layers += [nn.Conv2d(before, width, 3, 1, 1), nn.ReLU()]
                self.index[f"relu{stage}_{number}"] = len(layers) - 1
                before = width
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False).eval()

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> VGG19Features:
        """The network from torchvision's state dict; its classifier is left out.

        Raises:
            WeightsError: the state dict is not VGG19's.
        """
        network = cls()
        try:
            network.load_state_dict({key: value for key, value in state.items() if key.startswith("features.")})
        except RuntimeError as error:
            raise WeightsError(f"these weights are not torchvision's VGG19; {FILE} fits, from {ADDRESS}") from error
        return network

    @classmethod
    def from_file(cls, path: str | Path) -> VGG19Features:
        """The network from torchvision's file.

        Raises:
            WeightsError: the file is missing or holds something else.
        """
        if not Path(path).is_file():
            raise WeightsError(
                f"the perceptual losses need VGG19 and {path} does not exist: download {ADDRESS} (170 MB)"
            )
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, ValueError, LookupError, pickle.UnpicklingError) as error:
            raise WeightsError(f"{path} is no file of weights: download {ADDRESS} (170 MB)") from error
        return cls.from_state(state)

    def train(self, mode: bool = True) -> VGG19Features:
        """Stay in evaluation mode, whatever the trainer asks."""
        return super().train(False)

    def forward(self, pictures: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Features by layer name.

        Args:
            pictures: (B, 3, H, W), RGB in [0, 1].
            layers: names such as conv3_1 (before its activation) or relu3_1 (after it).
        """
        wanted: dict[int, str] = {}
        for name in layers:
            if name not in self.index:
                raise unknown_name("VGG19 layer", name, self.index)
            wanted[self.index[name]] = name
        found = {}
        maps = (pictures - self.mean) / self.std
        for position, layer in zip(range(max(wanted) + 1), self.features, strict=False):
            maps = layer(maps)
            if position in wanted:
                found[wanted[position]] = maps
        return found
