"""Rims of spectacles, found as one bright or dark line around each eye: they must not bend, and no fold runs over them.

Source: the path of most contrast along polar rays by dynamic programming, as in the active contours of Amini et al. 1990.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.face_ageing.shapes import fade
from core.ops.masks import disc


@dataclass(frozen=True)
class Spectacles:
    """Constants; lengths in pixels of the view, whose faces are 400 high."""

    around_px: int = 31  # side of the median from which a rim differs
    most: float = 25.0  # of that difference in L*a*b*: brighter glints say no more
    nearest: float = 0.75  # from the eye's middle, by half of the eye's width, from where on a rim may lie
    farthest: float = 2.2
    low: tuple[int, int] = (20, 160)  # degrees below the eye's line between which skin alone has no line
    step_deg: int = 3
    bend_px: int = 3  # how far a rim moves from ray to ray
    clear: tuple[float, float] = (10.5, 14.0)  # mean difference along the path, from where on it is a rim, and surely
    thick_px: float = 4.0  # radius of a rim
    still_px: tuple[float, float] = (
        30.0,
        5.0,
    )  # from a rim outwards, from where on the face moves less, and not at all


SPECTACLES = Spectacles()


def line_contrast(view: np.ndarray) -> np.ndarray:
    """How far each pixel's colour is from its surroundings', (h, w), in units of L*a*b*."""
    lab = cv2.cvtColor(cv2.GaussianBlur(view, (0, 0), 1.0), cv2.COLOR_RGB2LAB) * (2.55, 1, 1) + (0, 128, 128)
    around = cv2.medianBlur(lab.clip(0, 255).astype(np.uint8), SPECTACLES.around_px)
    away = (lab - around) / (2.55, 1, 1)
    return np.minimum(np.sqrt((away * away).sum(2)), SPECTACLES.most).astype(np.float32)


def strongest_path(profile: np.ndarray) -> tuple[np.ndarray, float]:
    """The way of most contrast through rays, (rays,) as columns of `profile` (rays, steps), and its mean contrast."""
    bend, steps = SPECTACLES.bend_px, profile.shape[1]
    best, origins = profile[0].astype(np.float64), []
    for row in profile[1:]:
        near = np.lib.stride_tricks.sliding_window_view(np.pad(best, bend, constant_values=-np.inf), 2 * bend + 1)
        origins.append((np.arange(steps) + near.argmax(1) - bend).clip(0, steps - 1))
        best = row + near.max(1)
    way = [int(best.argmax())]
    for origin in reversed(origins):
        way.append(int(origin[way[-1]]))
    return np.array(way[::-1]), float(best.max() / len(profile))


def find_rims(view: np.ndarray, points: np.ndarray, down: np.ndarray, eyes: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """(h, w) float32 in [0, 1]: rims, bridge and arms of spectacles; nothing on a bare face.

    Args:
        view: (h, w, 3) float32 RGB in [0, 1].
        points: (478, 2) landmarks, pixels.
        down: (2,) from forehead to chin.
        eyes: landmarks around the left and the right eye.
    """
    contrast, pen = line_contrast(view), np.zeros(view.shape[:2], np.float32)
    down = down / max(1e-6, float(np.hypot(*down)))
    right, clear, rims = np.array((down[1], -down[0])), 0.0, []
    angles = np.radians(np.arange(SPECTACLES.low[0] - 360, SPECTACLES.low[0], SPECTACLES.step_deg))
    rays = np.cos(angles)[:, None] * right + np.sin(angles)[:, None] * down
    low = np.degrees(angles) + 360 <= SPECTACLES.low[1]
    # The farther eye of a turned head is narrower, its rim less so.
    half = max(float(np.hypot(*np.ptp(points[list(ring)], axis=0))) for ring in eyes) / 2
    far = np.arange(SPECTACLES.nearest * half, SPECTACLES.farthest * half, 1.0)
    for ring in eyes:
        middle = points[list(ring)].mean(0)
        x, y = (middle + rays[:, None] * far[None, :, None]).astype(np.float32).transpose(2, 0, 1)
        profile = cv2.remap(contrast, x, y, cv2.INTER_LINEAR)
        clear = max(clear, strongest_path(profile[low])[1])
        rims.append(middle + rays * far[strongest_path(profile)[0]][:, None])
    sure = float(fade(clear, *SPECTACLES.clear))
    if sure == 0:
        return pen
    ears = (points[127], points[356])
    ends = [rim[np.hypot(*(rim - ear).T).argmin()] for rim, ear in zip(rims, ears, strict=True)]
    bridge = [rim[np.hypot(*(rim - points[168]).T).argmin()] for rim in rims]
    for way in (*rims, np.stack(bridge), *(np.stack(pair) for pair in zip(ends, ears, strict=True))):
        cv2.polylines(pen, [np.rint(way * 16).astype(np.int32)], len(way) > 2, 1.0, 1, cv2.LINE_8, 4)
    return np.float32(sure) * cv2.GaussianBlur(cv2.dilate(pen, disc(SPECTACLES.thick_px)), (0, 0), 1.0)


def hold_still(rims: np.ndarray) -> np.ndarray:
    """(h, w) in [0, 1]: how freely the face moves around rims that must not bend."""
    away = cv2.distanceTransform((rims < 0.5 * max(1e-6, float(rims.max()))).astype(np.uint8), cv2.DIST_L2, 5)
    return 1 - float(rims.max()) * fade(away, *SPECTACLES.still_px)
