"""Which limb every pixel of a cut-out person belongs to: by distance from the bones and the limbs' own colours.

The costs of the limbs are filtered so that they follow the picture's edges before the cheapest is taken: Rhemann et al.
2011, "Fast Cost-Volume Filtering for Visual Correspondence and Beyond", section 2.
"""

from __future__ import annotations

import cv2
import numpy as np

from core.gfla.methods.limb_layers.skeleton import HEAD_CENTRE, HIP_CENTRE
from core.gfla.methods.puppet.settings import SETTINGS
from core.gfla.methods.puppet.skeleton import ARMS, BONES, NECK, Skeleton, bone_ends

TORSO, HEAD_PART, THIGHS = 0, 1, (6, 8)


def distances(skeleton: Skeleton, shape: tuple[int, int], scale: float, corner: tuple[float, float]) -> np.ndarray:
    """Distance from every bone in its radii, (bones, h, w) float32.

    Args:
        skeleton: in picture pixels.
        shape: (h, w) of the result.
        scale: its pixels by those of the picture.
        corner: (x, y) in the picture of its first pixel's corner.
    """
    columns = (np.arange(shape[1], dtype=np.float32) + 0.5) / scale + corner[0] - 0.5
    rows = (np.arange(shape[0], dtype=np.float32) + 0.5) / scale + corner[1] - 0.5
    place = np.stack(np.meshgrid(columns, rows), -1)
    found = [_segment(place, *bone_ends(skeleton, bone, SETTINGS.hand, SETTINGS.foot)) for bone in BONES]
    found = [away / (bone.radius * skeleton.unit) for away, bone in zip(found, BONES, strict=True)]
    found[TORSO] = _torso(skeleton, shape, scale, corner) / (0.16 * skeleton.unit)
    found[HEAD_PART] = _head(place, skeleton)
    return np.stack(found).astype(np.float32)


def label_parts(picture: np.ndarray, alpha: np.ndarray, away: np.ndarray, hands: np.ndarray) -> np.ndarray:
    """The bone's number at every pixel, (h, w) int, -1 outside the person.

    Args:
        picture: (h, w, 3) uint8.
        alpha: (h, w) in [0, 1].
        away: of `distances`, (bones, h, w).
        hands: (h, w) bool, beyond the wrists, where a hand may be in a pocket: there no limb's colour is learned.
    """
    person = alpha > 0.3
    cost = np.minimum(away, 4.0) ** 2
    cost[TORSO] = np.where(away[TORSO] <= 0, SETTINGS.inside_torso, SETTINGS.inside_torso + away[TORSO] ** 2)
    cost = np.minimum(cost, 16) + SETTINGS.colour_weight * _colour_cost(picture, person, cost, away, hands)
    guide = picture.astype(np.float32) / 255
    radius = max(2, round(SETTINGS.label_radius * picture.shape[0]))
    guided = cv2.ximgproc.createGuidedFilter(guide, radius, SETTINGS.label_variance)
    cost[TORSO][away[TORSO] > 20] = 40
    smooth = np.stack([guided.filter(item.astype(np.float32)) for item in cost])
    # Far from an arm nothing is its, whatever its colour; feet reach far from the shin.
    smooth[2:6][away[2:6] > 2.2] += 8
    labels = smooth.argmin(0)
    # A raised hand near the head is not the head's.
    count, pieces, facts, _ = cv2.connectedComponentsWithStats(((labels == HEAD_PART) & person).astype(np.uint8))
    if count > 2:
        largest = 1 + facts[1:, cv2.CC_STAT_AREA].argmax()
        smooth[HEAD_PART][(pieces > 0) & (pieces != largest)] = 99
        labels = smooth.argmin(0)
    return np.where(person, labels, -1)


