"""A head that moves as the head of a film does: its landmarks' motion against its most neutral frame, put on another head.

Only differences are taken over, scaled by the distance between the eyes, so the face keeps its own shape. The pose is read from where
the landmarks are in the picture, by turning the neutral frame's mesh as the portrait's is turned: depths of single frames err. A head
turns on its neck: how far the face went aside tells the turn more finely than its foreshortening, unless the whole person moved.
Source: own; relative motion against a neutral frame as in Siarohin et al. 2019 (first order motion), section 3.3; pose by least
squares under scaled orthography (DeMenthon and Davis 1995); smoothing over time by a Gaussian.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.optimize import least_squares

from core.detect.faces import Face, detect_faces, read_again
from core.errors import NothingFoundError
from core.progress import Progress, silent
from core.ripple.methods.head_turn.geometry import EYES
from core.ripple.methods.moved_head.frame import Head
from core.ripple.methods.moved_head.motion import Pose

# Points that no expression moves: forehead, temples, nose, the corners of the eyes, the cheekbones.
STILL = [
    *(10, 67, 297, 109, 338, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 33, 133, 362, 263),
    *(127, 356, 54, 284, 103, 332, 21, 251, 162, 389, 234, 454, 116, 345, 117, 346, 118, 347),
]  # fmt: skip
# What an expression moves, and the skin around it: mouth and chin, lids, brows.
LIVELY = [
    *(61, 291, 0, 17, 13, 14, 152, 148, 377, 199, 205, 425, 39, 269, 181, 405),
    *(159, 145, 386, 374, 105, 334, 66, 296, 63, 293, 468, 473),
]  # fmt: skip


@dataclass(frozen=True)
class DrivingConstants:
    """How a film's motion is read and put on."""

    smoothing_s: float = 0.05  # standard deviation over time: detectors tremble by a frame or two
    median_fps: float = 12.0  # from here on no head turns and turns back within a frame
    nod_deg: float = 15.0  # what a photograph bears
    tilt_deg: float = 20.0
    around: float = 0.35  # of the distance between the eyes: how far around what is lively skin goes along
    tremble: float = 0.02  # of it: landmarks tremble by so much
    deeper: float = 1.18  # than MediaPipe says: rendered heads turned by 20 degrees read as 23, those by 10 as 13
    views: tuple[tuple[float, bool], ...] = ((0.6, True), (1.0, True))  # each frame is read again in, see `read_again`
    doubt: float = (
        0.015  # of the face's width: readings that lie apart by so much count by half, most lie apart by 0.006
    )
    doubt_s: float = (
        0.2  # standard deviation over time of what stands in for a doubted frame; where all are it is calmer
    )
    by_neck: float = 0.95  # share of what the face's place says of turn and nod beyond what its foreshortening says ...
    by_neck_deg: float = 12.0  # ... which fades where both differ by so much: there the person moves, or the camera
    by_neck_s: float = 0.2  # standard deviation over time of that: a camera's shake is no nod
    robust: float = 0.01  # of the face's height: landmarks that miss by more count less
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
        looks: (3,) degrees of yaw, pitch and roll that the head of the neutral frame has to the camera.
    """

    poses: np.ndarray
    shapes: np.ndarray
    neutral: int
    missed: int
    looks: np.ndarray = field(default_factory=lambda: np.zeros(3))


def read_motion(frames: Iterable[Image.Image], fps: float, progress: Progress = silent) -> Motion:
    """The motion of the largest face of a film.

    Args:
        frames: of the film, in order.
        fps: its rate.
        progress: called as the work goes on.

    Raises:
        NothingFoundError: no frame shows a face.
    """
    known, trust, missed = read_faces(frames, progress)
    neutral = most_neutral(np.stack([mesh_of(face) for face in known]), trust)
    head, mesh = Head.of(known[neutral]), mesh_of(known[neutral])
    eyes = float(np.hypot(*(mesh[[362, 263], :2].mean(0) - mesh[[33, 133], :2].mean(0))))
    poses, by_neck = np.zeros((2, len(known), 3))
    shapes = np.zeros((len(known), len(mesh), 2))
    lively = liveliness(mesh[:, :2] / eyes)
    for number, face in enumerate(known):
        poses[number], missed_by = read_pose(mesh, face.points)
        way = missed_by / eyes
        far = np.hypot(*way.T)[:, None]
        shapes[number] = lively[:, None] * way * (1 - DRIVING.tremble / np.maximum(far, DRIVING.tremble))
    # Of a face that is misread its place is right still, and tells the turn.
    poses[:, 1:] = trusted(poses[:, 1:], trust, fps)
    for number, face in enumerate(known):
        by_neck[number] = turned_on_neck(head, poses[number], face.points)
    by_neck[:, 1:] = trusted(by_neck[:, 1:], trust, fps)
    shapes = trusted(shapes, trust, fps)
    sigma = max(1e-3, DRIVING.smoothing_s * fps)
    poses = steady(poses, fps) + gaussian_filter1d(by_neck, max(1e-3, DRIVING.by_neck_s * fps), 0)
    return Motion(poses, gaussian_filter1d(shapes, sigma, 0), neutral, missed, looks_of(mesh))


def read_faces(frames: Iterable[Image.Image], progress: Progress) -> tuple[list[Face], np.ndarray, int]:
    """The largest face of each frame, how far its reading is to be trusted, (T,) in [0, 1], and how many frames show none.

    Source: own; the spread of a landmark detector over views of one picture tells its error, as of test-time augmentation.

    Raises:
        NothingFoundError: no frame shows a face.
    """
    faces, doubts, missed = list[Face | None](), list[float](), 0
    for number, frame in enumerate(frames):
        progress(number / (number + 30), f"reading frame {number + 1}")
        try:
            found = detect_faces(frame, f"frame {number}")[0]
            face, apart = read_again(frame, found, DRIVING.views)
            faces.append(face)
            doubts.append(float(apart[STILL].mean() / face.box.width))
        except NothingFoundError:
            missed += 1
            faces.append(faces[-1] if faces else None)
            doubts.append(doubts[-1] if doubts else 0.0)
    first = next((number for number, face in enumerate(faces) if face is not None), None)
    if first is None:
        raise NothingFoundError(
            f"none of the film's {len(faces)} frames shows a face: use one of a head from the front"
        )
    doubts[:first] = [doubts[first]] * first
    known = [face or faces[first] for face in faces]
    return [face for face in known if face], 1 / (1 + (np.array(doubts) / DRIVING.doubt) ** 4), missed


def trusted(values: np.ndarray, trust: np.ndarray, fps: float) -> np.ndarray:
    """Values (T, ...) over time, those of frames that are not trusted, (T,) in [0, 1], replaced by their neighbours'."""
    share = trust.reshape(-1, *(1,) * (values.ndim - 1))
    near = gaussian_filter1d(share * values, max(1e-3, DRIVING.doubt_s * fps), 0)
    return share * values + (1 - share) * near


