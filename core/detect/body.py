"""Bodies in a picture as 18 OpenPose keypoints, the largest person first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.detect import solutions
from core.detect.faces import coarse_boxes
from core.errors import NothingFoundError
from core.image import Box, crop_box

NAMES = (
    *("nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist"),
    *("right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle"),
    *("right eye", "left eye", "right ear", "left ear"),
)
# Pairs of points that a skeleton is drawn with: torso, arms and legs, then the head.
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
    (0, 14), (14, 16), (0, 15), (15, 17), (2, 16), (5, 17),
)  # fmt: skip
MISSING = -1.0
MIN_VISIBILITY = 0.5
MIN_VIEW_PX = 512
MAX_VIEW_PX = 1280
SAME_BODY_SHARE = 0.15
# Noses nearer than this, by the larger body's longer side, are one.
SAME_NOSE_SHARE = 0.06

# MediaPipe's landmark for each point but the neck; left and right are the person's own in both.
_MEDIAPIPE = (0, -1, 12, 14, 16, 11, 13, 15, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7)
_SHOULDERS = (11, 12)


@dataclass(frozen=True)
class Body:
    """A person: `points` (18, 2) float64, (x, y) pixels in OpenPose order, (-1, -1) where a point is not seen."""

    points: np.ndarray
    box: Box

    @property
    def seen(self) -> np.ndarray:
        """(18,) which points are seen."""
        return self.points[:, 0] != MISSING


def openpose18(landmarks: np.ndarray, visibility: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """MediaPipe's 33 landmarks as OpenPose's 18.

    Args:
        landmarks: (33, 2), (x, y) as shares of the frame.
        visibility: (33,) in [0, 1].
        size_px: (width, height) of the frame.

    Returns:
        (18, 2) pixels; (-1, -1) where the visibility is below a half or the point lies outside the frame. The neck is
        the middle of the shoulders and needs both.
    """
    points = np.asarray(landmarks, dtype=np.float64) * size_px
    inside = ((points >= 0) & (points < size_px)).all(1)
    seen = (np.asarray(visibility) >= MIN_VISIBILITY) & inside
    body = np.full((18, 2), MISSING)
    for place, source in enumerate(_MEDIAPIPE):
        if source >= 0 and seen[source]:
            body[place] = points[source]
    if seen[list(_SHOULDERS)].all():
        body[1] = points[list(_SHOULDERS)].mean(0)
    return body


def detect_bodies(picture: Image.Image, name: str = "the picture") -> list[Body]:
    """All people that can be told apart, largest first.

    The detector sees one person at a time, so where several faces are found it looks below each of them too.

    Args:
        picture: RGB, any size.
        name: what the message calls it.

    Raises:
        NothingFoundError: nobody; the message says what helps.
    """
    picture = picture.convert("RGB")
    whole = Box(0, 0, *picture.size)
    faces = coarse_boxes(picture)
    places = [whole, *(_below(face, whole) for face in faces)]
    found: list[np.ndarray] = []
    for place in places:
        points = pose_in(picture, place)
        if points is not None and not any(same_body(points, known) for known in found):
            found.append(points)
    if not found and (points := pose_in(picture, whole.squared(0.25))) is not None:
        found.append(points)
    if not found:
        raise NothingFoundError(
            f"no person found in {name} ({picture.width} x {picture.height} px): "
            "use a picture that shows one person from head to hips at least, or set the keypoints by hand"
        )
    return sorted(map(body_of, found), key=lambda body: -body.box.width * body.box.height)


def pose_in(picture: Image.Image, place: Box) -> np.ndarray | None:
    """The 18 points (18, 2) of the most visible person in `place`, in the picture's pixels; None where fewer than four are seen."""
    side = max(place.width, place.height)
    view_px = round(min(max(side, MIN_VIEW_PX), MAX_VIEW_PX))
    size = (max(1, round(place.width * view_px / side)), max(1, round(place.height * view_px / side)))
    # The graph turns its regions rightly in square pictures only.
    view = Image.new("RGB", (view_px, view_px))
    view.paste(crop_box(picture, place, size))
    answer = solutions.pose(view).pose_landmarks
    if answer is None:
        return None
    share = np.array([(point.x, point.y) for point in answer.landmark])
    share = (share * side + (place.left, place.top)) / picture.size
    points = openpose18(share, np.array([point.visibility for point in answer.landmark]), picture.size)
    return points if (points[:, 0] != MISSING).sum() >= 4 else None


def _below(face: Box, whole: Box) -> Box:
    """Where the body of a face is, standing."""
    middle, reach = (face.left + face.right) / 2, 3 * face.width
    return Box(
        max(whole.left, middle - reach),
        max(whole.top, face.top - face.height),
        min(whole.right, middle + reach),
        min(whole.bottom, face.bottom + 8 * face.height),
    )


def same_body(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two detections (18, 2) are one person: the points seen in both lie close together, or the noses do.

    Two people have two noses, however the limbs of one are told in two views.
    """
    both = (a[:, 0] != MISSING) & (b[:, 0] != MISSING)
    if not both.any():
        return False
    apart = np.hypot(*(a - b).T)
    if both[0] and apart[0] < SAME_NOSE_SHARE * max(max(body_of(x).box.width, body_of(x).box.height) for x in (a, b)):
        return True
    return bool(apart[both].mean() < SAME_BODY_SHARE * max(body_of(a).box.height, 1.0))


def body_of(points: np.ndarray) -> Body:
    """A body of points (18, 2), -1 where missing, with the box round those that are there."""
    seen = points[points[:, 0] != MISSING]
    return Body(points, Box(*map(float, (*seen.min(0), *seen.max(0)))))
