"""Expressions as displacements of MediaPipe's 478 points: smile, open mouth, eyes, lips. Nothing here is learned.

Every shape is a sum of soft pushes at landmarks, scaled by the mouth's width or the eye's height of the face at hand.
Source: own; sums of displacement shapes as in Ekman and Friesen's action units (1978) and blend shapes (Lewis et al. 2014).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy.interpolate import RBFInterpolator

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
CHEEKS, CHEEKBONES, WINGS = (205, 425), (50, 280), (98, 327)
# The face's outline, and what a mouth never moves: the nose and the chin's front.
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150),
    *(136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
STILL = (6, 197, 195, 5, 4, 1, 2, 199)


@dataclass(frozen=True)
class ExpressionConstants:
    """How far the strongest expression moves; shares of the mouth's width unless they say otherwise."""

    smile_out: float = 0.036  # of the head's frame, as the next five: either corner, aside
    smile_up: float = 0.036  # either corner, up
    smile_rise: float = 0.006  # the middle of the lips, up
    usual_mouth: float = 0.18  # how wide a mouth at rest is ...
    wide_mouth: float = 0.30  # ... and one that smiles as far as it can
    sad_down: float = 0.018  # the corners of a mouth at rest, down
    smile_bent: float = 0.17  # corners so far above the middle smile as far as they can
    smile_least: float = 0.4  # share of its way that a mouth still goes which smiles already ...
    smile_most: float = 1.5  # ... and one whose corners hang
    smile_curve: float = 1.8  # power of the way along the lips: the corners rise, the middle hardly
    smile_thin: tuple[float, float] = (0.2, 0.12)  # of their thickness: the upper and the lower lip, stretched
    smile_cheek: float = 0.45  # of the corner's way: the cheek above it
    smile_bone: float = 0.3  # and the cheekbone
    smile_wing: float = 0.15  # and the nose's wing
    smile_lid: float = 0.12  # of the eye's height: the lower lid, up
    sad_narrow: float = 0.25  # of what a smile had widened the mouth by: either corner, inwards
    sad_most: float = 0.085  # of the head's frame: a gap further than that begins to be a cry, and no smile to close
    sad_upper: tuple[float, float] = (
        0.25,
        0.5,
    )  # of a gap that closes: the upper lip, down, of a mouth at rest and a broad smile
    sad_outer: tuple[float, float] = (0.75, 0.85)  # of a lip's way, the upper's and the lower's: their outer lines
    smiles: tuple[float, float] = (0.26, 0.1)  # a mouth as wide, or corners as high as so much of it: a smile
    sad_full: float = 0.12  # of their thickness, that lips have more of which a smile had stretched most
    sad_closes: float = 1.7  # of a gap between the lips, up to all of it
    open_lip: float = 0.075  # of the head's frame, as the next four: the lower lip, down
    open_chin: float = 0.068
    open_most: float = 0.16  # a gap between the lips that is as wide as can be
    open_upper: float = 0.009  # the upper lip's middle, up
    open_narrow: float = 0.014  # the corners, inwards
    open_begins: float = 0.3  # of the way to the chin: from there down all goes with the chin
    open_corner: float = 0.42  # of the lower lip's way: the corners, down
    open_taper: float = 1.35  # power of the opening towards the corners: above 1 it ends in points
    lid_way: float = 0.94  # of the eye's height: how far the upper lid comes down
    lid_reach: float = 0.72  # of the fold's share in what the lid does
    wide: float = 0.31  # of the eye's height: the upper lid, up
    usual: float = 0.32  # of the eye's width: the height of an open eye ...
    widest: float = 0.58  # ... and of one that opens no further
    wide_least: float = 0.3  # share of its way that an eye still opens which is wide already
    narrowed: float = 1.6  # what a narrowed eye is taken for, of its own height, at most
    brow_down: float = 0.12  # of the eye's height: the brow, down with a closing lid
    brow: float = 0.25  # of the lid's way: the brow, up
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


def displace(head: Head, expression: Expression, glasses: bool = False) -> np.ndarray:
    """(478, 2): how far an expression moves each point of a head's mesh, in units of its frame; glasses stay where they are."""
    points = head.mesh[:, :2]
    shift = np.zeros_like(points)
    left, right = points[list(MOUTH_CORNERS)]
    width = float(np.hypot(*(right - left)))
    if expression.smile:
        shift += smile(points, expression.smile)
    if expression.mouth:
        shift += open_mouth(points, width, expression.mouth)
    if expression.eyes:
        shift += move_lids(points, expression.eyes, glasses)
    if expression.gaze:
        for (corners, *_), iris in zip(EYE_PARTS, IRISES, strict=True):
            across = np.ptp(points[list(corners), 0])
            shift[iris : iris + 5, 0] += expression.gaze * EXPRESSION.gaze * across
    if expression.lip:
        shift += fill_lips(points, expression.lip)
    return shift


