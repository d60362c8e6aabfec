"""The middle of two faces as one: what is alike is mixed in one light, what is not belongs to one of them.

Light and colour of the face are those of whose head is shown around it, so that no rim shows; details of both are mixed in it.
Where faces have nothing in common (`sharing.py`) a mix would show ghosts: such a place is wholly the one's or the other's.

Source: bands of frequencies that are mixed apart from each other, Burt and Adelson 1983, "A Multiresolution Spline with Application
to Image Mosaics", section 2; owners of places, Agarwala et al. 2004, "Interactive Digital Photomontage", section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from core.implicit.paper.landmarks import (
    LEFT_BROW,
    LEFT_EYE,
    LIPS,
    MESH_VERTICES,
    NOSE_AND_CHEEKS,
    OVAL,
    RIGHT_BROW,
    RIGHT_EYE,
)
from core.ops.blur import soft_blur
from core.ops.smoothstep import smoothstep

Picture = np.ndarray
DETECTED = len(MESH_VERTICES)

# The middle of the face: below a hat's or a fringe's edge, inside the jaw.
MIDDLE = (*OVAL[6:31], *RIGHT_EYE, *LEFT_EYE, *LIPS, *RIGHT_BROW, *LEFT_BROW, *NOSE_AND_CHEEKS)
EYES = (*RIGHT_EYE, *LEFT_EYE, *RIGHT_BROW, *LEFT_BROW)


@dataclass(frozen=True)
class FaceConstants:
    """What the mix is tuned by. Lengths are shares of the face's diameter."""

    # Width of the rim of the mixed middle.
    feather: float = 0.12
    # The middle is shrunk so far towards its own middle: the oval's rim is hair in some faces.
    shrink: float = 0.94
    # What is smoother than this is light and colour; finer, details.
    light: float = 0.16
    # The least light that counts, in [0, 1]: it keeps dark places from being blown up.
    least_light: float = 0.04
    # From which difference of light on, beside that of both whole faces and as a natural logarithm, a place is one's or the
    # other's, and how softly.
    unlike: tuple[float, float] = (0.6, 0.4)
    # How far a part of the face reaches beyond its landmarks, and how soft it ends.
    reach: float = 0.1
    soft: float = 0.09
    # Glasses reach from the brows down by this share of the way to the mouth.
    glasses: float = 0.4


FACE = FaceConstants()


@dataclass(frozen=True)
class FaceAt:
    """Where both faces lie at one time.

    Attributes:
        middle: (H, W, 1) float32 in [0, 1], what both show of the middle of their faces.
        own: the same, what goes with hair, clothes and surroundings.
    """

    middle: Picture
    own: Picture


def pick(points: np.ndarray, part: tuple[int, ...]) -> np.ndarray:
    """Landmarks (M, 2) of a part of a detected face (N, 2); all points where there are fewer than the detector finds."""
    points = np.asarray(points, np.float32)
    if len(points) < DETECTED:
        return points
    order = list(MESH_VERTICES)
    return points[[order.index(vertex) for vertex in part]]


def face_middle(landmarks: np.ndarray) -> np.ndarray:
    """(M, 2): the convex outline of the middle of a face with detected landmarks; of all points where there are fewer."""
    hull = cv2.convexHull(pick(landmarks, MIDDLE))[:, 0]
    middle = hull.mean(0)
    return (middle + FACE.shrink * (hull - middle)).astype(float)


def soft_region(outline: np.ndarray, size_px: tuple[int, int]) -> Picture:
    """(H, W, 1) float32: 1 inside a convex outline (M, 2), 0 outside, its rim soft on the inside."""
    mask = _filled(outline, size_px)
    inside = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    width = max(1.0, FACE.feather * float(np.sqrt(mask.sum())))
    return smoothstep(inside / width)[..., None].astype(np.float32)


def eye_band(points: np.ndarray, size_px: tuple[int, int]) -> Picture:
    """(H, W, 1) float32, 1 where a face (N, 2) has eyes and brows, or glasses."""
    eyes = pick(points, EYES)
    down = pick(points, LIPS).mean(0) - eyes.mean(0)
    return _part(np.concatenate((eyes, eyes + FACE.glasses * down)), points, size_px)


