"""Portraits brought into line on the eyes and cropped to one frame; what a picture lacks there is filled.

A face lying on its side or upside down is turned upright first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt

from core.image import resize
from core.implicit.methods.letterbox.letterbox import Letterbox
from core.implicit.paper.landmarks import LEFT_EYE, LIPS, MESH_VERTICES, OVAL, RIGHT_EYE
from core.ops.patch_fill import fill_holes


@dataclass(frozen=True)
class FramingConstants:
    """What the frame is tuned by. Lengths are in face units, half the side of an FFHQ crop: about a face's height."""

    # Left, top, right, bottom from the middle of the eyes: what is shown whatever it takes, a face to its hairline.
    least: tuple[float, float, float, float] = (-0.8, -0.7, 0.8, 1.05)
    # What is shown at most: a head and chest, so that a face stays large in a film.
    most: tuple[float, float, float, float] = (-2.4, -2.2, 2.4, 3.4)
    # An edge of the picture so near the face cuts the head: nothing beyond it is shown, for there is no head to fill from.
    cut: tuple[float, float, float, float] = (0.08, 0.12, 0.08, 0.08)
    # Above the top of a hat or of hair.
    headroom: float = 0.15
    # Width by height of the frame, at least and at most.
    narrowest: float = 0.62
    widest: float = 1.5
    # A head tilted further than this is turned back to it: turning leaves corners to fill.
    most_tilt_deg: float = 15.0
    # Nothing is filled for rims as thin as this share of the frame.
    least_rim: float = 0.004
    # Less than this share of the frame is too little to fill from.
    least_source: float = 0.03


FRAMING = FramingConstants()


@dataclass(frozen=True)
class Anchor:
    """Where a face is: the middle of its eyes (x, y) and its unit in pixels, its tilt in radians (clockwise positive)."""

    middle: np.ndarray
    unit: float
    tilt: float


def find_anchor(points: np.ndarray) -> Anchor:
    """The anchor of landmarks (N, 2): by the eyes of detected ones; of a few points by hand, by their middle and spread."""
    if len(points) < len(MESH_VERTICES):
        middle = points.mean(0)
        return Anchor(middle, max(1.0, 1.6 * float(np.sqrt(np.square(points - middle).sum(1).mean()))), 0.0)
    order = list(MESH_VERTICES)
    right, left, mouth = (points[[order.index(v) for v in part]].mean(0) for part in (RIGHT_EYE, LEFT_EYE, LIPS))
    eyes, across = (right + left) / 2, left - right
    down = mouth - eyes
    # As in FFHQ's crops both directions count: the eyes come closer in a turned head, eyes and mouth in a bowed one.
    axis = across + np.array([down[1], -down[0]])
    return Anchor(
        eyes, max(1.0, float(max(2.0 * np.hypot(*across), 1.8 * np.hypot(*down)))), float(np.arctan2(axis[1], axis[0]))
    )


def choose_turn(tilt: float) -> float:
    """By how much a picture is turned back, in radians: whole quarters, and what exceeds the tilt of an upright head."""
    quarter = round(tilt / (np.pi / 2)) * (np.pi / 2)
    rest, most = tilt - quarter, np.radians(FRAMING.most_tilt_deg)
    return float(quarter + rest - np.clip(rest, -most, most))


def frame_faces(
    pictures: Sequence[Image.Image],
    landmarks: Sequence[np.ndarray],
    tops: Sequence[float | None],
    longer_side_px: int,
) -> tuple[tuple[int, int], list[Letterbox]]:
    """The common frame of two pictures or more and how each lies in it.

    Args:
        pictures: RGB.
        landmarks: (N, 2) each, (x, y) pixels; the first 131 are those of `landmarks_of`, or fewer set by hand.
        tops: how far each head with hair or hat reaches above the eyes, in face units; None where it is not known or
            the picture cuts it.
        longer_side_px: of the frame.

    Returns:
        (width, height), both even, and a placement for each picture.
    """
    anchors = [find_anchor(points) for points in landmarks]
    turns = [choose_turn(anchor.tilt) for anchor in anchors]
    shown = np.array([_shown(picture.size, anchor, turn) for picture, anchor, turn in zip(pictures, anchors, turns, strict=True)])  # fmt: skip
    left, top, right, bottom = np.concatenate((shown[:, :2].max(0), shown[:, 2:].min(0)))
    low, most = np.array(FRAMING.least), FRAMING.most
    cuts = np.array(
        [
            _cut(picture.size, points, anchor, turn)
            for picture, points, anchor, turn in zip(pictures, landmarks, anchors, turns, strict=True)
        ]
    )
    low[:2] = np.maximum(low[:2], np.where(cuts, shown, -np.inf)[:, :2].max(0))
    low[2:] = np.minimum(low[2:], np.where(cuts, shown, np.inf)[:, 2:].min(0))
    known = [reach for reach in tops if reach is not None]
    if len(known) == len(tops):
        low[1] = min(low[1], -max(known) - FRAMING.headroom)
    left, top = min(max(left, most[0]), low[0]), min(max(top, most[1]), low[1])
    right, bottom = max(min(right, most[2]), low[2]), max(min(bottom, most[3]), low[3])
    width, height = right - left, bottom - top
    if width < FRAMING.narrowest * height:
        bottom = max(low[3], top + width / FRAMING.narrowest)
    elif width > FRAMING.widest * height:
        trim = (width - FRAMING.widest * height) / 2
        left, right = min(left + trim, low[0]), max(right - trim, low[2])
    scale = longer_side_px / max(right - left, bottom - top)
    size = (max(16, 2 * round((right - left) * scale / 2)), max(16, 2 * round((bottom - top) * scale / 2)))
    lies = [_placement(anchor, turn, scale, (left, top)) for anchor, turn in zip(anchors, turns, strict=True)]
    return size, lies


