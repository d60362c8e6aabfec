"""Faces in a picture: 478 landmarks each, the largest face first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.detect import solutions
from core.detect.mirrored import MIRRORED
from core.errors import NothingFoundError
from core.image import Box, crop_box

MIN_VIEW_PX = 512
MAX_VIEW_PX = 1600
# Side of a head that is looked at again, and from where on it stands upright for sure.
HEAD_VIEW_PX, SURE_LIKENESS = 256, 0.75
# So much likelier a head must look turned round: upside down ones do by 0.16 and more, upright ones that look aside by 0.03.
LIKELIER = 0.1
PORTRAIT_SHARE = 0.25
# Pictures longer than this many times their height, or the other way round, are searched in squarish parts; a cinema frame is not.
LONG_SHAPE = 2.5
SAME_FACE_OVERLAP = 0.4
# Of a face's box: how far apart the same face is read at most; upside down it is further.
AGAIN_APART = 0.25

# dlib's 68 points as vertices of MediaPipe's mesh: jaw, brows, nose bridge, lower nose, eyes, outer and inner lips.
MESH_OF_68 = (
    *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),
    *(71, 63, 105, 66, 107, 336, 296, 334, 293, 301),
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
    *(78, 82, 13, 312, 308, 317, 14, 87),
)


# The mesh's tip of the nose, and the right and the left side of the face: where the first stands between the others tells the turn.
TURN = (1, 234, 454)
# Difference of that place between two faces, in shares of the face's width, from which one hides what the other shows.
LOOKING_APART = 0.28


@dataclass(frozen=True)
class Face:
    """A face.

    Attributes:
        points: (478, 2) float64, (x, y) pixels of the picture.
        box: the box around them.
        depths: (478,) how far behind the middle of the head each point lies, in about the same pixels; None where
            the points were set by hand.
    """

    points: np.ndarray
    box: Box
    depths: np.ndarray | None = None

    def points68(self) -> np.ndarray:
        """(68, 2): dlib's points in dlib's order, as published alignments want them."""
        return self.points[list(MESH_OF_68)]


def detect_faces(picture: Image.Image, name: str = "the picture") -> list[Face]:
    """All faces, largest first.

    Small pictures are enlarged; where nothing is found, it looks again with a rim around the picture and into its parts.

    Args:
        picture: RGB, any size.
        name: what the message calls it.

    Raises:
        NothingFoundError: no face; the message says what helps.
    """
    picture = picture.convert("RGB")
    whole = Box(0, 0, *picture.size)
    found = _meshes(picture, whole)
    if not found:
        # A face that fills the frame is found once there is something around it.
        found = _meshes(picture, whole.squared(0.3))
    portrait = any(face.box.width > PORTRAIT_SHARE * picture.width for face in found)
    _add_coarse(found, picture, grids=(1,) if portrait else (1, 2))
    if not found:
        _add_coarse(found, picture, grids=(5,))
    if not found:
        raise NothingFoundError(
            f"no face found in {name} ({picture.width} x {picture.height} px): "
            "use a larger, brighter or more frontal face"
        )
    found = [righted(picture, face) for face in found]
    found.sort(key=lambda face: -face.box.width * face.box.height)
    return found


def _add_coarse(found: list[Face], picture: Image.Image, grids: tuple[int, ...]) -> None:
    """Add the faces at which the detector for small faces points, seen from near."""
    for box in coarse_boxes(picture, grids):
        if all(_overlap(box, face.box) < SAME_FACE_OVERLAP / 2 for face in found):
            for face in _meshes(picture, box.squared(0.6)):
                near = _overlap(box, face.box) > 0.1
                if near and all(_overlap(face.box, known.box) < SAME_FACE_OVERLAP for known in found):
                    found.append(face)


def _meshes(picture: Image.Image, place: Box) -> list[Face]:
    """The faces inside `place`, in the picture's pixels."""
    answer = solutions.face_mesh(_view(picture, place))
    faces = []
    for mesh in answer.multi_face_landmarks or ():
        share = np.array([(point.x, point.y, point.z) for point in mesh.landmark], dtype=np.float64)
        points = share[:, :2] * (place.width, place.height) + (place.left, place.top)
        faces.append(_face(points, share[:, 2] * place.width))
    return faces