def _colour_cost(
    picture: np.ndarray, person: np.ndarray, cost: np.ndarray, away: np.ndarray, hands: np.ndarray
) -> np.ndarray:
    """Minus the log likelihood of each pixel's colour in each limb's histogram, (bones, h, w), in [0, 8]."""
    bins = SETTINGS.colour_bins
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(int) * bins // 256
    index = (lab[..., 0] * bins + lab[..., 1]) * bins + lab[..., 2]
    nearest, found = cost.argmin(0), []
    for number in range(len(cost)):
        seeds = person & (nearest == number) & (away[number] < SETTINGS.seed) & ~hands
        if number in THIGHS:
            # A thigh may be below a coat: what is nearest to its shin tells its colour, and the shin's own.
            seeds &= away[number + 1] < SETTINGS.low_thigh
            seeds |= person & (nearest == number + 1) & (away[number + 1] < SETTINGS.seed)
        if seeds.sum() < 12:
            found.append(np.full(person.shape, 4.0))
            continue
        counts = np.bincount(index[seeds], minlength=bins**3).reshape(bins, bins, bins).astype(np.float32)
        for axis in range(3):
            around = np.roll(counts, 1, axis) + np.roll(counts, -1, axis)
            counts = 0.5 * counts + 0.25 * around
        found.append(-np.log(counts.ravel()[index] / seeds.sum() + 3e-4).clip(-8, 0))
    return np.stack(found)


def beyond_wrists(skeleton: Skeleton, shape: tuple[int, int], scale: float, corner: tuple[float, float]) -> np.ndarray:
    """Where hands may be, (h, w) bool: past a wrist and near the forearm's line."""
    columns = (np.arange(shape[1]) + 0.5) / scale + corner[0] - 0.5
    rows = (np.arange(shape[0]) + 0.5) / scale + corner[1] - 0.5
    place = np.stack(np.meshgrid(columns, rows), -1)
    found = np.zeros(shape, bool)
    for _, elbow, wrist in ARMS.values():
        line = skeleton.joints[wrist] - skeleton.joints[elbow]
        away = place - skeleton.joints[wrist]
        found |= (away @ line > 0) & (np.hypot(*np.moveaxis(away, -1, 0)) < 0.45 * skeleton.unit)
    return found


