"""Expressions as displacements of MediaPipe's 478 points: smile, open mouth, eyes, lips. Nothing here is learned.

Every shape is a sum of soft pushes at landmarks, scaled by the mouth's width or the eye's height of the face at hand.
Source: own; sums of displacement shapes as in Ekman and Friesen's action units (1978) and blend shapes (Lewis et al. 2014).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from core.ripple.methods.head_turn.geometry import CHIN
from core.ripple.methods.moved_head.frame import Head

IRISES_FROM, IRISES = 468, (468, 473)  # all their points, and the middle of each
MOUTH_CORNERS, INNER_CORNERS = (61, 291), (78, 308)
UPPER_LIP = {
    "outer": (185, 40, 39, 37, 0, 267, 269, 270, 409),
    "middle": (184, 74, 73, 72, 11, 302, 303, 304, 408, 183, 42, 41, 38, 12, 268, 271, 272, 407),
    "inner": (191, 80, 81, 82, 13, 312, 311, 310, 415),
}
LOWER_LIP = {
    "outer": (146, 91, 181, 84, 17, 314, 405, 321, 375),
    "middle": (77, 90, 180, 85, 16, 315, 404, 320, 307, 96, 89, 179, 86, 15, 316, 403, 319, 325),
    "inner": (95, 88, 178, 87, 14, 317, 402, 318, 324),
}
# Per eye: outer and inner corner, upper lid, lower lid, the fold above, the brow.
EYE_PARTS = (
    ((33, 133), (246, 161, 160, 159, 158, 157, 173), (7, 163, 144, 145, 153, 154, 155), (247, 30, 29, 27, 28, 56, 190),
     (70, 63, 105, 66, 107, 46, 53, 52, 65, 55)),
    ((263, 362), (466, 388, 387, 386, 385, 384, 398), (249, 390, 373, 374, 380, 381, 382), (467, 260, 259, 257, 258, 286, 414),
     (300, 293, 334, 296, 336, 276, 283, 282, 295, 285)),
)  # fmt: skip
CHEEKS, NOSE = (205, 425), 4


@dataclass(frozen=True)
class ExpressionConstants:
    """How far the strongest expression moves; shares of the mouth's width unless they say otherwise."""

    smile_out: float = 0.11  # the corners, aside
    smile_up: float = 0.17
    smile_cheek: float = 0.08  # the cheeks, up
    smile_nose: float = 0.3  # around its tip the nose stays
    smile_lid: float = 0.22  # of the eye's height: the lower lids, up with the cheeks
    smile_reach: float = 0.36  # of the corner's push
    open_lip: float = 0.42  # the lower lip, down
    open_chin: float = 0.38
    open_begins: float = 0.3  # of the way to the chin: from there down all goes with the chin
    open_narrow: float = 0.05  # the corners, inwards
    lid_way: float = 0.94  # of the eye's height: how far the upper lid comes down
    lid_reach: float = 0.72  # of the fold's share in what the lid does
    wide: float = 0.30  # of the eye's height: the upper lid, up
    brow_down: float = 0.12  # of the eye's height: the brow, down with a closing lid
    brow: float = 0.35  # of the lid's way: the brow, up
    gaze: float = 0.2  # of the eye's width: the iris, aside
    full: float = 0.52  # of a lip's thickness
    full_reach: float = 0.14  # how far skin beside a lip gives way
    closed: float = 0.06  # of the mouth's width: lips nearer than this are closed


EXPRESSION = ExpressionConstants()


@dataclass(frozen=True)
class Expression:
    """Strengths from -1 to 1, `mouth` from 0; 0 leaves the face as it is. `gaze` above 0 looks to the picture's right."""

    smile: float = 0.0
    mouth: float = 0.0
    eyes: float = 0.0
    lip: float = 0.0
    gaze: float = 0.0

    @property
    def still(self) -> bool:
        """Whether nothing moves."""
        return not any(getattr(self, field.name) for field in fields(self))


def lips(part: dict[str, tuple[int, ...]]) -> list[int]:
    """All points of one lip."""
    return [index for ring in part.values() for index in ring]


def push(points: np.ndarray, at: np.ndarray, way: np.ndarray, reach: float) -> np.ndarray:
    """(478, 2): a soft push of points (478, 2) near a place."""
    near = np.exp(-((points - at) ** 2).sum(1) / (2 * reach**2))
    return near[:, None] * way


def displace(head: Head, expression: Expression) -> np.ndarray:
    """(478, 2): how far an expression moves each point of a head's mesh, in units of its frame."""
    points = head.mesh[:, :2]
    shift = np.zeros_like(points)
    left, right = points[list(MOUTH_CORNERS)]
    width = float(np.hypot(*(right - left)))
    if expression.smile:
        shift += smile(points, width, expression.smile)
    if expression.mouth:
        shift += open_mouth(points, width, expression.mouth, head)
    if expression.eyes:
        shift += move_lids(points, expression.eyes)
    if expression.gaze:
        for (corners, *_), iris in zip(EYE_PARTS, IRISES, strict=True):
            across = np.ptp(points[list(corners), 0])
            shift[iris : iris + 5, 0] += expression.gaze * EXPRESSION.gaze * across
    if expression.lip:
        shift += fill_lips(points, expression.lip)
    return shift


