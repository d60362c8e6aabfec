"""An expression drawn: where each pixel of the changed face was, and what an opened mouth shows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import distance_transform_edt

from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.expressions import (
    EXPRESSION,
    EYE_PARTS,
    INNER_CORNERS,
    IRISES,
    IRISES_FROM,
    LOWER_LIP,
    MOUTH_CORNERS,
    UPPER_LIP,
    lips,
)
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.lids import closing_eyes, paint_lid


@dataclass(frozen=True)
class MapConstants:
    """How an expression is drawn; lengths in units of the head's frame."""

    cells: int = 96  # nodes of the spline across the face: skin moves softly
    margin: float = 0.12  # around the mesh, where the motion fades
    smoothing: float = 1e-5
    apart: float = 0.002  # lips that move against each other by more
    rim: float = 0.004  # lids and lips are joined over so much
    dark: tuple[int, int, int] = (46, 17, 17)  # the inside of a mouth
    tongue: tuple[int, int, int] = (92, 46, 46)  # what light adds to it below
    teeth: tuple[int, int, int] = (226, 216, 199)
    teeth_height: float = 0.05  # of the mouth's width, at most
    teeth_least: float = 0.05  # an opening smaller than this shows none


MAP = MapConstants()


@dataclass(frozen=True)
class FaceMap:
    """An expression in the pixels of a region.

    Attributes:
        shift: (h, w, 2) float32 px, from each pixel of the changed face to where it was.
        mouth: (h, w) float32 in [0, 1], where the inside of the mouth or a closed lid is seen that the photograph does not show.
        inside: (h, w, 3) uint8, that inside.
    """

    shift: np.ndarray
    mouth: np.ndarray
    inside: np.ndarray


def draw_expression(head: Head, moved: np.ndarray, region: np.ndarray, start: tuple[int, int]) -> FaceMap:
    """An expression of a head.

    Args:
        head: whose.
        moved: (478, 2) how far each point of its mesh moves, in units of its frame.
        region: (h, w, 3) uint8 of its photograph.
        start: where the region begins, (x, y) px.
    """
    size = region.shape[1::-1]
    before = head.frame.to_px(head.mesh[:, :2]) - start
    after = head.frame.to_px(head.mesh[:, :2] + moved) - start
    unit = head.frame.unit_px
    low = np.floor(np.minimum(before, after).min(0) - MAP.margin * unit).clip(0).astype(int)
    high = np.minimum(np.ceil(np.maximum(before, after).max(0) + MAP.margin * unit), size).astype(int)
    part = (slice(low[1], high[1]), slice(low[0], high[0]))
    window = tuple(high - low)
    before, after = before - low, after - low
    # Irises lie behind the lids and hold back nothing.
    irises = range(IRISES_FROM, len(before))
    # A lid that closes is painted, and pulls nothing along.
    closing = closing_eyes(before, after, unit)
    loose = [*irises, *(index for eye in closing for index in (*eye[1], *eye[3]))]
    upper, lower = [*lips(UPPER_LIP), *loose], [*lips(LOWER_LIP), *loose]
    if parts_lips(before, after, unit):
        shift = spline_shift(np.delete(before, lower, 0), np.delete(after, lower, 0), window, unit)
        below = spline_shift(np.delete(before, upper, 0), np.delete(after, upper, 0), window, unit)
        shift = shift + below_line(after, window, unit)[..., None] * (below - shift)
    else:
        shift = spline_shift(np.delete(before, loose, 0), np.delete(after, loose, 0), window, unit)
    places = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in window)), -1) + 0.5
    for eye, iris in zip(EYE_PARTS, IRISES, strict=True):
        shift = keep_eyeball(shift, places, before, after, eye, iris, unit)
    shift, hidden, inside = open_inside(shift, places, before, after, region[part], unit)
    for eye in closing:
        share, lid = paint_lid(region[part], before, after, eye, unit)
        inside[share > 0] = lid[share > 0]
        hidden = np.maximum(hidden, share)
    whole, mouth = np.zeros((*region.shape[:2], 2), np.float32), np.zeros(region.shape[:2], np.float32)
    whole[part], mouth[part] = shift, hidden
    shown = np.zeros_like(region)
    shown[part] = inside
    return FaceMap(whole, mouth, shown)


