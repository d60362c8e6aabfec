"""Portraits as two layers, a person before a background, for films whose background is not that of the person shown.

Both backgrounds, filled where a person hid them, stand still; the people, each with its own silhouette, change over before them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from core.implicit.methods.layers.face import Picture
from core.implicit.methods.layers.silhouettes import Bend
from core.ops.blur import soft_blur
from core.ops.masks import signed_distance
from core.ops.patch_fill import fill_holes
from core.ops.pull_push import filled
from core.ops.smoothstep import smoothstep

# Of all places, or of each, (H, W, 1).
Share = Picture | float


@dataclass(frozen=True)
class LayerConstants:
    """What the layers are tuned by. Shares are of the frame's longer side."""

    # A silhouette's rim shows neither person nor background alone: it is left out of both layers.
    rim: float = 0.008
    # Longer side at which backgrounds are filled: they lie behind, and the time grows with it.
    fill_px: int = 160
    # What both people cover and that lies this deep in them is never seen of a background.
    hidden: float = 0.06
    # Wisps at an outline are gone when so much of the other picture's appearance is there.
    wisps: float = 0.4
    # How soon a background that stays gives way at the end that is not its own.
    late: float = 0.2
    # A bent outline is so much further inside: its own rim shows some of what was behind.
    inset: float = 0.004
    # What is smoother than this is colour, finer, detail.
    colour: float = 0.03


LAYERS = LayerConstants()


@dataclass(frozen=True)
class Layers:
    """A portrait in its frame, taken apart; warped, where they lie at a time.

    Attributes:
        depth: (H, W) float32: how deep inside the person each place lies, in pixels, negative outside.
        behind: (H, W, 3) float32 in [0, 1], the background, filled where the person stands.
        rest: (H, W, 3) float32: what the picture has beyond person and background, wisps of hair at its rim.
    """

    depth: Picture
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
    person = _spread(picture, (depth > rim).astype(np.float32)[..., None])
    hidden = signed_distance(np.minimum(matte, other)) > LAYERS.hidden * max(matte.shape)
    behind = _fill_behind(framed, depth, rim, hidden)
    return Layers(depth, behind, picture - (behind + _cover(depth, rim) * (person - behind)))


def cover_of(layers: Layers) -> Picture:
    """(H, W) float32 in [0, 1]: what of the frame its person covers."""
    return _cover(layers.depth, max(1.5, LAYERS.rim * max(layers.depth.shape)))[..., 0]


def compose(
    pictures: tuple[Picture, Picture],
    layers: tuple[Layers, Layers],
    back: Picture,
    gone: Sequence[Share],
    switched: Share,
    bends: Sequence[Bend] | None = None,
    detail: Share | None = None,
) -> Picture:
    """One frame (H, W, 3) float32: both people, the first going, the second coming, before one background.

    Args:
        pictures: both in the shape of this time, (H, W, 3) float32 in [0, 1].
        layers: theirs, in the same shape.
        back: (H, W, 3), what is behind the people.
        gone: in [0, 1], how far each picture's own background is gone from it, everywhere or (H, W, 1).
        switched: the second person's share of the people, likewise; of their colours alone where `detail` is given.
        bends: how both are bent.
        detail: the second person's share of the details of the people, (H, W, 1).
    """
    rim, both = max(1.5, LAYERS.rim * max(back.shape)), []
    for picture, own, away, left, bend in zip(
        pictures, layers, (1 - switched, switched), gone, bends or (None, None), strict=True
    ):
        if not np.any(away):
            both.append(back)
            continue
        wisps = 1 - np.square(np.maximum(0, 1 - left / np.float32(LAYERS.wisps)))
        seen = picture + (1 - _cover(own.depth, rim)) * (back - own.behind) - wisps * own.rest
        both.append(seen if bend is None else back + _within(bend, own.depth, rim) * (seen - back))
    change = both[1] - both[0]
    if detail is None:
        return both[0] + switched * change
    frame = both[0] + detail * change
    # Colours of people are mixed within both: beyond, they would stain what is behind.
    cover = np.minimum(*(_cover(own.depth, rim) for own in layers))
    if (cover * np.abs(switched - detail)).any():
        colour = soft_blur(np.dstack((change * cover, cover)).astype(np.float32), LAYERS.colour * max(back.shape))
        frame += cover * (switched - detail) * colour[..., :3] / np.maximum(colour[..., 3:], 1e-3)
    return frame


def _within(bend: Bend, depth: Picture, rim: float) -> Picture:
    """(H, W, 1) in [0, 1]: where a bent person is seen, by how deep inside it the places lie that are looked up.

    What has moved ends within its outline: the picture's own rim shows some of what was behind.
    """
    inset = LAYERS.inset * max(depth.shape)
    moved = np.minimum(np.linalg.norm(bend.offset, axis=-1, keepdims=True) / (4 * inset), 1)
    return 1 - moved * (1 - smoothstep(bend.depth / rim + 2)[..., None] * _cover(depth - inset, rim / 2))


def steady_background(behind: tuple[Picture, Picture], appearance: float, name: str) -> Picture:
    """What stands behind, (H, W, 3), from both backgrounds: at the ends the pictures' own, between as "first", "second", "plain" say."""
    first, second = behind
    if name == "plain":
        plain = (first.mean((0, 1)) + second.mean((0, 1))) / 2
        near = behind[round(appearance)]
        away = min(appearance, 1 - appearance) / LAYERS.late
        return near + np.float32(smoothstep(away)) * (plain - near)
    share = {"second": appearance / LAYERS.late, "first": 1 - (1 - appearance) / LAYERS.late}[name]
    return first + np.float32(smoothstep(share)) * (second - first)


def _cover(depth: np.ndarray, rim: float) -> np.ndarray:
    return smoothstep(depth / rim + 0.5)[..., None].astype(np.float32)


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
