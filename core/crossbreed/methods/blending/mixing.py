"""Mixtures of layered photos: one outline, one pair of ears, the detail of one animal in each place."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from core.crossbreed.methods.blending.layers import DETAIL_SCALE, Layers
from core.crossbreed.methods.colour_transfer.palette import Palette

Moved = dict[int, np.ndarray]


@dataclass(frozen=True)
class MixSettings:
    """What tunes the mixing; lengths are shares of the side.

    Attributes:
        rim: width of an outline's soft rim.
        thick: deeper than this inside or outside, an outline's distance does not count.
        selection_power: 1 would mix details by their energy, more lets the stronger one win.
        hidden: weight of an animal's detail where it is not.
        ears_from: share of the second picture at which ears that cannot turn into one another begin to change,
        ears_to: and at which they have: before the middle, which shows one pair.
        photo_from: share of one picture from which on its photo itself fades in.
        owner_from: share of the second picture at which, of two animals whose faces do not agree, the second begins to
            take over as a whole,
        owner_to: and at which it has.
        face_from: the same for eyes, nose and mouth of faces that nearly agree: after the middle, which shows the
            first one's face on the second one's head,
        face_to: and where that ends.
        owner_colour: standard deviation of what is broad enough to count as colour, not as a feature, in such a pair.
        face_detail: of what counts as features when faces are compared,
        agreement: and the correlation of these from which on faces agree,
        meeting: or nearly do.
    """

    rim: float = 1 / 80
    thick: float = 0.15
    selection_power: float = 4.0
    hidden: float = 0.02
    ears_from: float = 0.28
    ears_to: float = 0.46
    photo_from: float = 0.85
    owner_from: float = 0.43
    owner_to: float = 0.48
    face_from: float = 0.54
    face_to: float = 0.6
    owner_colour: float = 0.08
    face_detail: float = 0.06
    agreement: float = 0.5
    meeting: float = 0.03


SETTINGS = MixSettings()


def smoothstep(x: np.ndarray | float, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((np.asarray(x, np.float32) - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def changed_over(shape: dict[int, float], begin: float, end: float) -> dict[int, float]:
    """Shares of what cannot turn into one another: one picture's alone, but for the way from `begin` to `end`."""
    if len(shape) != 2:
        return shape
    first, second = sorted(shape)
    share = float(smoothstep(shape[second], begin, end))
    return {first: 1 - share, second: share}


def face_agreement(layers: Layers, displacements: dict[int, np.ndarray]) -> float:
    """How far two moved animals have eyes, nose and muzzle in the same places: the correlation of their features, -1 to 1."""
    side = layers.bases.shape[1]
    seen, inside = [], np.ones((side, side), bool)
    for index, way in displacements.items():
        places = moved_places(way, side)
        grey = fetched(layers.bases[index], places).mean(2)
        seen.append(grey - cv2.GaussianBlur(grey, (0, 0), SETTINGS.face_detail * side))
        inside &= (fetched(layers.depths[index], places) > 0) & (fetched(layers.ears[index], places) < 0.5)
    if inside.sum() < 16:
        return -1.0
    first, second = (part[inside] - part[inside].mean() for part in seen)
    return float(first @ second / max(float(np.linalg.norm(first) * np.linalg.norm(second)), 1e-9))


def moved_places(displacement: np.ndarray, side: int) -> np.ndarray:
    """(side, side, 2) float32: which pixel each pixel is fetched from, of displacements (h, w, 2) in shares of the side."""
    way = cv2.resize(displacement, (side, side), interpolation=cv2.INTER_CUBIC) * side
    along = np.arange(side, dtype=np.float32)
    way[..., 0] += along
    way[..., 1] += along[:, None]
    return way


def fetched(picture: np.ndarray, places: np.ndarray, fine: bool = False) -> np.ndarray:
    """A picture (H, W) or (H, W, 3) fetched from places (h, w, 2); beyond its edges it is mirrored."""
    how = cv2.INTER_CUBIC if fine else cv2.INTER_LINEAR
    return cv2.remap(picture, places, None, how, borderMode=cv2.BORDER_REFLECT_101)


