"""The person's frame: which part of a picture the network sees, and how keypoints travel between frames.

The frame follows the training pictures: head just below the upper edge, feet just above the lower one. Points are
(x, y) in pixels; a frame of the network is `size_hw`, its picture may be squeezed (published fashion: 176 to 256).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from core.errors import InputError
from core.gfla.methods.limb_layers.skeleton import torso_length
from core.gfla.paper import pose
from core.image import Box

ANKLES, KNEES, FOREARMS = (10, 13), (9, 12), ((3, 4), (6, 7))


@dataclass(frozen=True)
class FramingSettings:
    """What tunes the method; shares are of the frame's height or width, as in the training pictures.

    Attributes:
        top: from the frame's top to the highest point.
        body: from the highest to the lowest point where ankles are seen; `body_to_knees` where only knees are.
        bottom: below the lowest point of an upper body, which the lower edge cuts.
        side: how far to the sides joints may lie, which have flesh around them.
        fingers: how far to the sides fingers may.
        lowest: how far down a pose may reach.
        hand: length of a stretched hand by that of the forearm.
        fewest_points: with fewer known keypoints no frame is told.
        least_height_px: of a frame.
    """

    top: float = 0.12
    body: float = 0.77
    body_to_knees: float = 0.85
    bottom: float = 0.02
    side: float = 0.92
    fingers: float = 0.98
    lowest: float = 0.95
    hand: float = 0.55
    fewest_points: int = 4
    least_height_px: float = 16.0


SETTINGS = FramingSettings()


def person_box(points: np.ndarray, aspect: float) -> Box:
    """The frame round a skeleton, of width / height `aspect`; it may reach beyond the picture.

    Raises:
        InputError: fewer than 4 known points.
    """
    known = pose.present(points)
    if known.sum() < SETTINGS.fewest_points:
        raise InputError(
            f"{known.sum()} keypoints are known, at least {SETTINGS.fewest_points} are needed: set them by hand"
        )
    (left, top), (right, bottom) = points[known].min(0), points[known].max(0)
    tall = bottom - top
    if known[list(ANKLES)].any():
        height = tall / SETTINGS.body
    elif known[list(KNEES)].any():
        height = tall / SETTINGS.body_to_knees
    else:
        # An upper body is cut at the lower edge, as such training pictures are.
        height = tall / (1 - SETTINGS.top - SETTINGS.bottom)
    height = max(height, (right - left) / SETTINGS.side / aspect, SETTINGS.least_height_px)
    width = height * aspect
    middle = (left + right) / 2
    first = top - SETTINGS.top * height
    return Box(middle - width / 2, first, middle + width / 2, first + height)


def into_frame(points: np.ndarray, box: Box, size_hw: tuple[int, int]) -> np.ndarray:
    """Picture points in a frame's pixels; those outside the frame stay as they are, missing ones stay missing."""
    moved = (points - (box.left, box.top)) / (box.width, box.height) * (size_hw[1], size_hw[0])
    return np.where(pose.present(points)[:, None], moved, pose.MISSING)


def out_of_frame(points: np.ndarray, box: Box, size_hw: tuple[int, int]) -> np.ndarray:
    """The reverse of `into_frame`."""
    moved = points / (size_hw[1], size_hw[0]) * (box.width, box.height) + (box.left, box.top)
    return np.where(pose.present(points)[:, None], moved, pose.MISSING)


def fit_map(points: np.ndarray, like: np.ndarray) -> tuple[float, np.ndarray]:
    """Scale and shift that bring one skeleton to another's body size and place; both (18, 2) in one frame.

    The lowest points and the middles agree where both show ankles, else the necks.
    """
    sizes = []
    for item in (points, like):
        seen = torch.from_numpy(pose.present(item))[None]
        sizes.append(float(torso_length(torch.from_numpy(item)[None].float(), seen)))
    known, model = pose.present(points), pose.present(like)
    scale = sizes[1] / sizes[0]
    stands = known[list(ANKLES)].any() and model[list(ANKLES)].any()
    if known[1] and model[1] and not stands:
        anchor, goal = points[1], like[1]
    else:
        anchor = np.array([points[known][:, 0].mean(), points[known][:, 1].max()])
        goal = np.array([like[model][:, 0].mean(), like[model][:, 1].max()])
    return scale, goal - scale * anchor


def fitted(points: np.ndarray, like: np.ndarray) -> np.ndarray:
    """A skeleton brought to another's body size and place, for poses that come from other people."""
    scale, shift = fit_map(points, like)
    return np.where(pose.present(points)[:, None], points * scale + shift, pose.MISSING)


