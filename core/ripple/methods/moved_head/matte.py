"""Which pixels are the head's: a soft matte at the photograph's size, and where the neck ends."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from core.detect.segment import person_mask
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.motion import SHEET


@dataclass(frozen=True)
class MatteConstants:
    """How the person's mask becomes a matte; lengths in units of the head's frame."""

    view_px: int = 512  # side of what the segmentation sees
    radius: float = 0.018  # of the guided filter: about what the segmentation's rim is unsure of
    edge_levels: float = 9.0  # of 255: an edge of the photograph that counts
    floor: float = 0.12  # shares below and above ends are none and all
    ceiling: float = 0.88
    skin_levels: float = 16.0  # CIELab: what differs more from the chin's skin is cloth or beard no more
    skin_tone: float = 0.08  # shares of red, green and blue that differ by less in sum are skin's
    neck_inset: float = 0.16  # of its width on each side: a neck is narrower than the collar below it
    neck_shade: float = 0.6  # skin under the jaw is so much darker than on it
    beyond_collar: float = 0.08  # how far below the collar the motion comes to rest


MATTE = MatteConstants()
# Points of the mesh on the jaw, a little above its edge.
JAW = (138, 135, 169, 170, 140, 171, 175, 396, 369, 395, 394, 364, 367)


def view_of(picture: np.ndarray, head: Head, side: int = MATTE.view_px) -> np.ndarray:
    """The photograph (H, W, C) around a head, upright: (side, side, C); beyond its edge the last pixels repeat."""
    scale = 2 * SHEET.reach / side
    matrix = head.frame.matrix * scale
    start = head.frame.to_px(np.array([-SHEET.reach, -SHEET.reach]))
    # Index 0 is the first pixel's centre on both sides.
    offset = start + matrix @ (0.5, 0.5) - 0.5
    warp = np.column_stack([matrix, offset])
    flags = cv2.INTER_AREA if head.frame.unit_px * scale > 1 else cv2.INTER_LINEAR
    if head.frame.unit_px * scale > 2:
        shrink = 1 / (head.frame.unit_px * scale)
        small = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        size = np.array(small.shape[1::-1]) / picture.shape[1::-1]
        warp = np.column_stack([matrix * size[:, None], (offset + 0.5) * size - 0.5])
        picture, flags = small, cv2.INTER_LINEAR
    flags = cv2.INTER_LINEAR if flags == cv2.INTER_AREA else flags
    return cv2.warpAffine(
        picture, warp, (side, side), flags=flags | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )


def find_person(view: np.ndarray) -> np.ndarray:
    """(side, side) float32 in [0, 1]: MediaPipe's person."""
    return person_mask(Image.fromarray(view))[0, 0].numpy()


def own_person(person: np.ndarray, head: Head) -> np.ndarray:
    """(side, side) bool: the connected part of a person mask in the view that holds the face."""
    side = person.shape[0]
    found, parts = cv2.connectedComponents((person > 0.5).astype(np.uint8))
    if found <= 1:
        return person > 0.5
    at = (head.mesh[:, :2] + SHEET.reach) / (2 * SHEET.reach) * side
    column, row = np.rint(at).astype(int).clip(0, side - 1).T
    numbers = parts[row, column]
    numbers = numbers[numbers > 0]
    if not len(numbers):
        return person > 0.5
    return parts == np.bincount(numbers).argmax()


def find_neck_end(view: np.ndarray, head: Head) -> float:
    """The height, in the head's frame, below which nothing moves: a little below the collar."""
    side = view.shape[0]
    px = side / (2 * SHEET.reach)
    lab = cv2.cvtColor(cv2.GaussianBlur(view, (0, 0), side / 150), cv2.COLOR_RGB2LAB).astype(np.float32)
    chin = head.mesh[152, :2]
    column, chin_row = np.rint((chin + SHEET.reach) * px).astype(int)
    column = int(np.clip(column, 2, side - 3))
    cheeks = [np.rint((head.mesh[k, :2] + SHEET.reach) * px).astype(int).clip(0, side - 1) for k in (50, 280, 205, 425)]
    skin = np.median([lab[row, col] for col, row in cheeks], axis=0)
    rows = np.arange(min(side - 1, chin_row + round(0.05 * px)), min(side, chin_row + round(SHEET.neck_most * px)))
    strip = np.abs(lab[rows, column - 2 : column + 3, 1:] - skin[1:]).sum(-1).mean(1) if len(rows) else np.zeros(0)
    cloth = np.flatnonzero(strip > MATTE.skin_levels)
    collar = (rows[cloth[0]] / px - SHEET.reach) if len(cloth) else head.chin_y + SHEET.neck_most
    return float(np.clip(collar + MATTE.beyond_collar, head.chin_y + SHEET.neck_least, head.chin_y + SHEET.neck_most))


