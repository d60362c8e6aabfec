"""Layers laid where target joints have them: every bone by a rigid map, joints blended, layer over layer."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from core.gfla.methods.limb_layers.skeleton import HEAD_CENTRE, HIP_CENTRE
from core.gfla.methods.puppet.layers import BODY, Layer
from core.gfla.methods.puppet.settings import SETTINGS
from core.gfla.methods.puppet.skeleton import ARMS, BONES, CHAINS, NECK


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
    ground: np.ndarray,
    layers: Sequence[Layer],
    source: np.ndarray,
    target: np.ndarray,
    order: Sequence[str],
    unit: float,
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
    columns, rows = fetch_places(x, y, maps, joints, radii)
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
    if mirrored or layer.chain in ARMS:
        # A shoulder turns as a disc with its arm, far enough to tear any bend.
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


def fetch_places(
    x: np.ndarray,
    y: np.ndarray,
    maps: list[np.ndarray],
    joints: list[tuple[np.ndarray, np.ndarray]],
    radii: list[float],
) -> tuple[np.ndarray, np.ndarray]:
    """Source pixels (columns, rows) of target pixels, a bend at every joint.

    In a bend the angle goes over from one bone's to the next: mixed maps of bones that turn far apart would collapse there.

    Args:
        x: columns of places in the target, (h, w) float32.
        y: their rows.
        maps: (2, 3) each, from target to source, of the bones from the root on.
        joints: between them: place in the target and unit vector towards the next bone.
        radii: half widths of the bends in pixels.
    """
    bends = [
        _bent(x, y, before, after, place, normal, radius)
        for before, after, (place, normal), radius in zip(maps, maps[1:], joints, radii, strict=False)
    ]
    columns, rows, _ = bends[0]
    for number in range(1, len(bends)):
        near = np.hypot(x - joints[number - 1][0][0], y - joints[number - 1][0][1])
        nearer = near < np.hypot(x - joints[number][0][0], y - joints[number][0][1])
        earlier = nearer & (bends[number - 1][2] < 1)
        columns, rows = (np.where(earlier, old, new) for old, new in zip((columns, rows), bends[number], strict=False))
    return columns.astype(np.float32), rows.astype(np.float32)


def _bent(
    x: np.ndarray,
    y: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    place: np.ndarray,
    normal: np.ndarray,
    radius: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source columns and rows round one joint, and the share of the later bone."""
    right, down = x - np.float32(place[0]), y - np.float32(place[1])
    t = ((right * normal[0] + down * normal[1]) / radius / 2 + 0.5).clip(0, 1)
    share = t * t * (3 - 2 * t)
    # A mirrored bone's map is a reflection, whose angle is told otherwise; a chain is mirrored as a whole.
    side = 1.0 if np.linalg.det(before[:, :2]) > 0 else -1.0
    angles = [np.arctan2(m[1, 0] - side * m[0, 1], m[0, 0] + side * m[1, 1]) for m in (before, after)]
    stretches = [_rotation(-angle) @ item[:, :2] for angle, item in zip(angles, (before, after), strict=True)]
    turn = (angles[1] - angles[0] + np.pi) % (2 * np.pi) - np.pi
    angle = angles[0] + share * turn
    mixed = [(1 - share) * a + share * b for a, b in zip(stretches[0].ravel(), stretches[1].ravel(), strict=True)]
    along, across = mixed[0] * right + mixed[1] * down, mixed[2] * right + mixed[3] * down
    # Both maps take the joint to the same place; where they were told apart by hand, the mean.
    origin = [(item[:, :2] @ place + item[:, 2]) for item in (before, after)]
    columns = np.cos(angle) * along - np.sin(angle) * across + (1 - share) * origin[0][0] + share * origin[1][0]
    rows = np.sin(angle) * along + np.cos(angle) * across + (1 - share) * origin[0][1] + share * origin[1][1]
    return columns, rows, share


def _rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


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
