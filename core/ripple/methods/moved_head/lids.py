"""Lids that close, painted: skin over the eyeball, in the light beside the eye, with a line of lashes along their edge.

A lid drawn from the few pixels of skin that an open eye shows would be streaks of lashes.
Source: own; skin from what surrounds the eye, as a membrane.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ripple.methods.moved_head.expressions import EYE_PARTS
from core.ripple.methods.moved_head.membrane import fill_smoothly


@dataclass(frozen=True)
class LidConstants:
    """How a closing lid looks; lengths in units of the head's frame."""

    least: float = 0.002  # a lid that comes down by less is not painted
    lashes: float = 0.018  # how far above the eye its lashes and its painted line reach
    below: float = 0.010  # and below
    soft: float = 0.008
    line: float = 0.0065  # how thick the line of lashes is
    line_share: float = 0.9  # of it over the skin
    lash: float = 0.011  # how long single lashes are
    bulge: float = 0.07  # share of light that the eyeball under a closed lid adds in its middle
    darkest: float = 0.75  # of the light around it, that skin may have
    grain: float = 0.7  # of the fine relief above the eye
    reach: float = 0.03  # of skin around the eye that is looked at


LID = LidConstants()


def closing_eyes(before: np.ndarray, after: np.ndarray, unit: float) -> list[tuple]:
    """The parts, as in `EYE_PARTS`, of the eyes whose upper lid comes down between points (478, 2) px and others."""
    drops = [(after - before)[list(eye[1]), 1].max() - (after - before)[list(eye[0]), 1].max() for eye in EYE_PARTS]
    return [eye for eye, drop in zip(EYE_PARTS, drops, strict=True) if drop > LID.least * unit]