def contained(points: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """A skeleton shrunk and moved as little as needed to lie in the frame, with room for head, hands and feet."""
    known = pose.present(points)
    size = np.array([size_hw[1], size_hw[0]], dtype=float)
    first, last = size * (1 - SETTINGS.side, 0.8 * SETTINGS.top), size * (SETTINGS.side, SETTINGS.lowest)
    # Fingers may come nearer to the sides than joints, which have flesh around them.
    tips, nearer = finger_tips(points), size * (SETTINGS.fingers - SETTINGS.side, 0)
    low = np.concatenate([points[known], tips + nearer]).min(0)
    high = np.concatenate([points[known], tips - nearer]).max(0)
    scale = min(1.0, *((last - first) / np.maximum(high - low, 1e-6)))
    # Shrunk about the middle of the feet, so that the person keeps standing where it stands.
    anchor = np.array([(low[0] + high[0]) / 2, high[1]])
    low, high = anchor + scale * (low - anchor), anchor + scale * (high - anchor)
    shift = np.maximum(first - low, 0) - np.maximum(high - last, 0)
    return np.where(known[:, None], anchor + scale * (points - anchor) + shift, pose.MISSING)


def finger_tips(points: np.ndarray) -> np.ndarray:
    """Where the hands end, which the skeleton does not say: (up to 2, 2), on from the known wrists."""
    known = pose.present(points)
    arms = [(elbow, wrist) for elbow, wrist in FOREARMS if known[elbow] and known[wrist]]
    tips = [points[wrist] + SETTINGS.hand * (points[wrist] - points[elbow]) for elbow, wrist in arms]
    return np.array(tips).reshape(-1, 2)


def between(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """The skeleton a part t of the way from a to b; a point that only one of them has is taken from that one.

    Limbs turn rather than shrink: each joint moves round the joint it hangs on, so that an arm keeps its length.
    """
    known_a, known_b = pose.present(a), pose.present(b)
    mixed = np.where((known_a & known_b)[:, None], (1 - t) * a + t * b, np.where(known_a[:, None], a, b))
    for parent, child in CHAIN:
        if (known_a & known_b)[[parent, child]].all():
            mixed[child] = mixed[parent] + _turned(a[child] - a[parent], b[child] - b[parent], t)
    keep = known_a | known_b if 0 < t < 1 else (known_a if t <= 0 else known_b)
    return np.where(keep[:, None], mixed, pose.MISSING)


# Joints with the joint that they hang on, inner ones first.
CHAIN = (
    (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip


def _turned(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """The vector between two others by angle (the short way) and length."""
    lengths = np.hypot(*a), np.hypot(*b)
    if min(lengths) < 1e-6:
        return (1 - t) * a + t * b
    start = np.arctan2(a[1], a[0])
    turn = (np.arctan2(b[1], b[0]) - start + np.pi) % (2 * np.pi) - np.pi
    length = (1 - t) * lengths[0] + t * lengths[1]
    angle = start + t * turn
    return length * np.array([np.cos(angle), np.sin(angle)])


def following(
    bodies: np.ndarray, own: np.ndarray, fit_body: bool, size_hw: tuple[int, int], aspect: float
) -> np.ndarray:
    """Bodies of a clip (T, 18, 2) in a person's frame, all moved by the map that suits the first."""
    box = person_box(bodies[0], aspect)
    framed = np.stack([into_frame(body, box, size_hw) for body in bodies])
    if not fit_body:
        return framed
    scale, shift = fit_map(framed[0], own)
    moved, known = framed * scale + shift, pose.present(framed)
    # No frame may lose the head: all go down as far as the highest needs.
    down = max(0.0, SETTINGS.top * 0.8 * size_hw[0] - moved[known][:, 1].min())
    return np.where(known[..., None], moved + (0, down), pose.MISSING)


def steadied(bodies: np.ndarray, sigma_frames: float = 1.0) -> np.ndarray:
    """A sequence (T, 18, 2) smoothed over time where joints are seen; missing ones stay missing."""
    seen = pose.present(bodies)[..., None].astype(float)
    total = ndimage.gaussian_filter1d(bodies * seen, sigma_frames, axis=0, mode="nearest")
    weight = ndimage.gaussian_filter1d(seen, sigma_frames, axis=0, mode="nearest")
    return np.where(seen > 0, total / np.maximum(weight, 1e-6), pose.MISSING)
