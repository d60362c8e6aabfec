"""A head that moves as the head of a film does: its landmarks' motion against its most neutral frame, put on another head.

Only differences are taken over, scaled by the distance between the eyes, so the face keeps its own shape.
Source: own; relative motion against a neutral frame as in Siarohin et al. 2019 (first order motion), section 3.3; rigid part by
Kabsch 1976; smoothing over time by a Gaussian.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter1d

from core.detect.faces import detect_faces
from core.errors import NothingFoundError
from core.progress import Progress, silent
from core.ripple.methods.head_turn.geometry import EYES
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.motion import Pose

# Points that no expression moves: forehead, temples, the bridge of the nose, the corners of the eyes.
STILL = [10, 67, 297, 109, 338, 151, 9, 8, 168, 6, 197, 195, 33, 133, 362, 263, 127, 356, 54, 284, 103, 332]


@dataclass(frozen=True)
class DrivingConstants:
    """How a film's motion is read and put on."""

    smoothing_s: float = 0.05  # standard deviation over time: detectors tremble by a frame or two
    nod_deg: float = 15.0  # what a photograph bears
    tilt_deg: float = 20.0
    mouth_weight: float = 4.0  # how much an open mouth counts against a frame's being neutral; ten degrees count 1


DRIVING = DrivingConstants()


@dataclass(frozen=True)
class Motion:
    """A film's head against its most neutral frame.

    Attributes:
        poses: (T, 3) degrees of yaw, pitch and roll, as of `Pose`.
        shapes: (T, 478, 2) how far each point of the mesh moves, shares of the distance between the eyes.
        neutral: the number of that frame.
        missed: frames without a face, which repeat the one before.
    """

    poses: np.ndarray
    shapes: np.ndarray
    neutral: int
    missed: int


def read_motion(frames: Iterable[Image.Image], fps: float, progress: Progress = silent) -> Motion:
    """The motion of the largest face of a film.

    Args:
        frames: of the film, in order.
        fps: its rate.
        progress: called as the work goes on.

    Raises:
        NothingFoundError: no frame shows a face.
    """
    meshes, missed = list[np.ndarray | None](), 0
    for number, frame in enumerate(frames):
        progress(number / (number + 30), f"reading frame {number + 1}")
        try:
            face = detect_faces(frame, f"frame {number}")[0]
            depths = np.zeros(len(face.points)) if face.depths is None else -face.depths
            meshes.append(np.column_stack([face.points, depths]))
        except NothingFoundError:
            missed += 1
            meshes.append(meshes[-1] if meshes else None)
    first = next((mesh for mesh in meshes if mesh is not None), None)
    if first is None:
        raise NothingFoundError(
            f"none of the film's {len(meshes)} frames shows a face: use one of a head from the front"
        )
    known = np.stack([first if mesh is None else mesh for mesh in meshes])
    neutral = most_neutral(known)
    eyes = float(np.hypot(*(known[neutral, [362, 263], :2].mean(0) - known[neutral, [33, 133], :2].mean(0))))
    poses, shapes = np.zeros((len(known), 3)), np.zeros((*known.shape[:2], 2))
    for number, mesh in enumerate(known):
        scale, turn, shift = rigid(known[neutral, STILL], mesh[STILL])
        poses[number] = angles(turn)
        shapes[number] = (((mesh - shift) @ turn / scale) - known[neutral])[:, :2] / eyes
    sigma = max(1e-3, DRIVING.smoothing_s * fps)
    return Motion(gaussian_filter1d(poses, sigma, 0), gaussian_filter1d(shapes, sigma, 0), neutral, missed)


def most_neutral(meshes: np.ndarray) -> int:
    """The frame of meshes (T, 478, 3) that looks ahead with its mouth closed and its eyes as open as mostly."""
    eyes = np.hypot(*(meshes[:, 362, :2] - meshes[:, 133, :2]).T)
    mouth = np.abs(meshes[:, 14, 1] - meshes[:, 13, 1]) / eyes
    lids = np.abs(meshes[:, 145, 1] - meshes[:, 159, 1]) / eyes
    left, right = meshes[:, [33, 133]].mean(1), meshes[:, [362, 263]].mean(1)
    across = right - left
    yaw = np.degrees(np.arctan2(across[:, 2], across[:, 0]))
    roll = np.degrees(np.arctan2(across[:, 1], across[:, 0]))
    score = np.abs(yaw) / 10 + np.abs(roll) / 10 + DRIVING.mouth_weight * mouth
    return int((score + DRIVING.mouth_weight * np.abs(lids - np.median(lids))).argmin())


def rigid(before: np.ndarray, after: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation (3, 3) and shift (3,) that bring points (N, 3) to others: after = scale * before @ turn.T + shift."""
    middle, target = before.mean(0), after.mean(0)
    first, second = before - middle, after - target
    u, strengths, vt = np.linalg.svd(second.T @ first)
    flip = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    turn = u @ flip @ vt
    scale = float((strengths * np.diag(flip)).sum() / max(1e-9, (first**2).sum()))
    return scale, turn, target - scale * middle @ turn.T


def angles(turn: np.ndarray) -> np.ndarray:
    """(3,) degrees of yaw, pitch and roll, as of `Pose`, of a rotation (3, 3) of x right, y down, z to the viewer."""
    yaw = np.arctan2(-turn[2, 0], turn[2, 2])
    pitch = -np.arcsin(np.clip(turn[2, 1], -1, 1))
    roll = np.arctan2(-turn[0, 1], turn[1, 1])
    return np.rad2deg([yaw, pitch, roll])


def put_on(
    head: Head, motion: Motion, number: int, strength: float, turn: tuple[float, float]
) -> tuple[Pose, np.ndarray]:
    """One frame of a motion for another head: its pose, and how far its mesh moves, (478, 2) in units of its frame.

    Args:
        head: whose.
        motion: a film's.
        number: of the frame.
        strength: 1 as in the film, less is calmer.
        turn: degrees of turn that the photograph bears.
    """
    yaw, pitch, roll = strength * motion.poses[number]
    pose = Pose(
        float(np.clip(yaw, *turn)),
        float(np.clip(pitch, -DRIVING.nod_deg, DRIVING.nod_deg)),
        float(np.clip(roll, -DRIVING.tilt_deg, DRIVING.tilt_deg)),
    )
    left, right = head.mesh[EYES[:2], :2].mean(0), head.mesh[EYES[2:], :2].mean(0)
    eyes = float(np.hypot(*(right - left))) / max(0.5, np.cos(head.yaw))
    return pose, strength * eyes * motion.shapes[number] * (np.cos(head.yaw), 1.0)
