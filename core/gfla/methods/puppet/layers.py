"""A person as layers: body (torso and head), arms and legs, each with its own colours and outline.

What a limb hides of what lies behind it is filled from that layer's own pixels alone, so that a folded arm leaves no print.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from core.detect.cutout import largest_parts
from core.errors import InputError
from core.gfla.methods.puppet.assess import legs_follow
from core.gfla.methods.puppet.parts import HEAD_PART, TORSO, beyond_wrists, claim_hands, distances, label_parts
from core.gfla.methods.puppet.settings import SETTINGS
from core.gfla.methods.puppet.skeleton import ARMS, BONES, CHAINS, LEGS, USUAL, Bone, Skeleton, bone_ends
from core.ops.masks import disc
from core.ops.patch_fill import fill_holes
from core.ops.pull_push import filled

BODY = "body"
# Distance in 8-bit Lab up to which two colours are one garment's.
SAME_COLOUR = 14.0
ROOTS = tuple(joints[0] for joints in ARMS.values())


@dataclass(frozen=True)
class Layer:
    """A part of the person.

    Attributes:
        chain: its name: body, right arm, ...
        rgba: (h, w, 4) uint8; colours go on beyond the outline.
        corner: (x, y) of its first pixel in the picture.
    """

    chain: str
    rgba: np.ndarray
    corner: tuple[int, int]


@dataclass(frozen=True)
class Region:
    """The part of a picture that holds the person: pixels (h, w, 3) uint8, share (h, w), limbs' numbers and distances.

    `roots` has a soft disc (h, w) round each shoulder, where an arm overlaps the body. `crowded`: others
    stand before the person or touch it, so that it cannot move away from them. `hands`: of `claim_hands`.
    """

    pixels: np.ndarray
    alpha: np.ndarray
    labels: np.ndarray
    away: np.ndarray
    corner: tuple[int, int]
    unit: float
    roots: dict[int, np.ndarray]
    crowded: bool = False
    hands: dict[str, float] = field(default_factory=dict)

    def of(self, bones: list[int]) -> np.ndarray:
        """How surely each pixel belongs to some bones, (h, w) float32 in [0, 1]."""
        small = np.isin(self.labels, bones).astype(np.float32)
        return self.enlarged(small) * self.alpha

    def near(self, bones: list[int], radii: float) -> np.ndarray:
        """1 within so many radii of some bones, soft at the edge, (h, w) float32."""
        return self.enlarged((self.away[bones].min(0) < radii).astype(np.float32))

    def label_at(self, places: np.ndarray) -> np.ndarray:
        """The limbs' numbers at places (n, 2) of the picture, -1 where nobody is."""
        return self._read(self.labels, places, -1)

    def torso_at(self, places: np.ndarray) -> np.ndarray:
        """Whether places (n, 2) of the picture lie within shoulders and hips."""
        return self._read(self.away[TORSO], places, 9.0) <= 0

    def _read(self, values: np.ndarray, places: np.ndarray, outside: float) -> np.ndarray:
        scale = self.labels.shape[0] / self.alpha.shape[0]
        columns, rows = np.floor((places - self.corner + 0.5) * scale).astype(int).T
        inside = (rows >= 0) & (rows < values.shape[0]) & (columns >= 0) & (columns < values.shape[1])
        return np.where(inside, values[rows * inside, columns * inside], outside)

    def enlarged(self, small: np.ndarray) -> np.ndarray:
        """A map of the labels' size at the region's."""
        soft = cv2.resize(cv2.GaussianBlur(small, (0, 0), 0.8), self.alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return ((soft - 0.5) * 2 + 0.5).clip(0, 1)


def read_region(picture: np.ndarray, alpha: np.ndarray, skeleton: Skeleton, others: np.ndarray | None = None) -> Region:
    """The person's part of a picture (H, W, 3) uint8 by its share (H, W), with the limbs told apart.

    `others` (H, W) bool is where other people are.

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
    labels, hand_shares = claim_hands(labels, seen, skeleton, scale, (left, top))
    near = cv2.dilate((share > 0.5).astype(np.uint8), disc(round(0.06 * skeleton.unit))) > 0
    crowded = others is not None and bool((near & others[part]).sum() > SETTINGS.crowded * skeleton.unit**2)
    return Region(pixels, share, labels, away, (left, top), skeleton.unit, roots, crowded, hand_shares)


def make_layers(region: Region, moving: Collection[str]) -> list[Layer]:
    """The layers of a person: the body, then each of the limbs that move apart from it; the others are of the body.

    Args:
        region: of `read_region`.
        moving: names of limbs, of `moving_limbs`.
    """
    numbers = {name: [i for i, bone in enumerate(BONES) if bone.chain == name] for name in (BODY, *CHAINS)}
    still = [i for name in CHAINS if name not in moving for i in numbers[name]]
    arms = [i for name in ARMS if name in moving for i in numbers[name]]
    layers = [Layer(BODY, _body(region, numbers[BODY] + still, arms), region.corner)]
    for name in moving:
        rest = [i for other in (BODY, *CHAINS) if other not in moving for i in numbers[other]]
        layers.append(Layer(name, _limb(region, numbers[name], rest, name in LEGS), region.corner))
    return layers


def moving_limbs(region: Region, skeleton: Skeleton) -> list[str]:
    """The limbs that follow poses: legs if both are whole down to the foot, arms not foreshortened and apart from the body."""
    legs = legs_follow(skeleton) and not region.crowded
    legs &= all(_has_foot(region, skeleton, name) for name in LEGS)
    found = []
    for name in CHAINS:
        if name in LEGS:
            found += [name] if legs else []
            continue
        bones = [i for i, bone in enumerate(BONES) if bone.chain == name]
        usual = sum(USUAL["arm"]) * skeleton.unit
        # A bent arm without a hand in sight holds something or reaches behind something, which it would leave there.
        hand = region.hands.get(name, 1.0) > SETTINGS.least_hand or skeleton.bend_deg(name) < SETTINGS.straight_deg
        full = (
            hand
            and hand_share(region, skeleton, name) > SETTINGS.hand_in_mask
            and skeleton.whole(name)
            and skeleton.length(name) > SETTINGS.foreshortened * usual
        )
        if full and _seen_share(region, skeleton, bones) >= SETTINGS.hidden_share:
            found.append(name)
    return found


def hand_share(region: Region, skeleton: Skeleton, name: str) -> float:
    """How much of the place beyond a wrist the cut-out has: a hand on a table or behind a dog would stay there without its arm."""
    _, elbow, wrist = skeleton.joints[list(CHAINS[name])]
    line = (wrist - elbow) / max(np.hypot(*(wrist - elbow)), 1e-6)
    steps = np.linspace(0.02, 0.22, 11)[:, None, None] * skeleton.unit * line
    aside = np.linspace(-0.08, 0.08, 7)[:, None] * skeleton.unit * np.array([-line[1], line[0]])
    return float((region.label_at((wrist + steps + aside).reshape(-1, 2)) >= 0).mean())


def _has_foot(region: Region, skeleton: Skeleton, name: str) -> bool:
    """Whether the photo shows a foot below the ankle of a leg: one that is cut off or hidden cannot leave its place."""
    ankle = skeleton.joints[CHAINS[name][2]]
    reach = 0.2 * skeleton.unit
    steps = np.stack(np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-0.3, 0.5, 5)), -1).reshape(-1, 2) * reach
    own = [i for i, bone in enumerate(BONES) if bone.chain == name]
    left = max(0, round(ankle[0] - 1.5 * reach - region.corner[0]))
    # The region ends with a seam of nobody's pixels, unless the photo ends first.
    if (region.alpha[-1, left : left + round(3 * reach) + 1] > 0.3).any():
        return False
    return bool(np.isin(region.label_at(ankle + steps), own).mean() > SETTINGS.least_foot)


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
    return 0.0 if BONES[bones[0]].chain in ARMS and _behind_garment(region, skeleton, bones) else float(np.min(hits))


def _behind_garment(region: Region, skeleton: Skeleton, bones: list[int]) -> bool:
    """Whether a forearm's axis shows what body and legs wear rather than what its upper arm and the face show."""
    small = cv2.resize(region.pixels, region.labels.shape[::-1], interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    scale = region.labels.shape[0] / region.alpha.shape[0]
    sampled = []
    for number in bones:
        a, b = bone_ends(skeleton, BONES[number], 0.0, 0.0)
        places = (a + np.linspace(0.2, 0.9, 24)[:, None] * (b - a) - region.corner + 0.5) * scale
        columns, rows = np.clip(places.astype(int), 0, np.array(region.labels.shape[::-1]) - 1).T
        sampled.append(lab[rows, columns])
    limbs = [i for i, bone in enumerate(BONES) if bone.chain in LEGS]
    garment = lab[np.isin(region.labels, [TORSO, *limbs])][::23]
    own = np.concatenate([sampled[0], lab[np.isin(region.labels, [bones[0], HEAD_PART])][::23]])
    if not len(garment) or not len(own):
        return False
    to_garment, to_own = (
        np.quantile(np.linalg.norm(sampled[1][:, None] - colours[None], axis=2), 0.1, axis=1)
        for colours in (garment, own)
    )
    return bool(((to_garment < SAME_COLOUR) & (to_own > 2 * SAME_COLOUR)).mean() > SETTINGS.alike)


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
    if not arms:
        return _painted(region, own, np.zeros_like(own))
    # What an arm hides, with the rim that the arm's shadow has left.
    over = cv2.dilate(region.of(arms), disc(_px(region, SETTINGS.arm_rim)))
    kept = largest_parts(own * (1 - over), 0.1)
    # Behind an arm a garment goes on as the outline above and below has it, and without the labels' crumbs.
    closed = _closed(kept, _px(region, SETTINGS.behind_arm) // 2)
    behind = np.maximum(region.near([TORSO], 0.2), closed)
    whole = np.minimum(np.maximum(kept, np.minimum(behind, over)), region.alpha)
    soft = cv2.GaussianBlur(whole, (0, 0), max(1.0, SETTINGS.arm_rim * region.unit))
    near_arm = cv2.GaussianBlur(over, (0, 0), max(1.0, 0.5 * SETTINGS.arm_rim * region.unit))
    soft = np.minimum(((soft - 0.5) * 4 + 0.5).clip(0, 1), region.alpha)
    whole = whole + near_arm * (soft - whole)
    return _painted(region, np.minimum(kept, whole), np.where(whole > kept, whole, 0))


def _closed(mask: np.ndarray, radius: int) -> np.ndarray:
    """A mask (h, w) with its notches filled up to a disc's radius, soft at the edge; worked out at a quarter of the size."""
    kernel = disc(radius // 4)
    small = cv2.resize(mask, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    pad = kernel.shape[0]
    small = cv2.copyMakeBorder(small, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel)[pad:-pad, pad:-pad]
    closed = cv2.resize(cv2.GaussianBlur(closed, (0, 0), 1.5), mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return ((closed - 0.5) * 3 + 0.5).clip(0, 1)


def _limb(region: Region, bones: list[int], rest: list[int], leg: bool) -> np.ndarray:
    """A limb's layer; below the edge of the body it goes on, so that no seam opens between the two."""
    own = region.of(bones)
    seam = cv2.dilate(own, disc(_px(region, 0.08))) * (region.of(rest) > 0.05) * region.alpha
    if not leg:
        near = region.roots[BONES[bones[0]].first]
        return _painted(region, np.maximum(own, near * seam), np.zeros_like(own))
    whole = np.maximum(own, seam)
    hidden = np.clip(region.near(bones, 0.85) * (region.alpha > 0.5) - whole, 0, 1) * (region.of(rest) < 0.5)
    return _painted(region, whole, hidden)


def _disc(skeleton: Skeleton, bone: Bone, shape: tuple[int, ...], corner: tuple[int, int]) -> np.ndarray:
    """A soft disc (h, w) of a limb's radius round its upper joint."""
    x, y = skeleton.joints[bone.first] - corner
    away = np.hypot(np.arange(shape[1])[None] - x, np.arange(shape[0])[:, None] - y)
    radius = SETTINGS.root * skeleton.unit
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
