"""Which poses a photo bears, asked of the photo before anything is drawn: those first that come out best, the others with the reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.gfla.methods.limb_layers.skeleton import HIP_CENTRE
from core.gfla.methods.puppet.assess import LEGS_APART, legs_apart
from core.gfla.methods.puppet.check import strain, uncovered
from core.gfla.methods.puppet.firm import clear
from core.gfla.methods.puppet.nudges import NUDGES, hindrance, nudged
from core.gfla.methods.puppet.puppet import Puppet
from core.gfla.methods.puppet.retarget import full_length, retargeted
from core.gfla.methods.puppet.settings import SETTINGS
from core.gfla.methods.puppet.skeleton import ARMS, CHAINS, LEGS, OTHER, USUAL, Skeleton, read_skeleton
from core.gfla.methods.retargeting.library import named_pose, poses, shown_poses

# In torso lengths: a joint that is farther than this from where the pose has it makes the pose another one.
MISSED = 0.2
# Below this way of all joints nobody sees that the person moved.
UNSEEN = 0.3
# The same for the ways of a nudge, and so much structure to be made up behind it that this shows.
NUDGE_UNSEEN, TOO_MUCH = 0.1, 0.0155
# How far the mesh may be drawn out or pressed.
MOST_STRAIN = 1.9
# Wrists nearer than this meet, and must not lie farther apart than `APART` in the photo.
MEET, APART = 0.4, 0.5
# What a torso length of way of the hips counts, in torso lengths of missed way.
SHIFT = 2.0
# Each kind is offered once before any is offered twice; what takes limbs off the body comes after what only bends it.
LATER = {
    "head": 0,
    "shoulders": 0,
    "lean": 0,
    "shoulder": 1,
    "shrug": 1,
    "far": 2,
    "sway": 2,
    "hips": 2,
    "arm": 2,
    "library": 5,
}


@dataclass(frozen=True)
class Offer:
    """A pose of the library for one person.

    Attributes:
        name: of the pose.
        reason: why the photo does not bear it; "" where it does.
        missed: how far the joints that it names stay from their places, in torso lengths over all limbs, and how far the
            body would wander.
        shown: the farthest way of a joint that it names, in torso lengths.
        risk: how much must be made up where the person was.
    """

    name: str
    reason: str
    missed: float
    shown: float
    risk: float = 0.0

    @property
    def caption(self) -> str:
        """The name, with the reason behind a colon."""
        return f"{self.name}: {self.reason}" if self.reason else self.name

    @property
    def kind(self) -> str:
        """What of the body moves."""
        return NUDGES[self.name].kind if self.name in NUDGES else "library"


def offers(puppet: Puppet) -> list[Offer]:
    """The library's poses, those first that the photo bears: some of each kind, and of a kind those of the least risk."""
    found = []
    for name in shown_poses():
        item = offered(puppet, name)
        if item.kind != "library" and not item.reason:
            risk = uncovered(puppet, puppet.target(name))
            reason = "too much would be made up behind" if risk > TOO_MUCH else ""
            if strain(puppet, puppet.target(name)) > MOST_STRAIN:
                reason = "cloth or skin would be drawn too far"
            item = replace(item, risk=risk, reason=reason)
        found.append(item)
    found.sort(key=lambda item: (bool(item.reason), item.risk, item.shown < UNSEEN, round(item.missed, 1)))
    seen: dict[str, int] = {}
    turns = {}
    for item in found:
        turns[item.name] = LATER[item.kind] + seen.get(item.kind, 0)
        seen[item.kind] = seen.get(item.kind, 0) + (item.kind != "library")
    return sorted(found, key=lambda item: (bool(item.reason), turns[item.name]))


def reasons(puppet: Puppet, wanted: Iterable[Any]) -> list[str]:
    """Why poses of the library among what is wanted are not reached whole, a sentence each."""
    found = [offered(puppet, item) for item in wanted if isinstance(item, str) and item in poses()]
    return [f"{item.name[0].upper()}{item.name[1:]}: {item.reason}." for item in found if item.reason]


