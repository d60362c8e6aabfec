"""The feature network of the perceptual losses: VGG19 from a file. Source: Ren et al. 2020, section 3.4."""

from __future__ import annotations

from torch import Tensor, nn

from core.gfla.paper.losses import CONTENT_FEATURES, CORRECTNESS_FEATURES, STYLE_FEATURES
from core.ops.vgg import VGG19Features

WANTED = tuple(sorted({*CONTENT_FEATURES, *STYLE_FEATURES, *CORRECTNESS_FEATURES.values()}))


class PublishedFeatures(nn.Module):
    """VGG19 as published GFLA feeds it: pictures in [-1, 1], without the ImageNet normalisation."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.vgg = VGG19Features.from_file(file)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) in [-1, 1] to features by name."""
        # `VGG19Features` normalises what it is given; this undoes it beforehand.
        return self.vgg(pictures * self.vgg.std + self.vgg.mean, WANTED)
