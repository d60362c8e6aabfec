"""Which part of two people changes over first, so that a film never changes all at once and no place shows both.

Half way one of them has the head with its hair or hat, the other the shoulders and clothes. The line between is where both
pictures look most alike; of the two ways the one is taken that leaves no hair, scarf or veil below the line without its root.

Source: minimum error boundary cut, Efros and Freeman 2001, "Image Quilting for Texture Synthesis and Transfer", section 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from skimage.graph import route_through_array

from core.implicit.methods.framing.framing import find_anchor

Picture = np.ndarray


@dataclass(frozen=True)
class DivisionConstants:
    """What the line is tuned by. Lengths are in face units (see `Anchor`) from the middle of the eyes."""

    # Longer side at which the line is looked for.
    side_px: int = 128
    # The line stays between these heights, and so far below the face.
    highest: float = 0.3
    # Where the frame has less than this below the chin it shows a face, and there is nothing to divide.
    least_room: float = 0.45
    lowest: float = 2.2
    face_gap: float = 0.06
    # What one's outline alone costs beside a difference of colours by 1: hair cut off, and hair that has no root.
    cut: float = 0.6
    rootless: float = 6.0
    # What every step costs, and how much more it costs a face unit lower.
    step: float = 0.03
    deeper: float = 0.05
    # The share of a piece's edge that holds it.
    held: float = 0.5
    # Softness of the line, as a share of the longer side.
    feather: float = 0.012


DIVISION = DivisionConstants()


@dataclass(frozen=True)
class Division:
    """How two people share a frame half way.

    Attributes:
        lower: (H, W, 1) float32 in [0, 1]: 1 in the part with the shoulders.
        lower_first: whether that part changes over first, so that half way the first person's head is seen.
    """

    lower: Picture
    lower_first: bool


def divide(pictures: tuple[Picture, Picture], covers: tuple[Picture, Picture], face: np.ndarray) -> Division:
    """The division of two people in one shape; a frame that ends below the chin is the head's.

    Args:
        pictures: (H, W, 3) float32 in [0, 1] each, colours of the person, beyond it as beside it.
        covers: (H, W) or (H, W, 1) float32 in [0, 1] each, where the person is.
        face: (N, 2) landmarks in this shape, (x, y) pixels.
    """
    size = pictures[0].shape[1::-1]
    share = min(1.0, DIVISION.side_px / max(size))
    small = (max(8, round(size[0] * share)), max(8, round(size[1] * share)))
    scale = np.array(small) / size
    seen = [cv2.resize(picture, small, interpolation=cv2.INTER_AREA) for picture in pictures]
    there = [cv2.resize(cover.reshape(size[::-1]), small, interpolation=cv2.INTER_AREA) for cover in covers]
    apart = np.abs(seen[0] - seen[1]).mean(-1) * np.minimum(*there)
    face = face * scale
    anchor = find_anchor(face)
    if (small[1] - face[:, 1].max()) / anchor.unit < DIVISION.least_room:
        return Division(np.zeros((*size[::-1], 1), np.float32), True)
    closed, dear = _prices(face, small)
    found = []
    for lower, upper in ((there[1], there[0]), (there[0], there[1])):
        alone = DIVISION.rootless * np.maximum(lower - upper, 0) + DIVISION.cut * np.maximum(upper - lower, 0)
        found.append(_cheapest_line(apart + alone + dear, closed))
    costs = [cost for cost, _ in found]
    lower_first = costs[0] <= costs[1]
    below = found[0 if lower_first else 1][1]
    _drop_stubs(below, there if lower_first else there[::-1], anchor.middle[1] + DIVISION.highest * anchor.unit)
    # Slivers that are left show as dots.
    below = cv2.resize(cv2.medianBlur(below, 5), size, interpolation=cv2.INTER_LINEAR)
    below = cv2.GaussianBlur(below, (0, 0), DIVISION.feather * max(size))
    return Division(below[..., None], lower_first)


def _prices(face: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, Picture]:
    """(h, w) bool: where the line must not run, and (h, w) float: what a step costs wherever it runs."""
    anchor = find_anchor(face)
    outline = np.round(cv2.convexHull(face.astype(np.float32))[:, 0] - 0.5).astype(np.int32)
    mask = np.zeros(size[::-1], np.uint8)
    cv2.fillConvexPoly(mask, outline, 1)
    gap = max(1, round(DIVISION.face_gap * anchor.unit))
    mask = cv2.dilate(mask, np.ones((2 * gap + 1,) * 2, np.uint8))
    # What lies above the face is the head's.
    mask = np.maximum.accumulate(mask[::-1])[::-1]
    rows = np.arange(size[1])[:, None] + 0.5
    top, bottom = (anchor.middle[1] + reach * anchor.unit for reach in (DIVISION.highest, DIVISION.lowest))
    # Beside the frame's bottom there is always a way.
    closed = (mask > 0) | (rows < top) | (rows > max(bottom, np.flatnonzero(mask.any(1)).max(initial=0) + 3))
    closed[-1] = False
    return closed, DIVISION.step + DIVISION.deeper / anchor.unit * np.maximum(rows - top, 0) / size[1] * np.ones(
        size[0]
    )


def _cheapest_line(cost: Picture, closed: np.ndarray) -> tuple[float, Picture]:
    """What the cheapest line from the left to the right side costs, and (h, w) float32, 1 below it."""
    # A free column on each side lets it begin and end at any height.
    price = np.pad(np.where(closed, 1e3, cost), ((0, 0), (1, 1)), constant_values=1e-6)
    last = price.shape[0] - 1
    places, total = route_through_array(price, (last, 0), (last, price.shape[1] - 1))
    line = np.zeros(price.shape, np.uint8)
    line[tuple(np.array(places).T)] = 1
    line[:, [0, -1]] = 0
    for column in (1, price.shape[1] - 2):
        line[np.flatnonzero(line[:, column]).min() :, column] = 1
    flooded = np.pad(line[:, 1:-1], ((1, 0), (0, 0)))
    cv2.floodFill(flooded, None, (0, 0), 2)
    return float(total), (flooded[1:] != 2).astype(np.float32)


def _drop_stubs(below: Picture, covers: list[Picture], top: float) -> None:
    """Leave out pieces of a person that the line cut off, that have nothing under them below it, or nothing over them above.

    Args:
        below: (h, w) float32, 1 below the line, where half way the second of `covers` is seen; changed.
        covers: (h, w) each.
        top: row; what reaches higher is hair or a hat.
    """
    for side, from_ in ((0, 1), (1, -1)):
        here = below == side
        person = here & (covers[side] > 0.5)
        alone = person & (covers[1 - side] < 0.5)
        # Where the line goes through the person, not along it.
        cut = _widened(~here & (covers[side] > 0.5), 1)
        broad = cv2.morphologyEx(alone.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0
        for kind in (broad, alone & ~broad, _without_largest(person)):
            count, pieces = cv2.connectedComponents(kind.astype(np.uint8))
            for number in range(1, count):
                piece = _widened(pieces == number, 2)
                if not (piece & cut).any() or (side == 0 and np.flatnonzero(piece.any(1))[0] < top):
                    continue
                if not _held(piece, person, from_):
                    below[piece] = 1 - side


def _without_largest(mask: np.ndarray) -> np.ndarray:
    """(h, w) bool without its largest connected piece; what touches that in few places is apart from it."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, pieces, facts, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    return (opened > 0) & (pieces != 1 + np.argmax(facts[1:, cv2.CC_STAT_AREA])) if len(facts) > 1 else opened > 0


def _widened(mask: np.ndarray, cells: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * cells + 1,) * 2, np.uint8)) > 0


def _held(piece: np.ndarray, person: np.ndarray, side: int) -> bool:
    """Whether most of a piece's upper (`side` 1) or lower (-1) edge (h, w) is joined to more of the person, or to the frame."""
    room = 2
    wide, more = np.pad(piece, ((room, room), (0, 0))), np.pad(person, ((room, room), (0, 0)), constant_values=True)
    edge = np.roll(wide, -side * room, axis=0) & ~wide
    return bool((edge & more).sum() > DIVISION.held * edge.sum())
