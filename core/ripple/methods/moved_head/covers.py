"""What lies before a face in a photograph: hands. Source: own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from core.detect.hands import detect_hands
from core.ripple.methods.moved_head.expressions import LOWER_LIP, UPPER_LIP, lips
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.skin import at_points


@dataclass(frozen=True)
class CoverConstants:
    """How thick hands are, as shares of the palm's length unless they say otherwise."""

    finger: float = 0.26
    palm: float = 0.3  # beyond the knuckles' lines
    soft: float = 0.02  # of the head's frame: their rim is looked for within this ...
    edge_levels: float = 9.0  # ... along edges of the photograph, of 255
    around: float = 0.9  # of the head's frame, around the mouth: where they are looked for
    hides: float = 0.4  # of the lips' points: a hand over so many hides the mouth


COVER = CoverConstants()
PALM, WRIST, KNUCKLE = (0, 1, 5, 9, 13, 17), 0, 9
FINGERS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))


def hands_over(region: np.ndarray, head: Head, start: tuple[int, int]) -> np.ndarray:
    """(h, w) float32 in [0, 1]: hands near the mouth in a region (h, w, 3) uint8 that begins at `start`, (x, y) px."""
    unit, mask = head.frame.unit_px, np.zeros(region.shape[:2], np.uint8)
    x, y = head.frame.to_px(head.mesh[13, :2]) - start
    reach = COVER.around * unit / 2
    left, top = int(max(0, x - reach)), int(max(0, y - reach))
    near = np.ascontiguousarray(region[top : int(y + reach), left : int(x + reach)])
    if min(near.shape[:2]) < 8:
        return mask.astype(np.float32)
    for hand in detect_hands(Image.fromarray(near)):
        points = np.rint(hand + (left, top)).astype(np.int32)
        long = float(np.hypot(*(hand[KNUCKLE] - hand[WRIST])))
        cv2.fillConvexPoly(mask, cv2.convexHull(points[list(PALM)]), 1)
        thick = max(1, round(COVER.palm * long))
        cv2.polylines(mask, [points[[*PALM[1:]]]], False, 1, thick)
        for finger in FINGERS:
            cv2.polylines(mask, [points[list(finger)]], False, 1, max(1, round(COVER.finger * long)))
    if not mask.any():
        return mask.astype(np.float32)
    radius = max(2, round(COVER.soft * unit))
    soft = cv2.ximgproc.guidedFilter(region, mask.astype(np.float32), radius, COVER.edge_levels**2)
    return ((soft - 0.2) / 0.6).clip(0, 1)


def mouth_hidden(hands: np.ndarray, head: Head, start: tuple[int, int]) -> bool:
    """Whether hands (h, w) hide a head's mouth."""
    places = head.frame.to_px(head.mesh[[*lips(UPPER_LIP), *lips(LOWER_LIP)], :2]) - start
    return bool((at_points(hands[..., None], places) > 0.5).mean() > COVER.hides)
