"""Landmarks on the outline of the person, so that hair, hats and shoulders move with it instead of fading.

Both outlines run from where the person leaves the frame at the bottom, over the head, to the other side; they are matched in
order, so that no pair crosses another, by where they lie beside the face and by which way they run.
Source: matching of curves by dynamic programming, Sebastian, Klein and Kimia 2003, "On Aligning Curves", section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from core.implicit.methods.framing.framing import Anchor
from core.implicit.methods.landmark_flow.flow import strain_of


@dataclass(frozen=True)
class OutlineConstants:
    """What the outlines and their matching are tuned by. Lengths are in face units (see `Anchor`)."""

    # Places along each outline that are matched.
    places: int = 160
    # Strands thinner than this are smoothed away.
    smooth: float = 0.05
    # What a unit of distance costs beside a turn by 90 degrees.
    distance_weight: float = 1.6
    # A place that gets more than one partner costs this each time.
    stay_cost: float = 0.06
    # Pairs are at least this far apart on both outlines.
    spacing: float = 0.16
    # Pairs further apart than this show different things.
    most_move: float = 1.1
    # Outlines closer to the face than this belong to its own landmarks.
    face_gap: float = 0.05
    # Skin between face and outline is stretched at most so many times.
    most_stretch: float = 3.5
    # Pairs that move so much against a landmark beside them, by their distance, are left out: they are guesses.
    most_strain: float = 0.8
    # The same against the frame's edges.
    edge_strain: float = 0.7
    # Share of the frame beside its edges where the outline is the frame's, not the person's.
    rim: float = 0.012


OUTLINE = OutlineConstants()


def trace_outline(mask: np.ndarray, unit_px: float) -> np.ndarray:
    """The outline of a person, evenly spaced: (OUTLINE.places, 2), (x, y) px, from lower left over the head to lower right.

    Args:
        mask: (H, W) in [0, 1].
        unit_px: the face's unit, for smoothing.

    Returns:
        An empty array where the mask is.
    """
    found, _ = cv2.findContours((mask > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not found:
        return np.zeros((0, 2))
    line = max(found, key=cv2.contourArea)[:, 0].astype(float) + 0.5
    if len(line) < OUTLINE.places / 4:
        return np.zeros((0, 2))
    if cv2.contourArea(line.astype(np.float32), oriented=True) < 0:
        line = line[::-1]
    lowest = line[:, 1].max()
    start = int(np.where(line[:, 1] >= lowest - 1, line[:, 0], np.inf).argmin())
    line = np.roll(line, -start, axis=0)
    end = int(np.where(line[:, 1] >= lowest - 1, line[:, 0], -np.inf).argmax())
    if end < len(line) / 2:
        line = np.roll(line[::-1], 1, axis=0)
        end = int(np.where(line[:, 1] >= lowest - 1, line[:, 0], -np.inf).argmax())
    line = gaussian_filter1d(line[: end + 1], OUTLINE.smooth * unit_px, axis=0, mode="nearest")
    run = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.linspace(0, run[-1], OUTLINE.places)
    return np.stack([np.interp(at, run, line[:, axis]) for axis in (0, 1)], 1)


def outline_pairs(
    masks: tuple[np.ndarray, np.ndarray], landmarks: tuple[np.ndarray, np.ndarray], anchors: tuple[Anchor, Anchor]
) -> tuple[np.ndarray, np.ndarray]:
    """Matching points (N, 2) on both outlines, (x, y) pixels of the common frame; none where a person is missing.

    Args:
        masks: (H, W) in [0, 1], the people alone, in the frame.
        landmarks: (M, 2) each, of the faces, in the frame.
        anchors: of both faces in the frame.
    """
    lines = [trace_outline(mask, anchor.unit) for mask, anchor in zip(masks, anchors, strict=True)]
    if not all(len(line) for line in lines):
        return np.zeros((0, 2)), np.zeros((0, 2))
    first, second = _match(lines[0], lines[1], anchors)
    a, b = lines[0][first], lines[1][second]
    unit = (anchors[0].unit + anchors[1].unit) / 2
    size = np.array(masks[0].shape[::-1])
    keep = np.linalg.norm((a - anchors[0].middle) - (b - anchors[1].middle), axis=1) < OUTLINE.most_move * unit
    sides = [_edges(points, size) for points in (a, b)]
    keep &= (sides[0] == sides[1]).all(1)
    # What lies on an edge of the frame slides along it; what lies close to one would be torn off it.
    a, b = (_snap(points, on, size) for points, on in zip((a, b), sides, strict=True))
    room = [np.minimum(points, size - points) for points in (a, b)]
    keep &= (np.abs(b - a) <= OUTLINE.edge_strain * np.minimum(*room)).all(1)
    gaps = [cKDTree(points).query(line)[0] for points, line in zip(landmarks, (a, b), strict=True)]
    keep &= np.minimum(*gaps) > OUTLINE.face_gap * unit
    keep &= np.maximum(*gaps) < OUTLINE.most_stretch * np.minimum(*gaps)
    a, b = _thin(a[keep], b[keep], OUTLINE.spacing * unit)
    return _agreeing(a, b, landmarks, unit)


def _agreeing(
    a: np.ndarray, b: np.ndarray, landmarks: tuple[np.ndarray, np.ndarray], unit: float
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs without those that contradict a landmark or another pair, the worst first."""
    while len(a):
        one, other = (np.concatenate((points, line)) for points, line in zip(landmarks, (a, b), strict=True))
        strain = strain_of(one, other, near_px=unit)[-len(a) :]
        worst = int(strain.argmax())
        if strain[worst] < OUTLINE.most_strain:
            break
        a, b = np.delete(a, worst, 0), np.delete(b, worst, 0)
    return a, b