def mix_layers(
    layers: Layers, palette: Palette, displacements: dict[int, np.ndarray], shape: dict[int, float],
    appearance: dict[int, float], ears_turn: bool, agreement: float = 1.0,
) -> np.ndarray:  # fmt: skip
    """One mixture (S, S, 3) float32 in [0, 1].

    Args:
        layers: of all pictures.
        palette: their colours.
        displacements: (h, w, 2) of each picture that is used, from the mixture's places to the picture's, shares of the side.
        shape: share of each picture in the shape; they sum to 1.
        appearance: the same for the appearance.
        ears_turn: whether the ears of the pictures in `shape` can turn into one another.
        agreement: of their faces (`face_agreement`): of those that agree little one animal is shown at a time.
    """
    side, broad = layers.details.shape[1], layers.bases.shape[1]
    near = {index: moved_places(way, broad) for index, way in displacements.items()}
    agreeing = agreement >= SETTINGS.agreement
    parts = shape if agreeing else changed_over(shape, SETTINGS.owner_from, SETTINGS.owner_to)
    turning = ears_turn or not agreeing
    ears = parts if turning else changed_over(shape, SETTINGS.ears_from, SETTINGS.ears_to)
    zone = np.zeros((broad, broad), np.float32)
    if not turning:
        zone = np.maximum.reduce([zone, *(fetched(layers.ears[index], near[index]) for index in shape)])
    # How much of each picture a place has: in the region of changing ears it is another share than elsewhere.
    shares = {index: share + zone * (ears[index] - share) for index, share in parts.items()}
    outlines = shares
    if not agreeing and agreement >= SETTINGS.meeting:
        faces = changed_over(shape, SETTINGS.face_from, SETTINGS.face_to)
        face = np.maximum.reduce([fetched(layers.faces[index], near[index]) for index in shape])
        shares = {index: share + face * (faces[index] - share) for index, share in shares.items()}
    depths = {index: fetched(layers.depths[index], near[index]) for index in shape}
    depth = sum(outlines[index] * depths[index].clip(-SETTINGS.thick, SETTINGS.thick) for index in shape)
    colours = mixed_colours(layers, palette, near, ears, appearance, zone)
    if not agreeing:
        colours = featured(colours, layers, near, shares)
    animal = enlarged(colours, side)
    for index, share in chosen_details(layers, near, shares, depths).items():
        places = moved_places(displacements[index], side)
        animal += fetched(layers.details[index], places, fine=True) * (enlarged(share, side)[..., None] / DETAIL_SCALE)
    outline = (enlarged(np.asarray(depth, np.float32), side) / SETTINGS.rim + 0.5).clip(0, 1)[..., None]
    ground = mixed_ground(layers, palette, shape, appearance)
    return ground + outline * (animal - ground)


def enlarged(values: np.ndarray, side: int) -> np.ndarray:
    """(L, L) or (L, L, 3) at (side, side)."""
    return cv2.resize(values, (side, side), interpolation=cv2.INTER_LINEAR)


def mixed_colours(
    layers: Layers, palette: Palette, near: Moved, ears: dict[int, float], appearance: dict[int, float], zone: np.ndarray
) -> np.ndarray:  # fmt: skip
    """(L, L, 3): markings come with the appearance, place by place; changing ears keep their own, in the mixture's colours."""
    bases = {index: fetched(layers.bases[index], near[index]) for index in {*ears, *appearance}}
    colours = sum(share * bases[index] for index, share in appearance.items())
    if zone.any():
        own = sum(
            share * cv2.transform(bases[index], colour_map(palette, index, appearance, 0))
            for index, share in ears.items()
        )
        colours = colours + zone[..., None] * (own - colours)
    return np.asarray(colours, np.float32)


def featured(colours: np.ndarray, layers: Layers, near: Moved, shares: Moved) -> np.ndarray:
    """(L, L, 3): the features of each picture where it has its share (L, L), in what is broad of mixed colours."""
    own = np.asarray(
        sum(share[..., None] * fetched(layers.bases[index], near[index]) for index, share in shares.items())
    )
    return own + cv2.GaussianBlur(colours - own, (0, 0), SETTINGS.owner_colour * len(own))


def chosen_details(layers: Layers, near: Moved, shares: Moved, depths: Moved) -> Moved:
    """(L, L) of each picture: how much of its detail is taken, by its energy, its share and whether its animal is there."""
    wanted = {}
    for index, share in shares.items():
        there = (depths[index] / SETTINGS.rim + 0.5).clip(SETTINGS.hidden, 1)
        wanted[index] = (
            np.clip(share, 0, 1) * there * np.sqrt(fetched(layers.energies[index], near[index]).clip(min=0) + 1e-5)
        )
    return chosen(wanted)


def chosen(wanted: Moved) -> Moved:
    """(L, L) of each picture: what is wanted of each, the stronger one favoured, summing to 1."""
    powers = {index: value**SETTINGS.selection_power for index, value in wanted.items()}
    total = np.maximum(sum(powers.values()), 1e-12)
    return {index: np.asarray(value / total, np.float32) for index, value in powers.items()}


def mixed_ground(layers: Layers, palette: Palette, shape: dict[int, float], appearance: dict[int, float]) -> np.ndarray:
    """(S, S, 3): what is behind, faded with the shape, in the colours of the appearance; details of one in each place."""
    side = layers.grounds.shape[1]
    ground = sum(
        share * cv2.transform(layers.grounds[index].astype(np.float32) / 255, colour_map(palette, index, appearance, 1))
        for index, share in shape.items()
    )
    if len(shape) > 1:
        wanted = {index: share * np.sqrt(layers.ground_energies[index] + 1e-5) for index, share in shape.items()}
        for index, share in chosen(wanted).items():
            more = enlarged(share - shape[index], side)[..., None] / DETAIL_SCALE
            ground = ground + more * layers.ground_details[index]
    return np.asarray(ground, np.float32)


def colour_map(palette: Palette, index: int, appearance: dict[int, float], region: int) -> np.ndarray:
    """(3, 4) that takes the colours of a picture to those of an appearance; region 0 is the animal, 1 the ground."""
    if appearance.get(index) == 1:
        return np.eye(3, 4, dtype=np.float32)
    weights = torch.zeros(1, len(palette.means))
    for other, share in appearance.items():
        weights[0, other] = share
    matrix, offset = palette.affine_map(index, weights, region)
    return torch.cat([matrix, offset[:, None]], 1).numpy()


def as_pictures(frames: list[np.ndarray]) -> Tensor:
    """(T, 3, S, S) in [0, 1] of frames (S, S, 3)."""
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).clamp(0, 1).contiguous()
