"""Mixtures of layered photos: one outline, one pair of ears, the detail of one animal in each place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from core.animals.blending.layers import Layers
from core.animals.colour_transfer.palette import Palette
from core.metrics import sharpness
from core.ops.smoothstep import smoothstep

Moved = dict[int, np.ndarray]


@dataclass(frozen=True)
class MixSettings:
    """What tunes the mixing; lengths are shares of the side.

    Attributes:
        rim: width of an outline's soft rim.
        thick: deeper than this inside or outside, an outline's distance does not count.
        selection_power: 1 would mix details by their energy, more lets the stronger one win.
        hidden: weight of an animal's detail where it is not.
        seam: standard deviation of the seams between what is one animal's and what is the other's.
        dark: what is darker than its surroundings by far, eyes and noses, takes less of another colour; lower takes less.
        alone: share of one picture in the outline from which on its photo itself is behind it.
        fine: standard deviation of what is finer than that, which is strengthened where a softer photo leads,
        most_sharpening: and by how much at most.
        photo_from: share of one picture from which on its photo itself fades in.
        turns: for each part that is one animal's at a time, the shares of the leading one at which it begins and ends
            to be that one's. In the middle all detail is its own, in the shape and colours of both.
        others_colour: by how much an animal's share in the colours of its own detail falls as the others' shares rise.
        lightest: fur of this lightness would never lead.
        unseen: a share in what is shown that nobody sees.
        most_contrast: by how much the contrast of fur is raised at most where it is brightened.
        pupil: lightness from which on an eye's colour is moved, and from which on wholly,
        glint: and the same of the upper end, negative.
    """

    rim: float = 1 / 80
    thick: float = 0.15
    selection_power: float = 4.0
    hidden: float = 0.02
    seam: float = 0.02
    dark: float = 0.1
    alone: float = 0.9
    gain: float = 2.0
    fine: float = 0.01
    most_sharpening: float = 1.25
    photo_from: float = 0.85
    turns: tuple[tuple[str, float, float], ...] = (
        ("head", 0.25, 0.46), ("face", 0.25, 0.5), ("features", 0.38, 0.46),
    )  # fmt: skip
    lightest: float = 1.3
    others_colour: float = 0.7
    unseen: float = 1e-3
    most_contrast: float = 1.5
    pupil: tuple[float, float] = (0.05, 0.3)
    glint: tuple[float, float] = (-0.9, -0.7)


SETTINGS = MixSettings()


def at_turn(shape: dict[int, float], leader: int, part: str) -> dict[int, float]:
    """Shares of a part that is one picture's alone, but for its turn (`MixSettings.turns`)."""
    if len(shape) != 2:
        return shape
    begin, end = next((begin, end) for name, begin, end in SETTINGS.turns if name == part)
    share = float(smoothstep(shape[leader], begin, end))
    return {index: share if index == leader else 1 - share for index in shape}


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
    appearance: dict[int, float], sure: Sequence[bool], clear: Sequence[bool],
) -> np.ndarray:  # fmt: skip
    """One mixture (S, S, 3) float32 in [0, 1].

    Args:
        layers: of all pictures.
        palette: their colours.
        displacements: (h, w, 2) of each picture that is used, from the mixture's places to the picture's, shares of the side.
        shape: share of each picture in the shape; they sum to 1.
        appearance: the same for the appearance.
        sure: (N,) whether the points of a head can be relied on; where not, one animal is shown at a time.
        clear: (N,) whether its eyes are where its points are; where not, they stay with their head.
    """
    side, broad = layers.animals.shape[1], layers.colours.shape[1]
    near, far = ({index: moved_places(way, size) for index, way in displacements.items()} for size in (broad, side))
    leader, meeting = leading(layers, shape, sure, clear), all(sure[index] for index in shape)
    head = at_turn(shape, leader, "head")
    shares = {index: np.full((broad, broad), share, np.float32) for index, share in head.items()}
    if meeting:
        shares = part_shares(layers, near, shares, shape, leader)
        heads = np.minimum.reduce([fetched(layers.heads[i], near[i]) * float(clear[i]) for i in near])
    depths = {index: fetched(layers.depths[index], near[index]) for index in shape}
    depth = sum(head[index] * depths[index].clip(-SETTINGS.thick, SETTINGS.thick) for index in shape)
    owners = chosen_details(layers, near, shares, depths)
    animal: np.ndarray | float = 0.0
    for index, owner in owners.items():
        # What is seen nowhere need not be made.
        if owner.max() < SETTINGS.unseen:
            continue
        own = photo_share(layers.animals[index], layers.photos[index], head[index])
        own = fetched(own, far[index], fine=True).astype(np.float32) / 255
        if meeting:
            own = recoloured(own, layers, near, index, appearance, heads)
        else:
            own = cv2.transform(own, colour_map(palette, index, appearance, 0))
        animal = animal + enlarged(owner, side)[..., None] * own
    outline = (enlarged(np.asarray(depth, np.float32), side) / SETTINGS.rim + 0.5).clip(0, 1)[..., None]
    first = max(head, key=lambda index: head[index])
    given = 1 - enlarged(owners[first], side)[..., None]
    tint = np.maximum(enlarged(fetched(layers.tints[first], near[first]), side)[..., None], given * outline)
    outline += float(smoothstep(head[first], SETTINGS.alone, 1)) * (tint - outline)
    ground = mixed_ground(layers, palette, far, head, shape, appearance)
    return ground + outline * (animal - ground)


