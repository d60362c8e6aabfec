"""The person's frame: which part of a picture the network sees, and how keypoints travel between frames.

The frame follows the training pictures: head just below the upper edge, feet just above the lower one. Points are
(x, y) in pixels; a frame of the network is `size_hw`, its picture may be squeezed (published fashion: 176 to 256).
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from core.errors import InputError, NothingFoundError
from core.gfla.methods.limb_layers.skeleton import body_unit
from core.gfla.paper import pose
from core.image import Box

# Shares of a training frame's height: from its top to the highest point, from the highest to the lowest.
TOP_SHARE, BODY_SHARE = 0.12, 0.77
SIDE_SHARE = 0.92
ANKLES, KNEES, FOREARMS = (10, 13), (9, 12), ((3, 4), (6, 7))
# Length of a stretched hand by that of the forearm, and how far to the sides a frame may show it.
HAND_SHARE, FINGERS_SHARE = 0.55, 0.98
FEWEST_POINTS = 4
# Distances from the studio grey, in [0, 1]: surely the person, surely the ground, and no ground left.
MATTE_SOLID, MATTE_CLEAR, MATTE_FULL = 0.12, 0.05, 0.3


def person_box(points: np.ndarray, aspect: float) -> Box:
    """The frame round a skeleton, of width / height `aspect`; it may reach beyond the picture.

    Raises:
        InputError: fewer than 4 known points.
    """
    known = pose.present(points)
    if known.sum() < FEWEST_POINTS:
        raise InputError(f"{known.sum()} keypoints are known, at least {FEWEST_POINTS} are needed: set them by hand")
    (left, top), (right, bottom) = points[known].min(0), points[known].max(0)
    tall = bottom - top
    if known[list(ANKLES)].any():
        height = tall / BODY_SHARE
    elif known[list(KNEES)].any():
        height = tall / (BODY_SHARE + 0.08)
    else:
        # An upper body is cut at the lower edge, as such training pictures are.
        height = tall / (1 - TOP_SHARE - 0.02)
    height = max(height, (right - left) / SIDE_SHARE / aspect, 16.0)
    width = height * aspect
    middle = (left + right) / 2
    first = top - TOP_SHARE * height
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
        sizes.append(float(body_unit(torch.from_numpy(item)[None].float(), seen)))
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
    first, last = size * (1 - SIDE_SHARE, 0.8 * TOP_SHARE), size * (SIDE_SHARE, 0.95)
    # Fingers may come nearer to the sides than joints, which have flesh around them.
    tips, nearer = finger_tips(points), size * (FINGERS_SHARE - SIDE_SHARE, 0)
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
    tips = [points[wrist] + HAND_SHARE * (points[wrist] - points[elbow]) for elbow, wrist in arms]
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


def choose_person(bodies: list, person: int, name: str = "the picture"):
    """The n-th largest of the detected people (1 = largest).

    Raises:
        NothingFoundError: there are fewer.
    """
    if not 1 <= person <= len(bodies):
        raise NothingFoundError(
            f"{name} shows {len(bodies)} people, person {person} was asked for: choose 1 to {len(bodies)}"
        )
    return bodies[person - 1]


def matte(painted: np.ndarray, grey: float) -> np.ndarray:
    """How much of each pixel of a painted person (H, W, 3) in [0, 1] is not the plain studio grey, (H, W) in [0, 1].

    Holes are closed, so that a grey shirt stays on, and specks are dropped.
    """
    distance = np.abs(painted - grey).max(axis=-1)
    solid = ndimage.binary_fill_holes(ndimage.binary_closing(distance > MATTE_SOLID, iterations=2))
    labels, count = ndimage.label(solid)
    if count > 1:
        sizes = ndimage.sum_labels(solid, labels, range(1, count + 1))
        solid = np.isin(labels, 1 + np.flatnonzero(sizes >= 0.05 * sizes.max()))
    near = ndimage.binary_dilation(solid, iterations=2)
    inner = ndimage.binary_erosion(solid, iterations=2)
    rim = np.clip((distance - MATTE_CLEAR) / (MATTE_FULL - MATTE_CLEAR), 0, 1)
    return np.where(inner, 1.0, np.where(near, rim, 0.0)).astype(np.float32)


def unmixed(painted: np.ndarray, alpha: np.ndarray, grey: float) -> np.ndarray:
    """The person's own colour where a pixel (H, W, 3) is partly studio grey."""
    share = np.maximum(alpha, 0.25)[..., None]
    return np.clip((painted - (1 - share) * grey) / share, 0, 1)


def without_person(picture: Image.Image, mask: np.ndarray) -> Image.Image:
    """The picture with the person's pixels (mask (H, W) in [0, 1]) filled from around by smooth interpolation.

    Coarse to fine: every level takes what is known from the level above, so that large holes fill too.
    """
    array = np.asarray(picture, dtype=np.float32)
    known = 1 - ndimage.grey_dilation(mask.astype(np.float32), size=(9, 9))[..., None]
    known = (known > 0.5).astype(np.float32)
    total, weight = array * known, known.copy()
    for sigma in (2, 6, 18, 54, 162):
        blurred = np.stack([ndimage.gaussian_filter(total[..., c], sigma) for c in range(3)], -1)
        share = ndimage.gaussian_filter(weight[..., 0], sigma)[..., None]
        fresh = (weight < 0.5) & (share > 0.05)
        array = np.where(fresh, blurred / np.maximum(share, 1e-6), array)
        total, weight = np.where(fresh, array, total), np.where(fresh, 1.0, weight)
    return Image.fromarray(array.clip(0, 255).astype(np.uint8))
