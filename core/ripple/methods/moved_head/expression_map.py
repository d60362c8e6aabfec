"""An expression drawn: where each pixel of the changed face was, and what an opened mouth shows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import distance_transform_edt

from core.ops.masks import disc
from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.expressions import (
    EXPRESSION,
    EYE_PARTS,
    INNER_CORNERS,
    IRISES,
    IRISES_FROM,
    LOWER_LIP,
    MOUTH_CORNERS,
    OVAL,
    UPPER_LIP,
    lips,
)
from core.ripple.methods.moved_head.eyeballs import opening_eyes, paint_eyeball
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.lids import closing_eyes, paint_lid
from core.ripple.methods.moved_head.maps import index_map
from core.ripple.methods.moved_head.mouth import paint_mouth


@dataclass(frozen=True)
class MapConstants:
    """How an expression is drawn; lengths in units of the head's frame."""

    cells: int = 96  # nodes of the spline across the face: skin moves softly
    margin: float = 0.12  # around the mesh, where the motion fades
    smoothing: float = 1e-5
    beside: float = 0.05  # so far outside the mesh skin still moves ...
    beside_share: float = 0.5  # ... by so much of what its rim does
    apart: float = 0.002  # lips that move against each other by more
    lip_line: float = 0.004  # of the lower lip's edge, that shows what is behind it
    closed_line: float = 0.7  # of that, where lips come together
    closes: float = 0.35  # of a gap between lips that come together: there its line begins to darken
    both_rows: float = 0.3  # of the mouth's width: a gap that shows the lower jaw
    teeth_rim: float = 0.024  # along the lower lip only what is as bright as teeth is kept ...
    tooth_least: float = 0.006  # half the width of the smallest tooth
    teeth_levels: float = 25.0  # of 255: where there are any, brighter than the lip by so much
    rim: float = 0.004  # lids and lips are joined over so much


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
        made = cv2.remap(region, where, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
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
        shift = spline_shift(before, after, lower, window, unit)
        below = spline_shift(before, after, upper, window, unit)
        shift = shift + below_line(after, window, unit)[..., None] * (below - shift)
    else:
        shift = spline_shift(before, after, loose, window, unit)
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
    before: np.ndarray, after: np.ndarray, without: list[int], window: tuple[int, int], unit: float
) -> np.ndarray:
    """(h, w, 2) float32: the spline from points after to points before, without some; nothing at the window's edge."""
    line = np.linspace(0, 1, 13)
    edge = np.array([(x, y) for x in line for y in line if x in (0, 1) or y in (0, 1)]) * window
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


