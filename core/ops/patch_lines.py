"""Straight edges that end at a hole and go on behind it: found, paired across the hole, and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from core.ops.patch_detail import reduce_known, sample


@dataclass(frozen=True)
class LineConstants:
    """What is an edge, and what is the same edge on both sides; pixels are those of the size that is searched."""

    search_px: int = 4000  # of hole: the size at which edges are looked for
    off_px: float = 2.0  # from the hole: resampling has mixed nothing into what lies there
    blur_px: float = 0.7  # sigma, against grain
    points_most: int = 160  # places of the rim that are asked: the time grows with them
    angles: int = 72  # directions: 5 degrees apart, less than what 8 px of an edge can tell
    steepest: float = 0.35  # cosine between an edge and the way into the hole: below it runs along the rim
    across_px: int = 4  # an edge's profile reaches so far to both sides
    across_sigma_px: float = 2.5  # weight of the profile's middle
    contrast: float = 9.0  # of a profile, in levels of L*a*b*: weaker edges end without being missed
    drift: float = 0.55  # by which share of its contrast a profile may change along its edge
    noise: float = 2.0  # levels by which it may besides
    start_px: int = 7  # an oblique profile needs some way until it lies outside the hole
    follow_px: tuple[int, int] = (12, 40)  # how far edges are followed: half the hole's side within these
    least_px: int = 8  # shorter edges are texture
    least_cut_px: int = 3  # unless the picture or what is known ends there
    bend_deg: float = 14.0  # between an edge and its continuation, where doubt begins
    bend_most_deg: float = 45.0
    alike: float = 0.45  # by which share of their contrast both profiles may differ, where doubt begins
    move_px: int = 2  # that profiles of one edge may lie aside of one another
    short: float = 0.3  # doubt about an edge that is known for far less than it is to be drawn
    known_share: float = 0.6  # of what is drawn: an edge that is known so far is not short
    doubt_most: float = 1.5  # by eye on 41 holes: up to it all lines were right, above it every second
    half_px: float = 5.0  # of the band that is drawn with an edge
    level_px: float = 2.0  # where the colours of both ends are read that the band passes between
    turn_px: float = 4.0  # over which what one end gives passes into what the other gives


LINES = LineConstants()
ACROSS = np.arange(-LINES.across_px, LINES.across_px + 1)
WEIGHTS = np.exp(-(ACROSS**2) / (2 * LINES.across_sigma_px**2))
WEIGHTS /= WEIGHTS.sum()


class Ends(NamedTuple):
    """E edges at the rim of a hole: (x, y) and direction into the hole (E, 2), contrast and known length (E,), profile (E, n, 3)."""

    place: np.ndarray
    way: np.ndarray
    contrast: np.ndarray
    length: np.ndarray
    profile: np.ndarray

    def at(self, index: int, scale: float, aside: float = 0.0) -> Ends:
        """One of them, moved aside to its right, in a picture `scale` times as large."""
        place, way, contrast, length, profile = (field[index] for field in self)
        return Ends((place + aside * _right(way) + 0.5) * scale - 0.5, way, contrast, length * scale, profile)


def continue_lines(picture: np.ndarray, hole: np.ndarray, forbidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture with bands along edges that cross its hole, and which pixels they cover.

    A band is what lies along the edge outside, mirrored into the hole from both ends: it keeps its grain and its sharpness.

    Args:
        picture: (H, W, 3) uint8.
        hole: (H, W) bool, not empty.
        forbidden: (H, W) bool, what must not be copied from.

    Returns:
        A new (H, W, 3) uint8, equal to the picture outside the bands, and (H, W) bool, part of the hole.

    Source: after Sun et al. 2005, "Image Completion with Structure Propagation", with lines found instead of drawn.
    """
    small, gap, closed = reduce_known(picture, hole, forbidden, min(1.0, (LINES.search_px / int(hole.sum())) ** 0.5))
    out, drawn = picture.copy(), np.zeros(hole.shape, bool)
    if gap.all() or not gap.any():
        return out, drawn
    ends = find_ends(small, gap, gap | closed)
    places = np.argwhere(hole)[:, ::-1].astype(np.float32)
    total, weight = np.zeros((len(places), 3)), np.zeros(len(places))
    known, scale = ~hole & ~forbidden, hole.shape[0] / gap.shape[0]
    for first, second, aside in pair_ends(ends):
        pair = ends.at(first, scale), ends.at(second, scale, aside)
        chosen, colours, sure = _band(picture, known, *pair, scale, places)
        total[chosen] += colours * sure[:, None]
        weight[chosen] += sure
    hit = weight > 0
    columns, rows = places[hit].astype(int).T
    out[rows, columns] = np.clip(total[hit] / weight[hit][:, None], 0, 255).round()
    drawn[rows, columns] = True
    return out, drawn


