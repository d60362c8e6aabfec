"""A person as layers: body (torso and head), arms and legs, each with its own colours and outline.

What a limb hides of what lies behind it is filled from that layer's own pixels alone, so that a folded arm leaves no print.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from core.errors import InputError
from core.gfla.methods.puppet.assess import legs_follow
from core.gfla.methods.puppet.parts import HEAD_PART, TORSO, beyond_wrists, distances, label_parts
from core.gfla.methods.puppet.settings import SETTINGS
from core.gfla.methods.puppet.skeleton import ARMS, BONES, CHAINS, LEGS, OTHER, Bone, Skeleton, bone_ends
from core.ops.patch_fill import fill_holes
from core.ops.pull_push import filled

BODY = "body"
# Distance in 8-bit Lab up to which two colours are one garment's.
SAME_COLOUR = 14.0
ROOTS = tuple(joints[0] for joints in CHAINS.values())


@dataclass(frozen=True)
class Layer:
    """A part of the person.

    Attributes:
        chain: its name: body, right arm, ...
        source: the chain whose pixels it shows: the other side's, mirrored, where its own are hidden.
        rgba: (h, w, 4) uint8; colours go on beyond the outline.
        corner: (x, y) of its first pixel in the picture.
    """

    chain: str
    source: str
    rgba: np.ndarray
    corner: tuple[int, int]


@dataclass(frozen=True)
class Region:
    """The part of a picture that holds the person: pixels (h, w, 3) uint8, share (h, w), limbs' numbers and distances.

    `roots` has a soft disc (h, w) round each shoulder and hip, where a limb overlaps the body.
    """

    pixels: np.ndarray
    alpha: np.ndarray
    labels: np.ndarray
    away: np.ndarray
    corner: tuple[int, int]
    unit: float
    roots: dict[int, np.ndarray]

    def of(self, bones: list[int]) -> np.ndarray:
        """How surely each pixel belongs to some bones, (h, w) float32 in [0, 1]."""
        small = np.isin(self.labels, bones).astype(np.float32)
        return self.enlarged(small) * self.alpha

    def near(self, bones: list[int], radii: float) -> np.ndarray:
        """1 within so many radii of some bones, soft at the edge, (h, w) float32."""
        return self.enlarged((self.away[bones].min(0) < radii).astype(np.float32))

    def enlarged(self, small: np.ndarray) -> np.ndarray:
        """A map of the labels' size at the region's."""
        soft = cv2.resize(cv2.GaussianBlur(small, (0, 0), 0.8), self.alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return ((soft - 0.5) * 2 + 0.5).clip(0, 1)


def read_region(picture: np.ndarray, alpha: np.ndarray, skeleton: Skeleton) -> Region:
    """The person's part of a picture (H, W, 3) uint8 by its share (H, W), with the limbs told apart.

    Raises:
        InputError: no pixel is the person's.
    """
    rows, columns = np.where(alpha > 0.02)
    if not len(rows):
        raise InputError("the cut-out is empty: no pixel of the picture is the person's")
    pad = 4
    top, left = max(0, rows.min() - pad), max(0, columns.min() - pad)
    part = (slice(top, rows.max() + pad + 1), slice(left, columns.max() + pad + 1))
    pixels, share = np.ascontiguousarray(picture[part]), alpha[part].astype(np.float32)
    scale = min(1.0, SETTINGS.label_px / pixels.shape[0])
    small = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    seen, thin = (cv2.resize(item, small, interpolation=cv2.INTER_AREA) for item in (pixels, share))
    away = distances(skeleton, (small[1], small[0]), scale, (left, top))
    for number, bone in enumerate(BONES):
        # A limb that the photo does not show owns no pixel; of legs the edge may cut off the end.
        if bone.chain in ARMS and not skeleton.seen[[bone.first, bone.second]].all():
            away[number] = 99.0
    if not skeleton.has_head:
        away[HEAD_PART] = np.maximum(away[HEAD_PART], 1.5)
    roots = {bone.first: _disc(skeleton, bone, share.shape, (left, top)) for bone in BONES if bone.first in ROOTS}
    hands = beyond_wrists(skeleton, (small[1], small[0]), scale, (left, top))
    labels = label_parts(seen, thin, away, hands)
    return Region(pixels, share, labels, away, (left, top), skeleton.unit, roots)


def make_layers(region: Region, skeleton: Skeleton) -> list[Layer]:
    """The layers of a person: the body, then each limb that can be shown.

    Args:
        region: of `read_region`.
        skeleton: the person's.
    """
    numbers = {name: [i for i, bone in enumerate(BONES) if bone.chain == name] for name in (BODY, *CHAINS)}
    shown = {name: _seen_share(region, skeleton, numbers[name]) for name in CHAINS}
    legs = legs_follow(skeleton)
    # Legs that stay in place show exactly what the photo has.
    sources = {name: name if name in LEGS and not legs else _source_of(name, skeleton, shown) for name in CHAINS}
    # An arm that cannot be told from the body moves with it.
    moving = [i for name in ARMS if sources[name] for i in numbers[name]]
    still = [i for name in ARMS if not sources[name] for i in numbers[name]]
    layers = [Layer(BODY, BODY, _body(region, numbers[BODY] + still, moving), region.corner)]
    own = {name: _limb(region, numbers[name], name in LEGS and legs) for name in CHAINS if name in sources.values()}
    layers += [Layer(name, source, own[source], region.corner) for name, source in sources.items() if source]
    return layers


def _source_of(name: str, skeleton: Skeleton, shown: dict[str, float]) -> str:
    """The chain whose pixels show a limb: its own, or the other side's where that is better seen; "" where none does."""
    other = OTHER[name]
    both = skeleton.whole(other) and shown[other] > SETTINGS.stand_in_share and skeleton.whole(name)
    # A limb that points at the camera or away from it shows too little of itself.
    if both and skeleton.length(name) < SETTINGS.foreshortened * skeleton.length(other):
        return other
    if skeleton.whole(name) and shown[name] >= SETTINGS.hidden_share:
        return name
    if skeleton.whole(other) and shown[other] > max(SETTINGS.stand_in_share, shown[name]):
        return other
    return name if name in LEGS else ""