def offered(puppet: Puppet, name: str) -> Offer:
    """How well one pose of the library suits a person in a photo."""
    own, size = puppet.skeleton, puppet.picture.shape[1::-1]
    if name in NUDGES:
        reason = hindrance(own, NUDGES[name], puppet.moving, puppet.held, size)
        limbs: Collection[str] = NUDGES[name].arms_deg
        way = way_of(own, nudged(own, NUDGES[name]))
        found = Offer(name, reason or ("nearly as in the photo" if way < NUDGE_UNSEEN else ""), 0.0, way)
    else:
        found = weighed(own, puppet.moving, size, name)
        wanted = named_pose(name)
        limbs = [chain for chain in ARMS if read_skeleton(wanted).whole(chain)]
    bare = [chain for chain in limbs if puppet.region.hands.get(chain, 1.0) <= SETTINGS.least_hand]
    if bare and not found.reason:
        return replace(found, reason=f"the hand of the {bare[0]} is not seen bare and may hold something")
    hung = [chain for chain in limbs if chain in puppet.moving and not clear(puppet.region, own, chain)]
    if hung and not found.reason:
        return replace(
            found, reason=f"the {' and the '.join(hung)} {'touches' if len(hung) == 1 else 'touch'} the body"
        )
    return found


def way_of(own: Skeleton, joints: np.ndarray) -> float:
    """The farthest way of a joint that the photo shows, in torso lengths, small ones of heads counted fourfold."""
    ways = np.hypot(*(joints - own.joints).T) / own.unit
    heads = [joint for joint in (0, 14, 15, 16, 17) if own.seen[joint]]
    return float(max(ways[:14][own.seen[:14]].max(initial=0.0), 4 * ways[heads].max(initial=0.0)))


def weighed(own: Skeleton, moving: Collection[str], size: tuple[int, ...], name: str) -> Offer:
    """How near a person in a photo comes to the limbs that a pose's name speaks of."""
    wanted = read_skeleton(named_pose(name))
    reached = retargeted(own, wanted, (size[0], size[1]), moving)
    swapped = own.turned != wanted.turned
    missed, shown = 0.0, 0.0
    still: list[str] = []
    far: list[str] = []
    for chain in CHAINS:
        given = OTHER[chain] if swapped else chain
        if not wanted.whole(given):
            continue
        root, *rest = CHAINS[chain]
        at = reached[rest] - reached[root]
        miss = float(np.hypot(*(asked(own, wanted, chain, given) - at).T).max()) / own.unit
        way = float(np.hypot(*(own.joints[rest] - own.joints[root] - at).T).max()) / own.unit
        missed, shown = missed + miss, max(shown, way)
        # A limb that the photo does not show cannot be seen in a pose.
        if miss > MISSED or not own.whole(chain):
            (far if chain in moving else still).append(chain)
    missed += SHIFT * float(np.hypot(*(reached[HIP_CENTRE] - own.joints[HIP_CENTRE]))) / own.unit
    said = _said(still, far, shown)
    meet = "together" in name or _apart(wanted, wanted.joints) < MEET
    if not said and meet and _apart(own, reached) > APART:
        said = ["the hands do not meet"]
    # What one leg hides of the other the photo does not show.
    legs = any(wanted.whole(leg) for leg in LEGS) and all(leg in moving for leg in LEGS)
    if not said and legs and legs_apart(reached) <= LEGS_APART * own.unit:
        said = ["the legs would cross"]
    if not said and swapped and ("left" in name or "right" in name):
        said = ["left and right are exchanged, as the person is turned away"]
    return Offer(name, ", ".join(said), missed, shown)


def asked(own: Skeleton, wanted: Skeleton, chain: str, given: str) -> np.ndarray:
    """Where a pose has the lower two joints of a limb, from its first one, (2, 2) in pixels, with the person's lengths."""
    theirs, usual = wanted.joints[list(CHAINS[given])], USUAL[chain.split()[1]]
    lengths = [full_length(own, chain, step, usual[step]) / usual[step] for step in (0, 1)]
    return np.cumsum(np.diff(theirs, axis=0) / wanted.unit * np.array(lengths)[:, None], axis=0)


def _apart(skeleton: Skeleton, joints: np.ndarray) -> float:
    """Distance of the wrists in torso lengths; without limit where an arm is not whole."""
    if not all(skeleton.whole(arm) for arm in ARMS):
        return float("inf")
    return float(np.hypot(*(joints[4] - joints[7]))) / skeleton.unit


def _said(still: list[str], far: list[str], shown: float) -> list[str]:
    """What keeps limbs from their places."""
    said = []
    if still:
        said.append(f"{_named(still)} {'stays' if len(still) == 1 else 'stay'}")
    if far:
        said.append(f"{_named(far)} {'turns' if len(far) == 1 else 'turn'} only in part")
    if not said and shown < UNSEEN:
        said.append("nearly as in the photo")
    return said


def _named(chains: list[str]) -> str:
    """Names of limbs in few words."""
    both = {"arms": list(ARMS), "legs": list(LEGS)}
    names = list(chains)
    for word, pair in both.items():
        if all(item in names for item in pair):
            names = [word, *(item for item in names if item not in pair)]
    return " and ".join(names)
