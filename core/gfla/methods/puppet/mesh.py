"""One mesh of the whole person: a sheet of triangles per layer, sheets welded where limbs grow out of the body.

A pose gives every bone's neighbourhood a rotation and a stretch; both are spread harmonically over the mesh, and places
are found that fit them best: Zayer et al. 2005, "Harmonic Guidance for Surface Deformation", sections 3 and 4. It is
linear, so that its matrices are factorised once and neighbouring poses give neighbouring pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import splu

from core.gfla.methods.limb_layers.skeleton import HEAD_CENTRE, HIP_CENTRE
from core.gfla.methods.puppet.layers import BODY, Layer, Region
from core.gfla.methods.puppet.parts import HEAD_PART
from core.gfla.methods.puppet.settings import SETTINGS
from core.gfla.methods.puppet.skeleton import ARMS, CHAINS, LEGS, NECK, Skeleton, numbers_of

TORSO_PIECE, HEAD_PIECE, STILL_PIECE = "torso", "head", "still"
# How strongly handles hold against the mesh's edges, whose weight is 1.
HOLD = 2.0

Solve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Mesh:
    """Triangles over a person, ready to be posed.

    Attributes:
        rest: (V, 2) places in the picture, in pixels.
        sheets: triangles (T, 3) of each layer by its chain, as rows of `rest`.
        edges: (E, 2) vertices.
        held: (K,) vertices that bones carry.
        pieces: names of what carries them, one for each of `held`.
        spread: from values (K, c) at held vertices to harmonic ones (V, c).
        least: ways in pixels are shorter by this.
        fit: from the right side (V, 2) of the places' normal equations to places (V, 2).
    """

    rest: np.ndarray
    sheets: dict[str, np.ndarray]
    edges: np.ndarray
    held: np.ndarray
    pieces: tuple[str, ...]
    least: float
    spread: Solve
    fit: Solve

    def posed(self, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Places (V, 2) of the vertices with joints (20, 2) of the person at those of the target (20, 2)."""
        moves = piece_moves(source, target)
        names = sorted(set(self.pieces))
        number = np.array([names.index(piece) for piece in self.pieces])
        values = np.array([moves[name].fields for name in names])[number]
        field = self.spread(values)
        cos, sin = np.cos(field[:, 0]), np.sin(field[:, 0])
        turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
        stretch = np.stack([np.stack([field[:, 1], field[:, 2]], -1), np.stack([field[:, 2], field[:, 3]], -1)], -2)
        linear = turn @ stretch
        first, second = self.edges.T
        wanted = (0.5 * (linear[first] + linear[second]) @ (self.rest[second] - self.rest[first])[..., None])[..., 0]
        right = np.zeros_like(self.rest)
        np.add.at(right, second, wanted)
        np.add.at(right, first, -wanted)
        places = np.empty((len(self.held), 2))
        for index, name in enumerate(names):
            chosen = number == index
            places[chosen] = moves[name].at(self.rest[self.held[chosen]])
        np.add.at(right, self.held, HOLD * places)
        way = self.fit(right) - self.rest
        # What moves so little that nobody sees it stays, and with it the photo's own pixels.
        size = np.hypot(*way.T)[:, None]
        return self.rest + way * np.clip(1 - self.least / np.maximum(size, 1e-9), 0, 1)