def smile(points: np.ndarray, width: float, strength: float) -> np.ndarray:
    """The corners of the mouth up and aside, the cheeks up; below 0 down and together."""
    way = strength * width
    total = np.zeros_like(points)
    for corner, cheek, side in zip(MOUTH_CORNERS, CHEEKS, (-1, 1), strict=True):
        aside = side * EXPRESSION.smile_out * (1 if strength > 0 else 0.4)
        corner_way = way * np.array([aside, -EXPRESSION.smile_up])
        total += push(points, points[corner], corner_way, EXPRESSION.smile_reach * width)
        if strength > 0:
            up = way * np.array([0.0, -EXPRESSION.smile_cheek])
            total += push(points, points[cheek], up, 0.5 * width)
    # The middle of the lips stays, so that the line of the mouth curves.
    middle = points[list(MOUTH_CORNERS)].mean(0)
    stays = np.exp(-((points[:, 0] - middle[0]) ** 2) / (2 * (0.22 * width) ** 2))
    lip_rows = np.exp(-((points[:, 1] - middle[1]) ** 2) / (2 * (0.5 * width) ** 2))
    total[:, 1] *= 1 - 0.9 * stays * lip_rows
    # The nose hardly takes part: it would widen.
    near = ((points - points[NOSE]) ** 2).sum(1) / (2 * (EXPRESSION.smile_nose * width) ** 2)
    total *= 1 - 0.85 * np.exp(-near)[:, None]
    for _, upper, lower, *_ in EYE_PARTS if strength > 0 else ():
        gap = (points[list(lower)] - points[list(upper)])[:, 1].clip(0)
        total[list(lower), 1] -= strength * EXPRESSION.smile_lid * gap
    return total


def open_mouth(points: np.ndarray, width: float, strength: float, head: Head) -> np.ndarray:
    """The jaw down: the lower lip most, the chin a little less, the cheeks fading to the ears."""
    total = np.zeros_like(points)
    corners = points[list(MOUTH_CORNERS)]
    line = corners[:, 1].mean()
    # What lies below the lips goes with them, or the lower lip would be pushed over it.
    down = np.clip((points[:, 1] - line) / max(1e-6, EXPRESSION.open_begins * (points[CHIN, 1] - line)), 0, 1)
    middle = corners[:, 0].mean()
    aside = np.exp(-((points[:, 0] - middle) ** 2) / (2 * (0.8 * width) ** 2))
    total[:, 1] = strength * width * EXPRESSION.open_chin * down * aside
    lower = lips(LOWER_LIP)
    across = np.clip(np.abs(points[lower, 0] - middle) / (0.5 * width), 0, 1)
    total[lower, 1] = strength * width * EXPRESSION.open_lip * np.sqrt(1 - across**2).clip(0.25)
    for corner, inner, side in zip(MOUTH_CORNERS, INNER_CORNERS, (1, -1), strict=True):
        way = strength * width * np.array([side * EXPRESSION.open_narrow, 0.3 * EXPRESSION.open_lip])
        total[[corner, inner]] = way
        total += (
            push(points, points[corner], 0.5 * way, 0.25 * width)
            * (~np.isin(np.arange(len(points)), [corner, inner, *lower, *lips(UPPER_LIP)]))[:, None]
        )
    return total


def move_lids(points: np.ndarray, strength: float) -> np.ndarray:
    """-1 closes the eyes, 1 opens them wide; folds and brows follow."""
    total = np.zeros_like(points)
    for _, upper, lower, fold, brow in EYE_PARTS:
        top, bottom = points[list(upper)], points[list(lower)]
        gap = (bottom - top)[:, 1].clip(0)
        if strength < 0:
            total[list(upper), 1] = -strength * EXPRESSION.lid_way * gap
            total[list(lower), 1] = strength * 0.05 * gap
            total[list(fold), 1] = -strength * EXPRESSION.lid_reach * EXPRESSION.lid_way * gap
            total[list(brow), 1] = -strength * EXPRESSION.brow_down * gap.max()
        else:
            lift = strength * EXPRESSION.wide * gap.max() * np.sqrt(gap / max(1e-6, gap.max()))
            total[list(upper), 1] = -lift
            total[list(lower), 1] = 0.25 * lift
            total[list(fold), 1] = -0.7 * lift
            total[list(brow), 1] = -EXPRESSION.brow * lift.max()
    return total


def fill_lips(points: np.ndarray, strength: float) -> np.ndarray:
    """The outer line of the lips away from the mouth (fuller) or towards it (thinner); skin beside it gives way."""
    total = np.zeros_like(points)
    for part in (UPPER_LIP, LOWER_LIP):
        outer, inner = points[list(part["outer"])], points[list(part["inner"])]
        # Evened out along the lip, to nothing at its corners: landmarks err one by one, and would scallop it.
        way = np.pad(strength * EXPRESSION.full * (outer - inner), ((2, 2), (0, 0)))
        way = np.stack([np.convolve(way[:, k], np.array([1, 4, 6, 4, 1]) / 16, "valid") for k in (0, 1)], 1)
        total[list(part["outer"])] = way
        for number, (index, of_outer) in enumerate(zip(part["middle"], np.tile(way, (2, 1)), strict=True)):
            total[index] = of_outer * (0.66 if number < len(outer) else 0.33)
    # Skin beside a lip gives way, or the lip would be pushed over it in points.
    edges = [*UPPER_LIP["outer"], *LOWER_LIP["outer"]]
    apart = np.hypot(*(points[:, None] - points[edges]).transpose(2, 0, 1))
    width = float(np.hypot(*np.subtract(*points[list(MOUTH_CORNERS)])))
    near = np.exp(-((apart.min(1) / (EXPRESSION.full_reach * width)) ** 2) / 2)[:, None]
    skin = ~np.isin(np.arange(len(points)), [*lips(UPPER_LIP), *lips(LOWER_LIP), *MOUTH_CORNERS, *INNER_CORNERS])
    total[skin] = (near * total[edges][apart.argmin(1)])[skin]
    return total
