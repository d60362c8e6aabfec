"""Small changes of a person's own pose: a tilted head, a leaning body, an arm farther out.

One photo says little of what a limb hides, so that small turns are what it bears best. Each is relative to the photo; its
figure in the library is the same change of "standing". Left and right of a body are its own, those of a picture the picture's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from core.gfla.methods.limb_layers.skeleton import HEAD, HEAD_CENTRE, HIP_CENTRE
from core.gfla.methods.puppet.assess import LYING_DEG, lean_deg, sits
from core.gfla.methods.puppet.firm import Held
from core.gfla.methods.puppet.skeleton import ARMS, CHAINS, LEGS, NECK, Skeleton, rotated

HEADS = [HEAD_CENTRE, *HEAD]
UPPER = [NECK, *HEADS, *(joint for joints in ARMS.values() for joint in joints)]
# An arm that hangs at less than `DOWN_DEG` from the torso cannot be lowered, one above `UP_DEG` not be lifted.
DOWN_DEG, UP_DEG = 40.0, 100.0
# So much of the body below the neck must be in the photo for it to lean, in torso lengths.
LEAST_BODY = 0.7
# By so much an arm whose hand stays may grow or shrink.
MOST_DRAWN = 1.13
# From the middle of the head to above the hair, in torso lengths.
HEAD_ROOM = 0.45


@dataclass(frozen=True)
class Nudge:
    """One such change.

    Attributes:
        kind: what of the body it moves, so that a choice shows some of each.
        head_deg, lean_deg: turn of the head at the neck and of the upper body at the hips, to the picture's right.
        hips: way of the hips to the picture's right over feet and below shoulders that stay, in torso lengths.
        shoulders: ways up of the shoulders of these arms, in torso lengths.
        arms_deg: by how much an arm turns up from the body at its shoulder.
    """

    kind: str
    head_deg: float = 0.0
    lean_deg: float = 0.0
    hips: float = 0.0
    shoulders: Mapping[str, float] = field(default_factory=dict)
    arms_deg: Mapping[str, float] = field(default_factory=dict)


HEAD_DEG, FAR_DEG, LEAN_DEG, HIPS, ARM_DEG, SHOULDER = 17.0, 27.0, 11.0, 0.17, 26.0, 0.105
NUDGES = {
    "head tilted, picture left": Nudge("head", head_deg=-HEAD_DEG),
    "head tilted, picture right": Nudge("head", head_deg=HEAD_DEG),
    "leaning, picture left": Nudge("lean", lean_deg=-LEAN_DEG),
    "leaning, picture right": Nudge("lean", lean_deg=LEAN_DEG),
    "head far over, picture left": Nudge("far", head_deg=-FAR_DEG),
    "head far over, picture right": Nudge("far", head_deg=FAR_DEG),
    "shoulders raised": Nudge("shoulders", shoulders={name: SHOULDER for name in ARMS}),
    "right shoulder raised": Nudge("shoulder", shoulders={"right arm": SHOULDER}),
    "left shoulder raised": Nudge("shoulder", shoulders={"left arm": SHOULDER}),
    "shoulders raised, head left": Nudge("shrug", head_deg=-HEAD_DEG, shoulders={name: SHOULDER for name in ARMS}),
    "shoulders raised, head right": Nudge("shrug", head_deg=HEAD_DEG, shoulders={name: SHOULDER for name in ARMS}),
    "leaning left, head right": Nudge("sway", head_deg=HEAD_DEG + 6, lean_deg=-LEAN_DEG),
    "leaning right, head left": Nudge("sway", head_deg=-HEAD_DEG - 6, lean_deg=LEAN_DEG),
    "hips out, picture left": Nudge("hips", hips=-HIPS),
    "hips out, picture right": Nudge("hips", hips=HIPS),
    "right arm farther out": Nudge("arm", arms_deg={"right arm": ARM_DEG}),
    "left arm farther out": Nudge("arm", arms_deg={"left arm": ARM_DEG}),
    "arms farther out": Nudge("arm", arms_deg={name: ARM_DEG for name in ARMS}),
    "right arm lowered": Nudge("arm", arms_deg={"right arm": -ARM_DEG}),
    "left arm lowered": Nudge("arm", arms_deg={"left arm": -ARM_DEG}),
}


def nudged(own: Skeleton, nudge: Nudge) -> np.ndarray:
    """Joints (20, 2) of a person with one such change, in the photo's pixels."""
    joints = own.joints.copy()
    lean = np.deg2rad(nudge.lean_deg)
    if nudge.hips:
        shift = np.array([nudge.hips * own.unit, 0.0])
        joints[[*UPPER, HIP_CENTRE, 8, 11]] += shift
        _legs_below(own, joints, shift)
        # The shoulders stay nearly over the feet.
        up = joints[NECK] - joints[HIP_CENTRE]
        lean = -0.7 * float(np.arctan2(shift[0], max(-up[1], 0.3 * own.unit)))
    hips = joints[HIP_CENTRE]
    joints[UPPER] = hips + rotated(joints[UPPER] - hips, lean)
    joints[HEADS] = joints[NECK] + rotated(joints[HEADS] - joints[NECK], np.deg2rad(nudge.head_deg) - 0.5 * lean)
    for name in ARMS:
        if name in nudge.shoulders:
            up = (joints[NECK] - joints[HIP_CENTRE]) / max(np.hypot(*(joints[NECK] - joints[HIP_CENTRE])), 1e-6)
            joints[list(ARMS[name])] += nudge.shoulders[name] * own.unit * up
        if lean or name in nudge.shoulders:
            _hang(own, joints, name, name in nudge.shoulders)
        _lift(own, joints, name, nudge.arms_deg.get(name, 0.0))
    return joints