def find_ends(picture: np.ndarray, hole: np.ndarray, unknown: np.ndarray) -> Ends:
    """The edges of a picture (h, w, 3) uint8 that run straight into its hole (h, w) bool: of each place of the rim the longest.

    `unknown` (h, w) bool is the hole and what must not be copied from.
    """
    known = (~unknown)[..., None].astype(np.float32)
    lab = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB) * known, (0, 0), LINES.blur_px)
    lab /= np.maximum(cv2.GaussianBlur(known, (0, 0), LINES.blur_px), 1e-3)[..., None]
    place, way, index = _rays(hole, unknown)
    if not len(place):
        return Ends(place, way, np.zeros(0), np.zeros(0), np.zeros((0, len(ACROSS), 3)))
    low, high = LINES.follow_px
    steps = int(np.clip(hole.sum() ** 0.5 / 2, low, high))
    lines = place[:, None] - way[:, None] * np.arange(steps)[:, None]
    points = lines[:, :, None] + _right(way)[:, None, None] * ACROSS[:, None]  # (R, steps, n, 2)
    cells = points.round().astype(int)
    inside = ((cells > 0) & (cells < np.array(hole.shape[::-1]) - 1)).all(-1)
    cells = np.clip(cells, 0, np.array(hole.shape[::-1]) - 1)
    seen = (inside & ~unknown[cells[..., 1], cells[..., 0]]).all(2)
    profiles = _sampled(lab, points)
    rays, start = np.arange(len(place)), seen[:, : LINES.start_px].argmax(1)
    first = profiles[rays, start]
    middle = (first * WEIGHTS[:, None]).sum(1, keepdims=True)
    contrast = np.sqrt((np.square(first - middle).sum(-1) * WEIGHTS).sum(1))
    change = np.sqrt((np.square(profiles - first[:, None]).sum(-1) * WEIGHTS).sum(2))
    beyond = np.arange(steps) >= start[:, None]
    left = beyond & (~seen | (change > LINES.drift * contrast[:, None] + LINES.noise))
    stop = np.where(left.any(1), left.argmax(1), steps)
    cut = ~seen[rays, np.minimum(stop, steps - 1)] & (stop < steps)
    length = np.where(seen[rays, start] & (contrast > LINES.contrast), stop - 1.0, 0.0)
    follows = beyond & (np.arange(steps) < stop[:, None])
    doubt = (change * follows).sum(1) / np.maximum(follows.sum(1), 1) / np.maximum(contrast, 1)
    found = length >= np.where(cut, LINES.least_cut_px, LINES.least_px)
    # Of all directions of a place the one that is followed farthest, and among these the one that changes least.
    order = np.lexsort((doubt * 20 - length, index))
    order = order[found[order]]
    best = order[np.unique(index[order], return_index=True)[1]]
    return Ends(place[best], way[best], contrast[best], length[best], first[best])