@dataclass(frozen=True)
class Move:
    """How a piece of the body moves: about a place, by an angle after a stretch along a direction."""

    before: np.ndarray
    after: np.ndarray
    angle: float = 0.0
    along: float = 1.0
    direction: tuple[float, float] = (1.0, 0.0)

    @property
    def stretch(self) -> np.ndarray:
        """The symmetric (2, 2) part."""
        u = np.array(self.direction)
        return np.eye(2) + (self.along - 1) * np.outer(u, u)

    @property
    def fields(self) -> tuple[float, ...]:
        """What is spread over the mesh."""
        s = self.stretch
        return (self.angle, s[0, 0], s[0, 1], s[1, 1])

    def at(self, places: np.ndarray) -> np.ndarray:
        """Where places (n, 2) go."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        linear = np.array([[cos, -sin], [sin, cos]]) @ self.stretch
        return self.after + (places - self.before) @ linear.T


def piece_moves(source: np.ndarray, target: np.ndarray) -> dict[str, Move]:
    """The move of every piece from joints (20, 2) to joints (20, 2).

    Angles go on from the piece that carries the next: the upper arm's from the torso's, the hand's from the forearm's.
    """
    lean = _turn(source, target, HIP_CENTRE, NECK, 0.0)
    found = {
        STILL_PIECE: Move(np.zeros(2), np.zeros(2)),
        TORSO_PIECE: Move(source[HIP_CENTRE], target[HIP_CENTRE], lean),
        HEAD_PIECE: Move(source[NECK], target[NECK], _turn(source, target, NECK, HEAD_CENTRE, lean)),
    }
    for name, (root, middle, end) in CHAINS.items():
        angle = lean if name in ARMS else 0.0
        # A collar bone turns at the neck: a shoulder that is raised tips outwards, and its outline stays round.
        clavicle = _turn(source, target, NECK, root, lean) if name in ARMS else angle
        found[f"{name} root"] = Move(source[root], target[root], clavicle)
        for step, (a, b) in enumerate(((root, middle), (middle, end))):
            angle = _turn(source, target, a, b, angle)
            line = source[b] - source[a]
            long = max(float(np.hypot(*line)), 1e-3)
            share = float(np.hypot(*(target[b] - target[a]))) / long
            found[f"{name} {step}"] = Move(source[a], target[a], angle, share, tuple(line / long))
        # A foot that stays low stays flat on its ground, a hand goes on with its arm unless it rests.
        raised = float(np.clip((source[end, 1] - target[end, 1]) / (0.5 * long), 0, 1)) if name in LEGS else 1.0
        rests = name in ARMS and np.hypot(*(target[end] - source[end])) < 1e-6
        found[f"{name} 2"] = Move(source[end], target[end], 0.0 if rests else angle * raised)
    return found


def _turn(source: np.ndarray, target: np.ndarray, a: int, b: int, near: float) -> float:
    """The angle from one bone to where it goes, in that full turn which is nearest to another angle."""
    before, after = source[b] - source[a], target[b] - target[a]
    turn = np.arctan2(after[1], after[0]) - np.arctan2(before[1], before[0])
    return float(near + (turn - near + np.pi) % (2 * np.pi) - np.pi)


def make_mesh(region: Region, layers: Sequence[Layer], skeleton: Skeleton) -> Mesh:
    """The mesh of a person's layers; limbs without one of their own bend with the body's.

    Args:
        region: that the layers were made of.
        layers: the body first.
        skeleton: the person's.
    """
    step = max(3.0, skeleton.unit * SETTINGS.cell)
    height, width = region.alpha.shape
    grid = (int(np.ceil(height / step)) + 3, int(np.ceil(width / step)) + 3)
    rows, columns = np.mgrid[: grid[0], : grid[1]]
    places = np.stack([(columns - 1) * step, (rows - 1) * step], -1) + region.corner
    rest: list[np.ndarray] = []
    sheets: dict[str, np.ndarray] = {}
    index: dict[str, np.ndarray] = {}
    for layer in layers:
        cells = _cells(layer.rgba[..., 3], step, (grid[0] - 1, grid[1] - 1))
        used = np.zeros(grid, bool)
        for a in (0, 1):
            for b in (0, 1):
                used[a : grid[0] - 1 + a, b : grid[1] - 1 + b] |= cells
        own = np.full(grid, -1)
        if layer.chain != BODY:
            weld = used & (index[BODY] >= 0)
            own[weld & welded(places, layer.chain, skeleton)] = -2
            own = np.where(own == -2, index[BODY], -1)
        new = used & (own < 0)
        own[new] = len(rest) + np.arange(new.sum())
        rest.extend(places[new])
        index[layer.chain] = own
        sheets[layer.chain] = _triangles(own, cells)
    vertices = np.array(rest)
    edges = np.unique(np.sort(np.concatenate([_sides(tri) for tri in sheets.values()]), 1), axis=0)
    held, pieces = _handles(vertices, sheets, region, skeleton)
    return Mesh(
        vertices, sheets, edges, held, pieces, SETTINGS.least_way * skeleton.unit, *_solvers(len(vertices), edges, held)
    )


def welded(places: np.ndarray, chain: str, skeleton: Skeleton) -> np.ndarray:
    """Where a limb's sheet is one with the body's, (h, w) bool: legs wherever both are, arms at the armhole."""
    if chain in LEGS:
        return np.ones(places.shape[:2], bool)
    shoulder, elbow, _ = skeleton.joints[list(CHAINS[chain])]
    line = elbow - shoulder
    along = (places - shoulder) @ line / max(line @ line, 1e-6)
    inwards = skeleton.joints[NECK] - shoulder
    inner = (places - shoulder) @ inwards / max(np.hypot(*inwards), 1e-6) > SETTINGS.armhole * skeleton.unit
    return inner & (along < 0.35) & (np.hypot(*np.moveaxis(places - shoulder, -1, 0)) < 0.45 * skeleton.unit)


def _cells(alpha: np.ndarray, step: float, shape: tuple[int, int]) -> np.ndarray:
    """Which cells of the grid hold a layer, with a seam of one cell round it, (h, w) bool."""
    rows, columns = np.nonzero(alpha > 4)
    cells = np.zeros(shape, np.uint8)
    cells[(rows / step).astype(int) + 1, (columns / step).astype(int) + 1] = 1
    return cv2.dilate(cells, np.ones((3, 3), np.uint8)) > 0


def _triangles(index: np.ndarray, cells: np.ndarray) -> np.ndarray:
    a, b, c, d = (item[cells] for item in (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]))
    return np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)])


def _sides(triangles: np.ndarray) -> np.ndarray:
    """Edges along the grid, (n, 2): of each triangle those that are not the cell's diagonal."""
    half = len(triangles) // 2
    upper, lower = triangles[:half], triangles[half:]
    return np.concatenate([upper[:, :2], upper[:, 1:], lower[:, 1:], lower[:, [2, 0]]])


