"""A layered painting at the result's size: what the network copies is copied there, from where fine texture comes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.gfla.methods.limb_layers.background import foreground
from core.gfla.methods.limb_layers.head import show_one_head
from core.gfla.methods.limb_layers.layers import LAYER_COUNT, warp_layers
from core.gfla.methods.limb_layers.network import LayeredPainting
from core.gfla.methods.limb_layers.settings import SETTINGS
from core.gfla.paper.operators import fetch_along

# A layer that nowhere has more than this share is not warped.
INVISIBLE = 1e-3


def compose(painted: LayeredPainting, fine: Tensor, grey: float) -> tuple[Tensor, Tensor]:
    """The pictures at the size of the source, and the person's share of every pixel.

    Args:
        painted: B pictures, on the CPU.
        fine: the source's frame at the result's size, (1, 3, h, w) in [0, 1].
        grey: of the plain background, in [0, 1].

    Returns:
        (B, 3, h, w) and (B, h, w), both in [0, 1].
    """
    decoded = F.interpolate((painted.decoded + 1) / 2, fine.shape[2:], mode="bicubic", align_corners=False).clamp(0, 1)
    person = foreground(fine * 2 - 1, grey)
    person = torch.cat([(person[:, :3] + 1) / 2, person[:, 3:]], 1)
    made = [_compose_one(painted, item, decoded[item], person, grey) for item in range(len(decoded))]
    return torch.stack([picture for picture, _ in made]), torch.stack([alpha for _, alpha in made])


def _compose_one(
    painted: LayeredPainting, item: int, decoded: Tensor, person: Tensor, grey: float
) -> tuple[Tensor, Tensor]:
    """One picture (3, h, w) and the person's share (h, w), from the source's colours and alpha (1, 4, h, w)."""
    size, one = (decoded.shape[1], decoded.shape[2]), slice(item, item + 1)
    grids, colours = painted.guide.layers.grids[one], person[:, :3]
    weights = show_one_head(enlarged_weights(painted, item, size), painted, item, person[:, 3:])
    made = decoded * weights[0] + fetch_along(colours, painted.flows[-1][one])[0] * weights[1]
    # Layer by layer: all at once would hold the picture dozens of times.
    for index in range(LAYER_COUNT):
        if weights[2 + index].max() > INVISIBLE:
            made = made + warp_layers(colours, grids[:, index : index + 1], size)[0, 0] * weights[2 + index]
    return (made + grey * weights[-1]).clamp(0, 1), 1 - weights[-1]


def enlarged_weights(painted: LayeredPainting, item: int, size_hw: tuple[int, int]) -> Tensor:
    """The blend's weights (2 + K + 1, h, w) of one item, at another size and sharper."""
    one = slice(item, item + 1)

    def enlarge(logits: Tensor) -> Tensor:
        return SETTINGS.seam_sharpness * F.interpolate(logits, size_hw, mode="bilinear", align_corners=False)[0]

    # Logarithms are enlarged, not weights: that keeps the seams of layers as sharp as the picture.
    logits = enlarge(painted.weights[one].clamp_min(1e-4).log())
    # The outline first: among many pieces of the person none need be likelier than the background.
    person = enlarge((1 - painted.background[one]).clamp(1e-4, 1 - 1e-4).logit()).sigmoid()
    return torch.cat([logits[:-1].softmax(0) * person, 1 - person])
