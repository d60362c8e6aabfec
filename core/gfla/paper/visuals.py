"""Pictures of what the network did: flow as colours, mask, attention, and results as published files hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from core.gfla.paper import pose
from core.image import to_pil, to_tensor

if TYPE_CHECKING:
    from core.gfla.paper.network import Painted
    from core.gfla.pipeline import PosePrepared

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


def published_bytes(picture: Tensor) -> np.ndarray:
    """The first three channels of (1, C, H, W) in [-1, 1] as (H, W, 3) uint8, truncated as the published files are."""
    array = picture[0, :3].detach().cpu().float().numpy().transpose(1, 2, 0)
    return ((array + 1) / 2 * 255).astype(np.uint8)


def mask_picture(mask: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """A mask (1, h, w) as a grey picture (3, H, W) in [0, 1]: white = texture comes from the source."""
    return F.interpolate(mask[None], size_hw, mode="bilinear", align_corners=False)[0].expand(3, -1, -1).clamp(0, 1)


def attention_picture(attention: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Attention (k k, h, w) as a picture (3, H, W) in [0, 1]: every cell shows its own k x k weights, by its largest."""
    k = round(attention.shape[0] ** 0.5)
    strongest = attention.amax(0, keepdim=True).clamp_min(1e-6)
    blocks = F.pixel_shuffle((attention / strongest)[None], k)
    return F.interpolate(blocks, size_hw, mode="nearest")[0].expand(3, -1, -1)


def layers_picture(copied: Tensor, layered: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Which choice shows where, (3, H, W) in [0, 1]: painted white, moved along the flow black, each layer a hue.

    Args:
        copied: (1, h, w), the share moved along the flow; and of ground where that was a choice: both black.
        layered: (K, h, w), the shares of the limb layers.
        size_hw: (H, W) of the result.
    """
    # A golden angle apart, so that neighbours in the list differ.
    hue = torch.arange(len(layered)) * 0.618 % 1
    wheel = (hue[:, None] * 6 + torch.tensor((0.0, 4.0, 2.0))) % 6
    colours = 0.25 + 0.75 * ((wheel - 3).abs() - 1).clamp(0, 1)
    painted = (1 - copied - layered.sum(0, keepdim=True)).clamp(0, 1)
    mixed = painted + (layered[:, None] * colours[:, :, None, None]).sum(0)
    return F.interpolate(mixed[None], size_hw, mode="bilinear", align_corners=False)[0].clamp(0, 1)


def explained(prepared: PosePrepared, painted: Painted, target: np.ndarray, item: int = 0) -> Image.Image:
    """A sheet of titled pictures: person and target with their skeletons, what was chosen, and flow, mask and attention.

    The scales run from coarse to fine, one line each.
    """
    height, width = prepared.fine.shape[2:]
    size, frame = (height, width), tuple(prepared.source.shape[2:])
    ground = to_pil(prepared.fine)[0]
    own = pose.draw(pose.scaled(prepared.points, size, frame), size, radius_px=4, under=ground)
    wanted = pose.draw(pose.scaled(target, size, frame), size, radius_px=4)
    tiles = [("person", to_tensor(own)[0]), ("target pose", to_tensor(wanted)[0])]
    if painted.layered is not None and painted.copied is not None:
        dark = painted.copied[item] + (0 if painted.ground is None else painted.ground[item])
        layers = layers_picture(dark, painted.layered[item], size)
        tiles.append(("limbs by colour, painted white", layers))
    elif painted.copied is not None:
        tiles.append(("share copied", mask_picture(painted.copied[item], size)))
    else:
        tiles.append(("result", F.interpolate((painted.image[item : item + 1] + 1) / 2, size, mode="bilinear")[0]))
    for flow, mask, attention in zip(painted.flows, painted.masks, painted.attention, strict=True):
        scale = f"1/{round(frame[0] / flow.shape[2])}"
        colours = (flow_to_colour(flow[item]) + 1) / 2
        tiles.append((f"flow {scale}", F.interpolate(colours[None], size, mode="nearest")[0]))
        tiles.append((f"mask {scale}", mask_picture(mask[item], size)))
        tiles.append((f"attention {scale}", attention_picture(attention[item], size)))
    return titled_sheet([(title, to_pil(tile.clamp(0, 1))[0]) for title, tile in tiles])


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