def recoloured(
    own: np.ndarray, layers: Layers, near: Moved, index: int, appearance: dict[int, float], meeting: np.ndarray
) -> np.ndarray:
    """Picture `index`, moved (S, S, 3), with the fur and the eyes' colour of an appearance; markings where heads meet (L, L)."""
    side = len(own)
    colours = {}
    for other in {index, *appearance}:
        broad, marked = (fetched(part[other], near[other]) for part in (layers.colours, layers.markings))
        colours[other] = broad + meeting[..., None] * (marked - broad)
    # Its own detail speaks for it already, so that the others' colours may count for more.
    less = SETTINGS.others_colour * (1 - appearance.get(index, 0.0))
    shares = {other: share * (1 - less + less * (other != index)) for other, share in appearance.items()}
    shares = {other: share / sum(shares.values()) for other, share in shares.items()}
    wanted = np.asarray(sum(share * colours[other] for other, share in shares.items()))
    iris = np.asarray(sum(share * layers.irises[other] for other, share in appearance.items())) - layers.irises[index]
    opening = enlarged(fetched(layers.openings[index], near[index]), side)[..., None]
    return coloured(own, enlarged(colours[index], side), enlarged(wanted, side), opening, iris)


def leading(layers: Layers, shape: dict[int, float], sure: Sequence[bool], clear: Sequence[bool]) -> int:
    """Whose detail the middle shows, whatever the order: of clear heads that with clearer eyes and darker fur, else the surer, sharper one."""
    if all(clear[index] for index in shape):
        # Dark fur can be brightened; white fur has no detail to show when it is darkened.
        return max(sorted(shape), key=lambda i: float(layers.gazes[i] * (SETTINGS.lightest - layers.lightness[i])))
    return max(sorted(shape), key=lambda index: (bool(clear[index]), bool(sure[index]), float(layers.sharpness[index])))


def photo_share(layer: np.ndarray, photo: np.ndarray, share: float) -> np.ndarray:
    """A layer (S, S, 3), replaced by its photo as far as its share is beyond `alone`: there a rim is what it is in the photo."""
    alone = float(smoothstep(share, SETTINGS.alone, 1))
    return cv2.addWeighted(photo, alone, layer, 1 - alone, 0) if alone else layer


def part_shares(layers: Layers, near: Moved, shares: Moved, shape: dict[int, float], leader: int) -> Moved:
    """How much of each picture's detail a place has, (L, L) each, of the shares of heads."""
    parts = (
        (np.minimum, layers.faces, at_turn(shape, leader, "face")),
        (np.maximum, layers.muzzles, at_turn(shape, leader, "features")),
        (np.maximum, layers.eyes, at_turn(shape, leader, "features")),
    )
    for joined, regions, own in parts:
        zone = joined.reduce([fetched(regions[index], near[index]) for index in shape])
        shares = {index: share + zone * (own[index] - share) for index, share in shares.items()}
    return shares