def _match(first: np.ndarray, second: np.ndarray, anchors: tuple[Anchor, Anchor]) -> tuple[np.ndarray, np.ndarray]:
    """Indices into both outlines of the cheapest path that goes along both."""
    places = [(line - anchor.middle) / anchor.unit for line, anchor in zip((first, second), anchors, strict=True)]
    ways = [np.gradient(gaussian_filter1d(line, 2, axis=0), axis=0) for line in places]
    ways = [way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9) for way in ways]
    apart = np.linalg.norm(places[0][:, None] - places[1], axis=-1)
    cost = OUTLINE.distance_weight * apart + 1 - ways[0] @ ways[1].T
    rows, columns = cost.shape
    total, came = np.full((rows + 1, columns + 1), np.inf), np.zeros(cost.shape, int)
    total[0, 0] = 0.0
    for row in range(rows):
        above, here = total[row].tolist(), [np.inf]
        for column, price in enumerate(cost[row].tolist()):
            ways_in = (above[column], above[column + 1] + OUTLINE.stay_cost, here[column] + OUTLINE.stay_cost)
            best = ways_in.index(min(ways_in))
            came[row, column] = best
            here.append(ways_in[best] + price)
        total[row + 1] = here
    row, column, path = rows - 1, columns - 1, []
    while row >= 0 and column >= 0:
        path.append((row, column))
        step = came[row, column]
        row, column = row - (step != 2), column - (step != 1)
    pairs = np.array(path[::-1])
    return pairs[:, 0], pairs[:, 1]


def _edges(points: np.ndarray, size: np.ndarray) -> np.ndarray:
    """(N, 4) bool: which edges of the frame each place lies on."""
    rim = OUTLINE.rim * size.max()
    return np.concatenate((points < rim, points > size - rim), 1)


def _snap(points: np.ndarray, on: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The places with those on an edge (N, 4) exactly on it."""
    return np.where(on[:, 2:], size, np.where(on[:, :2], 0.0, points))


def _thin(a: np.ndarray, b: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Of pairs in order those that are at least `spacing` from the last kept one, in both pictures."""
    kept: list[int] = []
    for index in range(len(a)):
        if all(np.hypot(*(line[index] - line[kept[-1]])) >= spacing for line in (a, b) if kept):
            kept.append(index)
    return a[kept], b[kept]
