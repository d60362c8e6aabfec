"""Lips that come together: they end where the photograph's lips end, so that no tooth is left between them, and meet in a soft shade.

Source: own.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.expressions import EXPRESSION, INNER_CORNERS, LOWER_LIP, MOUTH_CORNERS, UPPER_LIP
from core.ripple.methods.moved_head.skin import at_points


@dataclass(frozen=True)
class ClosingConstants:
    """How lips meet; lengths in units of the head's frame."""

    soft: float = 0.003  # colours are looked at over so much
    levels: float = (
        10.0  # CIELab: what lies between the lips differs from them by more, or their edge is the landmarks'
    )
    apart: float = 0.5  # share of that difference at which a lip ends
    deepest: float = 0.6  # of a lip's thickness: how far landmarks may lie beside its edge
    margin: float = 0.0035  # so far inside its edge a lip begins to show ...
    margin_px: float = 1.4  # ... and so many pixels, for edges are blurred
    begins: tuple[float, float] = (0.2, 0.8)  # share of a gap that is closed, over which all this sets in
    line: float = 0.0024  # half the width of the shade between closed lips
    line_px: float = 0.8  # px, and its softness at least
    shade: float = 0.8  # share of the lips' light that it takes ...
    colour: tuple[float, float, float] = (0.4, 0.25, 0.25)  # ... down to so much of them
    ends: float = 0.4  # share of that, towards the corners
    closes: tuple[float, float] = (
        0.0,
        0.35,
    )  # of a gap between lips: what is left of it when the shade is there, and is not


CLOSING = ClosingConstants()


def closed_share(before: np.ndarray, after: np.ndarray) -> float:
    """How far a gap between lips that is one has closed from points (478, 2) before to those after: 0 to 1."""
    gaps = [float(points[14, 1] - points[13, 1]) for points in (before, after)]
    width = float(np.hypot(*np.subtract(*before[list(MOUTH_CORNERS)])))
    gaping = smoothstep(gaps[0] / max(1e-6, width), 0.5 * EXPRESSION.closed, 1.5 * EXPRESSION.closed)
    return float(gaping * np.clip(1 - gaps[1] / max(1e-6, gaps[0]), 0, 1))


def lip_edges(region: np.ndarray, points: np.ndarray, unit: float) -> np.ndarray:
    """The mesh (478, 2) px with the inner points of the lips where the lips end by their colours, and a little inside.

    Args:
        region: (h, w, 3) uint8.
        points: (478, 2) px of the mesh.
        unit: px of the head's frame.
    """
    lab = cv2.cvtColor(
        cv2.GaussianBlur(region, (0, 0), max(0.6, CLOSING.soft * unit)).astype(np.float32) / 255, cv2.COLOR_RGB2LAB
    )
    found = points.copy()
    inner = {name: points[list(part["inner"])] for name, part in (("upper", UPPER_LIP), ("lower", LOWER_LIP))}
    for name, part in (("upper", UPPER_LIP), ("lower", LOWER_LIP)):
        outer, edge = points[list(part["outer"])], inner[name]
        middle = (inner["upper"] + inner["lower"]) / 2
        share = np.array([edge_along(lab, *line) for line in zip(middle, edge, outer, strict=True)])
        # Landmarks err one by one, and so do edges: an even line, that no single glint bends.
        share = np.convolve(np.pad(np.median(np.lib.stride_tricks.sliding_window_view(np.pad(share, 1, "edge"), 3), 1), 1, "edge"),
                            (0.25, 0.5, 0.25), "valid")  # fmt: skip
        long = np.hypot(*(outer - edge).T)
        share = share + (CLOSING.margin * unit + CLOSING.margin_px) / np.maximum(1e-6, long)
        share = share.clip(-0.2, CLOSING.deepest)
        found[list(part["inner"])] = edge + share[:, None] * (outer - edge)
        within = list(part["middle"][len(edge) :])
        found[within] = found[list(part["inner"])] + (points[within] - edge) * (1 - share)[:, None]
    return found