def parts_lips(before: np.ndarray, after: np.ndarray, unit: float) -> bool:
    """Whether the lips move apart or together, which one spline cannot do."""
    inner = [list(part["inner"]) for part in (UPPER_LIP, LOWER_LIP)]
    gaps = [points[inner[1], 1] - points[inner[0], 1] for points in (before, after)]
    return bool(np.abs(gaps[1] - gaps[0]).max() > MAP.apart * unit)


def spline_shift(before: np.ndarray, after: np.ndarray, window: tuple[int, int], unit: float) -> np.ndarray:
    """(h, w, 2) float32: the spline from points after to points before, nothing at the window's edge."""
    line = np.linspace(0, 1, 13)
    edge = np.array([(x, y) for x in line for y in line if x in (0, 1) or y in (0, 1)]) * window
    at = np.vstack([after, edge]) / unit
    moved = np.vstack([before - after, np.zeros_like(edge)])
    width, height = window
    cells = (MAP.cells, max(2, round(MAP.cells * height / width)))
    across, down = ((np.arange(n) + 0.5) * length / n / unit for n, length in zip(cells, window, strict=True))
    places = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2)
    found = RBFInterpolator(at, moved, smoothing=MAP.smoothing)(places)
    return cv2.resize(found.reshape(cells[1], cells[0], 2).astype(np.float32), window, interpolation=cv2.INTER_CUBIC)


def contour_mask(points: np.ndarray, window: tuple[int, int], soft_px: float) -> np.ndarray:
    """(h, w) float32 in [0, 1]: the inside of a polygon (N, 2) px, softly rimmed."""
    mask = np.zeros(window[::-1], np.uint8)
    cv2.fillPoly(mask, [np.rint((points - 0.5) * 16).astype(np.int32)], 1, shift=4)
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.6, soft_px))


def ring_of(points: np.ndarray, corners: tuple[int, int], upper: tuple[int, ...], lower: tuple[int, ...]) -> np.ndarray:
    """The closed line through a corner, the upper points, the other corner and the lower points back."""
    return points[[corners[0], *upper, corners[1], *reversed(lower)]]


def below_line(after: np.ndarray, window: tuple[int, int], unit: float) -> np.ndarray:
    """(h, w) float32: 1 below the middle of the opened lips, where the lower lip and the chin decide."""
    line = (
        after[[INNER_CORNERS[0], *UPPER_LIP["inner"], INNER_CORNERS[1]]]
        + after[[INNER_CORNERS[0], *LOWER_LIP["inner"], INNER_CORNERS[1]]]
    ) / 2
    order = line[:, 0].argsort()
    height = np.interp(np.arange(window[0]) + 0.5, line[order, 0], line[order, 1])
    rows = np.arange(window[1])[:, None] + 0.5
    return np.clip((rows - height) / max(1.0, MAP.rim * unit) + 0.5, 0, 1).astype(np.float32)