def _handles(
    rest: np.ndarray, sheets: dict[str, np.ndarray], region: Region, skeleton: Skeleton
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Vertices that bones carry, and the names of the pieces that carry them."""
    piece = np.full(len(rest), "", dtype=object)
    joints, unit = skeleton.joints, skeleton.unit
    body = np.unique(sheets[BODY])
    labels = region.label_at(rest)
    axis = joints[HIP_CENTRE] - joints[NECK]
    down = (rest - joints[NECK]) @ axis / max(axis @ axis, 1e-6)
    core = region.torso_at(rest) & (down > 0.1) & (down < SETTINGS.waist)
    for name, (shoulder, _, _) in ARMS.items():
        if name not in sheets and skeleton.seen[shoulder]:
            away = np.hypot(*(rest - joints[shoulder]).T)
            core &= away > 0.3 * unit
            piece[body[(away[body] < 0.12 * unit) & (labels[body] != HEAD_PART)]] = f"{name} root"
    piece[body[core[body]]] = TORSO_PIECE
    if skeleton.has_head:
        away = np.hypot(*(rest - joints[HEAD_CENTRE]).T)
        face = (labels == HEAD_PART) & (away < 0.45 * unit) & (down < -0.22)
        piece[body[face[body]]] = HEAD_PIECE
    if not all(skeleton.whole(name) for name in LEGS):
        piece[body[(down[body] > 1.1) & ~np.isin(labels[body], numbers_of(*ARMS))]] = STILL_PIECE
    if (region.alpha[-1] > 0.3).any():
        # The photo's lower edge cuts the person off: what leaves it would leave a gap.
        piece[body[rest[body, 1] > region.corner[1] + region.alpha.shape[0] - 0.12 * unit]] = STILL_PIECE
    for name, joint in CHAINS.items():
        if name in sheets:
            own = np.setdiff1d(np.unique(sheets[name]), body) if name in ARMS else np.unique(sheets[name])
        elif skeleton.whole(name):
            own = body[np.isin(labels[body], numbers_of(name)) & ~core[body]]
        else:
            continue
        for number, (a, b) in enumerate(zip(joint, joint[1:], strict=False)):
            line = joints[b] - joints[a]
            long = max(float(np.hypot(*line)), 1e-3)
            along = (rest[own] - joints[a]) @ line / long**2
            across = np.abs((rest[own] - joints[a]) @ np.array([-line[1], line[0]])) / long
            low, high = SETTINGS.held_upper if number == 0 else SETTINGS.held_lower
            half = SETTINGS.held_width * unit * (0.14 if name in ARMS else 0.18)
            piece[own[(along > low) & (along < high) & (across < half)]] = f"{name} {number}"
            if number == 1:
                beyond = along > (1.15 if name in ARMS else 1.06)
                piece[own[beyond & (across < 0.5 * unit)]] = f"{name} 2"
    held = np.flatnonzero(piece != "")
    return held, tuple(piece[held])


def _solvers(count: int, edges: np.ndarray, held: np.ndarray) -> tuple[Solve, Solve]:
    """The factorised systems of `Mesh`."""
    first, second = edges.T
    ones = np.ones(len(edges))
    adjacency = coo_matrix((ones, (first, second)), (count, count))
    adjacency = adjacency + adjacency.T
    laplacian = (diags(np.asarray(adjacency.sum(1)).ravel()) - adjacency).tocsc()
    hold = np.zeros(count)
    hold[held] = 1.0
    # What no handle reaches stays as it is; so weak a pull nobody sees elsewhere.
    firm = splu((laplacian + diags(hold * 1e3) + diags(np.full(count, 1e-9))).tocsc())
    soft = splu((laplacian + diags(HOLD * hold) + diags(np.full(count, 1e-9))).tocsc())

    def spread(values: np.ndarray) -> np.ndarray:
        right = np.zeros((count, values.shape[1]))
        right[held] = 1e3 * values
        return firm.solve(right)

    return spread, soft.solve