def sentences(motion: Motion) -> tuple[str, ...]:
    """What limits a film's motion; a sentence each."""
    if not motion.missed:
        return ()
    return (f"{motion.missed} of the film's {len(motion.poses)} frames show no face: the head stands still there",)


def mesh_of(face: Face) -> np.ndarray:
    """(478, 3): a face's points in px, the third how far to the viewer."""
    return np.column_stack([face.points, np.zeros(len(face.points)) if face.depths is None else -face.depths])


def carried(head: Head, degrees: np.ndarray) -> np.ndarray:
    """(2,) where the middle of a head's `STILL` points lies in its frame when it is posed by degrees (3,), turning on its neck."""
    neck, chin = np.array([head.axis_x, head.ears_y, 0.0]), np.array([head.axis_x, head.chin_y, 0.0])
    turned = rotate(head.mesh[STILL] - neck, degrees * (1, 1, 0)) + neck
    return (rotate(turned - chin, degrees * (0, 0, 1)) + chin)[:, :2].mean(0)


def turned_on_neck(head: Head, pose: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Degrees (3,) to add to a pose (3,) that was read of points (478, 2) px, so that the neck carries the face to where it is.

    Args:
        head: of the neutral frame.
        pose: degrees of yaw, pitch and roll against it.
        seen: where its landmarks are.
    """
    step = 0.5
    here = carried(head, pose)
    slopes = np.column_stack([(carried(head, pose + step * way) - here) / step for way in np.eye(3)[:2]])
    apart = np.linalg.solve(slopes, head.frame.from_px(seen[STILL]).mean(0) - here)
    apart *= DRIVING.by_neck * np.exp(-((np.hypot(*apart) / DRIVING.by_neck_deg) ** 2))
    return np.append(apart, 0.0)


def steady(poses: np.ndarray, fps: float) -> np.ndarray:
    """Poses (T, 3) smoothed over time: single frames misread, which a fast film shows beside others, do not count at all."""
    if fps >= DRIVING.median_fps:
        poses = median_filter(poses, (3, 1), mode="nearest")
    return gaussian_filter1d(poses, max(1e-3, DRIVING.smoothing_s * fps), 0)


def liveliness(points: np.ndarray) -> np.ndarray:
    """(478,) in [0, 1]: how far each point of a mesh (478, 2), in distances between the eyes, takes part in expressions."""
    apart = np.hypot(*(points[:, None] - points[LIVELY]).transpose(2, 0, 1)).min(1)
    return np.exp(-np.square(apart / DRIVING.around))


def most_neutral(meshes: np.ndarray, trust: np.ndarray) -> int:
    """The frame of meshes (T, 478, 3), trusted by (T,) in [0, 1], that looks ahead, its mouth closed, its eyes as open as mostly."""
    eyes = np.hypot(*(meshes[:, 362, :2] - meshes[:, 133, :2]).T)
    mouth = np.abs(meshes[:, 14, 1] - meshes[:, 13, 1]) / eyes
    lids = np.abs(meshes[:, 145, 1] - meshes[:, 159, 1]) / eyes
    left, right = meshes[:, [33, 133]].mean(1), meshes[:, [362, 263]].mean(1)
    across = right - left
    yaw = np.degrees(np.arctan2(across[:, 2], across[:, 0]))
    roll = np.degrees(np.arctan2(across[:, 1], across[:, 0]))
    score = np.abs(yaw) / 10 + np.abs(roll) / 10 + DRIVING.mouth_weight * mouth + 1 - trust
    return int((score + DRIVING.mouth_weight * np.abs(lids - np.median(lids))).argmin())


def looks_of(mesh: np.ndarray) -> np.ndarray:
    """(3,) degrees of yaw, pitch and roll, as of `Pose`, that a head has to the camera, by its mesh (478, 3), z to the viewer.

    Pitch is that of the line from forehead to chin: of two heads its difference counts.
    """
    across, down = mesh[[362, 263]].mean(0) - mesh[[33, 133]].mean(0), mesh[152] - mesh[10]
    yaw = np.arctan2(-across[2], np.hypot(*across[:2]))
    pitch = np.arctan2(-down[2], np.hypot(*down[:2]))
    return np.degrees([yaw, pitch, np.arctan2(across[1], across[0])])


def rotate(points: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Points (N, 3), x right, y down, z to the viewer, turned by yaw, pitch and roll as of `Pose`: (N, 3)."""
    (yaw, pitch, roll), (x, y, z) = np.deg2rad(degrees), points.T
    x, z = x * np.cos(yaw) + z * np.sin(yaw), z * np.cos(yaw) - x * np.sin(yaw)
    y, z = y * np.cos(pitch) + z * np.sin(pitch), z * np.cos(pitch) - y * np.sin(pitch)
    return np.column_stack([x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll), z])


