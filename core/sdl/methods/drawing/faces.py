"""Skin as a draughtsman paints it: one colour, one shade and one light with round borders, instead of a map of bands.

A palette follows every step of a photo's light, and a face in many bands looks posterised, not drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.sdl.methods.drawing.features import BROWS, FACE_RING, IRISES, LIPS, NOSE, face_height, region

CHEEKS = ((117, 50, 205, 203, 129, 126), (346, 280, 425, 423, 358, 355))


@dataclass(frozen=True)
class Skin:
    """Constants; lengths in face heights, lightness of 100."""

    beyond: float = 1.1  # of the mesh's outline: up to the hairline
    colour: float = 17.0  # distance in a* and b* from the face's own up to which a colour is skin's
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
    skin = (face > 0.5) & (np.hypot(*(lab[..., 1:] - own[1:]).transpose(2, 0, 1)) < SKIN.colour)
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
