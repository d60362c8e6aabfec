"""Feature networks for the perceptual losses: VGG19 from a file, and a substitute that needs none.

Both map pictures in [-1, 1] to a dictionary of features after each ReLU, named relu1_1 ... relu5_4 as the losses
ask for them. Published GFLA gives VGG19 pictures in [-1, 1] without ImageNet normalisation.

Source: Simonyan and Zisserman 2015 (VGG19); random features as a perceptual metric: He, Wang and Hopcroft 2016.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import WeightsError

# Convolutions per stage.
STAGES = (2, 2, 4, 4, 4)
VGG_WIDTHS = (64, 128, 256, 512, 512)


class FeatureStages(nn.Module):
    """The plan of VGG19: five stages of 3 x 3 convolutions and ReLUs, halved in between; keys `features.N` as torchvision's."""

    def __init__(self, widths: tuple[int, ...] = VGG_WIDTHS) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.names: list[str | None] = []
        channels = 3
        for stage, (width, count) in enumerate(zip(widths, STAGES, strict=True), start=1):
            if stage > 1:
                layers.append(nn.MaxPool2d(2))
                self.names.append(None)
            for number in range(1, count + 1):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                self.names += [None, f"relu{stage}_{number}"]
                channels = width
        self.features = nn.ModuleList(layers)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) in [-1, 1] to features by name."""
        found, x = {}, pictures
        for layer, name in zip(self.features, self.names, strict=True):
            x = layer(x)
            if name:
                found[name] = x
        return found


def vgg19(file: Path | str) -> FeatureStages:
    """VGG19 features from torchvision's file (vgg19-dcbb9e9d.pth), frozen.

    Raises:
        WeightsError: no such file, or it is not VGG19.
    """
    path = Path(file)
    if not path.is_file():
        raise WeightsError(
            f"no VGG19 weights at {path}: give the path of torchvision's vgg19-dcbb9e9d.pth, or use features=random"
        )
    network = FeatureStages()
    state = torch.load(path, map_location="cpu", weights_only=True)
    wanted = {key: state[key] for key in network.state_dict() if key in state}
    missing, _ = network.load_state_dict(wanted, strict=False)
    if missing:
        raise WeightsError(f"{path.name} is not VGG19: {len(missing)} tensors missing, first {missing[0]}")
    return network.eval().requires_grad_(False)


class SubstituteFeatures(nn.Module):
    """Features without a trained network: smoothed colour and edge orientations, and seeded random convolutions.

    Colour, gradient and their local means make relu1 to relu4 say what is where, which is what the sampling
    correctness needs; the random stages add texture for the perceptual and style terms. Frozen; fixed by the seed.

    Args:
        widths: channels of the random part per stage.
        seed: of the random part.
    """

    def __init__(self, widths: tuple[int, ...] = (8, 16, 24, 32, 32), seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        kernels, channels = [], 3
        for width in widths:
            kernel = torch.randn(width, channels, 3, 3, generator=generator)
            # Zero mean, so that flat regions answer with nothing, and unit gain.
            kernel = kernel - kernel.mean(dim=(2, 3), keepdim=True)
            kernels.append(kernel / kernel.flatten(1).norm(dim=1).view(-1, 1, 1, 1))
            channels = width
        for index, kernel in enumerate(kernels):
            self.register_buffer(f"kernel{index}", kernel)
        self.stages = len(widths)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) in [-1, 1] to features by name; all numbers of a stage share one tensor."""
        found: dict[str, Tensor] = {}
        colour, texture = pictures, pictures
        for index in range(self.stages):
            if index:
                colour, texture = F.avg_pool2d(colour, 2), F.avg_pool2d(texture, 2)
            texture = F.relu(F.conv2d(F.pad(texture, (1, 1, 1, 1), mode="replicate"), getattr(self, f"kernel{index}")))
            # Both signs of a colour as non-negative channels, as features after a ReLU are.
            signed = torch.cat([F.relu(colour), F.relu(-colour), texture], dim=1)
            for number in range(1, STAGES[index] + 1):
                found[f"relu{index + 1}_{number}"] = signed
        return found


def feature_network(name: str) -> nn.Module:
    """The network for a training option: "random" for the substitute, otherwise a path to VGG19 weights."""
    return SubstituteFeatures().eval() if name == "random" else vgg19(name)
