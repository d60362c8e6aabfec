"""Expressions of large faces, worked out at a bounded size: what moves and what is painted is enlarged, the photograph is not.

Skin moves smoothly, so its map loses nothing by it; the photograph itself is resampled at its own size. Of the time that a face of 2400 px
took, nine tenths went into detail that no map has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from core.ripple.methods.moved_head.expression_map import FaceMap, draw_expression
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.scene import HeadScene

# Pixels of a unit of the head's frame, about the side of an FFHQ crop, that are worked with at most.
MOST_PX = 1200.0


def draw_bounded(head: Head, moved: np.ndarray, region: np.ndarray, start: tuple[int, int]) -> FaceMap:
    """`draw_expression`, with the same arguments, at a bounded size and enlarged."""
    share = MOST_PX / head.frame.unit_px
    if share >= 1:
        return draw_expression(head, moved, region, start)
    small, less = _reduced(head, region, start, share)
    drawn = draw_expression(less, moved, small, (0, 0))
    size = region.shape[1::-1]
    shift, mouth, inside = (
        cv2.resize(one, size, interpolation=cv2.INTER_LINEAR) for one in (drawn.shift, drawn.mouth, drawn.inside)
    )
    return FaceMap(shift / np.float32(share), mouth, inside)


def paint_bounded(
    paint: Callable[[HeadScene, np.ndarray], np.ndarray], scene: HeadScene, photo: np.ndarray
) -> np.ndarray:
    """A photograph (H, W, 3) uint8 with what `paint` lays over a scene's region of it, painted at a bounded size."""
    share = MOST_PX / scene.head.frame.unit_px
    if share >= 1:
        return paint(scene, photo)
    left, top, right, bottom = scene.box
    region = photo[top:bottom, left:right]
    small, less = _reduced(scene.head, region, (left, top), share)
    reduced = next(iter(scene.less), None)
    if reduced is None:
        matte = cv2.resize(scene.matte, small.shape[1::-1], interpolation=cv2.INTER_AREA)
        reduced = replace(scene, head=less, box=(0, 0, small.shape[1], small.shape[0]), matte=matte)
        scene.less[:] = [reduced]
    change = paint(reduced, small).astype(np.float32) - small
    painted = photo.copy()
    change = cv2.resize(change, region.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    painted[top:bottom, left:right] = np.rint(region + change).clip(0, 255)
    return painted


def _reduced(head: Head, region: np.ndarray, start: tuple[int, int], share: float) -> tuple[np.ndarray, Head]:
    """A region reduced to a share of its size, and the head in its pixels."""
    height, width = region.shape[:2]
    small = cv2.resize(region, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)
    frame = replace(head.frame, centre=(head.frame.centre - start) * share, across=head.frame.across * share)
    return small, replace(head, frame=frame)
