"""Seams between pieces of a picture that were copied side by side: levels that hardly differ are brought together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu


@dataclass(frozen=True)
class SeamConstants:
    """Which seams are closed, and how far round them."""

    jump: float = 12.0  # levels: seams beyond are edges, and closing one would smear a colour into another
    most: float = 24.0  # levels that a colour may change: steps that contradict one another add up to any amount
    reach_px: float = 30.0  # over which a piece takes on its neighbour's level


SEAM = SeamConstants()


def close_seams(picture: np.ndarray, hole: np.ndarray, known: np.ndarray, source: np.ndarray) -> np.ndarray:
    """(P, 3) float64 colours of a hole's pixels: those of their sources, with small steps between pieces levelled out.

    Args:
        picture: (H, W, 3) float32.
        hole: (H, W) bool.
        known: (H, W) bool, what may be copied from.
        source: (P,) flat indices of what each pixel of the hole was copied from.

    Source: Perez et al. 2003, "Poisson Image Editing", screened, with steps weighed as Geman and McClure do.
    """
    (high, wide), places = hole.shape, np.flatnonzero(hole)
    count, flat = len(places), picture.reshape(-1, 3).astype(np.float64)
    number, origin, out = np.full(high * wide, -1), np.arange(high * wide), flat.copy()
    number[places], origin[places], out[places] = np.arange(count), source, flat[source]
    diagonal, wanted, entries = np.full(count, SEAM.reach_px**-2.0), np.zeros((count, 3)), []
    for way in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        beside, inside = _moved(places, way, hole.shape)
        step = out[places] - out[beside]
        # How two neighbours differ where either was copied from.
        found = []
        for at, back in ((source, 1), (origin[beside], -1)):
            other, there = _moved(at, (way[0] * back, way[1] * back), hole.shape)
            usable = there & known.ravel()[at] & known.ravel()[other] & ((back > 0) | hole.ravel()[beside])
            found.append((back * (flat[at] - flat[other]), usable[:, None].astype(float)))
        weight = found[0][1] + found[1][1]
        natural = sum(value * usable for value, usable in found) / np.maximum(weight, 1)
        jump = np.where(weight > 0, natural - step, 0)
        wanted += jump * (inside / (1 + np.square(jump).mean(1) / SEAM.jump**2))[:, None]
        diagonal += inside
        linked = inside & (number[beside] >= 0)
        entries.append((number[places][linked], number[beside][linked]))
    rows, columns = (np.concatenate([*(one[axis] for one in entries), np.arange(count)]) for axis in (0, 1))
    values = np.concatenate([np.full(len(rows) - count, -1.0), diagonal])
    system = coo_matrix((values, (rows, columns)), shape=(count, count)).tocsc()
    solved = splu(system, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(wanted)
    return out[places] + np.clip(solved, -SEAM.most, SEAM.most)


def _moved(flat: np.ndarray, way: tuple[int, int], shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Flat indices one step on, or the same where that leaves the picture, and where it does not."""
    y, x = np.divmod(flat, shape[1])
    y, x = y + way[0], x + way[1]
    inside = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
    return np.where(inside, y * shape[1] + x, flat), inside