def mix_faces(
    base: Picture,
    faces: tuple[Picture, Picture],
    at: FaceAt,
    appearance: float,
    switched: float,
    detail: float,
    lit: bool = True,
) -> Picture:
    """A frame (H, W, 3) with both faces mixed in its middle; hues stay those of the person around it.

    Args:
        base: the frame without them, details of both crossfaded by `detail`.
        faces: both pictures in the shape of this time, (H, W, 3) float32 in [0, 1].
        at: where the faces lie in it.
        appearance: share of the second face in what is mixed.
        switched: share of the second in light and colour.
        detail: share of the second in what goes with its surroundings.
        lit: whether they are mixed in one light; else as they are, with their colours.
    """
    if not at.middle.any():
        return base
    box = box_of(at.middle)
    middle, own = at.middle[box], at.own[box]
    one, other = cut = [face[box] for face in faces]
    if lit:
        (one, other), lights = in_one_light(cut, middle, (1 - switched, switched))
        own = np.maximum(own, unlike_lights(lights, middle))
        colourful = colours_alike(cut, middle)
    change = (1 - own) * np.float32(appearance - detail) * (other - one)
    if lit:
        grey = grey_of(change)
        change = grey + colourful * (change - grey)
    frame = base.copy()
    frame[box] += middle * change
    return frame


def grey_of(picture: Picture) -> Picture:
    """(H, W, 1) float32."""
    return cv2.cvtColor(np.ascontiguousarray(picture, np.float32), cv2.COLOR_RGB2GRAY)[..., None]


def colours_alike(faces: Sequence[Picture], middle: Picture) -> np.float32:
    """In [0, 1]: how colourful the paler of some faces (h, w, 3) is beside the most colourful."""
    spreads = [float((np.ptp(face, axis=-1, keepdims=True) * middle).sum()) for face in faces]
    return np.float32(min(spreads) / max(*spreads, 1e-6))


def box_of(middle: Picture) -> tuple[slice, slice]:
    """Rows and columns of the middle of a face (H, W, 1) and of what counts for its light."""
    x, y, wide, high = cv2.boundingRect((middle > 0).astype(np.uint8))
    margin = round(2 * FACE.light * float(np.sqrt(middle.sum())))
    return slice(max(0, y - margin), y + high + margin), slice(max(0, x - margin), x + wide + margin)


def in_one_light(
    faces: Sequence[Picture], middle: Picture, shares: Sequence[float]
) -> tuple[list[Picture], list[Picture]]:
    """Faces (h, w, 3) in one light and colour, and their own lights (h, w, 3).

    Args:
        faces: in one shape.
        middle: (h, w, 1) in [0, 1], where they are faces.
        shares: of each face's light in the one they come to; they add up to 1.
    """
    diameter, least = float(np.sqrt(middle.sum())), FACE.least_light
    lights = []
    for face in faces:
        both = soft_blur(np.dstack((face * middle, middle)), FACE.light * diameter)
        lights.append(both[..., :3] / np.maximum(both[..., 3:], 1e-3))
    wanted = sum(np.float32(share) * light for share, light in zip(shares, lights, strict=True))
    toned = []
    for face, light in zip(faces, lights, strict=True):
        # Black and white stay, so that no skin blows out: 1 - (1 - darker c) lighter for a colour c.
        darker = np.minimum((wanted + least) / (light + least), 1)
        lighter = np.minimum((1 - wanted + least) / (1 - light + least), 1)
        toned.append((1 - (1 - darker * face) * lighter).astype(np.float32))
    return toned, lights


def unlike_lights(lights: Sequence[Picture], middle: Picture) -> Picture:
    """(h, w, 1) in [0, 1]: where two lights (h, w, 3) are so unlike that one has something there that is no face."""
    one, other = (light.mean(-1) + FACE.least_light for light in lights)
    gain = np.log(other / one)
    gain -= float((gain * middle[..., 0]).sum() / middle.sum())
    return smoothstep((np.abs(gain) - FACE.unlike[0]) / FACE.unlike[1])[..., None].astype(np.float32)


def _part(outline: np.ndarray, points: np.ndarray, size_px: tuple[int, int]) -> Picture:
    """(H, W, 1) float32: 1 within reach of the convex outline of a part, 0 far from it."""
    diameter = float(np.sqrt(cv2.contourArea(cv2.convexHull(np.asarray(points, np.float32)))))
    away = cv2.distanceTransform(1 - _filled(outline, size_px), cv2.DIST_L2, 5)
    return smoothstep(1 + (FACE.reach * diameter - away) / (FACE.soft * diameter))[..., None].astype(np.float32)


def filled(outline: np.ndarray, size_px: tuple[int, int]) -> Picture:
    """(H, W) float32, 1 inside the convex outline of points (M, 2)."""
    return _filled(outline, size_px).astype(np.float32)


def _filled(outline: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """(H, W) uint8, 1 inside the convex outline of points (M, 2)."""
    mask = np.zeros(size_px[::-1], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(outline - 0.5).astype(np.int32)), 1)
    return mask
