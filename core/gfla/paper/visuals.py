"""Pictures of what the network did: flow as colours, mask and attention."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from core.gfla.paper.network import Painted

# Lengths of the six colour ramps of the Middlebury wheel: red-yellow, yellow-green, green-cyan, cyan-blue, ...
RAMPS = (15, 6, 4, 11, 13, 6)


def colour_wheel() -> np.ndarray:
    """The 55 colours of the Middlebury flow wheel, (55, 3) in 0..255 (Baker et al. 2011)."""
    corners = [(255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 255, 255), (0, 0, 255), (255, 0, 255), (255, 0, 0)]
    wheel = []
    for length, start, end in zip(RAMPS, corners, corners[1:], strict=False):
        step = np.floor(255 * np.arange(length) / length)[:, None]
        rising = np.sign(np.array(end) - np.array(start))
        wheel.append(np.array(start) + step * rising)
    return np.concatenate(wheel)


def flow_to_colour(flow: Tensor) -> Tensor:
    """A flow (2, h, w) as colours (3, h, w) in [-1, 1]: hue = direction, saturation = length by the longest.

    As published, the two channels change places before the wheel.
    """
    v, u = flow.detach().cpu().double().numpy()
    length = np.sqrt(u**2 + v**2)
    most = length.max() + np.finfo(float).eps
    u, v, radius = u / most, v / most, length / most
    wheel = colour_wheel()
    place = (np.arctan2(-v, -u) / np.pi + 1) / 2 * (len(wheel) - 1)
    low = np.floor(place).astype(int)
    high = (low + 1) % len(wheel)
    part = (place - low)[..., None]
    colour = (1 - part) * wheel[low] / 255 + part * wheel[high] / 255
    colour = np.where((radius <= 1)[..., None], 1 - radius[..., None] * (1 - colour), colour * 0.75)
    quantised = np.floor(255 * colour)
    return torch.from_numpy(quantised / 255 * 2 - 1).permute(2, 0, 1).float()


def mask_picture(mask: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """A mask (1, h, w) as a grey picture (3, H, W) in [0, 1]: white = texture comes from the source."""
    return F.interpolate(mask[None], size_hw, mode="bilinear", align_corners=False)[0].expand(3, -1, -1).clamp(0, 1)


def attention_picture(attention: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Attention (k k, h, w) as a picture (3, H, W) in [0, 1]: every cell shows its own k x k weights, by its largest."""
    k = round(attention.shape[0] ** 0.5)
    strongest = attention.amax(0, keepdim=True).clamp_min(1e-6)
    blocks = F.pixel_shuffle((attention / strongest)[None], k)
    return F.interpolate(blocks, size_hw, mode="nearest")[0].expand(3, -1, -1)


def flow_tiles(painted: Painted, item: int, size_hw: tuple[int, int]) -> list[tuple[str, Tensor]]:
    """Titled pictures (3, H, W) in [0, 1] of flow, mask and attention of one item, a line per scale, coarse first."""
    tiles = []
    for flow, mask, attention in zip(painted.flows, painted.masks, painted.attention, strict=True):
        scale = f"1/{round(painted.image.shape[2] / flow.shape[2])}"
        colours = (flow_to_colour(flow[item]) + 1) / 2
        tiles.append((f"flow {scale}", F.interpolate(colours[None], size_hw, mode="nearest")[0]))
        tiles.append((f"mask {scale}", mask_picture(mask[item], size_hw)))
        tiles.append((f"attention {scale}", attention_picture(attention[item], size_hw)))
    return tiles


def titled_sheet(tiles: list[tuple[str, Image.Image]], columns: int = 3) -> Image.Image:
    """Pictures of one size in lines of `columns`, each below its title."""
    width, height = tiles[0][1].size
    bar = max(12, round(height / 22))
    sheet = Image.new("RGB", (columns * width, -(-len(tiles) // columns) * (height + bar)), "white")
    pen = ImageDraw.Draw(sheet)
    for index, (title, tile) in enumerate(tiles):
        x, y = index % columns * width, index // columns * (height + bar)
        pen.text((x + 3, y + bar / 2), title, fill="black", font=ImageFont.load_default(bar * 0.72), anchor="lm")
        sheet.paste(tile, (x, y + bar))
    return sheet
