"""Faces as a draughtsman paints them: skin in one colour, one shade and one light with round borders, features on it.

A palette follows every step of a photo's light, and a face in many bands looks posterised, not drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.sdl.methods.drawing.features import (
    BROWS,
    FACE_RING,
    FEATURES,
    IRISES,
    LIPS,
    NOSE,
    clear_ink,
    draw_eyes,
    draw_shapes,
    draw_strokes,
    eyes_seen,
    face_height,
    region,
    seen_brows,
)

CHEEKS = ((117, 50, 205, 203, 129, 126), (346, 280, 425, 423, 358, 355))


@dataclass(frozen=True)
class Skin:
    """Constants; lengths in face heights, lightness of 100."""

    beyond: float = 1.1  # of the mesh's outline: up to the hairline
    colour: float = 17.0  # distance in a* and b* from the face's own up to which a colour beyond the mesh is skin's
    tinged: float = 26.0  # and inside it, where what is around lights the skin in its own colour
    lightness: float = 30.0  # and in lightness
    soft: float = 0.03  # sigma over which the light on it is averaged: borders are that round
    base: float = 60.0  # percentile of its lightness that is the face's own
    steps: tuple[float, float] = (-10.0, 8.0)  # by that: where shade ends, and light begins
    hue: float = 0.5  # of its own colour that a tone keeps; the rest is the face's


SKIN = Skin()


def shade_face(lab: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A flattened picture whose skin around one face has three tones at most.

    Args:
        lab: from `flatten`, (h, w, 3) L*a*b*.
        points: (478, 2) landmarks, pixels of `lab`.
    """
    height, shape = face_height(points), (lab.shape[0], lab.shape[1])
    cheeks = np.maximum.reduce([region(shape, points[list(ring)]) for ring in (NOSE, *CHEEKS)]) > 0.5
    if not cheeks.any():
        return lab
    own, outline = np.median(lab[cheeks], 0), points[list(FACE_RING)]
    face = region(shape, outline.mean(0) + SKIN.beyond * (outline - outline.mean(0)))
    most = np.where(region(shape, outline) > 0.5, SKIN.tinged, SKIN.colour)
    skin = (face > 0.5) & (np.hypot(*(lab[..., 1:] - own[1:]).transpose(2, 0, 1)) < most)
    # A nose is often redder.
    skin |= region(shape, points[list(NOSE)]) > 0.5
    skin &= np.abs(lab[..., 0] - own[0]) < SKIN.lightness
    for ring in (LIPS, *BROWS, *IRISES):
        skin &= region(shape, points[list(ring)]) < 0.5
    if not skin.any():
        return lab
    weight, sigma = skin.astype(np.float32), max(1.0, SKIN.soft * height)
    light = cv2.GaussianBlur(lab[..., 0] * weight, (0, 0), sigma) / cv2.GaussianBlur(weight, (0, 0), sigma).clip(1e-3)
    made, level = lab.copy(), float(np.percentile(light[skin], SKIN.base))
    tones = np.digitize(light - level, SKIN.steps)
    for tone in range(3):
        if (chosen := skin & (tones == tone)).any():
            colour = np.median(lab[chosen], 0)
            colour[1:] = own[1:] + SKIN.hue * (colour[1:] - own[1:])
            made[chosen] = colour
    return made


def draw_face(
    areas: np.ndarray, ink: np.ndarray, photo: np.ndarray, smooth: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Areas and ink with one face's features drawn.

    Args:
        areas: (H, W, 3) in [0, 1], flat.
        ink: (H, W) in [0, 1].
        photo: (H, W, 3) uint8.
        smooth: (H, W, 3) in [0, 1], the photo without texture in the drawing's colours.
        points: (478, 2) landmarks.
    """
    part, scale, places = near(photo.shape, points, 0.2)
    if not areas[part].size:
        return areas, ink
    seen, plain, below, lines = (enlarged(item[part], scale) for item in (photo, smooth, areas, ink))
    eyes = eyes_seen(seen, places)
    below = draw_shapes(below, plain, places)
    if eyes == "open":
        below = draw_eyes(below, seen, places)
    lines = clear_ink(lines, places, seen_brows(plain, places), eyes)
    lines = draw_strokes(lines, places, eyes, scale * FEATURES.least_pen_px)
    made, drawn = areas.copy(), ink.copy()
    made[part], drawn[part] = (
        cv2.resize(item, made[part].shape[1::-1], interpolation=cv2.INTER_AREA) for item in (below, lines)
    )
    return made, drawn


def near(shape: tuple[int, ...], points: np.ndarray, margin: float) -> tuple[tuple[slice, slice], int, np.ndarray]:
    """The part of a picture of that shape around a face, `margin` heights wide, how many times to enlarge it for drawing
    (`Features.drawn_px`), and the landmarks there.
    """
    height, reach = face_height(points), points[list(FACE_RING)]
    left, top = np.maximum(0, np.floor(reach.min(0) - margin * height)).astype(int)
    right, bottom = np.minimum(np.array(shape[1::-1]), np.ceil(reach.max(0) + margin * height)).astype(int)
    scale = max(1, int(np.ceil(FEATURES.drawn_px / height)))
    # Pixels' centres, not their corners, stay in place.
    return np.s_[top : max(top, bottom), left : max(left, right)], scale, (points - (left, top) + 0.5) * scale - 0.5


def enlarged(part: np.ndarray, scale: int) -> np.ndarray:
    """A part of a picture (h, w) or (h, w, 3), that many times as large."""
    if scale == 1:
        return np.ascontiguousarray(part)
    return cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