def hindrance(own: Skeleton, nudge: Nudge, moving: Collection[str], held: Held, size: tuple[int, ...]) -> str:
    """What keeps a photo from one such change; "" where nothing does.

    Args:
        own: the person's.
        nudge: the change.
        moving: names of the limbs that follow.
        held: what keeps head and upper body in their places.
        size: (width, height) of the photo.
    """
    if nudge.head_deg and not own.seen[[NECK, HEAD_CENTRE]].all():
        return "the head is not seen"
    if nudge.head_deg and held.head:
        return held.head
    if nudge.lean_deg or nudge.hips:
        below = (size[1] - own.joints[NECK, 1]) / own.unit
        if not own.has_head or not own.seen[NECK] or below < LEAST_BODY or lean_deg(own) >= LYING_DEG:
            return "too little of the body is seen"
        if held.body:
            return held.body
    for name in nudge.shoulders:
        if not own.whole(name) or not own.seen[NECK] or lean_deg(own) >= LYING_DEG:
            return f"the {name} is not seen whole"
        if held.body:
            return held.body
    if nudge.hips and (not all(own.whole(name) for name in LEGS) or sits(own)):
        return "the legs are not seen whole"
    for name, turn in nudge.arms_deg.items():
        if name not in moving:
            return f"the {name} stays"
        raised = _raised_deg(own, name)
        if turn > 0 and raised > UP_DEG:
            return f"the {name} is up"
        if turn < 0 and raised < DOWN_DEG:
            return f"the {name} is down"
    joints = nudged(own, nudge)
    for name in ARMS:
        if own.whole(name) and not 1 / MOST_DRAWN < _long(joints, name) / max(own.length(name), 1e-6) < MOST_DRAWN:
            return f"the {name} rests where it is"
    shown = [*np.flatnonzero(own.seen[:18]), *(_tip(joints, name) for name in nudge.arms_deg)]
    places = np.array([joints[item] if np.ndim(item) == 0 else item for item in shown])
    before = own.joints[:18][own.seen[:18]]
    low, high = np.minimum(before.min(0), 0), np.maximum(before.max(0), np.array(size) - 1)
    if (places < low).any() or (places > high).any():
        return "the photo ends there"
    return ""


def _long(joints: np.ndarray, name: str) -> float:
    """Length of an arm of joints (20, 2)."""
    return float(np.hypot(*np.diff(joints[list(ARMS[name])], axis=0).T).sum())


def _tip(joints: np.ndarray, name: str) -> np.ndarray:
    """Where the finger tips of an arm are."""
    _, elbow, wrist = CHAINS[name]
    return joints[wrist] + 0.45 * (joints[wrist] - joints[elbow])


def _raised_deg(own: Skeleton, name: str) -> float:
    """Angle between the upper arm and the torso's way down, in degrees, 0 to 180."""
    shoulder, elbow, _ = CHAINS[name]
    arm, down = own.joints[elbow] - own.joints[shoulder], own.joints[HIP_CENTRE] - own.joints[NECK]
    share = arm @ down / max(np.hypot(*arm) * np.hypot(*down), 1e-6)
    return float(np.degrees(np.arccos(np.clip(share, -1, 1))))


def _lift(own: Skeleton, joints: np.ndarray, name: str, degrees: float) -> None:
    """An arm turned away from the body, at the side of the torso on which it hangs."""
    if not degrees:
        return
    shoulder, elbow, wrist = CHAINS[name]
    axis = own.joints[HIP_CENTRE] - own.joints[NECK]
    aside = own.joints[shoulder] - own.joints[NECK]
    # On the right of the way down, a turn up is one against the clock; y grows downwards.
    side = np.sign(axis[0] * aside[1] - axis[1] * aside[0]) or 1.0
    moved = [elbow, wrist]
    joints[moved] = joints[shoulder] + rotated(joints[moved] - joints[shoulder], side * np.deg2rad(degrees))


def _hang(own: Skeleton, joints: np.ndarray, name: str, rests: bool) -> None:
    """An arm of a leaning body: where it hangs or rests its hand stays; below a raised shoulder all from the elbow on."""
    shoulder, elbow, wrist = CHAINS[name]
    axis = own.joints[HIP_CENTRE] - own.joints[NECK]
    down = (own.joints[wrist] - own.joints[NECK]) @ axis / max(axis @ axis, 1e-6)
    loose = 1.0 if rests else float(np.clip((down - 0.6) / 0.4, 0, 1))
    joints[wrist] += loose * (own.joints[wrist] - joints[wrist])
    follows = 0.0 if rests else 0.55
    joints[elbow] += loose * (own.joints[elbow] + follows * (joints[shoulder] - own.joints[shoulder]) - joints[elbow])


def _legs_below(own: Skeleton, joints: np.ndarray, shift: np.ndarray) -> None:
    """Knees between hips that moved and feet that stay."""
    for hip, knee, ankle in LEGS.values():
        height = own.joints[ankle, 1] - own.joints[hip, 1]
        share = np.clip((own.joints[ankle, 1] - own.joints[knee, 1]) / max(height, 1e-6), 0, 1)
        joints[knee] += share * shift
