"""The object's outline: from transparency, from plain ground, or cut out; and the square that shows it."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from core.errors import NothingFoundError
from core.gfla.methods.object_model.render import Array
from core.image import resize

# Mean distance of the rim's colours from their median, of 255, up to which the ground is plain.
PLAIN = 10.0
# Distance from the plain ground's colour, of 255, at which a pixel is half and wholly the object's.
HALF, WHOLE = 14.0, 34.0
LEAST_SHARE, MARGIN, WORK_PX = 0.01, 0.12, 512
CUT_OUT = (
    "the ground is not plain, so what stands out of it was taken for the object (GrabCut): in a landscape or a room that is no "
    "chair or car, and what is turned then is none either. A picture cut to the object, its background removed, does better"
)


def outline_of(picture: Image.Image, alpha: Image.Image | None = None) -> tuple[Array, list[str]]:
    """How much of each pixel (H, W) the object covers, in [0, 1], and notes.

    Raises:
        NothingFoundError: nothing stands out.
    """
    pixels = np.asarray(picture.convert("RGB"), np.float32)
    notes: list[str] = []
    if alpha is not None and np.asarray(alpha).min() < 128:
        found = np.asarray(alpha, np.float32) / 255
    else:
        rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        ground = np.median(rim, 0)
        if np.abs(rim - ground).mean() <= PLAIN:
            away = np.abs(pixels - ground).max(2)
            found = _without_specks(np.clip((away - HALF) / (WHOLE - HALF) + 0.5, 0, 1) * (away > HALF / 2))
        else:
            found, notes = _without_specks(_cut_out(pixels)), [CUT_OUT]
    if found.mean() < LEAST_SHARE:
        raise NothingFoundError(
            "nothing stands out in the picture: use one of a whole chair or car before plain ground"
        )
    return found, notes


def _cut_out(pixels: Array) -> Array:
    """What differs from the rim, by GrabCut at a small size."""
    height, width = pixels.shape[:2]
    scale = min(1.0, WORK_PX / max(height, width))
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8)
    marks = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    y, x = (max(2, round(0.04 * side)) for side in small.shape[:2])
    marks[y:-y, x:-x] = cv2.GC_PR_FGD
    cv2.grabCut(small, marks, None, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    inside = np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    return np.clip(cv2.resize(inside, (width, height), interpolation=cv2.INTER_LINEAR), 0, 1)


def _without_specks(found: Array) -> Array:
    """Only parts of at least a fiftieth of the largest one's area."""
    _, labels, facts, _ = cv2.connectedComponentsWithStats((found > 0.5).astype(np.uint8), connectivity=8)
    areas = facts[:, cv2.CC_STAT_AREA].astype(float)
    areas[0] = 0
    kept = np.flatnonzero(areas >= max(1.0, areas.max() / 50))
    near = cv2.dilate(np.isin(labels, kept).astype(np.uint8), np.ones((3, 3), np.uint8))
    return found * near


def squared(picture: Image.Image, outline: Array, side_px: int) -> tuple[Array, Array]:
    """The object in the middle of a square before white: (side, side, 3) and its outline (side, side), both in [0, 1]."""
    rows, columns = np.nonzero(outline > 0.5)
    low, high = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()]) + 1
    side = float((high - low).max()) * (1 + 2 * MARGIN)
    left, top = (low + high) / 2 - side / 2
    box = (float(left), float(top), float(left + side), float(top + side))
    mask = Image.fromarray(np.round(outline * 255).astype(np.uint8))
    white = Image.composite(picture.convert("RGB"), Image.new("RGB", picture.size, "white"), mask)
    shown, covered = (
        resize(_laid(item, box, ground), (side_px, side_px)) for item, ground in ((white, "white"), (mask, 0))
    )
    return np.asarray(shown, np.float32) / 255, np.asarray(covered, np.float32) / 255


def _laid(item: Image.Image, box: tuple[float, float, float, float], ground: str | int) -> Image.Image:
    """The part of a picture in a box, which may reach beyond it."""
    left, top, right, bottom = (round(edge) for edge in box)
    canvas = Image.new(item.mode, (right - left, bottom - top), ground)
    canvas.paste(item, (-left, -top))
    return canvas
