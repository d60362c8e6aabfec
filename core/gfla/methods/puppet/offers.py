"""Which poses a photo bears: near to its own first, the others with the reason why they will not be reached."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.gfla.methods.limb_layers.skeleton import HIP_CENTRE
from core.gfla.methods.puppet.assess import LEGS_APART, legs_apart
from core.gfla.methods.puppet.retarget import retargeted, turns_deg
from core.gfla.methods.puppet.settings import SETTINGS
from core.gfla.methods.puppet.skeleton import ARMS, CHAINS, LEGS, OTHER, Skeleton, read_skeleton
from core.gfla.methods.retargeting.library import library_pose, poses, shown_poses

# Turns in degrees below which nobody sees a limb move, or misses its movement.
UNSEEN_DEG = 15.0
# What a torso length of way of the hips counts, in degrees of missed turn.
SHIFT_DEG = 150.0


@dataclass(frozen=True)
class Offer:
    """A pose of the library for one person.

    Attributes:
        name: of the pose.
        reason: why the photo does not bear it; "" where it does.
        missed_deg: how much of its turns is left out, in degrees over all limbs, and how far the body would wander, as degrees.
        shown_deg: how much of them is shown.
    """

    name: str
    reason: str
    missed_deg: float
    shown_deg: float

    @property
    def caption(self) -> str:
        """The name, with the reason behind a colon."""
        return f"{self.name}: {self.reason}" if self.reason else self.name


def offers(own: Skeleton, moving: Collection[str]) -> list[Offer]:
    """The library's poses, those first that the photo bears, and of these those that miss and turn least.

    Args:
        own: the person's.
        moving: names of the limbs that follow.
    """
    found = [weighed(own, read_skeleton(library_pose(name)), moving, name) for name in shown_poses()]
    return sorted(found, key=lambda item: (item.shown_deg < UNSEEN_DEG, bool(item.reason), item.missed_deg))


def reasons(own: Skeleton, moving: Collection[str], wanted: Iterable[Any]) -> list[str]:
    """Why poses of the library among what is wanted are not reached whole, a sentence each."""
    names = [item for item in wanted if isinstance(item, str) and item in poses()]
    found = [weighed(own, read_skeleton(library_pose(name)), moving, name) for name in names]
    return [f"{item.name[0].upper()}{item.name[1:]}: {item.reason}." for item in found if item.reason]


def weighed(own: Skeleton, wanted: Skeleton, moving: Collection[str], name: str) -> Offer:
    """How much of a pose a person in a photo can take."""
    missed, shown, still, far = 0.0, 0.0, [], []
    for chain in CHAINS:
        given = OTHER[chain] if own.turned != wanted.turned else chain
        if not wanted.whole(given):
            continue
        turns = np.abs(turns_deg(own, wanted, chain, given))
        most = np.array(SETTINGS.most_turn_deg[chain.split()[1]])
        if chain in moving:
            left = np.maximum(turns - most, 0)
            shown += float(np.minimum(turns, most).sum())
            if left.max() > UNSEEN_DEG:
                far.append(chain)
        else:
            # What the photo does not show cannot be missed in it.
            left = turns * own.seen[list(CHAINS[chain][1:])]
            if left.max() > 2 * UNSEEN_DEG:
                still.append(chain)
        missed += float(left.sum())
    reason = _reason(still, far, shown)
    if all(leg in moving for leg in LEGS):
        target = retargeted(own, wanted, (10**6, 10**6), moving)
        # A body that moves as a whole uncovers a place that nobody has seen.
        missed += SHIFT_DEG * float(np.hypot(*(target[HIP_CENTRE] - own.joints[HIP_CENTRE]))) / own.unit
        # What one leg hides of the other the photo does not show.
        reason = reason or ("" if legs_apart(target) > LEGS_APART * own.unit else "the legs would cross")
    return Offer(name, reason, missed, shown)


def _reason(still: list[str], far: list[str], shown: float) -> str:
    said = []
    if still:
        said.append(f"{_named(still)} {'stays' if len(still) == 1 and still != list(LEGS) else 'stay'}")
    if far:
        said.append(f"{_named(far)} {'turns' if len(far) == 1 else 'turn'} only in part")
    if not said and shown < UNSEEN_DEG:
        said.append("nearly as in the photo")
    return ", ".join(said)


def _named(chains: list[str]) -> str:
    """Names of limbs in few words."""
    both = {"arms": list(ARMS), "legs": list(LEGS)}
    names = list(chains)
    for word, pair in both.items():
        if all(item in names for item in pair):
            names = [word, *(item for item in names if item not in pair)]
    return " and ".join(names)