def coloured(
    own: np.ndarray, colours: np.ndarray, wanted: np.ndarray, openings: np.ndarray, iris: np.ndarray
) -> np.ndarray:
    """A picture (S, S, 3) with fur colours (S, S, 3) replaced by wanted ones; what is far darker than its own keeps its colour.

    Fur that is brightened gains contrast as light fur has it. Where eyes are open (S, S, 1) their colour moves by `iris` (3,) instead,
    but for pupils and glints.
    """
    third = np.full((1, 3), 1 / 3, np.float32)
    light, broad, bright = (cv2.transform(x, third)[..., None] + SETTINGS.dark for x in (own, colours, wanted))
    gain = np.sqrt(bright / broad).clip(1, SETTINGS.most_contrast) - 1
    fur = (wanted - colours) * (light / broad).clip(0, 1) + gain * (own - colours)
    eye = iris * smoothstep(light - SETTINGS.dark, *SETTINGS.pupil) * smoothstep(SETTINGS.dark - light, *SETTINGS.glint)
    return np.asarray(own + fur + openings * (eye - fur))


def sharpened(frame: np.ndarray, wanted: float) -> np.ndarray:
    """A mixture (S, S, 3) in [0, 1] with its fine detail strengthened towards a gradient energy (`core.metrics.sharpness`)."""
    energy = sharpness(torch.from_numpy(frame).permute(2, 0, 1)[None].clamp(0, 1))
    gain = min(SETTINGS.most_sharpening, (wanted / max(energy, 1e-9)) ** 0.5)
    if gain <= 1:
        return frame
    return frame + (gain - 1) * (frame - cv2.GaussianBlur(frame, (0, 0), SETTINGS.fine * len(frame)))


def enlarged(values: np.ndarray, side: int) -> np.ndarray:
    """(L, L) or (L, L, 3) at (side, side)."""
    return cv2.resize(values, (side, side), interpolation=cv2.INTER_LINEAR)


def chosen_details(layers: Layers, near: Moved, shares: Moved, depths: Moved) -> Moved:
    """(L, L) of each picture, summing to 1: by its energy, its share and whether its animal is there, the stronger one favoured."""
    powers = {}
    for index, share in shares.items():
        there = (depths[index] / SETTINGS.rim + 0.5).clip(SETTINGS.hidden, 1)
        energy = np.sqrt(fetched(layers.energies[index], near[index]).clip(min=0) + 1e-5)
        powers[index] = (share.clip(0, 1) * there * energy) ** SETTINGS.selection_power
    total = np.maximum(sum(powers.values()), 1e-30)
    sigma = SETTINGS.seam * len(total)
    return {
        index: cv2.GaussianBlur(np.asarray(value / total, np.float32), (0, 0), sigma) for index, value in powers.items()
    }


def mixed_ground(
    layers: Layers, palette: Palette, far: Moved, head: dict[int, float], shape: dict[int, float],
    appearance: dict[int, float],
) -> np.ndarray:  # fmt: skip
    """(S, S, 3): what is behind, of each picture its share; in other colours only where the appearance leaves the shape."""
    total = np.zeros(layers.grounds.shape[1:], np.float32)
    for index, share in head.items():
        if not share:
            continue
        moved = fetched(photo_share(layers.grounds[index], layers.photos[index], share), far[index], fine=True)
        apart = {other: appearance.get(other, 0.0) - shape.get(other, 0.0) for other in {*shape, *appearance}}
        wanted = {other: max(0.0, more + (other == index)) for other, more in apart.items()}
        wanted = {other: more / sum(wanted.values()) for other, more in wanted.items()}
        total += share * cv2.transform(moved.astype(np.float32) / 255, colour_map(palette, index, wanted, 1))
    return total


def colour_map(palette: Palette, index: int, appearance: dict[int, float], region: int) -> np.ndarray:
    """(3, 4) that takes the colours of a picture to those of an appearance; region 0 is the animal, 1 the ground."""
    if appearance.get(index) == 1:
        return np.eye(3, 4, dtype=np.float32)
    weights = torch.zeros(1, len(palette.means))
    for other, share in appearance.items():
        weights[0, other] = share
    matrix, offset = palette.affine_map(index, weights, region, SETTINGS.gain)
    return torch.cat([matrix, offset[:, None]], 1).numpy()
