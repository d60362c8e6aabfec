"""Layers laid where target joints have them: every bone by a rigid map, joints blended, layer over layer."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from core.gfla.methods.limb_layers.skeleton import HEAD_CENTRE, HIP_CENTRE
from core.gfla.methods.puppet.layers import BODY, Layer
from core.gfla.methods.puppet.settings import SETTINGS
from core.gfla.methods.puppet.skeleton import BONES, CHAINS, NECK


def bone_map(
    source: tuple[np.ndarray, np.ndarray], target: tuple[np.ndarray, np.ndarray], stretch: bool, mirrored: bool = False
) -> np.ndarray:
    """The (2, 3) matrix from target to source pixels that takes one bone to the other.

    Args:
        source: both ends in the source.
        target: both ends in the target.
        stretch: whether lengths along the bone follow; across it they stay.
        mirrored: whether the two sides of the bone change places.
    """
    (a, b), (c, d) = source, target
    long_source, long_target = max(np.hypot(*(b - a)), 1e-3), max(np.hypot(*(d - c)), 1e-3)
    u, w = (b - a) / long_source, (d - c) / long_target
    v, x = np.array([-u[1], u[0]]), np.array([-w[1], w[0]])
    along = long_source / long_target if stretch else 1.0
    linear = along * np.outer(u, w) + (-1.0 if mirrored else 1.0) * np.outer(v, x)
    return np.concatenate([linear, (a - linear @ c)[:, None]], 1)


def lay(
    ground: np.ndarray, layers: Sequence[Layer], source: np.ndarray, target: np.ndarray, order: Sequence[str], unit: float
) -> np.ndarray:
    """The layers over a ground.

    Args:
        ground: (H, W, 3) uint8, the picture without the person.
        layers: of `make_layers`.
        source: joints (20, 2) of the person in the picture.
        target: joints (20, 2) where they shall be.
        order: names of layers, the farthest first.
        unit: torso length in pixels.

    Returns:
        (H, W, 3) uint8, equal to the bit where no layer lies.
    """
    out = ground.copy()
    by_name = {layer.chain: layer for layer in layers}
    for name in order:
        if name in by_name:
            _lay_one(out, by_name[name], source, target, unit)
    return out


def _lay_one(out: np.ndarray, layer: Layer, source: np.ndarray, target: np.ndarray, unit: float) -> None:
    maps, joints, radii = _chain_maps(layer, source, target, unit)
    part = _extent(layer, maps, out.shape)
    if part is None:
        return
    left, top, right, bottom = part
    x, y = np.meshgrid(np.arange(left, right, dtype=np.float32), np.arange(top, bottom, dtype=np.float32))
    weights = _weights(x, y, joints, radii, len(maps))
    columns, rows = np.zeros_like(x), np.zeros_like(y)
    for weight, matrix in zip(weights, maps, strict=True):
        columns += weight * (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]).astype(np.float32)
        rows += weight * (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]).astype(np.float32)
    fetched = cv2.remap(
        layer.rgba, columns - np.float32(layer.corner[0]), rows - np.float32(layer.corner[1]), cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
    )  # fmt: skip
    share = fetched[..., 3:].astype(np.float32) / 255
    below = out[top:bottom, left:right]
    mixed = below + share * (fetched[..., :3].astype(np.float32) - below) + 0.5
    out[top:bottom, left:right] = np.where(share > 0, mixed.clip(0, 255), below).astype(np.uint8)


def _chain_maps(
    layer: Layer, source: np.ndarray, target: np.ndarray, unit: float
) -> tuple[list[np.ndarray], list[tuple[np.ndarray, np.ndarray]], list[float]]:
    """Maps of a layer's bones from the root on, the joints between them (place, direction across the bend), bends' widths."""
    torso = bone_map(
        (source[NECK], source[HIP_CENTRE]), (target[NECK], target[HIP_CENTRE]), stretch=False
    )  # fmt: skip
    if layer.chain == BODY:
        head = bone_map((source[NECK], source[HEAD_CENTRE]), (target[NECK], target[HEAD_CENTRE]), stretch=False)
        across = _across(target[HIP_CENTRE], target[NECK], target[HEAD_CENTRE])
        return [torso, head], [(target[NECK], across)], [0.12 * unit]
    own, shown = CHAINS[layer.chain], CHAINS[layer.source]
    mirrored = layer.chain != layer.source
    limbs = [
        bone_map((source[shown[i]], source[shown[i + 1]]), (target[own[i]], target[own[i + 1]]), True, mirrored)
        for i in (0, 1)
    ]
    reach = [bone.radius * unit * SETTINGS.bend for bone in BONES if bone.chain == layer.chain]
    bend = (target[own[1]], _across(target[own[0]], target[own[1]], target[own[2]]))
    if mirrored:
        return limbs, [bend], reach[1:]
    # At its root a limb goes over into the body, cut straight across: a bisector would lie along a hanging arm.
    root = (target[own[0]], _across(target[own[0]], target[own[0]], target[own[1]]))
    return [torso, *limbs], [root, bend], reach


def _across(before: np.ndarray, joint: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Unit vector through a joint from the first bone towards the second: the normal of the bisector."""
    first, second = joint - before, after - joint
    normal = first / max(np.hypot(*first), 1e-6) + second / max(np.hypot(*second), 1e-6)
    length = np.hypot(*normal)
    return normal / length if length > 0.05 else second / max(np.hypot(*second), 1e-6)


def _weights(
    x: np.ndarray, y: np.ndarray, joints: list[tuple[np.ndarray, np.ndarray]], radii: list[float], count: int
) -> list[np.ndarray]:
    """How much each of a chain's bones moves each pixel; they sum to 1."""
    weights, rest = [], np.ones_like(x)
    for (place, normal), radius in zip(joints, radii, strict=True):
        along = ((x - place[0]) * normal[0] + (y - place[1]) * normal[1]) / radius
        t = ((along + 1) / 2).clip(0, 1).astype(np.float32)
        beyond = t * t * (3 - 2 * t)
        weights.append(rest * (1 - beyond))
        rest = rest * beyond
    return [*weights, rest][:count]


def _extent(layer: Layer, maps: list[np.ndarray], shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of what a layer may touch in a picture of (H, W); None where it lies outside."""
    rows, columns = np.where(layer.rgba[..., 3] > 0)
    if not len(rows):
        return None
    x, y = layer.corner
    box = np.array([[a, b] for a in (columns.min() + x, columns.max() + x) for b in (rows.min() + y, rows.max() + y)])
    corners = [np.linalg.solve(matrix[:, :2], (box - matrix[:, 2]).T).T for matrix in maps]
    low, high = np.concatenate(corners).min(0) - 2, np.concatenate(corners).max(0) + 3
    left, top = (max(0, int(np.floor(value))) for value in low)
    right, bottom = min(shape[1], int(np.ceil(high[0]))), min(shape[0], int(np.ceil(high[1])))
    return (left, top, right, bottom) if right > left and bottom > top else None