def refine_matte(person: np.ndarray, region: np.ndarray, unit_px: float) -> np.ndarray:
    """A mask (H, W) in [0, 1] as a matte that follows the edges of a region (H, W, 3) uint8 of the photograph.

    Source: He, Sun, Tang, "Guided Image Filtering", 2010, section 3.3 on feathering, with a coloured guide.
    """
    radius = max(2, round(MATTE.radius * unit_px))
    soft = cv2.ximgproc.guidedFilter(region, person.astype(np.float32), radius, MATTE.edge_levels**2)
    return ((soft - MATTE.floor) / (MATTE.ceiling - MATTE.floor)).clip(0, 1)


def paint_neck(
    plate: np.ndarray, photo: np.ndarray, own: np.ndarray, head: Head, box: tuple[int, int, int, int]
) -> np.ndarray:
    """A plate (h, w, 3) uint8 with the neck carried on behind the jaw, which shows it where the chin turns away.

    Args:
        plate: the filled region.
        photo: the photograph around the head, upright, as `view_of` gives it.
        own: (side, side) bool, the head's own person there.
        head: as measured.
        box: the region.
    """
    side = photo.shape[0]
    px = side / (2 * SHEET.reach)
    row_of = lambda y: int(np.clip(round((y + SHEET.reach) * px), 0, side - 1))  # noqa: E731
    rows = range(row_of(head.chin_y + 0.03), row_of(head.chin_y + SHEET.neck_least) + 1)
    found = [np.flatnonzero(own[row]) for row in rows]
    spans = [(int(span[0]), int(span[-1])) for span in found if len(span)]
    if not spans:
        return plate
    left, right = min(spans, key=lambda span: span[1] - span[0])
    jaw_left, jaw_right = ((head.mesh[k, 0] + SHEET.reach) * px for k in (136, 365))
    left, right = max(left, round(jaw_left)), min(right, round(jaw_right))
    inset = round(MATTE.neck_inset * (right - left))
    left, right = left + inset, right - inset
    if right - left < 0.1 * px:
        return plate
    places = [np.rint((head.mesh[k, :2] + SHEET.reach) * px).astype(int).clip(0, side - 1) for k in JAW]
    shades = np.array([photo[row, column] for column, row in places], np.float32)
    across = np.array([column for column, _ in places], np.float32)
    order = across.argsort()
    line = np.stack([np.interp(np.arange(side), across[order], shades[order, c]) for c in range(3)], 1)
    line *= MATTE.neck_shade
    neck = cv2.GaussianBlur(photo, (0, 0), 0.01 * px)[row_of(head.chin_y + 0.06)].astype(np.float32)
    tone, wanted = (rows / np.maximum(1, rows.sum(-1, keepdims=True)) for rows in (neck, line))
    bare = np.abs(tone - wanted).sum(-1, keepdims=True) < MATTE.skin_tone
    line = cv2.GaussianBlur(np.where(bare, neck, line)[None], (0, 0), 0.02 * px)[0]
    shape = np.zeros((side, side), np.float32)
    shape[row_of((head.mesh[14, 1] + head.chin_y) / 2) : row_of(head.chin_y + 0.02), left : right + 1] = 1
    shape = to_region(cv2.GaussianBlur(shape, (0, 0), 0.016 * px), head, box)[..., None]
    colour = np.dstack([to_region(np.broadcast_to(line[:, c], (side, side)), head, box) for c in range(3)])
    return np.rint(plate + shape * (colour - plate)).astype(np.uint8)


def to_region(mask: np.ndarray, head: Head, box: tuple[int, int, int, int]) -> np.ndarray:
    """A mask (side, side) of the view, at the pixels of a region of the photograph: (h, w) float32."""
    left, top, right, bottom = box
    side = mask.shape[0]
    back = np.linalg.inv(head.frame.matrix) * side / (2 * SHEET.reach)
    start = back @ (np.array([left, top]) + 0.5 - head.frame.centre) + side / 2 - 0.5
    warp = np.column_stack([back, start])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        mask.astype(np.float32), warp, (right - left, bottom - top), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
