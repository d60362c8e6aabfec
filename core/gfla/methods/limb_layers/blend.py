"""The networks that blend limb layers: part segmentation, palette of the parts' colours, and the blend itself."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.gfla.methods.limb_layers.layers import LAYER_COUNT, LAYERS, PARTS, LimbLayers
from core.gfla.paper.blocks import EncoderBlock, ResBlockDecoder


class PartSegmentation(nn.Module):
    """Which source pixels belong to which part of the body: a small U-net over the picture and its parts' places.

    Args:
        width: channels at half size.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.first = EncoderBlock(3, width)
        self.join = nn.Conv2d(width + len(PARTS), width, 3, padding=1)
        self.down0, self.down1 = EncoderBlock(width, 2 * width), EncoderBlock(2 * width, 3 * width)
        self.up0 = ResBlockDecoder(3 * width, 2 * width, hidden=2 * width)
        self.up1 = ResBlockDecoder(2 * width, width, hidden=width)
        self.out = nn.Conv2d(2 * width, len(PARTS), 3, padding=1)

    def forward(self, source: Tensor, parts: Tensor) -> Tensor:
        """(B, 3, H, W) and (B, P, H / 2, W / 2) to logits (B, P, H / 2, W / 2)."""
        x = F.leaky_relu(self.join(torch.cat([self.first(source), parts], 1)), 0.1)
        half = self.down0(x)
        inner = self.up1(self.up0(self.down1(half)) + half)
        return self.out(F.leaky_relu(torch.cat([inner, x], 1), 0.1)) + 4 * (parts - 0.5)


class Palette(nn.Module):
    """The colours that the source's parts have on the whole, mixed per target pixel.

    Norms take a picture's own colours away before the decoder sees them, so that a short training paints everybody
    grey; what no layer shows begins in the colour of a part here.

    Args:
        channels: of the decoder's last features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels, len(PARTS), 1)

    def forward(self, features: Tensor, part_logits: Tensor, person: Tensor) -> Tensor:
        """Colours (B, 3, H, W).

        Args:
            features: (B, C, H, W).
            part_logits: of `PartSegmentation`, (B or 1, P, h, w).
            person: of `foreground`, (B or 1, 4, 2 h, 2 w).
        """
        small = F.avg_pool2d(person.float(), 2)
        colours, alpha = small[:, :3], small[:, 3:]
        weight = (part_logits.float().sigmoid() + 1e-4) * alpha
        total = weight.sum((2, 3))
        means = torch.einsum("bphw,bchw->bpc", weight, colours) / total.clamp_min(1e-6)[:, :, None]
        # A part of which fewer than some ten pixels are seen has no colour of its own.
        absent = 1 - (total / 10).clamp_max(1)
        logits = self.mix(F.leaky_relu(features, 0.1)).float() - 6 * absent[:, :, None, None]
        return torch.einsum("bphw,bpc->bchw", logits.softmax(1), means.expand(len(logits), -1, -1))


class LayerBlend(nn.Module):
    """Which of decoded, moved along the flow, the limb layers and plain background shows at each target pixel.

    Args:
        channels: of the decoder's last features.
        hidden: between the two convolutions.
    """

    source_of: Tensor

    def __init__(self, channels: int, hidden: int = 32) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels + 3 * LAYER_COUNT, hidden, 3, padding=1)
        self.second = nn.Conv2d(hidden, LAYER_COUNT + 2, 1)
        self.ground = nn.Conv2d(hidden, 1, 1)
        self.gain = nn.Parameter(torch.ones(LAYER_COUNT))
        self.register_buffer("source_of", torch.tensor([layer.source for layer in LAYERS]), persistent=False)

    def forward(self, features: Tensor, layer_images: Tensor, part_logits: Tensor, layers: LimbLayers) -> Tensor:
        """Weights (B, 2 + K + 1, H, W) that sum to 1, in that order.

        Args:
            features: (B, C, H, W).
            layer_images: (B, K, 3, H, W).
            part_logits: of `PartSegmentation`, (B or 1, P, h, w).
            layers: where the layers come from.
        """
        hidden = F.leaky_relu(self.first(torch.cat([features, layer_images.flatten(1, 2)], 1)), 0.1)
        logits = self.second(hidden).float()
        known = self.moved_logits(part_logits.float(), layers) + self.gain[:, None, None] * layers.prior
        known = F.interpolate(known, features.shape[2:], mode="bilinear", align_corners=False)
        known = known.masked_fill(~layers.usable[:, :, None, None], -1e4)
        return torch.cat([logits[:, :2], logits[:, 2:] + known, self.ground(hidden).float()], 1).softmax(1)

    def moved_logits(self, part_logits: Tensor, layers: LimbLayers) -> Tensor:
        """The logit of each layer's own part, moved as the layer is; 0 for the whole body. (B, K, h, w)."""
        height, width = part_logits.shape[2:]
        each = part_logits.expand(layers.grids.shape[0], -1, -1, -1)[:, self.source_of]
        grids = layers.grids[:, :-1].flatten(0, 1)
        moved = F.grid_sample(
            each.flatten(0, 1)[:, None], grids, mode="bilinear", padding_mode="border", align_corners=False
        )
        moved = moved.view(-1, len(LAYERS), height, width)
        return F.pad(moved, (0, 0, 0, 0, 0, 1))