def _rays(hole: np.ndarray, unknown: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places (R, 2) on the rim with directions (R, 2) into the hole, and the number of the place (R,)."""
    away = distance_transform_edt(~hole).astype(np.float32)
    rim = np.argwhere((np.abs(away - LINES.off_px) < 0.6) & ~unknown)[:, ::-1]
    rim = rim[:: max(1, -(-len(rim) // LINES.points_most))]
    angle = np.arange(LINES.angles) * 2 * np.pi / LINES.angles
    ways = np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
    down, across = np.gradient(cv2.GaussianBlur(away, (0, 0), 2))
    inward = -np.stack([grid[rim[:, 1], rim[:, 0]] for grid in (across, down)], 1)
    inward /= np.maximum(np.linalg.norm(inward, axis=1, keepdims=True), 1e-6)
    index, chosen = np.nonzero(inward @ ways.T > LINES.steepest)
    return rim[index].astype(np.float32), ways[chosen], index


def pair_ends(ends: Ends) -> list[tuple[int, int, float]]:
    """Which two ends are one edge, the surest first, and how far (px) the second has to move to its right to meet the first."""
    doubt, aside = _doubt(ends)
    pairs: list[tuple[int, int, float]] = []
    for flat in np.argsort(doubt, axis=None)[: int((doubt < LINES.doubt_most).sum())]:
        first, second = divmod(int(flat), len(doubt))
        taken = ends.place[[one for pair in pairs for one in pair[:2]]].reshape(-1, 2)
        near = np.linalg.norm(taken[:, None] - ends.place[[first, second]][None], axis=-1) <= LINES.across_px + 1
        if not near.any() and not any(_meet(ends, (first, second), pair[:2]) for pair in pairs):
            pairs.append((first, second, float(aside[first, second])))
    return pairs


def _doubt(ends: Ends) -> tuple[np.ndarray, np.ndarray]:
    """(E, E) how doubtful it is that two ends, facing one another and looking alike, are one edge; and as `pair_ends` the move."""
    apart = ends.place[None] - ends.place[:, None]
    length = np.linalg.norm(apart, axis=-1)
    course = apart / np.maximum(length, 1e-6)[..., None]
    ahead, back = (course * ends.way[:, None]).sum(-1), -(course * ends.way[None]).sum(-1)
    turn, turn_back = (np.degrees(np.arccos(np.clip(one, -1, 1))) for one in (ahead, back))
    # A bow bends one way at both ends; an S is less likely.
    bow = _cross(ends.way[:, None], course) * _cross(course, -ends.way[None]) > 0
    bend = (turn**2 + turn_back**2) / 2 + np.where(bow, 0, turn * turn_back)
    # Places are asked apart from one another, so that the same edge lies in the middle of one profile and beside that of the other.
    moves, unlike = np.arange(-LINES.move_px, LINES.move_px + 0.1, 0.5), []
    for move in moves:
        moved = ends.profile[:, np.clip(ACROSS + np.floor(move).astype(int), ACROSS[0], ACROSS[-1]) - ACROSS[0]]
        if move % 1:
            after = np.clip(ACROSS + np.ceil(move).astype(int), ACROSS[0], ACROSS[-1]) - ACROSS[0]
            moved = (moved + ends.profile[:, after]) / 2
        unlike.append((np.square(ends.profile[:, None] - moved[None, :, ::-1]).sum(-1) * WEIGHTS).sum(-1))
    best = np.argmin(unlike, axis=0)
    contrast = np.minimum(ends.contrast[:, None], ends.contrast[None])
    known = (ends.length[:, None] + ends.length[None]) / np.maximum(LINES.known_share * length, 1e-6)
    doubt = bend / LINES.bend_deg**2 + np.min(unlike, axis=0) / (LINES.alike * contrast + 1) ** 2
    doubt += LINES.short * np.maximum(0, 1 - known) ** 2
    doubt[(length < LINES.least_px) | (np.maximum(turn, turn_back) > LINES.bend_most_deg)] = np.inf
    doubt[np.tril_indices(len(doubt))] = np.inf
    return doubt, moves[best]


def _band(
    picture: np.ndarray, known: np.ndarray, first: Ends, second: Ends, scale: float, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of one line: which places (P, 2) its band covers, their colours (n, 3) and how sure they are (n,), 0 or more."""
    half, curve = LINES.half_px * scale, _curve(first, second)
    away, nearest = cKDTree(curve).query(places, distance_upper_bound=half)
    chosen = np.nonzero(nearest < len(curve))[0]
    away, nearest = away[chosen], np.clip(nearest[chosen], 1, len(curve) - 2)
    course = curve[nearest + 1] - curve[nearest - 1]
    course /= np.maximum(np.linalg.norm(course, axis=1, keepdims=True), 1e-6)
    aside = _cross(course, places[chosen] - curve[nearest])
    gone = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    whole, gone = gone[-1], gone[nearest]
    soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
    colours, seen, levels = [], [], []
    for end, way_gone, side in ((first, gone, aside), (second, whole - gone, -aside)):
        # To and fro along what is known of the edge.
        back = way_gone % (2 * end.length)
        back = np.minimum(back, 2 * end.length - back)
        source = end.place - end.way * back[:, None] + _right(end.way) * side[:, None]
        level = end.place - end.way * min(end.length / 2, LINES.level_px * scale) + _right(end.way) * side[:, None]
        colours.append(_sampled(picture, source))
        levels.append(_sampled(soft, level))
        seen.append(_sampled(known[..., None].astype(np.float32), source)[:, 0] > 0.99)
    share = (gone / whole)[:, None]
    near, far = colours[0] + share * (levels[1] - levels[0]), colours[1] + (1 - share) * (levels[0] - levels[1])
    mix = np.clip((gone - whole / 2) / (LINES.turn_px * scale) + 0.5, 0, 1)
    usable = (seen[0] | (mix == 1)) & (seen[1] | (mix == 0))
    return chosen, near * (1 - mix[:, None]) + far * mix[:, None], (1 - away / half + 1e-3) * usable


def _curve(first: Ends, second: Ends) -> np.ndarray:
    """(N, 2) float64, about four places a pixel: the cubic that leaves one end and reaches the other along their directions."""
    apart = second.place - first.place
    length = float(np.linalg.norm(apart))
    t = np.linspace(0, 1, max(8, int(4 * length)))[:, None]
    start, end = first.way * length, -second.way * length
    bends = (t**3 - 2 * t**2 + t) * start + (t**3 - t**2) * end
    return first.place + (3 * t**2 - 2 * t**3) * apart + bends


def _meet(ends: Ends, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether the straight lines of two pairs cross."""
    a, b, c, d = (ends.place[index] for index in (*one, *other))
    return bool(_cross(b - a, c - a) * _cross(b - a, d - a) < 0 and _cross(d - c, a - c) * _cross(d - c, b - c) < 0)


def _sampled(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(..., C) float32: values at (x, y), pixel centres at whole numbers."""
    return sample(picture, points[..., ::-1] + 0.5)


def _right(way: np.ndarray) -> np.ndarray:
    return np.stack([-way[..., 1], way[..., 0]], -1)


def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
