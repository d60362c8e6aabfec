"""Portraits as two layers, a person before a background, and the frame between two of them.

A mean of two hair outlines or collars shows both. Here there is one silhouette, in between and within the person shown; inside it
the middle of the face is mixed, for its landmarks meet; everything else of the person changes over from the first picture to the
second in a short time, while colours on a large scale go along evenly. Behind the silhouette both backgrounds, filled where a person hid them, stand still.

Source: Burt and Adelson 1983, "A Multiresolution Spline with Application to Image Mosaics": coarse bands are mixed more softly
than fine ones; interpolating silhouettes by signed distance, Cohen-Or, Solomovici and Levin 1998.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

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
from core.ops.masks import signed_distance
from core.ops.patch_fill import fill_holes
from core.ops.pull_push import filled

Picture = np.ndarray


@dataclass(frozen=True)
class LayerConstants:
    """What the layers are tuned by. Shares are of the frame's longer side."""

    # A silhouette's rim shows neither person nor background alone: it is left out of both layers.
    rim: float = 0.008
    # Longer side at which backgrounds are filled: they lie behind, and the time grows with it.
    fill_px: int = 208
    # What both people cover and that lies this deep in them is never seen of a background.
    hidden: float = 0.06
    # Radius of what counts as colour on a large scale, which goes along evenly with the appearance.
    tone: float = 0.05
    # How far, of 1, such a colour goes along: hair that goes all the way to skin or snow looks like mist.
    most_drift: float = 0.22
    # How far beyond its own outline a person's colours still serve before the other person's are shown instead.
    reach: float = 0.012
    # Appearance from which and until which everything but the middle of the face changes over.
    switch: tuple[float, float] = (0.40, 0.49)
    # The same for backgrounds that fade.
    fade: tuple[float, float] = (0.25, 0.75)
    # How soon a background that stays gives way at the end that is not its own.
    late: float = 0.2
    # Width of the rim of the mixed middle of the face, as a share of its diameter.
    feather: float = 0.12
    # The middle of the face is shrunk so far towards its own middle: the oval's rim is hair in some faces.
    shrink: float = 0.94


LAYERS = LayerConstants()
# A weight that is not nothing, and a presence that is next to nothing beside it.
LEAST, FAINT = 1e-3, 1e-6

# The middle of the face: below a hat's or a fringe's edge, inside the jaw.
_LOWER_OVAL = OVAL[6:31]
MIDDLE = (*_LOWER_OVAL, *RIGHT_EYE, *LEFT_EYE, *LIPS, *RIGHT_BROW, *LEFT_BROW, *NOSE_AND_CHEEKS)


@dataclass(frozen=True)
class Layers:
    """A portrait in its frame, taken apart.

    Attributes:
        person: (H, W, 4) float32: colours in [0, 1], beyond the person as beside it, and how deep inside the person each
            place lies, in pixels, negative outside.
        behind: (H, W, 3) float32 in [0, 1], the background, filled where the person stands.
        rest: (H, W, 3) float32: what the picture has beyond these two, wisps of hair at its rim.
    """

    person: Picture
    behind: Picture
    rest: Picture


def take_apart(framed: np.ndarray, matte: np.ndarray, other: np.ndarray) -> Layers:
    """The layers of a portrait.

    Args:
        framed: (H, W, 3) uint8.
        matte: (H, W) in [0, 1], the person.
        other: the same of the portrait that this one is to become.
    """
    picture = framed.astype(np.float32) / 255
    rim = max(1.5, LAYERS.rim * max(matte.shape))
    depth = signed_distance(matte)
    known = (depth > rim).astype(np.float32)[..., None]
    person = _spread(picture, known)
    hidden = signed_distance(np.minimum(matte, other)) > LAYERS.hidden * max(matte.shape)
    behind = _fill_behind(framed, depth, rim, hidden)
    cover = _cover(depth, rim)
    rest = picture - (behind + cover * (person - behind))
    return Layers(np.dstack((person, depth)), behind, rest)


def take_both_apart(
    first: np.ndarray, second: np.ndarray, mattes: tuple[np.ndarray, np.ndarray]
) -> tuple[Layers, Layers]:
    """`take_apart` of two portraits that become each other."""
    return take_apart(first, *mattes), take_apart(second, *mattes[::-1])


def face_middle(landmarks: np.ndarray) -> np.ndarray:
    """(M, 2): the convex outline of the middle of a face with detected landmarks; of all points where there are fewer."""
    points = np.asarray(landmarks, np.float32)
    if len(points) >= len(MESH_VERTICES):
        order = list(MESH_VERTICES)
        points = points[[order.index(vertex) for vertex in MIDDLE]]
    hull = cv2.convexHull(points)[:, 0]
    middle = hull.mean(0)
    return (middle + LAYERS.shrink * (hull - middle)).astype(float)


def soft_region(outline: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """(H, W, 1) float32: 1 inside a convex outline (M, 2), 0 outside, its rim soft on the inside."""
    mask = np.zeros(size_px[::-1], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(outline - 0.5).astype(np.int32)), 1)
    inside = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    width = max(1.0, LAYERS.feather * float(np.sqrt(mask.sum())))
    return smooth_step(inside / width)[..., None].astype(np.float32)