def nearest_inside(places: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Places (h, w, 2) px, those outside a mask (h, w) bool brought to its nearest pixel."""
    if not mask.any():
        return places
    rows, columns = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    at = np.rint(places - 0.5).astype(int)
    x, y = at[..., 0].clip(0, mask.shape[1] - 1), at[..., 1].clip(0, mask.shape[0] - 1)
    out = ~mask[y, x]
    found = places.copy()
    found[out] = np.stack([columns[y, x], rows[y, x]], -1)[out] + 0.5
    return found


def keep_eyeball(
    shift: np.ndarray, places: np.ndarray, before: np.ndarray, after: np.ndarray, eye: tuple, iris: int, unit: float
) -> np.ndarray:
    """The shift with an eyeball that stays where it is behind lids that move, or looks aside as its iris does."""
    corners, upper, lower = eye[:3]
    gaze = (after - before)[iris] - (after - before)[list(corners)].mean(0)
    if max(np.abs(after[list(upper)] - before[list(upper)]).max(), np.abs(gaze).max()) < MAP.apart * unit:
        return shift
    window = (shift.shape[1], shift.shape[0])
    ring = contour_mask(ring_of(before, corners, upper, lower), window, 0.6)
    # Over a lid that closes, a painted one comes.
    opened = before if closing_eyes(before, after, unit) else after
    share = contour_mask(ring_of(opened, corners, upper, lower), window, MAP.rim * unit / 2)[..., None]
    # A lid that moves is skin from beside the eye, and never a part of the eyeball.
    skin = nearest_inside(places + shift, ring < 0.3) - places
    way = nearest_inside(places - gaze, ring > 0.6) - places
    return (skin + share * (way - skin)).astype(np.float32)


def open_inside(
    shift: np.ndarray, places: np.ndarray, before: np.ndarray, after: np.ndarray, region: np.ndarray, unit: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The shift, the mask (h, w) and the picture (h, w, 3) of the inside of a mouth that opened.

    What the photograph shows between the lips stays with the upper jaw; below it comes the dark, and teeth where it showed none.
    """
    window = (shift.shape[1], shift.shape[0])
    ring = [ring_of(points, INNER_CORNERS, UPPER_LIP["inner"], LOWER_LIP["inner"]) for points in (before, after)]
    width = float(np.hypot(*np.subtract(*before[list(MOUTH_CORNERS)])))
    gaps = [points[14, 1] - points[13, 1] for points in (before, after)]
    hidden, inside = np.zeros(shift.shape[:2], np.float32), np.zeros_like(region)
    if gaps[1] - max(gaps[0], 0) < 0.02 * width:
        return shift, hidden, inside
    opening = contour_mask(ring[1], window, MAP.rim * unit / 2)
    if gaps[0] > EXPRESSION.closed * width:
        was = contour_mask(ring[0], window, 0.6) > 0.6
        raised = places - (after[13] - before[13])
        way = (nearest_inside(raised, was) - places).astype(np.float32)
        shift = shift + opening[..., None] * (way - shift)
        x, y = np.rint(raised - 0.5).astype(int).clip(0).transpose(2, 0, 1)
        kept = cv2.GaussianBlur(cv2.erode(was.astype(np.float32), np.ones((3, 3))), (0, 0), 0.006 * unit)
        kept = kept[y.clip(max=was.shape[0] - 1), x.clip(max=was.shape[1] - 1)]
        inside[:] = paint_mouth(places, after, width, 0.0, region, before)
        return shift, opening * (1 - kept), inside
    inside[:] = paint_mouth(places, after, width, gaps[1], region, before)
    return shift, opening, inside


def paint_mouth(
    places: np.ndarray, after: np.ndarray, width: float, gap: float, region: np.ndarray, before: np.ndarray
) -> np.ndarray:
    """(h, w, 3): a dark mouth with the upper row of teeth, shaded towards the corners, as bright as the face."""
    x, y = np.rint(before[[205, 425]] - 0.5).astype(int).T
    light = float(region[y.clip(0, region.shape[0] - 1), x.clip(0, region.shape[1] - 1)].max(-1).mean()) / 220
    light = min(1.0, max(0.35, light))
    ring = after[[INNER_CORNERS[0], *UPPER_LIP["inner"], INNER_CORNERS[1]]]
    order = ring[:, 0].argsort()
    top = np.interp(places[0, :, 0], ring[order, 0], ring[order, 1])
    middle, half = after[13, 0], 0.5 * float(np.ptp(ring[:, 0]))
    across = ((places[..., 0] - middle) / max(1.0, half)).clip(-1, 1)
    height = min(MAP.teeth_height * width, 0.5 * gap) * np.sqrt(1 - 0.75 * across**2)
    tooth = np.abs(((across * 4.2 + 0.5) % 1) - 0.5) * 2
    bottom = top + height * (1 - 0.07 * tooth**4)
    soft = max(1.0, 0.02 * width)
    share = ((bottom - places[..., 1]) / soft).clip(0, 1) * (gap > MAP.teeth_least * width)
    # The lip's shadow, the corners' darkness and the gaps between teeth.
    shade = (0.45 + 0.4 * smoothstep((places[..., 1] - top) / np.maximum(1.0, height), 0, 0.7)) * (1 - 0.6 * across**4)
    shade = shade * (1 - 0.16 * smoothstep(tooth, 0.86, 1.0))
    teeth = light * shade[..., None] * np.array(MAP.teeth)
    down = ((places[..., 1] - top) / max(1.0, float(after[14, 1] - after[13, 1]))).clip(0, 1)
    # A tongue lies in the light below the dark.
    dark = light * (
        np.array(MAP.dark) + (smoothstep(down, 0.55, 1.0) * (1 - across**2))[..., None] * np.array(MAP.tongue)
    )
    return np.rint(dark + share[..., None] * (teeth - dark)).clip(0, 255).astype(np.uint8)
