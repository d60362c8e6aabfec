"""The head again, larger: a small network that works on the head's surroundings at the result's size. Own addition.

In the network's frame a head is a dozen pixels wide, too few for a face. Here the source's head and its mirror image are
bent onto the target's by flows of their own, fetched from the original picture in one step, and mixed per pixel with
what the generator made of the head, corrected. It runs after a `PoseGenerator` with `head_net`; where either skeleton has
no head point, the head stays as it was.

A head's frame is an upright square round the middle of those head points that both skeletons have; `SIDE` torso lengths
wide. Coordinates in it run from -1 to 1.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.gfla.limbs import body_unit, completed, with_head
from core.gfla.pose import MISSING

# In torso lengths; the frame's side in pixels for the network.
SIDE = 1.2
SIDE_PX = 64
# Nose, eyes, ears, and the neck and shoulders that the head sits on; and the same of a mirrored picture.
JOINTS = (0, 14, 15, 16, 17, 1, 2, 5)
MIRRORED = (0, 2, 1, 4, 3, 5, 7, 6)
SPREAD = 0.08
# Choices: as the generator made it, corrected; the source's head; its mirror image.
CHOICES = 3


class HeadFrames(NamedTuple):
    """Where the heads are: per item x, y of the frame's middle and half its side in pixels, and whether it is known."""

    source: Tensor
    target: Tensor
    usable: Tensor


def head_frames(source_points: Tensor, target_points: Tensor) -> HeadFrames:
    """The frames (B, 3) of both heads, from skeletons (B, 18, 2) in pixels of pictures with square pixels."""
    found = []
    both = [completed(points.float(), (points != MISSING).all(-1)) for points in (source_points, target_points)]
    shared = both[0][1] & both[1][1]
    for points, known in both:
        with_middle, has = with_head(points, known, shared)
        half = 0.5 * SIDE * body_unit(points, known)
        found.append(torch.cat([with_middle[:, -1], half[:, None]], 1))
    return HeadFrames(found[0], found[1], has[:, -1])


def joint_maps(points: Tensor, frame: Tensor) -> Tensor:
    """Heatmaps of the head's joints in its frame, (B, 8, 64, 64); empty where a joint is missing or outside."""
    joints = points[:, list(JOINTS)].float()
    known = (joints != MISSING).all(-1)
    place = (joints - frame[:, None, :2]) / frame[:, None, 2:]
    axis = frame_axis(frame)
    x = torch.exp(-((axis - place[..., 0, None]) ** 2) / (2 * SPREAD**2))
    y = torch.exp(-((axis - place[..., 1, None]) ** 2) / (2 * SPREAD**2))
    return y[..., :, None] * x[..., None, :] * known[..., None, None]


def frame_axis(like: Tensor) -> Tensor:
    """The middles of the frame's pixels, -1 to 1, (64,)."""
    return (torch.arange(SIDE_PX, device=like.device) + 0.5) * 2 / SIDE_PX - 1


def frame_grid(like: Tensor) -> Tensor:
    """The frame's own places, (64, 64, 2), x before y."""
    axis = frame_axis(like)
    return torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)


def fetched(picture: Tensor, frame: Tensor, places: Tensor, mode: str = "bilinear") -> Tensor:
    """Places (B, h, w, 2) of a head's frame from pictures (B, C, H, W); the border repeats."""
    extent = places.new_tensor((picture.shape[3], picture.shape[2]))
    pixel = frame[:, None, None, :2] + places * frame[:, None, None, 2:]
    return F.grid_sample(picture, pixel * 2 / extent - 1, mode=mode, padding_mode="border", align_corners=False)


def cropped(picture: Tensor, frame: Tensor) -> Tensor:
    """A head's frame as (B, C, 64, 64); large pictures are made smaller by areas first."""
    step = max(1, int(2 * float(frame[:, 2].min()) / SIDE_PX))
    if step > 1:
        picture = F.avg_pool2d(picture, step, ceil_mode=True, count_include_pad=False)
        frame = frame / step
    return fetched(picture, frame, frame_grid(frame).expand(len(frame), -1, -1, -1))


class HeadMade(NamedTuple):
    """What `HeadNet` decides, in the target head's frame.

    Attributes:
        shares: (B, 3, 64, 64), of what the generator made, the source's head, its mirror image; sum 1.
        places: (B, 2, 64, 64, 2), where the two heads fetch from, in the source head's frame.
        change: (B, 3, 64, 64), added to what the generator made.
    """

    shares: Tensor
    places: Tensor
    change: Tensor