def compose(
    warped: tuple[tuple[Picture, Picture], tuple[Picture, Picture]],
    behind: tuple[Picture, Picture],
    middle: np.ndarray,
    shape: float,
    appearance: float,
    background: str,
) -> Picture:
    """One frame (H, W, 3) float32.

    Args:
        warped: of both pictures `Layers.person` and `Layers.rest`, in the shape of this time.
        behind: both backgrounds, not warped.
        middle: (H, W, 1) in [0, 1], the middle of the face.
        shape: 0 = the first silhouette, 1 = the second.
        appearance: 0 = the first picture's colours, 1 = the second's.
        background: a name in `BACKGROUNDS`.
    """
    (first, first_rest), (second, second_rest) = warped
    rim = max(1.5, LAYERS.rim * max(middle.shape))
    depths = first[..., 3], second[..., 3]
    between = (1 - shape) * depths[0] + shape * depths[1]
    switched = float(smooth_step(_between(appearance, LAYERS.switch)))
    # Nobody's silhouette reaches beyond the person it shows: the other's hair or hat would stand out there as a remnant.
    covers = [_cover(np.minimum(between, depth), rim) for depth in depths]
    cover = covers[0] + np.float32(switched) * (covers[1] - covers[0])
    weight = np.full_like(middle, switched)
    if 0 < appearance < 1:
        # Never nothing between the ends: where one person does not reach, the other is shown however little it counts.
        weight = _known_weight(min(max(switched, LEAST), 1 - LEAST), *depths, LAYERS.reach * max(middle.shape))
    weight = weight + middle * (appearance - weight)
    one, other = first[..., :3], second[..., :3]
    drift = _blur(other - one, LAYERS.tone * max(middle.shape))
    drift = LAYERS.most_drift * np.tanh(drift / LAYERS.most_drift) * (1 - middle)
    # Each picture drifts towards the other's tone, so that there is little to see when it changes over.
    person = one + appearance * drift
    person += weight * (other - (1 - appearance) * drift - person)
    back = _background(behind, appearance, background)
    frame = back + cover * (person - back)
    # Wisps belong to an outline: where it has moved on they would stand alone.
    for rest, depth, share in ((first_rest, depths[0], (1 - appearance) ** 2), (second_rest, depths[1], appearance**2)):
        frame += np.clip(1 - np.abs(depth - between) / rim, 0, 1)[..., None] * np.float32(share) * rest
    return np.clip(frame, 0, 1)


def smooth_step(share: np.ndarray | float) -> np.ndarray:
    """0 below 0, 1 above 1, smooth in between."""
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)


def _between(value: float, ends: tuple[float, float]) -> float:
    return (value - ends[0]) / (ends[1] - ends[0])


def _cover(depth: np.ndarray, rim: float) -> np.ndarray:
    return smooth_step(depth / rim + 0.5)[..., None].astype(np.float32)


def _known_weight(weight: float, first: np.ndarray, second: np.ndarray, reach: float) -> np.ndarray:
    """(H, W, 1): the second person's weight, where only one of them is that one's."""
    here, there = (np.clip(depth / reach + 1, 0, 1) + FAINT for depth in (first, second))
    return (weight * there / ((1 - weight) * here + weight * there))[..., None].astype(np.float32)


def _background(behind: tuple[Picture, Picture], appearance: float, name: str) -> Picture:
    """What stands behind: at both ends the pictures' own, in between as named."""
    first, second = behind
    if name == "crossfade":
        return first + np.float32(smooth_step(_between(appearance, LAYERS.fade))) * (second - first)
    if name == "plain":
        plain = (first.mean((0, 1)) + second.mean((0, 1))) / 2
        near = behind[round(appearance)]
        away = min(appearance, 1 - appearance) / LAYERS.late
        return near + np.float32(smooth_step(away)) * (plain - near)
    late = appearance / LAYERS.late if name == "second" else 1 - (1 - appearance) / LAYERS.late
    return first + np.float32(smooth_step(late)) * (second - first)


def _blur(picture: Picture, radius_px: float) -> Picture:
    """Blurred at a smaller size."""
    shrink = max(1, round(radius_px / 3))
    size = picture.shape[1::-1]
    small = cv2.resize(picture, (max(1, size[0] // shrink), max(1, size[1] // shrink)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), radius_px / shrink)
    return cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)


def _spread(picture: Picture, known: Picture) -> Picture:
    """The picture, and where it is not known, what is known beside it."""
    total, weight = (
        torch.from_numpy(np.ascontiguousarray(m.transpose(2, 0, 1)))[None] for m in (picture * known, known)
    )
    spread = filled(total, weight)[0].permute(1, 2, 0).numpy()
    return np.where(known > 0, picture, spread).astype(np.float32)


def _fill_behind(framed: np.ndarray, depth: np.ndarray, rim: float, hidden: np.ndarray) -> Picture:
    """The background without the person, filled at a small size; what is hidden at all times is left as it is."""
    picture = framed.astype(np.float32) / 255
    person = depth > -2 * rim
    shrink = min(1.0, LAYERS.fill_px / max(depth.shape))
    size = (max(1, round(depth.shape[1] * shrink)), max(1, round(depth.shape[0] * shrink)))
    there, never = (cv2.resize(m.astype(np.float32), size, interpolation=cv2.INTER_AREA) for m in (person, hidden))
    if (there > 0).all():
        return picture
    hole = (there > 0) & (never < 1)
    small = fill_holes(cv2.resize(framed, size, interpolation=cv2.INTER_AREA), hole, forbidden=there > 0)
    large = cv2.resize(small, depth.shape[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
    soft = np.clip(-depth / rim - 2, 0, 1)[..., None]
    return large + soft * (picture - large)
