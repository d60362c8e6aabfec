"""Eyes that open wide, painted: the iris goes on as a disc, the white as the white beside it, in the shade of the lid.

An eyeball drawn from the pixels that a narrower eye shows would be streaks of its lashes. Source: own.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ops.smoothstep import smoothstep
from core.ripple.methods.moved_head.membrane import fill_smoothly


@dataclass(frozen=True)
class EyeballConstants:
    """How an eyeball goes on; lengths in units of the head's frame."""

    least: float = 0.003  # lids that part by less uncover nothing
    lid_shade: float = 0.15  # of the eye's height: so far below the lid the photograph shows its shade and lashes
    cast: float = 0.012  # over which the shade of the lifted lid fades
    rim: float = 0.003  # and so far from the lower lid its rim
    soft: float = 0.0025
    looked_px: float = 600.0  # pixels of a unit of the head's frame, at which an eye is looked at, at least
    shade: float = 0.32  # share of light that the lifted lid takes along its edge
    rings: int = 10  # of the iris that have a colour of their own
    limbus: float = 1.1  # of the iris' radius: there the white begins
    glint_levels: float = 35.0  # of 255: an iris that is lighter shines
    least_px: int = 25  # of white and of iris, of which less is no pattern: the eye stays as it is stretched
    apart_levels: float = 15.0  # of 255: by how much its white is lighter than its iris


EYEBALL = EyeballConstants()


def opening_eyes(before: np.ndarray, after: np.ndarray, eyes: tuple, unit: float) -> list[tuple[tuple, int]]:
    """The parts, of `eyes`, of those whose lids part between points (478, 2) px and others, with their irises."""
    way = (after - before)[:, 1]
    lifts = [(way[list(eye[2])] - way[list(eye[1])]).max() for eye, _ in eyes]
    return [both for both, lift in zip(eyes, lifts, strict=True) if lift > EYEBALL.least * unit]


def paint_eyeball(
    region: np.ndarray, before: np.ndarray, after: np.ndarray, eye: tuple, iris: int, unit: float
) -> tuple[np.ndarray, np.ndarray]:
    """What a lid that lifts uncovers: its share (h, w) float32 in [0, 1], and its picture (h, w, 3) uint8.

    Args:
        region: (h, w, 3) uint8 of the photograph.
        before: (478, 2) px of its mesh.
        after: the same with the lids moved.
        eye: whose, of `EYE_PARTS`.
        iris: number of the middle of its iris in the mesh.
        unit: pixels of one unit of the head's frame.
    """
    share, painted = np.zeros(region.shape[:2], np.float32), region.copy()
    corners, upper, lower = (list(part) for part in eye[:3])
    rings = [points[[corners[0], *upper, corners[1], *lower[::-1]]] for points in (before, after)]
    both, margin = np.vstack(rings), 0.02 * unit
    low = np.floor(both.min(0) - margin).clip(0).astype(int)
    high = np.minimum(np.ceil(both.max(0) + margin), region.shape[1::-1]).astype(int)
    if (high - low < 4).any():
        return share, painted
    part = (slice(low[1], high[1]), slice(low[0], high[0]))
    # A small eye is looked at enlarged: its white is a few pixels wide.
    zoom = max(1, round(EYEBALL.looked_px / unit))
    patch = cv2.resize(region[part], None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    found = uncover(patch, zoom * (before - low), zoom * (after - low), (corners, upper, lower), iris, zoom * unit)
    if found is not None:
        share[part], shown = (cv2.resize(one, (high - low).tolist(), interpolation=cv2.INTER_AREA) for one in found)
        painted[part] = np.rint(shown).clip(0, 255)
    return share, painted


def uncover(
    patch: np.ndarray, before: np.ndarray, after: np.ndarray, eye: tuple[list[int], ...], iris: int, unit: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """The share (h, w) and the colours (h, w, 3) float32 of an eyeball in a patch around it; None where too little of it is seen."""
    corners, upper, lower = eye
    rings = [points[[corners[0], *upper, corners[1], *lower[::-1]]] for points in (before, after)]
    was, now = (inside_of(ring, patch.shape[:2]) for ring in rings)
    height = float((before[lower] - before[upper])[:, 1].max())
    shaded = inside_of(rings[0] + (0, EYEBALL.lid_shade * height), patch.shape[:2])
    edge = 2 * round(EYEBALL.rim * unit) + 1
    known = cv2.erode((was & shaded).astype(np.uint8), np.ones((edge, edge))) > 0
    radius = max(1.0, float(np.hypot(*(before[iris + 1 : iris + 5] - before[iris]).T).mean()))
    rows, columns = np.indices(known.shape)
    away = np.hypot(columns + 0.5 - before[iris, 0], rows + 0.5 - before[iris, 1]) / radius
    white, iris_seen = known & (away > EYEBALL.limbus), known & (away < 1)
    if min(white.sum(), iris_seen.sum()) < EYEBALL.least_px:
        return None
    # Hair or a shadow before the eye hides what would be painted on.
    if np.median(patch[white].mean(-1)) < np.median(patch[iris_seen].mean(-1)) + EYEBALL.apart_levels:
        return None
    ball = join_iris(patch, known, away)
    # What the light draws on the eye stays where it is.
    light = cv2.GaussianBlur(patch.mean(-1) - ball.mean(-1), (0, 0), 0.6)
    known |= was & (away < 0.9) & (light > EYEBALL.glint_levels)
    line = after[[corners[0], *upper, corners[1]]]
    ball *= 1 - EYEBALL.shade * np.exp(-depth_below(line, known.shape) / (EYEBALL.cast * unit))[..., None]
    deep = cv2.distanceTransform(now.astype(np.uint8), cv2.DIST_L2, 5)
    soft = max(0.6, EYEBALL.soft * unit)
    return cv2.GaussianBlur((now & ~known).astype(np.float32), (0, 0), soft) * smoothstep(deep / (2 * soft)), ball


def depth_below(line: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(h, w) px: how far below a lid's edge (N, 2) each pixel lies, where its shade falls."""
    order = line[:, 0].argsort()
    height = np.interp(np.arange(shape[1]) + 0.5, line[order, 0], line[order, 1])
    return np.maximum(np.arange(shape[0])[:, None] + 0.5 - height, 0)


def inside_of(ring: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(h, w) bool: the inside of a polygon (N, 2) px."""
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint((ring - 0.5) * 16).astype(np.int32)], 1, shift=4)
    return mask > 0


def join_iris(patch: np.ndarray, known: np.ndarray, away: np.ndarray) -> np.ndarray:
    """(h, w, 3) float32: an eyeball without lids, from what is seen of it.

    Args:
        patch: (h, w, 3) float32.
        known: (h, w) bool, what is eyeball.
        away: (h, w) from the middle of the iris, in its radii.
    """
    ball = fill_smoothly(patch, known & (away > EYEBALL.limbus))
    # Ring by ring: what shines in it is not its colour.
    centres = (np.arange(EYEBALL.rings) + 0.5) * EYEBALL.limbus / EYEBALL.rings
    wide = EYEBALL.limbus / EYEBALL.rings
    found = [
        (c, np.percentile(patch[ring], 40, axis=0))
        for c in centres
        if (ring := known & (np.abs(away - c) < wide)).sum() > 3
    ]
    if not found:
        return ball
    places, colours = np.array([place for place, _ in found]), np.array([colour for _, colour in found])
    disc = np.stack([np.interp(away, places, colours[:, k]) for k in range(3)], -1).astype(np.float32)
    return ball + smoothstep(away, EYEBALL.limbus, 0.88)[..., None] * (disc - ball)