def read_again(picture: Image.Image, face: Face, views: tuple[tuple[float, bool], ...]) -> tuple[Face, np.ndarray]:
    """A face read again in other views of it, and how far the readings lie apart, which tells how far they are to be trusted.

    Args:
        picture: RGB, in which the face was found.
        face: as it was found.
        views: of each how far it reaches around the face, a share of its box, and whether it is mirrored.

    Returns:
        The mean of all readings, or the same face where no view shows it; and (478,) px, each point's deviation from its mean.
    """
    picture, found = picture.convert("RGB"), [face]
    for rim, flipped in views:
        place = face.box.squared(rim)
        view = _view(picture, place)
        if flipped:
            view = view.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        seen = max(_meshes(view, Box(0, 0, *view.size)), key=lambda one: one.box.width, default=None)
        if seen is None or seen.depths is None:
            continue
        px, points, depths = view.width / place.width, seen.points, seen.depths
        if flipped:
            points, depths = (points * (-1, 1) + (view.width, 0))[MIRRORED], depths[MIRRORED]
        back = _face(points / px + (place.left, place.top), depths / px)
        if np.hypot(*(back.points - face.points).T).mean() < AGAIN_APART * face.box.width:
            found.append(back)
    known = [one.depths for one in found if one.depths is not None]
    if not known:
        return face, np.zeros(len(face.points))
    points = np.stack([one.points for one in found])
    return _face(points.mean(0), np.mean(known, axis=0)), np.hypot(*points.std(0).T)


def look_apart(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two faces look in different directions, by their points `TURN`, (3, 2) each."""
    return abs(nose_place(a) - nose_place(b)) > LOOKING_APART


def nose_place(turn: np.ndarray) -> float:
    """Where the tip of the nose stands between the right and the left side of the face: 0.5 seen from the front."""
    tip, right, left = turn
    across = left - right
    return float((tip - right) @ across / max(float(across @ across), 1e-9))


def coarse_boxes(picture: Image.Image, grids: tuple[int, ...] = (1, 2)) -> list[Box]:
    """Rough boxes of faces, small ones too, some of them twice.

    Args:
        picture: RGB.
        grids: the picture is searched in n x n parts that overlap by half, for every n; 1 is the whole.
    """
    boxes = []
    for place in (part for parts in grids for part in _parts(Box(0, 0, *picture.size), parts)):
        for found in solutions.face_boxes(_view(picture, place)).detections or ():
            box = found.location_data.relative_bounding_box
            left, top = place.left + box.xmin * place.width, place.top + box.ymin * place.height
            boxes.append(Box(left, top, left + box.width * place.width, top + box.height * place.height))
    return boxes


def righted(picture: Image.Image, face: Face) -> Face:
    """A face as it stands: a mesh is laid upright on most heads that stand upside down too, with the eyes on the chin.

    The box detector knows heads turned round only. What is found in the picture turned round comes back in the pixels of `picture`.
    """
    near = crop_box(picture, face.box.squared(0.5), (HEAD_VIEW_PX, HEAD_VIEW_PX))
    here = _likeness(near)
    if here > SURE_LIKENESS or here + LIKELIER >= _likeness(near.transpose(Image.Transpose.ROTATE_180)):
        return face
    box = Box(*(np.array(picture.size * 2) - (face.box.right, face.box.bottom, face.box.left, face.box.top)).tolist())
    found = _meshes(picture.transpose(Image.Transpose.ROTATE_180), box.squared(0.6))
    best = max(found, key=lambda one: _overlap(one.box, box), default=None)
    if best is None or best.depths is None:
        return face
    return _face(np.array(picture.size) - best.points, best.depths)


def _likeness(view: Image.Image) -> float:
    """In [0, 1]: how sure the detector for small faces is of one in a view."""
    return max((float(found.score[0]) for found in solutions.face_boxes(view).detections or ()), default=0.0)


def _view(picture: Image.Image, place: Box) -> Image.Image:
    """What lies in `place`, neither tiny nor huge."""
    factor = max(1.0, MIN_VIEW_PX / min(place.width, place.height))
    factor = min(factor, MAX_VIEW_PX / max(place.width, place.height))
    size = (max(1, round(place.width * factor)), max(1, round(place.height * factor)))
    return picture if place == Box(0, 0, *picture.size) and size == picture.size else crop_box(picture, place, size)


def _face(points: np.ndarray, depths: np.ndarray) -> Face:
    return Face(points, Box(*map(float, (*points.min(0), *points.max(0)))), depths)


def _parts(whole: Box, parts: int) -> list[Box]:
    """`parts` x `parts` boxes that overlap by half; more along the longer side of a long picture."""
    shape = whole.width / whole.height
    columns = round((parts + 1) * shape) - 1 if shape > LONG_SHAPE else parts
    rows = round((parts + 1) / shape) - 1 if shape < 1 / LONG_SHAPE else parts
    width, height = whole.width / (columns + 1) * 2, whole.height / (rows + 1) * 2
    return [
        Box(column * width / 2, row * height / 2, column * width / 2 + width, row * height / 2 + height)
        for row in range(rows)
        for column in range(columns)
    ]


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a.width * a.height + b.width * b.height - width * height)
