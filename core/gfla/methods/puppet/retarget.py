"""A wanted pose on a person's own body: its limb lengths, its place in the photo, and what the photo lets move."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from core.gfla.methods.limb_layers.skeleton import HEAD, HEAD_CENTRE, HIP_CENTRE
from core.gfla.methods.puppet.assess import legs_follow
from core.gfla.methods.puppet.firm import FREE, Held
from core.gfla.methods.puppet.nudges import HEAD_ROOM, NUDGES, hindrance, nudged
from core.gfla.methods.puppet.settings import SETTINGS
from core.gfla.methods.puppet.skeleton import ARMS, CHAINS, LEGS, NECK, OTHER, USUAL, Skeleton, read_skeleton, rotated
from core.gfla.methods.retargeting.library import named_pose
from core.gfla.paper import pose

HIPS = (8, 11)
STEPS = 12


def retargeted(
    own: Skeleton, wanted: Skeleton, size: tuple[int, int], moving: Collection[str], shift_px: float | None = None
) -> np.ndarray:
    """Joints (20, 2) of the person in the wanted pose, in the photo.

    The body keeps its limb lengths and its lower foot keeps its place. Limbs turn and shorten only so far from the photo's own
    pose as its pixels bear (`PuppetSettings.most_turn_deg`); those that either skeleton does not show stay.

    Args:
        own: the person's, in the photo's pixels.
        wanted: of another body, in any frame.
        size: (width, height) of the photo; arms that would leave it are raised less.
        shift_px: of the hips to the right, for a person that walks; None: the lower foot keeps its place. Nobody slides whose
            legs stay.
        moving: names of the limbs that follow; a person that sits or is cut off by the photo's edge keeps its legs.
    """
    legs_move = all(name in moving for name in LEGS)
    top = min(0.0, own.joints[HEAD_CENTRE, 1] - HEAD_ROOM * own.unit)
    # Who straightens up may grow out of the photo: then legs and body go only part of the way.
    for part in (1.0, 0.75, 0.5, 0.25, 0.0):
        target = _stood(own, wanted, moving, part)
        if legs_move:
            foot = max((CHAINS[name][2] for name in LEGS), key=lambda ankle: target[ankle, 1])
            planted = own.joints[foot] - target[foot]
            target += (planted[0] if shift_px is None else shift_px, planted[1])
            _keep_inside(target, own, size)
        if target[HEAD_CENTRE, 1] - HEAD_ROOM * own.unit >= top:
            break
    for name in [arm for arm in ARMS if arm in moving]:
        _shorten(own, target, name, size)
    return target


def _stood(own: Skeleton, wanted: Skeleton, moving: Collection[str], part: float) -> np.ndarray:
    """Joints (20, 2) in the wanted pose with the hips where they were; legs and body turn by a part of what they may."""
    target = own.joints.copy()
    legs_move = all(name in moving for name in LEGS)
    # Where arms alone follow or are wanted, all else stays the photo's own.
    if own.has_head and legs_move and all(wanted.whole(name) for name in LEGS):
        _lean(own, wanted, target, SETTINGS.most_lean_deg * part)
    lean = target[NECK] - target[HIP_CENTRE], own.joints[NECK] - own.joints[HIP_CENTRE]
    leaning = _angle(lean[0]) - _angle(lean[1])
    for name, given in followed(own, wanted, moving).items():
        arm = name in ARMS
        _place(own, wanted, target, name, given, leaning if arm else 0.0, 1.0 if arm else part)
    return target


def followed(own: Skeleton, wanted: Skeleton, moving: Collection[str]) -> dict[str, str]:
    """The limbs that follow a wanted pose, each with the limb of it that it follows: the other side's of who is turned."""
    swap = own.turned != wanted.turned
    pairs = {name: OTHER[name] if swap else name for name in CHAINS if name in moving}
    return {name: given for name, given in pairs.items() if wanted.whole(given)}


def turns_deg(own: Skeleton, wanted: Skeleton, name: str, given: str, leaning: float = 0.0) -> tuple[float, float]:
    """How far the two parts of a limb turn to the wanted pose, in degrees: the upper in the body, the lower on the upper."""
    joints, theirs = CHAINS[name], CHAINS[given]
    found, carried = [], leaning
    for step in (0, 1):
        before = own.joints[joints[step + 1]] - own.joints[joints[step]]
        after = wanted.joints[theirs[step + 1]] - wanted.joints[theirs[step]]
        turn = (_angle(after) - _angle(before) - carried + np.pi) % (2 * np.pi) - np.pi
        found.append(float(np.degrees(turn)))
        carried += turn
    return found[0], found[1]


