"""The paper's generator with a forward of its own for each of our objectives; weights and config are the same.

A distributed trainer must go through `forward`, so each objective has a class.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from core.crossbreed.paper.network import Codes, CrossbreedGenerator, TrainingImages, lerp


class Reconstructions(NamedTuple):
    """Two pictures as the network gives them back, each (B, 3, H, W)."""

    AA: Tensor
    BB: Tensor


class AlignedImages(NamedTuple):
    """What is learned from aligned pairs, each (B, 3, H, W).

    Attributes:
        reconstructed: pictures as the network gives them back.
        swapped: the shape of A in the appearance of B.
        mixed: shape and appearance each at a position of its own.
    """

    reconstructed: Tensor
    swapped: Tensor
    mixed: Tensor


class ReconstructionGenerator(CrossbreedGenerator):
    """Gives back both pictures, and nothing between them."""

    def forward(self, x_a: Tensor, x_b: Tensor, alpha: Tensor) -> Reconstructions:  # type: ignore[override]
        """Pictures (B, 3, H, W) in [-1, 1], windows of the trained size or whole; `alpha` is not used."""
        return Reconstructions(*self.decode(self.encode_at_any_size(torch.cat([x_a, x_b]))).chunk(2))


class PhotoGenerator(CrossbreedGenerator):
    """The paper's seven pictures in three calls of encoder and decoder, from windows of the trained size or whole pictures."""

    def forward(self, x_a: Tensor, x_b: Tensor, alpha: Tensor) -> TrainingImages:
        """Arguments as for the paper's."""
        content, style = self.encode_at_any_size(torch.cat([x_a, x_b]))
        (z_a, z_b), (s_a, s_b) = content.chunk(2), style.chunk(2)
        contents = torch.cat([z_a, z_b, lerp(z_a, z_b, alpha), z_a, z_b])
        styles = torch.cat([s_a, s_b, lerp(s_a, s_b, alpha), s_b, s_a])
        aa, bb, mixed, ab, ba = self.decode(Codes(contents, styles)).chunk(5)
        cycle = self.decode(Codes(self.cont_enc(torch.cat([ab, ba])), style))
        return TrainingImages(aa, bb, mixed, ab, ba, *cycle.chunk(2))


class AlignedGenerator(CrossbreedGenerator):
    """Reconstructions, A in the appearance of B, and mixtures whose shape and appearance stand apart."""

    def forward(self, x_a: Tensor, x_b: Tensor, alpha: Tensor) -> AlignedImages:  # type: ignore[override]
        """The pictures of an aligned batch.

        Args:
            x_a: (B + K, 3, H, W) in [-1, 1]: B pictures of pairs, then K that are only given back.
            x_b: (B, 3, H, W), the partners.
            alpha: (B, 2), positions of shape and of appearance.
        """
        content, style = self.encode_at_any_size(torch.cat([x_a, x_b]))
        count = len(x_b)
        sizes = [count, len(x_a) - count, count]
        (z_a, z, z_b), (s_a, s, s_b) = content.split(sizes), style.split(sizes)
        contents = torch.cat([z, z_a, lerp(z_a, z_b, alpha[:, 0])])
        styles = torch.cat([s, s_b, lerp(s_a, s_b, alpha[:, 1])])
        return AlignedImages(*self.decode(Codes(contents, styles)).split([sizes[1], count, count]))