def _block(a: int, b: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(a, b, 3, stride, 1), nn.LeakyReLU(0.1), nn.Conv2d(b, b, 3, padding=1))


class HeadNet(nn.Module):
    """A U-net over head frames.

    Args:
        width: channels at full size.
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        channels = (width, 2 * width, 3 * width, 4 * width, 5 * width)
        self.first = _block(9 + 3 * len(JOINTS), width)
        self.down = nn.ModuleList(_block(a, b, 2) for a, b in zip(channels, channels[1:], strict=False))
        self.up = nn.ModuleList(
            _block(a + b, b) for a, b in zip(channels[:0:-1], channels[-2::-1], strict=True)
        )  # fmt: skip
        self.out = nn.Conv2d(width, 4 + CHOICES + 3, 3, padding=1)

    def forward(self, made: Tensor, source: Tensor, source_maps: Tensor, target_maps: Tensor) -> HeadMade:
        """Head frames (B, 3, 64, 64) in [-1, 1] and joints (B, 8, 64, 64) to what is to be done."""
        flipped = source_maps[:, list(MIRRORED)].flip(3)
        x = self.first(torch.cat([made, source, source.flip(3), source_maps, flipped, target_maps], 1))
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(F.leaky_relu(x, 0.1))
        for up, skip in zip(self.up, skips[::-1], strict=True):
            large = F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)
            x = up(F.leaky_relu(torch.cat([large, skip], 1), 0.1))
        out = self.out(F.leaky_relu(x, 0.1)).float()
        grid = frame_grid(out)
        first, second = (grid + 0.25 * part.permute(0, 2, 3, 1) for part in (out[:, :2], out[:, 2:4]))
        places = torch.stack([first, second * second.new_tensor((-1.0, 1.0))], 1)
        # Towards the frame's border everything stays as it was.
        edge = (8 * (1 - frame_axis(out).abs())).clamp_max(1)
        inside = edge[:, None] * edge
        copied = out[:, 4 : 4 + CHOICES].softmax(1)[:, 1:] * inside
        shares = torch.cat([1 - copied.sum(1, keepdim=True), copied], 1)
        return HeadMade(shares, places, out[:, 4 + CHOICES :].tanh() * inside)


def mixed(made: HeadMade, before: Tensor, heads: Tensor) -> tuple[Tensor, Tensor]:
    """The head (B, 3, h, w), and what it was mixed from (B, 3, 3, h, w).

    Args:
        made: decisions at the size of `before`.
        before: (B, 3, h, w) in [-1, 1].
        heads: (B, 2, 3, h, w), the source's head and its mirror image as `made.places` fetch them.
    """
    each = torch.cat([(before + made.change)[:, None], heads], 1)
    return (made.shares[:, :, None] * each).sum(1), each


def laid(made: HeadMade, picture: Tensor, source: Tensor, frames: HeadFrames, sharpness: float = 1.0) -> Tensor:
    """A picture (1, 3, H, W) in [-1, 1] with its head made again, texture fetched once from the source (1, 3, H', W').

    Args:
        made: of one item.
        picture: what the generator made, at the result's size; `frames.target` counts in its pixels.
        source: the source at any size; `frames.source` counts in its pixels.
        frames: of one item.
        sharpness: above 1, shares are drawn towards the largest.
    """
    x, y, half = (float(value) for value in frames.target[0])
    height, width = picture.shape[2:]
    left, top = max(0, int(x - half)), max(0, int(y - half))
    right, bottom = min(width, int(x + half) + 1), min(height, int(y + half) + 1)
    if right - left < 2 or bottom - top < 2:
        return picture
    columns = (torch.arange(left, right, device=picture.device) + 0.5 - x) / half
    rows = (torch.arange(top, bottom, device=picture.device) + 0.5 - y) / half
    inner = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)[None]
    decided = torch.cat(
        [made.shares.clamp_min(1e-4).log(), made.places.permute(0, 1, 4, 2, 3).flatten(1, 2), made.change], 1
    )
    here = F.grid_sample(decided, inner, mode="bilinear", padding_mode="border", align_corners=False)
    shares = (sharpness * here[:, :CHOICES]).softmax(1)
    places = here[:, CHOICES : CHOICES + 4].unflatten(1, (2, 2)).permute(0, 1, 3, 4, 2)
    heads = torch.stack([fetched(source, frames.source, places[:, i], "bicubic") for i in range(2)], 1)
    before = picture[:, :, top:bottom, left:right]
    result = picture.clone()
    result[:, :, top:bottom, left:right] = mixed(HeadMade(shares, places, here[:, CHOICES + 4 :]), before, heads)[0]
    return result.clamp(-1, 1)