def paint_lid(
    region: np.ndarray, before: np.ndarray, after: np.ndarray, eye: tuple, unit: float
) -> tuple[np.ndarray, np.ndarray]:
    """A lid as far down as points (478, 2) px say: its share (h, w) float32 in [0, 1], and its picture (h, w, 3) uint8.

    Args:
        region: (h, w, 3) uint8 of the photograph.
        before: (478, 2) px of its mesh.
        after: the same with the lid moved.
        eye: whose, of `EYE_PARTS`.
        unit: pixels of one unit of the head's frame.
    """
    corners, upper, lower = (list(part) for part in eye[:3])
    share, painted = np.zeros(region.shape[:2], np.float32), region.copy()
    ring = before[[corners[0], *upper, corners[1], *lower[::-1]]]
    margin = (LID.lashes + LID.reach) * unit
    low = np.floor(ring.min(0) - margin).clip(0).astype(int)
    high = np.minimum(np.ceil(ring.max(0) + margin), region.shape[1::-1]).astype(int)
    if (high - low < 4).any():
        return share, painted
    part = (slice(low[1], high[1]), slice(low[0], high[0]))
    patch = region[part].astype(np.float32)
    raised = np.array([0, LID.lashes * unit])
    top, line = before[upper] - low - raised, after[[corners[0], *upper, corners[1]]] - low
    corner = before[corners] - low
    hidden = np.zeros(patch.shape[:2], np.uint8)
    edge = np.vstack([corner[:1], top, corner[1:], (before[lower] - low + (0, LID.below * unit))[::-1]])
    cv2.fillPoly(hidden, [np.rint(edge).astype(np.int32)], 1)
    hidden = cv2.dilate(hidden, np.ones((3, 3))) > 0
    if hidden.all():
        # So small a face shows no skin around its eye.
        return share, painted
    skin = fill_with_skin(patch, hidden, unit)
    # The eyeball rounds the closed lid.
    closed = np.clip((after - before)[upper, 1].max() / max(1e-6, (before[lower] - before[upper])[:, 1].max()), 0, 1)
    skin *= 1 + closed * bulge(corner, hidden.shape)[..., None]
    cover = np.zeros(hidden.shape, np.float32)
    cv2.fillPoly(cover, [np.rint(np.vstack([line, top[::-1]]) * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    cover = cv2.GaussianBlur(cover, (0, 0), max(0.6, LID.soft * unit)) * cv2.GaussianBlur(
        hidden.astype(np.float32), (0, 0), max(0.6, LID.soft * unit)
    )
    ink = draw_lashes(line, hidden.shape, float(closed), unit)
    ring_px = np.rint(before[upper] - low).astype(int).clip(0, np.array(hidden.shape[::-1]) - 1)
    dark = np.percentile(patch[ring_px[:, 1], ring_px[:, 0]], 25, axis=0)
    dark = np.minimum(dark, 0.5 * np.median(skin[hidden], axis=0))
    share[part] = np.maximum(cover, ink)
    skin += (ink / np.maximum(1e-3, np.maximum(cover, ink)))[..., None] * (dark - skin)
    painted[part] = np.rint(skin).clip(0, 255)
    return share, painted


def bulge(corners: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(h, w) share of light that an eyeball between corners (2, 2) px adds to the lid over it."""
    rows, columns = np.indices(shape)
    (x, y), half = corners.mean(0), max(1.0, float(np.ptp(corners[:, 0])) / 2)
    near = np.exp(-(((columns - x) / (0.6 * half)) ** 2) - ((rows - y + 0.1 * half) / (0.35 * half)) ** 2)
    return LID.bulge * (near - 0.4)


def fill_with_skin(patch: np.ndarray, hidden: np.ndarray, unit: float) -> np.ndarray:
    """A patch (h, w, 3) float32 whose hidden part takes the skin beside it, with its fine relief."""
    # Brows, lashes and shade in the corners are no lid's colour.
    light = patch.mean(-1)
    known = ~hidden & (light > LID.darkest * np.percentile(light[~hidden], 60))
    smooth = fill_smoothly(patch, known)
    smooth = cv2.GaussianBlur(smooth, (0, 0), max(0.6, 0.006 * unit))
    fine = patch - cv2.GaussianBlur(patch, (0, 0), max(0.6, 0.004 * unit))
    power = float(np.median(np.abs(fine[~hidden]))) * LID.grain
    noise = cv2.GaussianBlur(np.random.default_rng(3).standard_normal(hidden.shape, np.float32), (0, 0), 0.8)
    return smooth + (power * noise / max(1e-6, float(noise.std())))[..., None]


def draw_lashes(line: np.ndarray, shape: tuple[int, int], closed: float, unit: float) -> np.ndarray:
    """(h, w) float32 in [0, 1]: a lid's edge (N, 2) px, thickest in its middle, and lashes that hang from a closed one."""
    order = line[:, 0].argsort()
    along = np.linspace(line[order[0], 0], line[order[-1], 0], 60)
    # A parabola through the edge: landmarks err one by one.
    edge = np.polyval(np.polyfit(line[:, 0] - along[0], line[:, 1], 3), along - along[0])
    zoom, ink = 4, np.zeros((4 * shape[0], 4 * shape[1]), np.uint8)
    taper = np.sqrt(np.sin(np.pi * np.linspace(0.04, 0.96, 60)))
    points = np.column_stack([along, edge]) * zoom
    for first, second, wide in zip(points[:-1], points[1:], taper[:-1], strict=True):
        thick = max(1, round(zoom * LID.line * unit * wide))
        cv2.line(ink, tuple(np.rint(first).astype(int)), tuple(np.rint(second).astype(int)), 255, thick, cv2.LINE_AA)
    if closed > 0.6:
        middle = along.mean()
        for number in range(2, 58, 2):
            aside = (along[number] - middle) / max(1.0, along[-1] - middle)
            tip = points[number] + zoom * LID.lash * unit * taper[number] * (closed - 0.5) * np.array(
                [0.7 * aside, 1.0]
            )
            cv2.line(
                ink, tuple(np.rint(points[number]).astype(int)), tuple(np.rint(tip).astype(int)), 150, 1, cv2.LINE_AA
            )
    small = cv2.resize(ink, shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return LID.line_share * cv2.GaussianBlur(small, (0, 0), max(0.5, 0.0012 * unit))
