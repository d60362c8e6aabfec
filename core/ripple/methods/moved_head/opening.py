"""Lips that move apart or together: where what they showed goes, and what an opened mouth shows beside that."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ops.masks import disc
from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.closing import CLOSING, shade_between
from core.ripple.methods.moved_head.expressions import EXPRESSION, INNER_CORNERS, LOWER_LIP, MOUTH_CORNERS, UPPER_LIP
from core.ripple.methods.moved_head.maps import contour_mask, nearest_inside, rounded
from core.ripple.methods.moved_head.mouth import paint_mouth


@dataclass(frozen=True)
class OpeningConstants:
    """How lips part; lengths in units of the head's frame."""

    rim: float = 0.004  # lips are joined over so much
    lip_line: float = 0.004  # of the lower lip's edge, that shows what is behind it
    closed_line: float = 0.7  # of that, where lips come together
    both_rows: float = 0.3  # of the mouth's width: a gap that shows the lower jaw
    teeth_rim: float = 0.024  # along the lower lip only what is as bright as teeth is kept ...
    tooth_least: float = 0.006  # half the width of the smallest tooth
    teeth_levels: float = 25.0  # of 255: where there are any, brighter than the lip by so much
    rows_at: tuple[float, float] = (0.4, 0.95)  # of the opening: there the dark between two rows of teeth lies ...
    rows_dark: float = 0.8  # ... and has so much of both rows' light at most ...
    row_least: float = 0.01  # so much of a lower row is seen, or it is none ...
    row_light: float = 0.6  # ... with so much of the upper one's light
    rows_seen: float = 0.35  # ... in so many of the columns in the mouth's middle half


OPENING = OpeningConstants()


def below_line(after: np.ndarray, window: tuple[int, int], unit: float, soft: float = OPENING.rim) -> np.ndarray:
    """(h, w) float32: 1 below the middle of the opened lips, where the lower lip and the chin decide; over `soft` units."""
    line = (
        after[[INNER_CORNERS[0], *UPPER_LIP["inner"], INNER_CORNERS[1]]]
        + after[[INNER_CORNERS[0], *LOWER_LIP["inner"], INNER_CORNERS[1]]]
    ) / 2
    order = line[:, 0].argsort()
    height = np.interp(np.arange(window[0]) + 0.5, line[order, 0], line[order, 1])
    rows = np.arange(window[1])[:, None] + 0.5
    return np.clip((rows - height) / max(1.0, soft * unit) + 0.5, 0, 1).astype(np.float32)


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
    left = 1.0 if opens > 0 else float(smoothstep(gaps[1] / gaps[0], *CLOSING.closes))
    wide = OPENING.lip_line * unit * (1 if opens > 0 else OPENING.closed_line * left)
    ring[1][-len(lower) :, 1] += wide * np.sin(np.pi * (np.arange(len(lower)) + 1) / (len(lower) + 1))
    opening = contour_mask(rounded(ring[1]), window, OPENING.rim * unit / 2)
    was = contour_mask(ring[0], window, 0.6) > 0.6
    between = line_between_rows(region, was, before, unit) if shows else None
    inside[:] = paint_mouth(places, after, 0.0 if shows else gaps[1], region, before)
    if not shows:
        return shift, opening, inside
    way, kept = keep_teeth(places, before, after, was, region, unit, between)
    shift = shift + (left * opening)[..., None] * (way - shift)
    if opens > 0:
        return shift, opening * (1 - kept), inside
    # Where lips meet it is dark, however thin.
    share, shade = shade_between(region, before, after, unit)
    return shift, share * (1 - left), shade


