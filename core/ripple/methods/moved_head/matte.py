"""Which pixels are the head's: a soft matte at the photograph's size, and where the neck ends."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt

from core.detect.segment import person_mask
from core.errors import NothingFoundError
from core.ops.masks import disc
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
    bridge: float = 0.01  # half the width of what does not join two things
    around_face: float = 0.12  # of hair around the face's mesh, where no person is found
    beyond_collar: float = 0.08  # how far below the collar the motion comes to rest


MATTE = MatteConstants()
CHEEKS = (50, 280, 205, 425)


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


def find_person(view: np.ndarray, head: Head) -> np.ndarray:
    """(side, side) float32 in [0, 1]: MediaPipe's person; where it finds none, of a face that fills the photograph, the head around it."""
    try:
        return person_mask(Image.fromarray(view))[0, 0].numpy()
    except NothingFoundError:
        px = view.shape[0] / (2 * SHEET.reach)
        mask = np.zeros(view.shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, cv2.convexHull(np.rint((head.mesh[:, :2] + SHEET.reach) * px).astype(np.int32)), 1)
        return cv2.dilate(mask, disc(MATTE.around_face * px)).astype(np.float32)


def own_person(person: np.ndarray, head: Head, size: tuple[int, ...] | None = None) -> np.ndarray:
    """(side, side) bool: the part of a person mask in the view that holds the face.

    What stands beside the head and hangs together with it by the shoulders only, by a thin bridge or beyond the photograph of
    `size` (W, H), where its last pixels repeat, is something else.
    """
    side = person.shape[0]
    px = side / (2 * SHEET.reach)
    firm = (person > 0.5).astype(np.uint8)
    seen = np.ones(firm.shape, bool)
    if size is not None:
        places = head.frame.to_px((np.stack(np.meshgrid(*(np.arange(side),) * 2), -1) + 0.5) / px - SHEET.reach)
        seen = ((places >= 0) & (places <= size)).all(-1)
        firm &= seen
    bridge = disc(MATTE.bridge * px)
    core = cv2.erode(firm, bridge)
    if not core.any():
        return firm > 0
    places = np.rint((head.mesh[:, :2] + SHEET.reach) * px).astype(int).clip(0, side - 1)
    chin = int(np.clip(round((head.chin_y + SHEET.reach) * px), 1, side - 1))
    part = part_with(core, places)
    part[:chin] = part_with(core[:chin], places[places[:, 1] < chin])
    grown = cv2.dilate(part.astype(np.uint8), cv2.dilate(np.pad(bridge, 2), np.ones((3, 3))))
    own = (grown > 0) & (firm > 0)
    return own if seen.all() else own[tuple(distance_transform_edt(~seen, return_distances=False, return_indices=True))]


def part_with(mask: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(h, w) bool: the connected part of a mask (h, w) uint8 that most of the places (N, 2), columns and rows, lie in."""
    _, parts = cv2.connectedComponents(mask)
    numbers = np.bincount(parts[places[:, 1], places[:, 0]], minlength=2)
    return parts == 1 + numbers[1:].argmax()


def find_neck_end(view: np.ndarray, head: Head) -> float:
    """The height, in the head's frame, below which nothing moves: a little below the collar."""
    side = view.shape[0]
    px = side / (2 * SHEET.reach)
    lab = cv2.cvtColor(cv2.GaussianBlur(view, (0, 0), side / 150), cv2.COLOR_RGB2LAB).astype(np.float32)
    chin = head.mesh[152, :2]
    column, chin_row = np.rint((chin + SHEET.reach) * px).astype(int)
    column = int(np.clip(column, 2, side - 3))
    cheeks = np.rint((head.mesh[list(CHEEKS), :2] + SHEET.reach) * px).astype(int).clip(0, side - 1)
    skin = np.median(lab[cheeks[:, 1], cheeks[:, 0]], axis=0)
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


def to_region(mask: np.ndarray, head: Head, box: tuple[int, int, int, int], nodes: bool = False) -> np.ndarray:
    """A mask (side, side) of the view, or smooth values at a sheet's nodes, at the pixels of a region: (h, w) float32."""
    left, top, right, bottom = box
    side = mask.shape[0]
    # Pixels are counted by their centres; nodes stand on the view's rim too.
    back = np.linalg.inv(head.frame.matrix) * (side - nodes) / (2 * SHEET.reach)
    start = back @ (np.array([left, top]) + 0.5 - head.frame.centre) + side / 2 - 0.5
    warp = np.column_stack([back, start])
    flags = (cv2.INTER_CUBIC if nodes else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        mask.astype(np.float32), warp, (right - left, bottom - top), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