def aimed(
    own: Skeleton, wanted: np.ndarray | str, size: tuple[int, int], moving: Collection[str] | None = None,
    shift_px: float | None = None, held: Held = FREE,
) -> np.ndarray:  # fmt: skip
    """Keypoints (18, 2) in a photo of (width, height) in the pose of other keypoints (18, 2) or of a name of the library.

    Args:
        own: the person's.
        wanted: the pose.
        size: of the photo.
        moving: names of the limbs that follow; before anybody is cut out, those that may.
        shift_px: as in `retargeted`.
        held: what keeps head and upper body in their places.
    """
    if moving is None:
        moving = [*ARMS, *(LEGS if legs_follow(own) else ())]
    if isinstance(wanted, str) and wanted in NUDGES:
        nudge = NUDGES[wanted]
        found = own.joints if hindrance(own, nudge, moving, held, size) else nudged(own, nudge)
    else:
        points = named_pose(wanted) if isinstance(wanted, str) else wanted
        found = retargeted(own, read_skeleton(points), size, moving, shift_px)
    return np.where(own.seen[:18, None], found[:18], pose.MISSING)


def apart(own: Skeleton, points: np.ndarray) -> list[str]:
    """The limbs that a pose (18, 2) in the photo turns so far that the body's own bending would smear them."""
    found = []
    lean = 0.0
    if pose.present(points)[[NECK, *HIPS]].all():
        torso = points[NECK] - points[list(HIPS)].mean(0)
        lean = _angle(torso) - _angle(own.joints[NECK] - own.joints[HIP_CENTRE])
    for name, joints in CHAINS.items():
        if not pose.present(points)[list(joints)].all():
            continue
        for a, b in zip(joints, joints[1:], strict=False):
            turn = _angle(points[b] - points[a]) - _angle(own.joints[b] - own.joints[a])
            near = min(abs((turn - base + np.pi) % (2 * np.pi) - np.pi) for base in (0.0, lean))
            if np.degrees(near) > SETTINGS.joined_deg[name.split()[1]] and name not in found:
                found.append(name)
    return found


def _lean(own: Skeleton, wanted: Skeleton, target: np.ndarray, most_deg: float) -> None:
    """The torso turned in the plane as the wanted one is, with shoulders, head and arms; hips stay."""
    most = np.deg2rad(most_deg)
    if not wanted.seen[HIP_CENTRE] or not own.seen[HIP_CENTRE]:
        return
    turn = _angle(wanted.joints[NECK] - wanted.joints[HIP_CENTRE]) - _angle(own.joints[NECK] - own.joints[HIP_CENTRE])
    turn = (turn + np.pi) % (2 * np.pi) - np.pi
    turn = float(np.clip(turn, -most, most)) if abs(turn) < np.pi / 2 else 0.0
    hips = own.joints[HIP_CENTRE]
    carried = [NECK, HEAD_CENTRE, *HEAD, *(joint for joints in ARMS.values() for joint in joints)]
    target[carried] = hips + rotated(own.joints[carried] - hips, turn)
    # The head stays half upright.
    heads = [HEAD_CENTRE, *HEAD]
    target[heads] = target[NECK] + rotated(target[heads] - target[NECK], -0.5 * turn)


def _place(
    own: Skeleton, wanted: Skeleton, target: np.ndarray, name: str, given: str, leaning: float, part: float
) -> None:
    """One chain laid in the wanted directions, as far as it turns, with the person's lengths."""
    joints, theirs, kind = CHAINS[name], CHAINS[given], name.split()[1]
    angle = leaning
    for step, turn in enumerate(turns_deg(own, wanted, name, given, leaning)):
        most = part * SETTINGS.most_turn_deg[kind][step]
        angle += np.deg2rad(np.clip(turn, -most, most))
        vector = wanted.joints[theirs[step + 1]] - wanted.joints[theirs[step]]
        before = own.joints[joints[step + 1]] - own.joints[joints[step]]
        least, largest = SETTINGS.stretch[kind]
        share = np.hypot(*vector) / (USUAL[kind][step] * wanted.unit) * full_length(own, name, step, USUAL[kind][step])
        share = 1 + part * (np.clip(share / max(np.hypot(*before), 1e-6), least, largest) - 1)
        target[joints[step + 1]] = target[joints[step]] + share * rotated(before, angle)


def full_length(own: Skeleton, name: str, step: int, usual: float) -> float:
    """A limb's length in pixels unforeshortened: the longer of both sides, within what bodies have."""
    seen = [usual * own.unit]
    for chain in (name, OTHER[name]):
        a, b = CHAINS[chain][step : step + 2]
        if own.seen[[a, b]].all():
            seen.append(float(np.hypot(*(own.joints[b] - own.joints[a]))))
    return float(np.clip(max(seen[1:], default=seen[0]), 0.8 * seen[0], 1.2 * seen[0]))


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