def line_between_rows(region: np.ndarray, was: np.ndarray, before: np.ndarray, unit: float) -> np.ndarray | None:
    """(w,) px, how far down the dark between two rows of teeth lies in each column; None where two are not seen.

    Args:
        region: (h, w, 3) uint8.
        was: (h, w) bool, the mouth.
        before: (478, 2) px of the mesh.
        unit: px of the head's frame.
    """
    columns = np.arange(was.shape[1]) + 0.5
    middle, half = before[list(INNER_CORNERS), 0].mean(), 0.5 * abs(np.subtract(*before[list(INNER_CORNERS), 0]))
    if before[14, 1] - before[13, 1] > OPENING.both_rows * np.hypot(*np.subtract(*before[list(MOUTH_CORNERS)])):
        # So far open that what lies low is of the lower jaw, whatever it is.
        line = (before[[INNER_CORNERS[0], *UPPER_LIP["inner"], INNER_CORNERS[1]]]
                + before[[INNER_CORNERS[0], *LOWER_LIP["inner"], INNER_CORNERS[1]]]) / 2  # fmt: skip
        order = line[:, 0].argsort()
        return np.interp(columns, line[order, 0], line[order, 1])
    light = cv2.GaussianBlur(region.min(-1), (0, 0), max(0.6, 0.008 * half)).astype(np.float32)
    looked, found = 0, []
    for column in np.flatnonzero((np.abs(columns - middle) < 0.5 * half) & was.any(0)):
        rows = np.flatnonzero(was[:, column])
        first, last = (rows[0] + round(share * (rows[-1] - rows[0])) for share in OPENING.rows_at)
        looked += 1
        if last - first < 4:
            continue
        at = first + int(light[first:last, column].argmin())
        upper, lower = light[rows[0] : at + 1, column].max(), light[at : rows[-1], column].max(initial=0.0)
        # A lip's edge is no row of teeth: those are bright and high.
        high = rows[-1] - at > OPENING.row_least * unit and lower > OPENING.row_light * upper
        if high and light[at, column] < OPENING.rows_dark * min(upper, lower):
            found.append((column + 0.5, at + 0.5))
    if len(found) < OPENING.rows_seen * max(1, looked) or len(found) < 5:
        return None
    x, y = np.array(found).T
    return np.polyval(np.polyfit((x - middle) / half, y, 2), ((columns - middle) / half).clip(-0.9, 0.9))


def keep_teeth(
    places: np.ndarray, before: np.ndarray, after: np.ndarray, was: np.ndarray, region: np.ndarray, unit: float,
    between: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """What a mouth that was open (h, w) bool showed: the way to it (h, w, 2), and how far it is kept (h, w) in [0, 1].

    It stays with the upper jaw; what lies below a line `between` (w,) px, of `line_between_rows`, goes with the lower one.
    """
    window, light = (was.shape[1], was.shape[0]), region.min(-1).astype(np.float32)  # lips are bright in red
    wide = between is not None
    low, half = below_line(before, window, unit) > 0.5, below_line(after, window, unit) > 0.5
    ways = [(after - before)[index] for index in ((13, 14) if wide else (13, 13))]
    if between is not None:
        low, half = (places[..., 1] > between + down for down in (0.0, 0.5 * (ways[0] + ways[1])[1]))
    way, kept = np.zeros((*was.shape, 2), np.float32), np.zeros(was.shape, np.float32)
    # What a lip's inner edge shows at the rim of the mouth is no tooth.
    lip_light = float(np.median(light[low & ~was & (cv2.dilate(was.astype(np.uint8), np.ones((5, 5))) > 0)]))
    bright = float(np.percentile(light[was], 90)) if was.any() else lip_light
    light = cv2.GaussianBlur(light, (0, 0), max(0.6, OPENING.rim * unit / 2))
    tooth = smoothstep((light - lip_light) / max(1.0, bright - lip_light), 0.15, 0.6)
    # Neither are bits of the lower row.
    tooth = cv2.morphologyEx(tooth.astype(np.float32), cv2.MORPH_OPEN, disc(OPENING.tooth_least * unit))
    tooth = cv2.GaussianBlur(tooth, (0, 0), max(0.6, OPENING.rim * unit / 2))
    rim = smoothstep(cv2.distanceTransform(was.astype(np.uint8), cv2.DIST_L2, 5) / (OPENING.teeth_rim * unit))
    plain = bright < lip_light + OPENING.teeth_levels
    for part, mine, own in ((~half, ~low, ways[0]), (half, low, ways[1])):
        held = was & mine if wide else was
        seen = cv2.GaussianBlur(cv2.erode(held.astype(np.float32), np.ones((3, 3))), (0, 0), OPENING.rim * unit)
        seen = seen if plain else seen * np.where(low, np.maximum(rim, tooth), 1)
        raised = places - own
        x, y = np.rint(raised - 0.5).astype(int).clip(0, np.array(window) - 1).transpose(2, 0, 1)
        way[part] = (nearest_inside(raised, was) - places)[part]
        kept[part] = seen[y, x][part]
    return way, kept
