"""A wanted pose on a person's own body: its limb lengths, its place in the photo, and what the photo lets move."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from core.gfla.methods.limb_layers.skeleton import HEAD, HEAD_CENTRE, HIP_CENTRE
from core.gfla.methods.puppet.assess import legs_follow
from core.gfla.methods.puppet.settings import SETTINGS
from core.gfla.methods.puppet.skeleton import ARMS, CHAINS, LEGS, NECK, OTHER, USUAL, Skeleton, read_skeleton
from core.gfla.paper import pose

SHOULDERS, HIPS = (2, 5), (8, 11)
STEPS = 12


def retargeted(
    own: Skeleton, wanted: Skeleton, size: tuple[int, int], moving: Collection[str], shift_px: float = 0.0
) -> np.ndarray:
    """Joints (20, 2) of the person in the wanted pose, in the photo.

    The body keeps its limb lengths and stands where it stood; limbs that the wanted pose shows foreshortened are so here.
    Limbs that either skeleton does not show keep the person's own pose.

    Args:
        own: the person's, in the photo's pixels.
        wanted: of another body, in any frame.
        size: (width, height) of the photo; arms that would leave it are raised less.
        shift_px: to the right, for a person that walks; nobody slides whose legs stay.
        moving: names of the limbs that follow; a person that sits or is cut off by the photo's edge keeps its legs.
    """
    target = own.joints.copy()
    legs_move = all(name in moving for name in LEGS)
    if own.has_head:
        _lean(own, wanted, target, legs_move)
    swap = own.turned != wanted.turned
    for name in CHAINS:
        given = OTHER[name] if swap else name
        if name in moving and wanted.whole(given):
            _place(own, wanted, target, name, given)
    if legs_move:
        ankles = [own.joints[CHAINS[name][2], 1] for name in LEGS]
        lowest = max(target[CHAINS[name][2], 1] for name in LEGS)
        target += (shift_px, max(ankles) - lowest)
        _keep_inside(target, own, size)
    for name in [arm for arm in ARMS if arm in moving]:
        _shorten(own, target, name, size)
    return target


def aimed(own: np.ndarray, wanted: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Keypoints (18, 2) in a photo of (width, height) in the pose of other keypoints, before anybody is cut out."""
    skeleton = read_skeleton(own)
    moving = [*ARMS, *(LEGS if legs_follow(skeleton) else ())]
    found = retargeted(skeleton, read_skeleton(wanted), size, moving)[:18]
    return np.where(pose.present(own)[:, None], found, pose.MISSING)


def _lean(own: Skeleton, wanted: Skeleton, target: np.ndarray, legs_move: bool) -> None:
    """The torso turned in the plane as the wanted one is, with shoulders, head and arms; hips stay."""
    most = np.deg2rad(SETTINGS.most_lean_deg * (3 if legs_move else 1))
    if not wanted.seen[HIP_CENTRE] or not own.seen[HIP_CENTRE]:
        return
    turn = _angle(wanted.joints[NECK] - wanted.joints[HIP_CENTRE]) - _angle(own.joints[NECK] - own.joints[HIP_CENTRE])
    turn = (turn + np.pi) % (2 * np.pi) - np.pi
    turn = float(np.clip(turn, -most, most)) if abs(turn) < np.pi / 2 else 0.0
    hips = own.joints[HIP_CENTRE]
    carried = [NECK, HEAD_CENTRE, *HEAD, *(joint for joints in ARMS.values() for joint in joints)]
    target[carried] = hips + _turned(own.joints[carried] - hips, turn)
    # The head stays half upright.
    heads = [HEAD_CENTRE, *HEAD]
    target[heads] = target[NECK] + _turned(target[heads] - target[NECK], -0.5 * turn)


def _place(own: Skeleton, wanted: Skeleton, target: np.ndarray, name: str, given: str) -> None:
    """One chain laid in the wanted directions with the person's lengths."""
    joints, theirs = CHAINS[name], CHAINS[given]
    for step, usual in enumerate(USUAL[name.split()[1]]):
        vector = wanted.joints[theirs[step + 1]] - wanted.joints[theirs[step]]
        length = np.hypot(*vector)
        share = np.clip(length / (usual * wanted.unit), SETTINGS.least_share, 1.0)
        full = _full_length(own, name, step, usual)
        target[joints[step + 1]] = target[joints[step]] + share * full * vector / max(length, 1e-6)


def _full_length(own: Skeleton, name: str, step: int, usual: float) -> float:
    """A limb's length in pixels unforeshortened: the longer of both sides, within what bodies have."""
    seen = []
    for chain in (name, OTHER[name]):
        a, b = CHAINS[chain][step : step + 2]
        if own.seen[[a, b]].all():
            seen.append(float(np.hypot(*(own.joints[b] - own.joints[a]))))
    longest = max(seen, default=usual * own.unit)
    full = float(np.clip(longest, 0.8 * usual * own.unit, 1.2 * usual * own.unit))
    # Its picture can be drawn out only so far.
    return min(full, SETTINGS.most_stretch * (seen[0] if own.whole(name) else longest))


def _keep_inside(target: np.ndarray, own: Skeleton, size: tuple[int, int]) -> None:
    """The whole person moved sideways as little as keeps joints in the photo that were in it."""
    body = [joint for joints in LEGS.values() for joint in joints] + [NECK, HEAD_CENTRE]
    margin = 0.2 * own.unit
    low, high = target[body, 0].min() - margin, target[body, 0].max() + margin
    if high - low < size[0]:
        target[:, 0] += max(0.0, -low) - max(0.0, high - size[0])


def _shorten(own: Skeleton, target: np.ndarray, name: str, size: tuple[int, int]) -> None:
    """An arm turned back towards its own pose until its hand lies in the photo."""
    root, middle, end = CHAINS[name]
    wanted = (target[middle] - target[root], target[end] - target[middle])
    start = (own.joints[middle] - own.joints[root], own.joints[end] - own.joints[middle])
    for step in range(STEPS + 1):
        t = 1 - step / STEPS
        target[middle] = target[root] + _between(start[0], wanted[0], t)
        target[end] = target[middle] + _between(start[1], wanted[1], t)
        tip = target[end] + SETTINGS.hand * 0.8 * (target[end] - target[middle])
        if all(0 <= place[axis] < size[axis] for place in (target[middle], tip) for axis in (0, 1)):
            return


def _between(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """A vector turned a part t of the way from a to b, of b's length at the end."""
    turn = (_angle(b) - _angle(a) + np.pi) % (2 * np.pi) - np.pi
    length = (1 - t) * np.hypot(*a) + t * np.hypot(*b)
    angle = _angle(a) + t * turn
    return length * np.array([np.cos(angle), np.sin(angle)])


def _angle(vector: np.ndarray) -> float:
    return float(np.arctan2(vector[1], vector[0]))


def _turned(vectors: np.ndarray, angle: float) -> np.ndarray:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return vectors @ turn.T
