"""What a photo is good for, said before any work: who is in it, how whole and how turned, and what stays in place."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from core.gfla.methods.limb_layers.skeleton import HIP_CENTRE
from core.gfla.methods.puppet.skeleton import ARMS, LEGS, NECK, Skeleton

# A thigh that goes down by less than this many torso lengths is a sitting person's.
SITTING = 0.45
# Shoulders nearer than this many torso lengths: a side view.
SIDE_VIEW = 0.33
LYING_DEG = 60
# Shins nearer than this many torso lengths hide each other.
LEGS_APART = 0.15


def facing(skeleton: Skeleton) -> str:
    """How the body is turned: "front", "side" or "behind"."""
    width = abs(skeleton.joints[5, 0] - skeleton.joints[2, 0]) / skeleton.unit
    if width < SIDE_VIEW:
        return "side"
    return "behind" if skeleton.turned else "front"


def sits(skeleton: Skeleton) -> bool:
    """Whether the thighs lie rather than hang; only told where knees are seen."""
    seen = [joints for joints in LEGS.values() if skeleton.seen[list(joints[:2])].all()]
    drops = [(skeleton.joints[knee, 1] - skeleton.joints[hip, 1]) / skeleton.unit for hip, knee, _ in seen]
    return bool(drops) and max(drops) < SITTING


def lean_deg(skeleton: Skeleton) -> float:
    """Angle of the torso from upright in degrees, 0 to 180: over 90 is upside down."""
    up = skeleton.joints[NECK] - skeleton.joints[HIP_CENTRE]
    return float(np.degrees(np.arccos(np.clip(-up[1] / max(np.hypot(*up), 1e-6), -1, 1))))


def extent(skeleton: Skeleton) -> str:
    """How far down the photo shows the person: "feet", "knees", "hips" or "chest"."""
    for name, place in (("feet", 2), ("knees", 1), ("hips", 0)):
        if any(skeleton.seen[joints[place]] for joints in LEGS.values()):
            return name
    return "chest"


def legs_follow(skeleton: Skeleton) -> bool:
    """Whether poses may move the legs: both are in the photo, the head too, and the body stands."""
    whole = all(skeleton.whole(name) for name in LEGS) and skeleton.has_head
    return (
        whole
        and legs_apart(skeleton.joints) > LEGS_APART * skeleton.unit
        and not sits(skeleton)
        and lean_deg(skeleton) < LYING_DEG
    )


def legs_apart(joints: np.ndarray) -> float:
    """The least distance of the two shins of joints (20, 2), in pixels; 0 where they cross."""
    (knee, ankle), (other_knee, other_ankle) = (joints[list(names[1:])] for names in LEGS.values())
    share = np.linspace(0, 1, 12)[:, None]
    first, second = knee + share * (ankle - knee), other_knee + share * (other_ankle - other_knee)
    crossing = (knee - other_knee)[0] * (ankle - other_ankle)[0] < 0
    return 0.0 if crossing else float(np.linalg.norm(first[:, None] - second[None], axis=2).min())


def sentences(skeleton: Skeleton, people: int, person: int, moving: Collection[str] | None = None) -> list[str]:
    """What the photo shows and what follows from it, one sentence each.

    Args:
        skeleton: of the chosen person.
        people: how many were found.
        person: which of them, from 1.
        moving: limbs that follow poses, where the person has been cut out already.
    """
    said = [
        f"{people} people found, this is number {person}; the others stay as they are."
        if people > 1
        else "One person found."
    ]
    view = {"front": "seen from the front", "side": "seen from the side", "behind": "seen from behind"}[
        facing(skeleton)
    ]
    down = extent(skeleton)
    said.append(f"The person is {view} and in the photo down to the {down}.")
    if lean_deg(skeleton) >= LYING_DEG:
        what = "upside down" if lean_deg(skeleton) > 120 else "lying or leaning far"
        said.append(f"The body is {what}: turn the photo upright if it was taken so; only arms follow poses.")
    elif sits(skeleton):
        said.append("The person sits: legs and seat stay, arms follow the pose.")
    elif down != "feet" or not all(skeleton.whole(name) for name in LEGS):
        said.append("The legs are not whole in the photo: they stay as they are, arms follow the pose.")
    elif not legs_follow(skeleton) and skeleton.has_head:
        said.append("The legs hide each other: they stay as they are, arms follow the pose.")
    elif moving is not None and not any(name in moving for name in LEGS):
        said.append("Others touch the person, or a foot is not seen: the legs stay as they are, arms follow the pose.")
    if not skeleton.has_head:
        said.append("No head is seen: the body stays in its place, only the arms move.")
    if facing(skeleton) == "side":
        said.append("From the side, limbs hide each other: expect less of poses that open them.")
    still = [name for name in ARMS if moving is not None and name not in moving]
    if still:
        verb = "stays" if len(still) == 1 else "stay"
        said.append(f"Not apart from the body in this photo: the {' and the '.join(still)} {verb} in place.")
    if moving is not None and not moving:
        said.append("No limb is free in this photo: only head and body bend.")
    return said