def _seen_share(region: Region, skeleton: Skeleton, bones: list[int]) -> float:
    """How much of a chain's axes lies on pixels that are its own."""
    scale = region.labels.shape[0] / region.alpha.shape[0]
    hits = []
    for number in bones:
        a, b = bone_ends(skeleton, BONES[number], 0.0, 0.0)
        places = a + np.linspace(0.15, 1, 24)[:, None] * (b - a)
        columns, rows = ((places - region.corner + 0.5) * scale).astype(int).T
        inside = (rows >= 0) & (rows < region.labels.shape[0]) & (columns >= 0) & (columns < region.labels.shape[1])
        rows, columns = rows[inside], columns[inside]
        # A coat may cover a thigh.
        own = [number] if BONES[number].chain in ARMS else [number, TORSO]
        hits.append(np.isin(region.labels[rows, columns], own).sum() / len(places))
        if BONES[number].chain in ARMS and _before_alike(region, rows, columns):
            return 0.0
    return float(np.min(hits))


def _before_alike(region: Region, rows: np.ndarray, columns: np.ndarray) -> bool:
    """Whether a limb's axis runs before a chest of its own colours, such as that of folded arms in a coat."""
    if not len(rows) or (region.away[TORSO][rows, columns] < SETTINGS.chest).mean() < SETTINGS.alike:
        return False
    small = cv2.resize(region.pixels, region.labels.shape[::-1], interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    chest = lab[region.labels == TORSO][::7]
    if not len(chest):
        return False
    nearest = np.linalg.norm(lab[rows, columns][:, None] - chest[None], axis=2)
    return bool((np.quantile(nearest, 0.1, axis=1) < SAME_COLOUR).mean() > SETTINGS.alike)


def _body(region: Region, bones: list[int], arms: list[int]) -> np.ndarray:
    own = region.of(bones)
    # What an arm hides, with the rim that the arm's shadow has left.
    over = cv2.dilate(region.of(arms), np.ones((2 * _px(region, 0.02) + 1,) * 2, np.uint8))
    hidden = np.minimum(region.near([TORSO], 0.3) * region.alpha, over)
    return _painted(region, own * (1 - hidden), hidden)


def _limb(region: Region, bones: list[int], leg: bool) -> np.ndarray:
    own = region.of(bones)
    root = region.roots[BONES[bones[0]].first] * region.alpha
    if not leg:
        return _painted(region, np.maximum(own, root), np.zeros_like(own))
    whole = np.maximum(own, root * (region.of([TORSO]) > 0.5))
    hidden = np.clip(region.near(bones, 0.85) * (region.alpha > 0.5) - whole, 0, 1)
    return _painted(region, whole, hidden)


def _disc(skeleton: Skeleton, bone: Bone, shape: tuple[int, ...], corner: tuple[int, int]) -> np.ndarray:
    """A soft disc (h, w) of a limb's radius round its upper joint."""
    x, y = skeleton.joints[bone.first] - corner
    away = np.hypot(np.arange(shape[1])[None] - x, np.arange(shape[0])[:, None] - y)
    radius = SETTINGS.root * bone.radius * skeleton.unit
    return ((radius - away) / (0.3 * radius)).clip(0, 1).astype(np.float32)


def _px(region: Region, torsos: float) -> int:
    return max(1, round(torsos * region.unit))


def _painted(region: Region, own: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """A layer (h, w, 4): its own pixels, what is hidden filled from these, colours going on beyond the outline."""
    known = own > 0.92
    pixels = region.pixels
    hole = (hidden > 0.02) & ~known
    if hole.any() and known.sum() > 200:
        try:
            inner = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            pixels = fill_holes(pixels, hole, forbidden=~inner)
            known = known | hole
        except InputError:
            # Too little is seen for texture: the smooth continuation below answers.
            pixels = region.pixels
    weight = torch.from_numpy(known.astype(np.float32))[None, None]
    colours = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]
    smooth = filled(colours * weight, weight, 0.05)[0].permute(1, 2, 0).numpy()
    rgb = np.where(known[..., None], pixels, smooth.clip(0, 255) + 0.5).astype(np.uint8)
    alpha = (np.maximum(own, hidden).clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return np.dstack([rgb, alpha])
