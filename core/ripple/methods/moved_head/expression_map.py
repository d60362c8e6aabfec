"""An expression drawn: where each pixel of the changed face was, and what an opened mouth shows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.closing import CLOSING, closed_share, lip_edges
from core.ripple.methods.moved_head.expressions import (
    EYE_PARTS,
    IRISES,
    IRISES_FROM,
    LOWER_LIP,
    OVAL,
    UPPER_LIP,
    lips,
)
from core.ripple.methods.moved_head.eyeballs import opening_eyes, paint_eyeball
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.lids import closing_eyes, paint_lid
from core.ripple.methods.moved_head.maps import contour_mask, index_map, nearest_inside, resample
from core.ripple.methods.moved_head.opening import below_line, open_inside


@dataclass(frozen=True)
class MapConstants:
    """How an expression is drawn; lengths in units of the head's frame."""

    cells: int = 96  # nodes of the spline across the face: skin moves softly
    margin: float = 0.12  # around the mesh, where the motion fades
    smoothing: float = 1e-5
    beside: float = 0.05  # so far outside the mesh skin still moves ...
    beside_share: float = 0.5  # ... by so much of what its rim does
    apart: float = 0.002  # lips that move against each other by more
    rim: float = 0.004  # lids are joined over so much


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

    def drawn_on(self, region: np.ndarray, inner: np.ndarray | None = None) -> np.ndarray:
        """A region (h, w, 3) float32 of the photograph with the expression, and moved as a map `inner` (h, w, 2) says: float32."""
        if inner is None:
            inner = index_map(*region.shape[:2])
        where = inner + cv2.remap(self.shift, inner, None, cv2.INTER_LINEAR, borderValue=0)
        made = resample(region, where)
        return self.opened(made, inner)

    def opened(self, head: np.ndarray, where: np.ndarray) -> np.ndarray:
        """A moved head (h, w, 3) float32 with what the expression opened or covered, from a map (h, w, 2) of its motion."""
        if not self.mouth.any():
            return head
        seen = cv2.remap(self.mouth, where, None, cv2.INTER_LINEAR, borderValue=0)[..., None]
        inside = cv2.remap(self.inside, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return head + seen * (inside - head)


def draw_expression(head: Head, moved: np.ndarray, region: np.ndarray, start: tuple[int, int]) -> FaceMap:
    """An expression of a head.

    Args:
        head: whose.
        moved: (478, 2) how far each point of its mesh moves, in units of its frame.
        region: (h, w, 3) uint8 of its photograph.
        start: where the region begins, (x, y) px.
    """
    size = region.shape[1::-1]
    before, after = (head.frame.to_px(head.mesh[:, :2] + way) - start for way in (0, moved))
    unit = head.frame.unit_px
    # A chin at the photograph's edge moves beyond it: what rests is the skin's surroundings, not the edge.
    ends = np.minimum(before, after).min(0) - MAP.margin * unit, np.maximum(before, after).max(0) + MAP.margin * unit
    free = np.stack([np.floor(ends[0]), np.ceil(ends[1])])
    low, high = free.clip(0, size).astype(int)
    part = (slice(low[1], high[1]), slice(low[0], high[0]))
    window = tuple(high - low)
    before, after, rest = before - low, after - low, free - low
    # Irises lie behind the lids and hold back nothing.
    irises = range(IRISES_FROM, len(before))
    # A lid that closes is painted, and pulls nothing along.
    closing = closing_eyes(before, after, unit)
    loose = [*irises, *(index for eye in closing for index in (*eye[1], *eye[3]))]
    upper, lower = [*lips(UPPER_LIP), *loose], [*lips(LOWER_LIP), *loose]
    if parts_lips(before, after, unit):
        closed = closed_share(before, after)
        share = smoothstep(closed, *CLOSING.begins)
        lip = before + share * (lip_edges(region[part], before, unit) - before) if share else before
        shift = spline_shift(lip, after, lower, window, rest, unit)
        below = spline_shift(lip, after, upper, window, rest, unit)
        # What lies between lips that met is seen nowhere, not for a pixel.
        shift = shift + below_line(after, window, unit, MAP.rim * (1 - closed))[..., None] * (below - shift)
    else:
        shift = spline_shift(before, after, loose, window, rest, unit)
    places = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in window)), -1) + 0.5
    for eye, iris in zip(EYE_PARTS, IRISES, strict=True):
        shift = keep_eyeball(shift, places, before, after, eye, iris, unit)
    shift, hidden, inside = open_inside(shift, places, before, after, region[part], unit)
    drawn = [paint_lid(region[part], before, after, eye, unit) for eye in closing]
    opening = opening_eyes(before, after, tuple(zip(EYE_PARTS, IRISES, strict=True)), unit)
    drawn += [paint_eyeball(region[part], before, after, *eye, unit) for eye in opening]
    for share, shown in drawn:
        inside[share > 0] = shown[share > 0]
        hidden = np.maximum(hidden, share)
    whole, mouth = np.zeros((*region.shape[:2], 2), np.float32), np.zeros(region.shape[:2], np.float32)
    whole[part], mouth[part] = shift, hidden
    picture = np.zeros_like(region)
    picture[part] = inside
    return FaceMap(whole, mouth, picture)


def parts_lips(before: np.ndarray, after: np.ndarray, unit: float) -> bool:
    """Whether the lips move apart or together, which one spline cannot do."""
    inner = [list(part["inner"]) for part in (UPPER_LIP, LOWER_LIP)]
    gaps = [points[inner[1], 1] - points[inner[0], 1] for points in (before, after)]
    return bool(np.abs(gaps[1] - gaps[0]).max() > MAP.apart * unit)


def spline_shift(
    before: np.ndarray, after: np.ndarray, without: list[int], window: tuple[int, int], rest: np.ndarray, unit: float
) -> np.ndarray:
    """(h, w, 2) float32: the spline from points after to points before, without some; nothing along the rectangle `rest`."""
    line = np.linspace(0, 1, 13)
    edge = np.array([(x, y) for x in line for y in line if x in (0, 1) or y in (0, 1)]) * (rest[1] - rest[0]) + rest[0]
    # A plate overshoots beyond its last points: beside the face it comes to rest.
    rim = after[list(OVAL)]
    outwards = rim - rim.mean(0)
    beside = rim + MAP.beside * unit * outwards / np.hypot(*outwards.T)[:, None]
    at = np.vstack([np.delete(after, without, 0), beside, edge]) / unit
    moved = np.vstack(
        [np.delete(before - after, without, 0), MAP.beside_share * (before - after)[list(OVAL)], np.zeros_like(edge)]
    )
    width, height = window
    cells = (MAP.cells, max(2, round(MAP.cells * height / width)))
    across, down = ((np.arange(n) + 0.5) * length / n / unit for n, length in zip(cells, window, strict=True))
    places = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2)
    found = RBFInterpolator(at, moved, smoothing=MAP.smoothing)(places)
    return cv2.resize(found.reshape(cells[1], cells[0], 2).astype(np.float32), window, interpolation=cv2.INTER_CUBIC)


def ring_of(points: np.ndarray, corners: tuple[int, int], upper: tuple[int, ...], lower: tuple[int, ...]) -> np.ndarray:
    """The closed line through a corner, the upper points, the other corner and the lower points back."""
    return points[[corners[0], *upper, corners[1], *reversed(lower)]]


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
