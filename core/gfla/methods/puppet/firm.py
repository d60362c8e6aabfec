"""What holds a person's body, or a limb to it, in a photo, so that it had better stay: told before anything moves."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from core.gfla.methods.limb_layers.skeleton import HIP_CENTRE
from core.gfla.methods.puppet.layers import Region, hand_share
from core.gfla.methods.puppet.skeleton import ARMS, NECK, Skeleton, numbers_of
from core.ops.masks import disc

# So much of the person at the photo's edges cuts it off, in torso lengths of two pixels' width.
EDGE = 0.4
# Share of an arm's axis, so wide in torso lengths, that the cut-out must hold, and of the place of a hand.
AXIS, WIDE, HAND = 0.8, 0.05, 0.5
# So near to the upper body, and of so much area in torso lengths squared, others would be harmed by its leaning.
NEAR, CROWD = 0.3, 0.03
# Share of an arm's outline up to which it hangs clear of the body, but for what lies so near to the shoulder.
CLEAR, SHOULDER = 0.2, 0.4


class Held(NamedTuple):
    """What keeps the head, and what the upper body, in its place; "" where nothing does."""

    head: str = ""
    body: str = ""


FREE = Held()


def held_by(share: np.ndarray, others: np.ndarray, skeleton: Skeleton, region: Region) -> Held:
    """What holds a person.

    Args:
        share: (H, W), the person's.
        others: (H, W) bool, where other people are.
        skeleton: its joints.
        region: its part of the picture.
    """
    neck, hips = (max(1, int(skeleton.joints[joint, 1])) for joint in (NECK, HIP_CENTRE))
    cut = "the photo's edge cuts the {} off"
    if edge_px(share[:neck]) > EDGE * skeleton.unit:
        return Held(cut.format("head"), cut.format("head"))
    return Held(
        "",
        cut.format("body")
        if edge_px(share[:hips]) > EDGE * skeleton.unit
        else _body_held(share, others, skeleton, region),
    )


def edge_px(share: np.ndarray) -> int:
    """How many pixels of a share (H, W) lie at its upper edge and sides, two deep."""
    return int((np.concatenate([share[:, :2].ravel(), share[:, -2:].ravel(), share[:2].ravel()]) > 0.5).sum())


def _body_held(share: np.ndarray, others: np.ndarray, skeleton: Skeleton, region: Region) -> str:
    """What touches the upper body, or is of it and not cut out with it."""
    if region.crowded:
        return "others touch the person"
    hips = max(1, int(skeleton.joints[HIP_CENTRE, 1]))
    if beside(share[:hips], others[:hips], skeleton.unit) > CROWD:
        return "others stand too near"
    for name in ARMS:
        if axis_share(share, skeleton, name) < AXIS:
            return f"the {name} cannot be cut out whole"
        hangs = skeleton.joints[ARMS[name][2], 1] > skeleton.joints[HIP_CENTRE, 1] - 0.2 * skeleton.unit
        if skeleton.whole(name) and not hangs and hand_share(region, skeleton, name) < HAND:
            return f"the hand of the {name} cannot be cut out"
    return ""


def beside(share: np.ndarray, others: np.ndarray, unit: float) -> float:
    """Area of other people (H, W) bool within reach of a share (H, W), in torso lengths squared; at 20 px for one."""
    scale = min(1.0, 20 / unit)
    size = tuple(max(1, round(side * scale)) for side in share.shape[::-1])
    own, rest = (cv2.resize(item.astype(np.float32), size, interpolation=cv2.INTER_AREA) for item in (share, others))
    near = cv2.dilate((own > 0.5).astype(np.uint8), disc(NEAR * unit * scale)) > 0
    return float((near & (rest > 0.5)).sum() / (unit * scale) ** 2)


def axis_share(share: np.ndarray, skeleton: Skeleton, name: str) -> float:
    """How much of an arm's axis lies in the person's share (H, W) of the photo; all of what the photo does not show."""
    if not skeleton.whole(name):
        return 1.0
    joints = skeleton.joints[list(ARMS[name])]
    steps = np.linspace(0, 1, 16)[:, None]
    found = []
    for a, b in zip(joints, joints[1:], strict=False):
        along = (b - a) / max(np.hypot(*(b - a)), 1e-6)
        aside = np.array([-along[1], along[0]]) * WIDE * skeleton.unit
        line = (a + steps * (b - a) + aside * np.linspace(-1, 1, 5)[:, None, None]).reshape(-1, 2)
        columns, rows = np.clip(line.round().astype(int), 0, np.array(share.shape[::-1]) - 1).T
        found.append(float((share[rows, columns] > 0.5).mean()))
    return min(found)


def clear(region: Region, skeleton: Skeleton, name: str) -> bool:
    """Whether an arm is clear of the body, so that no garment and nothing held hangs on both."""
    own = np.isin(region.labels, numbers_of(name))
    scale = region.labels.shape[0] / region.alpha.shape[0]
    rows, columns = np.mgrid[: own.shape[0], : own.shape[1]]
    x, y = (skeleton.joints[ARMS[name][0]] - region.corner) * scale
    beyond = np.hypot(columns - x, rows - y) > SHOULDER * skeleton.unit * scale
    rim = (cv2.dilate(own.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~own & beyond
    return bool(rim.any() and (rim & (region.labels >= 0)).sum() < CLEAR * rim.sum())
