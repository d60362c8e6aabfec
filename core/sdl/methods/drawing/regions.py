"""The things that a draughtsman gives one colour each: basins between a photo's edges, merged while little sets them apart.

Source: watershed by steepest descent, Bieniek and Moga 2000, "An efficient watershed algorithm based on connected components";
region merging by adjacency after Haris, Efstratiadis, Maglaveras and Katsaggelos 1998, "Hybrid image segmentation using
watersheds and fast region merging", with Ward's cost.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from core.sdl.methods.drawing.features import FACE_RING, FEATURES, region


@dataclass(frozen=True)
class Regions:
    """Constants; lengths in pixels of the working size, colours in L*a*b*."""

    fine_px: float = 1.0  # sigma of the gradient that says where an edge runs
    coarse_px: float = 2.6  # and of the one that says whether it is more than texture
    lightness: float = 0.8  # how much lightness counts by hue
    least: float = 4.0  # step of colour across an edge below which it bounds nothing, however large both sides
    spread: float = 9000.0  # squared step beyond that times pixels up to which two regions become one
    flat: float = 0.8  # height below which edges are none
    least_px: int = 30  # pixels below which a region is a speck
    focus_px: float = 25.0  # sigma over which it is seen whether edges are sharp
    blurred: float = 0.45  # ratio of fine to coarse gradient of edges out of focus
    sharp: float = 0.75  # and in it
    unfocused: float = 0.25  # how much pixels out of focus count
    face: float = 4.0  # and those of faces


REGIONS = Regions()


def edge_strength(lab: np.ndarray) -> np.ndarray:
    """(h, w): height of the step in colour that an edge at each pixel makes; low in fine texture and on slow ramps."""
    weighted = lab * np.array((REGIONS.lightness, 1, 1), np.float32)
    fine, coarse = (gradient(weighted, sigma) for sigma in (REGIONS.fine_px, REGIONS.coarse_px))
    return np.sqrt(fine * coarse)


def gradient(values: np.ndarray, sigma: float) -> np.ndarray:
    """(h, w): height of the step over which (h, w, C) values rise within a Gaussian of that sigma."""
    soft = cv2.GaussianBlur(values, (0, 0), sigma)
    right, down = cv2.Scharr(soft, cv2.CV_32F, 1, 0) / 32, cv2.Scharr(soft, cv2.CV_32F, 0, 1) / 32
    xx, yy, xy = (right * right).sum(2), (down * down).sum(2), (right * down).sum(2)
    # The largest eigenvalue: channels that rise opposite ways do not cancel out.
    largest = 0.5 * (xx + yy + np.hypot(xx - yy, 2 * xy))
    return (np.sqrt(2 * np.pi) * sigma * np.sqrt(largest)).astype(np.float32)


def weigh_detail(lab: np.ndarray, faces: list[np.ndarray]) -> np.ndarray:
    """(h, w): how much small things matter, most in faces, least out of focus."""
    fine, coarse = (gradient(lab, sigma) for sigma in (REGIONS.fine_px, REGIONS.coarse_px))
    both, own = (cv2.GaussianBlur(part, (0, 0), REGIONS.focus_px) for part in (fine * coarse, coarse * coarse))
    focus = np.clip((both / (own + 1) - REGIONS.blurred) / (REGIONS.sharp - REGIONS.blurred), 0, 1)
    weight = REGIONS.unfocused + (1 - REGIONS.unfocused) * focus
    # Where most is out of focus, what is in it is what the picture is about.
    weight = weight / max(float(weight.mean()), 0.4)
    for points in faces:
        outline = points[list(FACE_RING)]
        head = region(lab.shape, outline.mean(0) + FEATURES.head * (outline - outline.mean(0)))
        weight = np.maximum(weight, REGIONS.face * head)
    return weight.astype(np.float32)


def find_basins(height: np.ndarray) -> np.ndarray:
    """Labels (h, w) from 0 of the places from which the steepest way down `height` (h, w) ends in one minimum.

    What is lower than `Regions.flat` and hangs together is one minimum: on a plain there is no way down.
    """
    rows, columns = height.shape
    padded = np.pad(height, 1, constant_values=np.inf)
    lowest, own = height.copy(), np.arange(height.size).reshape(height.shape)
    goal = own.copy()
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            there = padded[1 + dy : 1 + dy + rows, 1 + dx : 1 + dx + columns]
            lower = there < lowest
            lowest = np.where(lower, there, lowest)
            goal = np.where(lower, own + dy * columns + dx, goal)
    count, plains = cv2.connectedComponents((height < REGIONS.flat).astype(np.uint8), connectivity=4)
    first = np.zeros(count, int)
    first[plains.ravel()[::-1]] = own.ravel()[::-1]
    flat = np.where(plains > 0, first[plains], goal).ravel()
    while not np.array_equal(following := flat[flat], flat):
        flat = following
    return renumber(flat).reshape(height.shape)


def merge_regions(
    labels: np.ndarray, lab: np.ndarray, strength: np.ndarray, weight: np.ndarray, held: np.ndarray, spread: float
) -> np.ndarray:
    """Labels (h, w) from 0 after merging neighbours, those first that least sets apart.

    Args:
        labels: (h, w) from 0.
        lab: (h, w, 3).
        strength: (h, w), from `edge_strength`.
        weight: (h, w), how much a pixel counts: more where small things matter.
        held: (h, w) from 0: regions of different numbers never become one.
        spread: see `Regions.spread`.
    """
    roots = RegionGraph(labels, lab, strength, weight, held, spread).merge()
    return renumber(roots[labels])


class RegionGraph:
    """Regions and their neighbours; arguments as in `merge_regions`."""

    def __init__(
        self,
        labels: np.ndarray,
        lab: np.ndarray,
        strength: np.ndarray,
        weight: np.ndarray,
        held: np.ndarray,
        spread: float,
    ):
        count, flat, self.spread = int(labels.max()) + 1, labels.ravel(), spread
        weighted = (lab * np.array((REGIONS.lightness, 1, 1), np.float32)).reshape(-1, 3)
        sums = np.stack([np.bincount(flat, weighted[:, part], count) for part in range(3)], 1)
        self.means = (sums / np.bincount(flat, minlength=count)[:, None]).tolist()
        self.mass = np.bincount(flat, weight.ravel(), count).tolist()
        self.parent, self.version = list(range(count)), [0] * count
        # By neighbour: length of the common border, and its summed strength.
        self.near: list[dict[int, tuple[float, float]]] = [{} for _ in range(count)]
        self.heap: list[tuple[float, int, int, int, int]] = []
        kind = np.zeros(count, int)
        kind[flat] = held.ravel()
        for a, b, length, total in zip(*borders(labels, strength), strict=True):
            if kind[a] == kind[b]:
                self.near[a][b] = self.near[b][a] = (length, total)
                self.push(a, b)

    def push(self, a: int, b: int) -> None:
        """Note two neighbours that may become one."""
        length, total = self.near[a][b]
        apart = math.dist(self.means[a], self.means[b])
        step = max(0.0, min(apart, total / length) - REGIONS.least)
        cost = step * step * self.mass[a] * self.mass[b] / (self.mass[a] + self.mass[b])
        if cost < self.spread:
            heapq.heappush(self.heap, (cost + 1e-3 * apart, a, b, self.version[a], self.version[b]))

    def unite(self, a: int, b: int) -> None:
        """Make b a part of a."""
        share = self.mass[b] / (self.mass[a] + self.mass[b])
        self.means[a] = [x + share * (y - x) for x, y in zip(self.means[a], self.means[b], strict=True)]
        self.mass[a] += self.mass[b]
        self.parent[b], self.version[a], self.version[b] = a, self.version[a] + 1, -1
        del self.near[a][b]
        for other, (length, total) in self.near[b].items():
            if other != a:
                del self.near[other][b]
                before = self.near[a].get(other, (0.0, 0.0))
                self.near[a][other] = self.near[other][a] = (before[0] + length, before[1] + total)
        self.near[b] = {}
        for other in self.near[a]:
            self.push(a, other)

    def merge(self) -> np.ndarray:
        """(n,) the region to which each of the first ones belongs in the end."""
        while self.heap:
            _, a, b, of_a, of_b = heapq.heappop(self.heap)
            if self.version[a] == of_a and self.version[b] == of_b:
                self.unite(*((a, b) if len(self.near[a]) >= len(self.near[b]) else (b, a)))
        roots = np.array(self.parent)
        while not np.array_equal(roots[roots], roots):
            roots = roots[roots]
        return roots


def borders(labels: np.ndarray, strength: np.ndarray) -> tuple[list[int], list[int], list[float], list[float]]:
    """Pairs of neighbouring labels, the smaller first: their common border's length in pixels and its summed strength."""
    count = int(labels.max()) + 1
    keys, values = [], []
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        a, b = labels[here], labels[there]
        apart = a != b
        keys.append((np.minimum(a, b).astype(np.int64) * count + np.maximum(a, b))[apart])
        values.append(np.maximum(strength[here], strength[there])[apart])
    pairs, which, lengths = np.unique(np.concatenate(keys), return_inverse=True, return_counts=True)
    totals = np.bincount(which, np.concatenate(values), len(pairs))
    return (pairs // count).tolist(), (pairs % count).tolist(), lengths.astype(float).tolist(), totals.tolist()


def renumber(labels: np.ndarray) -> np.ndarray:
    """Labels from 0 without gaps, in the same order."""
    used = np.bincount(labels.ravel()) > 0
    return (np.cumsum(used) - 1)[labels]


def join_small(labels: np.ndarray, least_px: int, where: np.ndarray | None = None) -> np.ndarray:
    """Labels whose small areas took the label around them.

    Args:
        labels: (h, w) int.
        least_px: pixels below which an area is small.
        where: (h, w) bool: only labels of pixels in there are given on, to pixels in there.
    """
    where = np.ones(labels.shape, bool) if where is None else where
    pieces = connected_pieces(labels)
    holes = where & (np.bincount(pieces.ravel()) < least_px)[pieces]
    taken = holes | ~where
    if not holes.any() or taken.all():
        return labels
    _, nearest = cv2.distanceTransformWithLabels(taken.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    source = np.zeros(nearest.max() + 1, labels.dtype)
    source[nearest[~taken]] = labels[~taken]
    return np.where(holes, source[nearest], labels)


def connected_pieces(labels: np.ndarray) -> np.ndarray:
    """Labels (h, w) from 0 of the pieces in which every label (h, w) hangs together, by sides and not by corners."""
    places = np.arange(labels.size).reshape(labels.shape)
    start, end = [], []
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        alike = labels[here] == labels[there]
        start.append(places[here][alike])
        end.append(places[there][alike])
    rows, columns = np.concatenate(start), np.concatenate(end)
    joined = coo_matrix((np.ones(len(rows), np.uint8), (rows, columns)), shape=(labels.size, labels.size))
    return connected_components(joined, directed=False)[1].reshape(labels.shape)