def contour_mask(points: np.ndarray, window: tuple[int, int], soft_px: float) -> np.ndarray:
    """(h, w) float32 in [0, 1]: the inside of a polygon (N, 2) px, softly rimmed."""
    mask = np.zeros(window[::-1], np.uint8)
    cv2.fillPoly(mask, [np.rint((points - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(0.6, soft_px))


def ring_of(points: np.ndarray, corners: tuple[int, int], upper: tuple[int, ...], lower: tuple[int, ...]) -> np.ndarray:
    """The closed line through a corner, the upper points, the other corner and the lower points back."""
    return points[[corners[0], *upper, corners[1], *reversed(lower)]]


def rounded(ring: np.ndarray) -> np.ndarray:
    """A closed line (N, 2) with its corners cut twice, (4 N, 2): landmarks err one by one. Source: Chaikin 1974."""
    for _ in range(2):
        following = np.roll(ring, -1, 0)
        ring = np.stack([0.75 * ring + 0.25 * following, 0.25 * ring + 0.75 * following], 1).reshape(-1, 2)
    return ring


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
    upper, lower = UPPER_LIP["inner"], LOWER_LIP["inner"]
    # Doubled corners stay when the line is rounded: a mouth opens to its corners.
    corners = [[corner] * 2 for corner in INNER_CORNERS]
    ring = [points[[*corners[0], *upper, *corners[1], *reversed(lower)]] for points in (before, after)]
    width = float(np.hypot(*np.subtract(*before[list(MOUTH_CORNERS)])))
    gaps = [points[14, 1] - points[13, 1] for points in (before, after)]
    hidden, inside = np.zeros(shift.shape[:2], np.float32), np.zeros_like(region)
    shows, opens = gaps[0] > EXPRESSION.closed * width, gaps[1] - max(gaps[0], 0)
    if abs(opens) < 0.02 * width or (opens < 0 and not shows):
        return shift, hidden, inside
    # A line of teeth along the lower lip's edge would stay on it; towards the corners there is none.
    wide = MAP.lip_line * unit * (1 if opens > 0 else MAP.closed_line)
    ring[1][-len(lower) :, 1] += wide * np.sin(np.pi * (np.arange(len(lower)) + 1) / (len(lower) + 1))
    opening = contour_mask(rounded(ring[1]), window, MAP.rim * unit / 2)
    inside[:] = paint_mouth(places, after, 0.0 if shows else gaps[1], region, before)
    if not shows:
        return shift, opening, inside
    was = contour_mask(ring[0], window, 0.6) > 0.6
    way, kept = keep_teeth(places, before, after, was, region, unit)
    shift = shift + opening[..., None] * (way - shift)
    if opens > 0:
        return shift, opening * (1 - kept), inside
    # Between lips that come together the line is dark, however thin.
    return shift, (1.5 * opening).clip(0, 1) * (1 - smoothstep(gaps[1] / gaps[0], 0, MAP.closes)), inside


def keep_teeth(
    places: np.ndarray, before: np.ndarray, after: np.ndarray, was: np.ndarray, region: np.ndarray, unit: float
) -> tuple[np.ndarray, np.ndarray]:
    """What a mouth that was open (h, w) bool showed: the way to it (h, w, 2), and how far it is kept (h, w) in [0, 1].

    It stays with the upper jaw; in a mouth that was wide open what lies below the middle goes with the lower one.
    """
    window, light = (was.shape[1], was.shape[0]), region.min(-1).astype(np.float32)  # lips are bright in red
    low = below_line(before, window, unit) > 0.5
    half = below_line(after, window, unit) > 0.5
    wide = before[14, 1] - before[13, 1] > MAP.both_rows * np.hypot(*np.subtract(*before[list(MOUTH_CORNERS)]))
    ways = [(after - before)[index] for index in ((13, 14) if wide else (13, 13))]
    way, kept = np.zeros((*was.shape, 2), np.float32), np.zeros(was.shape, np.float32)
    # What a lip's inner edge shows at the rim of the mouth is no tooth.
    lip_light = float(np.median(light[low & ~was & (cv2.dilate(was.astype(np.uint8), np.ones((5, 5))) > 0)]))
    bright = float(np.percentile(light[was], 90)) if was.any() else lip_light
    light = cv2.GaussianBlur(light, (0, 0), max(0.6, MAP.rim * unit / 2))
    tooth = smoothstep((light - lip_light) / max(1.0, bright - lip_light), 0.15, 0.6)
    # Neither are bits of the lower row.
    tooth = cv2.morphologyEx(tooth.astype(np.float32), cv2.MORPH_OPEN, disc(MAP.tooth_least * unit))
    tooth = cv2.GaussianBlur(tooth, (0, 0), max(0.6, MAP.rim * unit / 2))
    rim = smoothstep(cv2.distanceTransform(was.astype(np.uint8), cv2.DIST_L2, 5) / (MAP.teeth_rim * unit))
    plain = bright < lip_light + MAP.teeth_levels
    for part, mine, own in ((~half, ~low, ways[0]), (half, low, ways[1])):
        held = was & mine if wide else was
        seen = cv2.GaussianBlur(cv2.erode(held.astype(np.float32), np.ones((3, 3))), (0, 0), MAP.rim * unit)
        seen = seen if plain else seen * np.where(low, np.maximum(rim, tooth), 1)
        raised = places - own
        x, y = np.rint(raised - 0.5).astype(int).clip(0, np.array(window) - 1).transpose(2, 0, 1)
        way[part] = (nearest_inside(raised, was) - places)[part]
        kept[part] = seen[y, x][part]
    return way, kept
