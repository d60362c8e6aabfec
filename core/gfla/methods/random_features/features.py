"""Features for the perceptual losses that need no trained network.

Source: random features as a perceptual metric: He, Wang and Hopcroft 2016, "A Powerful Generative Model Using Random
Weights for the Deep Image Representation".
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.ops.vgg import CONVS_PER_STAGE


class RandomFeatures(nn.Module):
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
            for number in range(1, CONVS_PER_STAGE[index] + 1):
                found[f"relu{index + 1}_{number}"] = signed
        return found