def smile(points: np.ndarray, strength: float) -> np.ndarray:
    """The corners of the mouth up and aside, cheeks and lower lids up, lips thinner; below 0 a smile goes, and the corners hang."""
    chosen = [*lips(UPPER_LIP), *lips(LOWER_LIP), *MOUTH_CORNERS, *INNER_CORNERS]
    corners = points[list(MOUTH_CORNERS)]
    width, middle = float(np.hypot(*(corners[1] - corners[0]))), points[[0, 13, 14, 17], 0].mean()
    bent = (points[[13, 14], 1].mean() - corners[:, 1].mean()) / width
    if strength > 0:
        # Who smiles already smiles little more, and corners that hang have further to go.
        room = (EXPRESSION.wide_mouth - width) / (EXPRESSION.wide_mouth - EXPRESSION.usual_mouth)
        aside = EXPRESSION.smile_out * np.clip(room, EXPRESSION.smile_least, 1)
        up = EXPRESSION.smile_up * np.clip(
            1 - bent / EXPRESSION.smile_bent, EXPRESSION.smile_least, EXPRESSION.smile_most
        )
    else:
        aside = EXPRESSION.sad_narrow * max(0.0, width - EXPRESSION.usual_mouth) + 0.2 * EXPRESSION.smile_out
        up = EXPRESSION.sad_down + max(0.0, bent) * width
    way = np.zeros_like(points)
    half = np.where(points[:, 0] < middle, middle - corners[0, 0], corners[1, 0] - middle)
    along = np.clip((points[:, 0] - middle) / np.maximum(half, 1e-6), -1.1, 1.1)
    way[:, 0] = strength * aside * along
    way[:, 1] = -strength * (up * np.abs(along) ** EXPRESSION.smile_curve + EXPRESSION.smile_rise * (strength > 0))
    way[chosen] += press_lips(points, strength)[chosen]
    held = {index: way[index] for index in chosen}
    for side, (cheek, bone, wing) in enumerate(zip(CHEEKS, CHEEKBONES, WINGS, strict=True)):
        # Cheeks that a smile raised already rise further than the corners below them.
        full = strength * np.array([(-1, 1)[side] * EXPRESSION.smile_out, -EXPRESSION.smile_up])
        held[cheek] = EXPRESSION.smile_cheek * full
        held[bone] = EXPRESSION.smile_bone * full * (0, 1)
        held[wing] = EXPRESSION.smile_wing * full * (1, 0)
        lower, upper = EYE_PARTS[side][2], EYE_PARTS[side][1]
        gap = (points[list(lower)] - points[list(upper)])[:, 1].clip(0)
        for index, high in zip(lower, gap, strict=True):
            held[index] = np.array([0, -max(0.0, strength) * EXPRESSION.smile_lid * high])
    for index in (*OVAL, *STILL, *(i for eye in EYE_PARTS for part in (eye[0], eye[1], eye[4]) for i in part)):
        held[index] = np.zeros(2)
    return spread(points, held)


def spread(points: np.ndarray, held: dict[int, np.ndarray]) -> np.ndarray:
    """(478, 2): how skin moves between points whose way is held, as a thin plate."""
    known = list(held)
    return RBFInterpolator(points[known], np.array([held[index] for index in known]), smoothing=1e-6)(points)


def press_lips(points: np.ndarray, strength: float) -> np.ndarray:
    """(478, 2): lips that a smile stretches grow thinner; without one they close."""
    total = np.zeros_like(points)
    gap = (points[list(LOWER_LIP["inner"])] - points[list(UPPER_LIP["inner"])])[:, 1].clip(0)
    cry = float(np.clip(gap.max() / EXPRESSION.sad_most - 1, 0, 1))
    closes = (1 - cry) * min(1.0, -strength * EXPRESSION.sad_closes)
    wide = smiling(points)
    hangs = EXPRESSION.sad_upper[0] + wide * (EXPRESSION.sad_upper[1] - EXPRESSION.sad_upper[0])
    for part, thin, closing, thick in (
        (UPPER_LIP, EXPRESSION.smile_thin[0], hangs, EXPRESSION.sad_outer[0] * hangs),
        (LOWER_LIP, EXPRESSION.smile_thin[1], hangs - 1, EXPRESSION.sad_outer[1] * (hangs - 1)),
    ):
        inner, outer = points[list(part["inner"])], points[list(part["outer"])]
        for name in ("outer", "middle", "inner"):
            for number, index in enumerate(part[name]):
                at = number % len(inner)
                if strength > 0:
                    total[index, 1] = strength * thin * (inner[at] - points[index])[1]
                    continue
                # Lips that a smile stretched are thick again, and the upper one hangs over the teeth.
                beyond = (points[index] - inner[at])[1] / ((outer - inner)[at, 1] or 1.0)
                total[index, 1] = closes * gap[at] * (closing + beyond * (thick - closing))
                total[index, 1] -= strength * EXPRESSION.sad_full * wide * (points[index] - inner[at])[1]
    return total


def smiling(points: np.ndarray) -> float:
    """How far a face with points (478, 2) in its frame smiles already, 0 to 1."""
    corners = points[list(MOUTH_CORNERS)]
    width = float(np.hypot(*(corners[1] - corners[0])))
    wide = (width - EXPRESSION.usual_mouth) / (EXPRESSION.smiles[0] - EXPRESSION.usual_mouth)
    high = (points[[13, 14], 1].mean() - corners[:, 1].mean()) / (EXPRESSION.smiles[1] * width)
    return float(np.clip(max(wide, high), 0, 1))


