"""Portraits as two layers, a person before a background, and the frame between two of them.

A mean of two hair outlines or collars shows both. Here every place shows one person: head and shoulders change over from the
first picture to the second one after the other (`division.py`), each with its own silhouette. The middle of the face is mixed,
for its landmarks meet, but what only one has, glasses or a beard, is one's or the other's. Skin goes from one colour to the other
all the time. Behind them both backgrounds, filled where a person hid them, stand still and change over out of focus.

Source: owners of places instead of means, Agarwala et al. 2004, "Interactive Digital Photomontage", section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from core.implicit.methods.layers.division import Division
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
    # What differs from the face's mean colour by less than the first is skin, by more than the second, in [0, 1], is none.
    skin: tuple[float, float] = (0.12, 0.3)
    # How far from the face skin is looked for, and how much of that is its whole.
    around: float = 0.1
    near: float = 4.0
    # Appearance from which and until which one part of the people changes over, and then the other.
    switches: tuple[tuple[float, float], tuple[float, float]] = ((0.24, 0.48), (0.52, 0.76))
    # Wisps at an outline are gone when so much of the other picture's appearance is there.
    wisps: float = 0.4
    # How far the background is out of focus between the two, and the share of the time in which it changes over.
    defocus: float = 0.04
    fade: tuple[float, float] = (0.3, 0.7)
    # Radius of what counts as a detail of the face, the strength of one that is none, in [0, 1], and from which share of what
    # differs in it the detail is one's or the other's, and how softly.
    detail: float = 0.02
    faint: float = 0.02
    alone: tuple[float, float] = (0.6, 0.3)
    # From which difference of tones on they belong to one or the other, beside that of both whole faces, and how softly.
    unlike: tuple[float, float] = (0.06, 0.12)
    # How soon a background that stays gives way at the end that is not its own.
    late: float = 0.2
    # Width of the rim of the mixed middle of the face, as a share of its diameter.
    feather: float = 0.12
    # The middle of the face is shrunk so far towards its own middle: the oval's rim is hair in some faces.
    shrink: float = 0.94


LAYERS = LayerConstants()
# A blur that nobody sees.
MOST_SHARP_PX = 0.3
# Skin is looked for at so many times smaller a size.
SHRUNK = 4

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
    division: Division,
    appearance: float,
    background: str,
) -> Picture:
    """One frame (H, W, 3) float32.

    Args:
        warped: of both pictures `Layers.person` and `Layers.rest`, in the shape of this time.
        behind: both backgrounds, not warped.
        middle: (H, W, 1) in [0, 1], the middle of the face.
        division: which part of the people changes over first.
        appearance: 0 = the first picture's colours, 1 = the second's.
        background: a name in `BACKGROUNDS`.
    """
    (first, first_rest), (second, second_rest) = warped
    longer = max(middle.shape)
    rim = max(1.5, LAYERS.rim * longer)
    early, late = (float(smooth_step(_between(appearance, window))) for window in LAYERS.switches)
    in_lower = early if division.lower_first else late
    in_upper = late if division.lower_first else early
    switched = in_upper + division.lower * np.float32(in_lower - in_upper)
    people = _in_one_tone((first[..., :3], second[..., :3]), middle, appearance)
    back = _background(behind, appearance, background)
    frame = back.copy()
    for person, depth, rest, away, gone in (
        (people[0], first[..., 3], first_rest, 1 - switched, appearance),
        (people[1], second[..., 3], second_rest, switched, 1 - appearance),
    ):
        wisps = np.float32(max(0.0, 1 - gone / LAYERS.wisps) ** 2) * rest
        frame += away * (_cover(depth, rim) * (person - back) + wisps)
    if middle.any():
        box = _box(middle, round(LAYERS.detail * longer))
        one, other = (person[box] for person in people)
        face = _mixed_face((one, other), appearance, in_upper, longer)
        frame[box] += middle[box] * (face - (one + switched[box] * (other - one)))
    return np.clip(frame, 0, 1)


def _in_one_tone(people: tuple[Picture, Picture], middle: Picture, appearance: float) -> list[Picture]:
    """Both people with the colour of their skin brought to one between; what has another colour keeps it."""
    size = middle.shape[1::-1]
    small = tuple(max(4, side // SHRUNK) for side in size)
    face = cv2.resize(middle, small, interpolation=cv2.INTER_AREA)[..., None]
    # Clothes may have its colour, too.
    near = np.minimum(LAYERS.near * _blur(face, LAYERS.around * max(small))[..., None], 1)
    seen = [cv2.resize(person, small, interpolation=cv2.INTER_AREA) for person in people]
    tones = [(person * face).sum((0, 1)) / max(float(face.sum()), 1e-3) for person in seen]
    wanted = tones[0] + np.float32(appearance) * (tones[1] - tones[0])
    toned = []
    for person, view, tone in zip(people, seen, tones, strict=True):
        # Black and white stay, so that no skin blows out: 1 - (1 - darker c) lighter for a colour c.
        darker = np.minimum(wanted / np.maximum(tone, 1e-3), 1)
        lighter = np.minimum((1 - wanted) / np.maximum(1 - tone, 1e-3), 1)
        far = np.linalg.norm(view - tone, axis=-1, keepdims=True)
        skin = near * smooth_step((LAYERS.skin[1] - far) / (LAYERS.skin[1] - LAYERS.skin[0]))
        skin = cv2.resize(np.maximum(face, skin).astype(np.float32), size, interpolation=cv2.INTER_LINEAR)[..., None]
        change = person * (darker * lighter - 1).astype(np.float32) + (1 - lighter).astype(np.float32)
        toned.append(person + skin * change)
    return toned


def _mixed_face(people: Sequence[Picture], appearance: float, switched: float, longer: int) -> Picture:
    """The middle of the face: mixed, but what only one of them has, such as glasses or a beard, is one's or the other's.

    Args:
        people: (h, w, 3) each, cut to the face.
        appearance: as in `compose`.
        switched: the same of what is one's or the other's.
        longer: the frame's longer side, in pixels.
    """
    one, other = people
    radius = LAYERS.detail * longer
    smooth = [_blur(person, radius) for person in people]
    details = [cv2.cvtColor(person - low, cv2.COLOR_RGB2GRAY) for person, low in zip(people, smooth, strict=True)]
    # 0 where both have the same detail, 1 where they have nothing in common.
    differ, have = (
        _blur(power, 0.7 * radius) for power in (np.square(details[1] - details[0]), sum(map(np.square, details)))
    )
    alone = (differ / (have + LAYERS.faint**2) - LAYERS.alone[0]) / LAYERS.alone[1]
    # Where it is small the tones agree, so that no rim shows round what is not mixed.
    unlike = (cv2.cvtColor(np.abs(smooth[1] - smooth[0]), cv2.COLOR_RGB2GRAY) - LAYERS.unlike[0]) / LAYERS.unlike[1]
    own = smooth_step(np.maximum(alone, unlike))[..., None]
    return one + (appearance + own * np.float32(switched - appearance)) * (other - one)


def _box(mask: Picture, margin: int) -> tuple[slice, slice]:
    """Rows and columns of what is not 0 in (H, W, 1), and a margin."""
    x, y, wide, high = cv2.boundingRect((mask > 0).astype(np.uint8))
    return slice(max(0, y - margin), y + high + margin), slice(max(0, x - margin), x + wide + margin)


def smooth_step(share: np.ndarray | float) -> np.ndarray:
    """0 below 0, 1 above 1, smooth in between."""
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)


def _between(value: float, ends: tuple[float, float]) -> float:
    return (value - ends[0]) / (ends[1] - ends[0])


def _cover(depth: np.ndarray, rim: float) -> np.ndarray:
    return smooth_step(depth / rim + 0.5)[..., None].astype(np.float32)


def _background(behind: tuple[Picture, Picture], appearance: float, name: str) -> Picture:
    """What stands behind: at both ends the pictures' own, in between as named.

    Between two of them the focus is racked: what crossfades is out of focus, so that nothing shows through anything.
    """
    first, second = behind
    if name == "plain":
        plain = (first.mean((0, 1)) + second.mean((0, 1))) / 2
        near = behind[round(appearance)]
        away = min(appearance, 1 - appearance) / LAYERS.late
        return near + np.float32(smooth_step(away)) * (plain - near)
    share = {"crossfade": appearance, "second": appearance / LAYERS.late, "first": 1 - (1 - appearance) / LAYERS.late}
    share_now = min(max(share[name], 0.0), 1.0)
    away = float(smooth_step(min(share_now, 1 - share_now) / LAYERS.fade[0]))
    out_of_focus = LAYERS.defocus * max(first.shape) * away
    weight = np.float32(smooth_step(_between(share_now, LAYERS.fade)))
    mixed = first if not weight else second if weight == 1 else first + weight * (second - first)
    return _blur(mixed, out_of_focus) if out_of_focus > MOST_SHARP_PX else mixed


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