def edge_along(lab: np.ndarray, middle: np.ndarray, edge: np.ndarray, outer: np.ndarray) -> float:
    """Where a lip ends between the mouth's middle and its outer line: share of the way from its landmark `edge` to `outer`."""
    steps = np.linspace(0, 1, 24)[:, None]
    inwards, outwards = middle + steps * (edge - middle), edge + steps * (outer - edge)
    colour = np.median(at_points(lab, outwards[8:17]), axis=0)
    apart = [np.linalg.norm(at_points(lab, line) - colour, axis=1) for line in (inwards, outwards)]
    most = float(np.percentile(apart[0], 75))
    if most < CLOSING.levels:
        return 0.0
    beyond = apart[1] > CLOSING.apart * most
    # The lip's outer line differs too: only what differs from its landmark on without a break is no lip.
    if beyond[0]:
        return float(steps[int(np.argmin(beyond)), 0]) if not beyond.all() else 0.0
    within = apart[0][::-1] > CLOSING.apart * most
    back = float(steps[int(np.argmax(within)), 0]) if within.any() else 0.0
    return -back * float(np.hypot(*(edge - middle)) / max(1e-6, np.hypot(*(outer - edge))))


def shade_between(
    region: np.ndarray, before: np.ndarray, after: np.ndarray, unit: float
) -> tuple[np.ndarray, np.ndarray]:
    """The shade between lips that have met: its share (h, w) and its colours (h, w, 3) uint8.

    Args:
        region: (h, w, 3) uint8 of the photograph.
        before: (478, 2) px of its mesh.
        after: the same with the lips closed.
        unit: px of the head's frame.
    """
    upper, lower = ([INNER_CORNERS[0], *part["inner"], INNER_CORNERS[1]] for part in (UPPER_LIP, LOWER_LIP))
    line, ends = (after[upper] + after[lower]) / 2, after[list(INNER_CORNERS)]
    axis = (ends[1] - ends[0]) / max(1e-6, float(np.hypot(*(ends[1] - ends[0]))))
    half, middle = 0.5 * float(np.hypot(*(ends[1] - ends[0]))), ends.mean(0)
    # An even arc, for landmarks err one by one.
    along, high = (line - middle) @ axis / half, (line - middle) @ np.array([-axis[1], axis[0]])
    t = np.linspace(-1, 1, 60)
    arc = np.polyval(np.polyfit(along, high, 4), t)
    curve = middle + half * t[:, None] * axis + arc[:, None] * np.array([-axis[1], axis[0]])
    wide, places = CLOSING.line * unit, np.rint((curve - 0.5) * 16).astype(np.int32)

    def drawn(thick: int, soft: float) -> np.ndarray:
        mask = np.zeros(region.shape[:2], np.uint8)
        cv2.polylines(mask, [places], False, 255, thick, cv2.LINE_AA, 4)
        return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), soft)

    rows, columns = np.mgrid[: region.shape[0], : region.shape[1]] + 0.5
    at = ((columns - middle[0]) * axis[0] + (rows - middle[1]) * axis[1]) / half
    ends_at = smoothstep(1.02 - np.abs(at), 0, 0.12)
    taper = 1 - (1 - CLOSING.ends) * smoothstep(np.abs(at), 0.3, 1.0)
    dark = CLOSING.shade * np.minimum(1, 2 * wide * drawn(1, max(CLOSING.line_px, wide))) * taper
    # The pixels where one lip becomes the other are of neither.
    share = np.maximum(dark, np.minimum(1, 2.2 * drawn(1, CLOSING.line_px))) * ends_at
    seen = cv2.GaussianBlur(region, (0, 0), max(0.6, CLOSING.soft * unit)).astype(np.float32)
    rings = [
        at_points(seen, (before[list(part["inner"])] + before[list(part["outer"])]) / 2)
        for part in (UPPER_LIP, LOWER_LIP)
    ]
    colours = np.mean(rings, axis=0)
    along = along[1:-1]
    order = along.argsort()
    shown = np.dstack([np.interp(at, along[order], colours[order, k]) for k in range(3)])
    shown *= 1 - dark[..., None] * (1 - np.array(CLOSING.colour))
    return share.astype(np.float32), np.rint(shown).clip(0, 255).astype(np.uint8)
