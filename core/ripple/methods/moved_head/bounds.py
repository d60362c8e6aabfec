"""What a photographed face does not bear of an expression: eyes that are shut open no wider, glasses must not bend."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.ripple.methods.moved_head.expressions import EYE_PARTS, mouth_room
from core.ripple.methods.moved_head.frame import Head


@dataclass(frozen=True)
class BoundConstants:
    """When a face bears less."""

    shut: float = 0.1  # of the eye's width: an eye less high shows no iris
    bridge_px: float = 250.0  # pixels of a unit of the head's frame, at which the bridge of the nose is looked at
    bridge: float = 0.12  # log step of its light from pixel to pixel: skin has less, a frame more
    lines: tuple[float, ...] = (-0.012, -0.006, 0.0, 0.006, 0.012)  # units beside its middle, where it is looked along


BOUND = BoundConstants()
BROW_MIDDLE, NOSE_BRIDGE = 9, 5  # between the brows, and where the nose begins to come forward


def shut_eyes(head: Head) -> bool:
    """Whether both eyes of a head are shut."""
    points = head.mesh[:, :2]
    return all(
        (points[list(lower)] - points[list(upper)])[:, 1].max() < BOUND.shut * np.ptp(points[list(corners), 0])
        for corners, upper, lower, *_ in EYE_PARTS
    )


def wears_glasses(photo: np.ndarray, head: Head) -> bool:
    """Whether something thin crosses the bridge of the nose of a head in its photograph (H, W, 3) uint8."""
    shrink = min(1.0, BOUND.bridge_px / head.frame.unit_px)
    steps = np.linspace(0, 1, 60)[:, None]
    first, last = head.mesh[[BROW_MIDDLE, NOSE_BRIDGE], :2]
    lines = np.stack([first + steps * (last - first) + (aside, 0) for aside in BOUND.lines])
    places = head.frame.to_px(lines)
    low, high = places.min((0, 1)).astype(int) - 4, places.max((0, 1)).astype(int) + 5
    (left, top), (right, bottom) = low.clip(0), high
    near = cv2.cvtColor(np.ascontiguousarray(photo[top:bottom, left:right]), cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = cv2.resize(near, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    seen = cv2.remap(
        small, ((places - (left, top)) * shrink - 0.5).astype(np.float32), None, cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    change = np.sort(np.abs(np.gradient(np.log(seen + 8), axis=1)), axis=1)[:, -3]
    return bool(np.median(change) > BOUND.bridge)


def bounds_of(head: Head, amounts: dict[str, float]) -> tuple[str, ...]:
    """What a head does not bear of degrees by name of the edit; a sentence each."""
    notes = tuple[str, ...]()
    if amounts["mouth"] > 0 and mouth_room(head.mesh[:, :2]) <= 0:
        notes += ("the mouth is wide open in this photograph and opens no wider",)
    if amounts["eyes"] > 0 and shut_eyes(head):
        notes += ("the eyes are shut in this photograph and stay shut: it shows nothing of what is behind the lids",)
    return notes