def open_mouth(points: np.ndarray, width: float, strength: float) -> np.ndarray:
    """The jaw down: the lower lip most, the chin a little less, the cheeks fading to the ears."""
    total = np.zeros_like(points)
    corners = points[list(MOUTH_CORNERS)]
    line, middle = corners[:, 1].mean(), corners[:, 0].mean()
    # A small mouth opens less far, a wide one no further, and one that is open has less way left.
    strength *= min(1.0, width / EXPRESSION.usual_mouth) * mouth_room(points)
    # What lies below the lips goes with them, or the lower lip would be pushed over it.
    down = np.clip((points[:, 1] - line) / max(1e-6, EXPRESSION.open_begins * (points[CHIN, 1] - line)), 0, 1)
    aside = np.exp(-((points[:, 0] - middle) ** 2) / (2 * (0.8 * width) ** 2))
    total[:, 1] = strength * EXPRESSION.open_chin * down * aside
    across = np.clip(np.abs(points[:, 0] - middle) / (0.5 * width), 0, 1)
    # Both lips come to the corners, which come down and inwards: else the opening would end in walls.
    corner_down = EXPRESSION.open_corner * EXPRESSION.open_lip
    lower, upper = lips(LOWER_LIP), lips(UPPER_LIP)
    inwards = -np.sign(points[:, 0] - middle) * EXPRESSION.open_narrow * across**2
    between = (1 - across**2) ** EXPRESSION.open_taper
    falls = corner_down + (EXPRESSION.open_lip - corner_down) * between
    rises = corner_down * across**3 - EXPRESSION.open_upper * between
    for part, way in ((lower, falls), (upper, rises)):
        total[part] = strength * np.column_stack([inwards, way])[part]
    others = ~np.isin(np.arange(len(points)), [*MOUTH_CORNERS, *INNER_CORNERS, *lower, *upper])[:, None]
    for corner, inner, side in zip(MOUTH_CORNERS, INNER_CORNERS, (1, -1), strict=True):
        way = strength * np.array([side * EXPRESSION.open_narrow, corner_down])
        total[[corner, inner]] = way
        total += push(points, points[corner], 0.5 * way, 0.25 * width) * others
    return total


def mouth_room(points: np.ndarray) -> float:
    """Share of its way that a mouth still has to open, 0 where it is wide open."""
    return float(np.clip(1 - (points[14, 1] - points[13, 1]) / EXPRESSION.open_most, 0, 1))


def move_lids(points: np.ndarray, strength: float, glasses: bool) -> np.ndarray:
    """-1 closes the eyes, 1 opens them wide; folds and brows follow."""
    total = np.zeros_like(points)
    # Both eyes by as much: a narrowed one beside one that is not would stare.
    lifted = float(np.mean([lid_lift(points, corners, upper, lower) for corners, upper, lower, *_ in EYE_PARTS]))
    for corners, upper, lower, fold, brow in EYE_PARTS:
        top, bottom = points[list(upper)], points[list(lower)]
        gap = (bottom - top)[:, 1].clip(0)
        if strength < 0:
            total[list(upper), 1] = -strength * EXPRESSION.lid_way * gap
            total[list(lower), 1] = strength * 0.05 * gap
            total[list(fold), 1] = -strength * EXPRESSION.lid_reach * EXPRESSION.lid_way * gap
            total[list(brow), 1] = -strength * EXPRESSION.brow_down * gap.max()
        else:
            lift = strength * lifted
            for part, share in ((upper, -1), (lower, 0.25), (fold, 0.0 if glasses else -0.7)):
                total[list(part), 1] = share * lift * along_lid(points, corners, part)
            if not glasses:
                total[list(brow), 1] = -EXPRESSION.brow * lift
    return total


def lid_lift(points: np.ndarray, corners: tuple[int, ...], upper: tuple[int, ...], lower: tuple[int, ...]) -> float:
    """How far the upper lid of an eye goes up when it opens wide."""
    across = float(np.ptp(points[list(corners), 0]))
    most = max(0.0, float((points[list(lower)] - points[list(upper)])[:, 1].max()))
    # Narrowed eyes open further than by their own share, those wide already less far.
    usual = max(most, min(EXPRESSION.usual * across, EXPRESSION.narrowed * most))
    room = (EXPRESSION.widest - most / max(1e-6, across)) / (EXPRESSION.widest - EXPRESSION.usual)
    return EXPRESSION.wide * usual * float(np.clip(room, EXPRESSION.wide_least, 1))


def along_lid(points: np.ndarray, corners: tuple[int, ...], part: tuple[int, ...]) -> np.ndarray:
    """How far each point of a lid takes part, most in its middle: an even arc, for landmarks err one by one."""
    ends = points[list(corners), 0]
    aside = (points[list(part), 0] - ends.mean()) / max(1e-6, 0.5 * float(np.ptp(ends)))
    return np.sqrt((1 - aside**2).clip(0))


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