def read_pose(neutral: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Degrees (3,) of yaw, pitch and roll that bring a mesh (N, 3) to places (N, 2), and by how much each point misses, (N, 2).

    The misses are in the mesh's own upright frame and size.
    """
    middle, size = neutral[STILL].mean(0), max(1e-9, float(np.ptp(neutral[:, 1])))
    mesh, places = (neutral - middle) / size * (1, 1, DRIVING.deeper), (seen - middle[:2]) / size

    def shown(pose: np.ndarray) -> np.ndarray:
        return np.exp(pose[3]) * rotate(mesh, pose[:3])[:, :2] + pose[4:]

    found = least_squares(
        lambda pose: (shown(pose) - places)[STILL].ravel(), np.zeros(6), loss="soft_l1", f_scale=DRIVING.robust,
        x_scale=(30, 30, 30, 1, 1, 1),
    ).x  # fmt: skip
    missed = rotate(np.column_stack([places - shown(found), np.zeros(len(mesh))]), np.array([0, 0, -found[2]]))
    flat = np.cos(np.deg2rad(found[:2])).clip(0.5)
    return found[:3], missed[:, :2] / np.exp(found[3]) / flat * size


def own_looks(head: Head) -> np.ndarray:
    """`looks_of` of a portrait's head, whose frame is upright."""
    return looks_of(head.mesh) + (0, 0, np.degrees(np.arctan2(head.frame.across[1], head.frame.across[0])))


def put_on(
    head: Head,
    motion: Motion,
    number: int,
    strength: float,
    bears: dict[str, tuple[float, float]],
    absolute: bool = False,
) -> tuple[Pose, np.ndarray]:
    """One frame of a motion for another head: its pose, and how far its mesh moves, (478, 2) in units of its frame.

    Args:
        head: whose.
        motion: a film's.
        number: of the frame.
        strength: 1 as in the film, less is calmer.
        bears: degrees by name of the edits that the photograph bears less of than others.
        absolute: whether the head looks where the film's does, and not from its own pose on.
    """
    yaw, pitch, roll = strength * motion.poses[number] + (motion.looks - own_looks(head) if absolute else 0)
    pose = Pose(
        float(np.clip(yaw, *bears["pose"])),
        float(np.clip(pitch, *bears.get("nod", (-DRIVING.nod_deg, DRIVING.nod_deg)))),
        float(np.clip(roll, *bears.get("tilt", (-DRIVING.tilt_deg, DRIVING.tilt_deg)))),
    )
    left, right = head.mesh[EYES[:2], :2].mean(0), head.mesh[EYES[2:], :2].mean(0)
    eyes = float(np.hypot(*(right - left))) / max(0.5, np.cos(head.yaw))
    return pose, strength * eyes * motion.shapes[number] * (np.cos(head.yaw), 1.0)