def place(picture: Image.Image, size_px: tuple[int, int], lies: Letterbox) -> tuple[np.ndarray, np.ndarray]:
    """A picture in its frame (H, W, 3) uint8, its edge pixels repeated beyond, and where it lies beyond: (H, W) bool."""
    # Reduced first, because the sampling below does not average.
    shrink = min(1.0, lies.scale_x)
    small = resize(picture, (max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink))))
    ratio = np.array(picture.size) / small.size
    matrix = lies.matrix()
    matrix[:, :2] *= ratio
    # OpenCV counts from pixel centres.
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    framed = cv2.warpAffine(np.asarray(small), matrix, size_px, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    there = cv2.warpAffine(np.full(small.size[::-1], 255, np.uint8), matrix, size_px, flags=cv2.INTER_LINEAR)
    return framed, there < 250


def fill_beyond(framed: np.ndarray, beyond: np.ndarray, people: np.ndarray, chin: float) -> np.ndarray:
    """The framed picture with what lies beyond its edges filled from what it shows.

    Nothing is copied from people, but for clothes that go on where the picture cuts them.

    Args:
        framed: (H, W, 3) uint8.
        beyond: (H, W) bool.
        people: (H, W) bool, everybody in the picture.
        chin: y of the chin of the face that is framed, in pixels: what of people lies above is no clothes.
    """
    rim = round(FRAMING.least_rim * max(beyond.shape))
    if not cv2.erode(beyond.astype(np.uint8), np.ones((2 * rim + 1,) * 2, np.uint8), borderValue=1).any():
        return framed
    heads = people & (np.arange(len(people))[:, None] < chin)
    nearest = distance_transform_edt(beyond, return_distances=False, return_indices=True)
    clothes = beyond & (people & ~heads)[tuple(nearest)]
    framed = _fill(framed, beyond & ~clothes, (people | clothes, heads | clothes, clothes))
    return _fill(framed, clothes, (heads, np.zeros_like(heads)))


def _fill(framed: np.ndarray, hole: np.ndarray, forbidden: Sequence[np.ndarray]) -> np.ndarray:
    """The picture with a hole filled from outside the first of what is forbidden, (H, W) bool each, that leaves something."""
    for taboo in forbidden:
        if (~taboo & ~hole).mean() > FRAMING.least_source:
            return fill_holes(framed, hole, forbidden=taboo & ~hole)
    return framed


def _shown(size_px: tuple[int, int], anchor: Anchor, turn: float) -> np.ndarray:
    """What a turned picture shows without its empty corners, (left, top, right, bottom) in face units from the eyes."""
    turned = _turned(np.array([(0, 0), (size_px[0], 0), (0, size_px[1]), size_px], float), anchor, turn)
    across, down = np.sort(turned[:, 0]), np.sort(turned[:, 1])
    return np.array([across[1], down[1], across[2], down[2]])


def _cut(size_px: tuple[int, int], points: np.ndarray, anchor: Anchor, turn: float) -> np.ndarray:
    """(4,) bool: which edges of a turned picture cut the head of landmarks (N, 2), as far as they were detected."""
    if len(points) < len(MESH_VERTICES):
        return np.zeros(4, bool)
    # By whole quarters alone: what turning a tilted head takes from the picture's corners cuts no head.
    quarters = round(turn / (np.pi / 2)) * (np.pi / 2)
    face, shown = _turned(points[: len(OVAL)], anchor, quarters), _shown(size_px, anchor, quarters)
    room = np.concatenate((face.min(0) - shown[:2], shown[2:] - face.max(0)))
    return room < FRAMING.cut


def _turned(points: np.ndarray, anchor: Anchor, turn: float) -> np.ndarray:
    """Pixels (N, 2) in face units from the eyes of a turned picture."""
    cosine, sine = np.cos(-turn), np.sin(-turn)
    return (points - anchor.middle) @ np.array([[cosine, sine], [-sine, cosine]]) / anchor.unit


def _placement(anchor: Anchor, turn: float, scale: float, corner: tuple[float, float]) -> Letterbox:
    factor = scale / anchor.unit
    lies = Letterbox(factor, factor, 0.0, 0.0, -turn)
    left, top = -np.array(corner) * scale - lies.to_frame(anchor.middle[None])[0]
    return Letterbox(factor, factor, float(left), float(top), -turn)