def claim_hands(
    labels: np.ndarray, picture: np.ndarray, skeleton: Skeleton, scale: float, corner: tuple[float, float]
) -> tuple[np.ndarray, dict[str, float]]:
    """The labels (h, w) with hands given to their forearms, where skin beyond a wrist went to coat or trousers.

    Also how much of a hand is seen, by arm: skin as a share of the disc in which the hand must be. Without a face nothing
    tells the skin's colour, and no share is given.

    Args:
        labels: of `label_parts`.
        picture: (h, w, 3) uint8 of the same size.
        skeleton: in picture pixels.
        scale: as in `distances`.
        corner: as in `distances`.
    """
    lab = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB), (0, 0), 0.8).astype(np.float32)
    columns = (np.arange(labels.shape[1]) + 0.5) / scale + corner[0] - 0.5
    rows = (np.arange(labels.shape[0]) + 0.5) / scale + corner[1] - 0.5
    place = np.stack(np.meshgrid(columns, rows), -1)
    face = np.hypot(*np.moveaxis(place - skeleton.joints[HEAD_CENTRE], -1, 0)) < 0.13 * skeleton.unit
    face &= labels == HEAD_PART
    if not skeleton.has_head or face.sum() < 12:
        return labels, {}
    skin, out, seen_share = np.median(lab[face], 0), labels.copy(), {}
    reach = SETTINGS.hand_reach * skeleton.unit
    for name, (_, elbow, wrist) in ARMS.items():
        if not skeleton.seen[[elbow, wrist]].all():
            continue
        forearm = next(i for i, bone in enumerate(BONES) if bone.chain == name and bone.second == wrist)
        line = skeleton.joints[wrist] - skeleton.joints[elbow]
        middle = skeleton.joints[wrist] + 0.5 * reach * line / max(np.hypot(*line), 1e-6)
        away = np.hypot(*np.moveaxis(place - middle, -1, 0))
        behind = (place - skeleton.joints[wrist]) @ line < -0.3 * reach * np.hypot(*line)
        garment = np.isin(labels, [i for i, bone in enumerate(BONES) if bone.chain not in ARMS and i != HEAD_PART])
        around = garment & (away > reach) & (away < 2 * reach)
        to_skin = _colour_distance(lab, skin)
        close = (away < reach) & ~behind & (to_skin < SETTINGS.hand_apart)
        if around.sum() >= 12:
            cloth = lab[around][:: max(1, int(around.sum()) // 60)]
            seen = lab[close]
            nearest = np.min([_colour_distance(seen, colour) for colour in cloth], 0)
            close[close] = to_skin[close] < nearest
        out[_touching(close, labels == forearm, away < 0.6 * reach) & (labels >= 0) & garment] = forearm
        seen_share[name] = float((close & (labels >= 0) & (out == forearm)).sum() / max((away < reach).sum(), 1))
    return out, seen_share


def _colour_distance(lab: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Distance of colours (..., 3) from one, lightness counting half: hands are lit otherwise than faces."""
    return np.hypot(np.hypot(0.5 * (lab[..., 0] - colour[0]), lab[..., 1] - colour[1]), lab[..., 2] - colour[2])


def _touching(found: np.ndarray, arm: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Of a mask (h, w) the pieces that touch an arm or the hand's middle, closed."""
    closed = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    count, pieces = cv2.connectedComponents(closed)
    wide = cv2.dilate(arm.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    touched = np.unique(pieces[(wide | near) & (pieces > 0)])
    keep = np.zeros(count, bool)
    keep[touched] = True
    return cv2.dilate(keep[pieces].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def _segment(place: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distance of places (h, w, 2) from the line between two points."""
    line = b - a
    share = ((place - a) @ line / max(line @ line, 1e-6)).clip(0, 1)
    return np.hypot(*np.moveaxis(place - a - share[..., None] * line, -1, 0))


def _torso(skeleton: Skeleton, shape: tuple[int, int], scale: float, corner: tuple[float, float]) -> np.ndarray:
    """Distance in picture pixels from the quadrangle of shoulders and hips, 0 inside, (h, w)."""
    joints = skeleton.joints
    side = 0.12 * skeleton.unit
    across = joints[5] - joints[2]
    across = across / max(np.hypot(*across), 1e-6)
    along = joints[HIP_CENTRE] - joints[NECK]
    along = along / max(np.hypot(*along), 1e-6)
    # In a side view shoulders and hips lie on each other, the chest is still deep.
    wide = max(0.0, 0.36 * skeleton.unit - np.hypot(*(joints[5] - joints[2]))) / 2
    corners = np.stack(
        [joints[2] - wide * across, joints[5] + wide * across, joints[11] + wide * across + side * along,
         joints[8] - wide * across + side * along]
    )  # fmt: skip
    canvas = np.zeros(shape, np.uint8)
    hull = cv2.convexHull((((corners - corner) + 0.5) * scale - 0.5).round().astype(np.int32))
    cv2.fillConvexPoly(canvas, hull, 1)
    away = cv2.distanceTransform(1 - canvas, cv2.DIST_L2, 5) / scale
    below = ((np.arange(shape[0]) + 0.5) / scale + corner[1] - max(joints[8, 1], joints[11, 1]))[:, None]
    # Coats and skirts go on below the hips, whose distance counts less therefore, but not to the feet.
    away = np.where(below > 0, away * SETTINGS.skirt, away)
    return np.where(below > SETTINGS.longest_skirt * skeleton.unit, 4 * skeleton.unit, away)


def _head(place: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Distance from the head in its radii; hair above counts, shoulders below do not."""
    centre = skeleton.joints[HEAD_CENTRE]
    up = centre - skeleton.joints[NECK]
    up = up / max(np.hypot(*up), 1e-6)
    offset = place - centre
    along = offset @ up
    aside = offset @ np.array([-up[1], up[0]])
    along = np.where(along > 0, along / 1.5, along / 0.8)
    return np.hypot(along, aside) / (0.3 * skeleton.unit)
