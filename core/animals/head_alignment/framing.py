"""The square that is shown around a head: inside its photo where it can be, and what lies beyond filled with texture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.animals import HEAD_MARGIN
from core.animals.head_alignment.detector import crop_head, find_head, find_looks
from core.animals.head_alignment.network_points import EYES, FEATURES
from core.image import Box, crop_box, to_tensor
from core.ops.patch_fill import fill_holes

# Room around a head, in head sizes, below which ears are cut: a square leaves its photo sooner than that.
LEAST_MARGIN = 0.08
POINTS_PX = 128
# Margins with which the points are looked for besides that of their training: what is there is found each time.
OTHER_MARGINS = (0.15, 0.4)


@dataclass(frozen=True)
class FramedHead:
    """A head and the square around it.

    Attributes:
        square: in pixels of the picture.
        head: the head's own box, likewise.
        points: (9, 2) on the head, fractions of the square.
        spread: mean standard deviation of the points, fractions of the head with the room it was trained with.
        doubt: mean distance of eyes and nose between several looks and their mean, in distances between the eyes.
    """

    square: Box
    head: Box
    points: Tensor
    spread: float
    doubt: float = 0.0


def frame_picture(picture: Image.Image, square: Box | None, head: Box | None, margin: float) -> FramedHead:
    """The head in a picture and the square to show it in.

    The points are always found with the room around the head that their finder was trained with, whatever the margin is.

    Args:
        picture: RGB.
        square: what is shown, a head with the margin around; None puts one around the head.
        head: its box; None looks for a head.
        margin: room on every side, in head sizes.

    Raises:
        NothingFoundError: neither came, and there is no head of a cat or dog.
    """
    if square is None:
        head = head or find_head(picture).box
        square = frame_head(head, margin, picture.size)
    else:
        head = square.squared(0.5 / (1 + 2 * margin) - 0.5)
        square = move_inside(square.squared(), picture.size)
    return place_head(picture, head, square)


def place_head(picture: Image.Image, head: Box, square: Box) -> FramedHead:
    """A head in the square that shows it, both in pixels of the picture: its points as several looks find them."""
    looks, spreads = [], []
    for room in (HEAD_MARGIN, *OTHER_MARGINS):
        around = head.squared(room)
        found, spread = find_looks(to_tensor(crop_head(picture, around, POINTS_PX)))
        corner = torch.tensor([around.left - square.left, around.top - square.top], dtype=torch.float32)
        looks.append((found[:, 0] * around.width + corner) / float(square.width))
        spreads.append(float(spread.mean()))
    points, doubt = agree(torch.cat(looks))
    return FramedHead(square, head, points, spreads[0], doubt)


def agree(looks: Tensor) -> tuple[Tensor, float]:
    """The mean (9, 2) of several looks (L, 9, 2) at one head, and how far eyes and nose lie from it, in distances between the eyes."""
    points = looks.mean(0)
    away = (looks - points)[:, list(FEATURES)].norm(dim=2).mean()
    return points, float(away / (points[EYES[1]] - points[EYES[0]]).norm().clamp(min=1e-3))


def frame_head(head: Box, margin: float, size_px: tuple[int, int]) -> Box:
    """The square around a head with some room, moved into a picture of (width, height), smaller if it fits only then.

    It leaves the picture only where the head itself takes more than the picture's shorter side.

    Args:
        head: in pixels.
        margin: room on every side, in head sizes.
        size_px: width and height of the picture.
    """
    longer = max(head.width, head.height)
    least = longer * (1 + 2 * min(margin, LEAST_MARGIN))
    return move_inside(head.squared((max(least, min(longer * (1 + 2 * margin), *size_px)) / longer - 1) / 2), size_px)


def move_inside(square: Box, size_px: tuple[int, int]) -> Box:
    """The square moved so that as much of it as can be lies in a picture of (width, height)."""
    corner = []
    for low, side in zip(square[:2], size_px, strict=True):
        spare = side - square.width
        corner.append(min(max(low, min(spare, 0.0)), max(spare, 0.0)))
    return Box(corner[0], corner[1], corner[0] + square.width, corner[1] + square.width)


def cut_square(picture: Image.Image, square: Box, size_px: int) -> Image.Image:
    """What lies in a square, at `size_px`; beyond the picture its texture goes on."""
    cut = crop_box(picture, square, (size_px, size_px))
    scale = size_px / square.width
    left, top = (max(0, int(np.ceil(-low * scale))) for low in square[:2])
    right, bottom = (
        min(size_px, int(np.floor((side - low) * scale))) for low, side in zip(square[:2], picture.size, strict=True)
    )
    if (left, top, right, bottom) == (0, 0, size_px, size_px):
        return cut
    beyond = np.ones((size_px, size_px), bool)
    beyond[top:bottom, left:right] = False
    return Image.fromarray(fill_holes(np.asarray(cut), beyond))
