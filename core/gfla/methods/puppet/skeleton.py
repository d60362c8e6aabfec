"""The puppet's bones: a person's joints completed, what of them the photo shows, and each limb's place and radius."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch

from core.gfla.methods.limb_layers.skeleton import HEAD, HEAD_CENTRE, HIP_CENTRE, complete_torso, torso_length
from core.gfla.paper import pose

NECK = 1
ARMS = {"right arm": (2, 3, 4), "left arm": (5, 6, 7)}
LEGS = {"right leg": (8, 9, 10), "left leg": (11, 12, 13)}
CHAINS = {**ARMS, **LEGS}
OTHER = {
    "right arm": "left arm", "left arm": "right arm", "right leg": "left leg", "left leg": "right leg",
}  # fmt: skip
# Usual lengths of the two limbs of a chain in torso lengths.
USUAL = {"arm": (0.60, 0.52), "leg": (0.86, 0.82)}


class Bone(NamedTuple):
    """A straight piece of the body between two joints of the 20, with its half width in torso lengths."""

    chain: str
    first: int
    second: int
    radius: float


BONES = (
    Bone("body", NECK, HIP_CENTRE, 0.30), Bone("body", HEAD_CENTRE, HEAD_CENTRE, 0.30),
    Bone("right arm", 2, 3, 0.14), Bone("right arm", 3, 4, 0.12),
    Bone("left arm", 5, 6, 0.14), Bone("left arm", 6, 7, 0.12),
    Bone("right leg", 8, 9, 0.20), Bone("right leg", 9, 10, 0.15),
    Bone("left leg", 11, 12, 0.20), Bone("left leg", 12, 13, 0.15),
)  # fmt: skip


def numbers_of(*chains: str) -> list[int]:
    """The bones of some chains, as places in `BONES`."""
    return [number for number, bone in enumerate(BONES) if bone.chain in chains]


@dataclass(frozen=True)
class Skeleton:
    """A person's joints.

    Attributes:
        joints: (20, 2) float64 pixels: the 18 of OpenPose, the head's and the hips' middle. All are finite.
        seen: (20,) bool, which of them the photo shows.
        unit: torso length in pixels.
    """

    joints: np.ndarray
    seen: np.ndarray
    unit: float

    def whole(self, chain: str) -> bool:
        """Whether all joints of a chain are seen."""
        return bool(self.seen[list(CHAINS[chain])].all())

    def length(self, chain: str) -> float:
        """Length of a chain in the picture, in pixels."""
        root, middle, end = self.joints[list(CHAINS[chain])]
        return float(np.hypot(*(middle - root)) + np.hypot(*(end - middle)))

    def bend_deg(self, chain: str) -> float:
        """By how much the lower part of a chain turns from the upper's line, in degrees, 0 to 180."""
        root, middle, end = self.joints[list(CHAINS[chain])]
        turn = np.arctan2(*(end - middle)[::-1]) - np.arctan2(*(middle - root)[::-1])
        return float(np.degrees(abs((turn + np.pi) % (2 * np.pi) - np.pi)))

    @property
    def has_head(self) -> bool:
        """Whether any point of the head is seen."""
        return bool(self.seen[HEAD].any())

    @property
    def turned(self) -> bool:
        """Whether the right shoulder lies right of the left one: the person is seen from behind."""
        across = (self.joints[5] - self.joints[2]) + (self.joints[11] - self.joints[8])
        return bool(across[0] < -0.15 * self.unit)


def read_skeleton(points: np.ndarray) -> Skeleton:
    """The skeleton of 18 keypoints (18, 2), -1 where missing; what is missing is put where a standing body has it."""
    seen18 = pose.present(points)
    filled, known = complete_torso(torch.from_numpy(np.asarray(points, dtype=np.float64))[None])
    unit = float(torso_length(filled, known)[0])
    joints, known18 = filled[0].numpy().astype(np.float64), known[0].numpy().copy()
    # What is seen stays as it came: the completion works in single precision.
    joints = np.concatenate([np.where(seen18[:, None], points, joints), np.zeros((2, 2))])
    down = np.array([0.0, 1.0])
    if not known18[NECK]:
        from_hips = [joints[hip] - unit * down for hip in (8, 11) if known18[hip]]
        joints[NECK] = np.mean(from_hips, 0) if from_hips else joints[:18][known18].mean(0)
    for hip, shoulder, side in ((8, 2, -1), (11, 5, 1)):
        if not known18[shoulder]:
            joints[shoulder] = joints[NECK] + unit * np.array([0.3 * side, 0.05])
        if not known18[hip]:
            joints[hip] = joints[NECK] + unit * (down + np.array([0.18 * side, 0]))
    joints[HIP_CENTRE] = joints[[8, 11]].mean(0)
    along = joints[HIP_CENTRE] - joints[NECK]
    along = along / max(np.hypot(*along), 1e-6)
    for name, (root, middle, end) in CHAINS.items():
        usual = USUAL[name.split()[1]]
        for a, b, length in ((root, middle, usual[0]), (middle, end, usual[1])):
            if not known18[b]:
                joints[b] = joints[a] + length * unit * along
    heads = [joints[joint] for joint in HEAD if known18[joint]]
    joints[HEAD_CENTRE] = np.mean(heads, 0) if heads else joints[NECK] - 0.35 * unit * along
    for joint in HEAD:
        if not known18[joint]:
            joints[joint] = joints[HEAD_CENTRE]
    seen = np.concatenate([seen18, [bool(heads), bool(known18[8] and known18[11])]])
    return Skeleton(joints, seen, unit)


def ankles_on_mask(skeleton: Skeleton, alpha: np.ndarray) -> Skeleton:
    """The skeleton with ankles that the detector put beside the person moved to where the leg ends in its share (H, W).

    That is the place below the knee that is farthest from it within a shin's length and not nearer to the other shin.
    """
    joints, unit = skeleton.joints.copy(), skeleton.unit
    rows, columns = np.nonzero(alpha > 0.5)
    person = np.stack([columns, rows], -1).astype(np.float64)
    height, width = alpha.shape
    for name, (_, knee, ankle) in LEGS.items():
        x, y = np.clip(joints[ankle].astype(int), 0, (width - 1, height - 1))
        inside = (joints[ankle] >= 0).all() and (joints[ankle] < (width, height)).all()
        if not skeleton.seen[[knee, ankle]].all() or not inside or alpha[y, x] > 0.3:
            continue
        _, other_knee, other_ankle = LEGS[OTHER[name]]
        away = np.hypot(*(person - joints[knee]).T)
        line = joints[other_ankle] - joints[other_knee]
        share = ((person - joints[other_knee]) @ line / max(line @ line, 1e-6)).clip(0, 1)
        other = np.hypot(*(person - joints[other_knee] - share[:, None] * line).T)
        long = (USUAL["leg"][1] + 0.3) * unit
        near = (person[:, 1] > joints[knee, 1]) & (away < long) & (other > 0.25 * unit)
        if near.any() and away[near].max() > 0.5 * unit:
            end = person[near & (away > 0.9 * away[near].max())].mean(0)
            joints[ankle] = end - (0, 0.08 * unit)
    return replace(skeleton, joints=joints)


def bone_ends(skeleton: Skeleton, bone: Bone, hand: float, foot: float) -> tuple[np.ndarray, np.ndarray]:
    """Where a bone begins and ends in pixels; forearms go on into hands, shins into feet."""
    first, second = skeleton.joints[bone.first], skeleton.joints[bone.second]
    if bone.second in (4, 7):
        second = second + hand * (second - first)
    elif bone.second in (10, 13):
        second = second + min(foot, 1.0) * (second - first)
    return first, second


def rotated(vectors: np.ndarray, angle: float) -> np.ndarray:
    """Vectors (n, 2) turned by an angle in radians, with the clock as y grows downwards."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return vectors @ turn.T
