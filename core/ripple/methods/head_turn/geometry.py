"""Where a head lies in a picture and in space, and the rotation that turns it; degrees of an edit in degrees of yaw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.detect.faces import Face
from core.errors import NothingFoundError

DEG_PER_DEGREE = 10.0  # yaw in degrees that one degree of the edit `pose` asks for: 3 is as far as training turned
EYES_BEFORE_AXIS = (
    0.4  # of the crop's side: how far the eyes lie before the axis of turning (median of the rendered heads)
)
GRAZING_DEG = 62.0  # surfaces turned further away than this count as hidden
# Of MediaPipe's mesh; the rim runs from the brow's middle to the chin, on the picture's left (-1) and on its right.
EYE_CORNERS, MOUTH_CORNERS = ((33, 133), (362, 263)), (61, 291)
EYES = [index for eye in EYE_CORNERS for index in eye]
BROW, CHIN, EARS = 10, 152, (234, 454)
MESH_RIM = {
    -1: (10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152),
    1: (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152),
}


class MeasuredMesh:
    """Heights in a measured `mesh`, (478, 2 or more), whose y points down."""

    mesh: np.ndarray

    @property
    def brow_y(self) -> float:
        """The height of the brow's middle at the hair."""
        return float(self.mesh[BROW, 1])

    @property
    def eyes_y(self) -> float:
        """The height of the eyes."""
        return float(self.mesh[EYES, 1].mean())

    @property
    def ears_y(self) -> float:
        """The height of the ears."""
        return float(self.mesh[list(EARS), 1].mean())

    @property
    def chin_y(self) -> float:
        """The height of the chin."""
        return float(self.mesh[CHIN, 1])


@dataclass(frozen=True)
class Square:
    """An upright square crop: centre and side in pixels of the picture."""

    x: float
    y: float
    side: float


def face_square(eyes: np.ndarray, mouth: np.ndarray) -> Square:
    """The FFHQ crop of an upright face, from the middle of the eyes' line and of the mouth.

    Args:
        eyes: (2, 2) eye centres, (x, y) px.
        mouth: (2, 2) mouth corners.

    Source: Karras et al. 2019 (FFHQ), alignment; here without rotation.
    """
    middle, eye_to_mouth = eyes.mean(0), mouth.mean(0) - eyes.mean(0)
    half = max(2.0 * np.linalg.norm(eyes[1] - eyes[0]), 1.8 * np.linalg.norm(eye_to_mouth))
    centre = middle + 0.1 * eye_to_mouth
    return Square(float(centre[0]), float(centre[1]), 2 * float(half))


def eyes_and_mouth(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eye centres (2, 2) and mouth corners (2, 2) of a mesh (478, 2)."""
    return np.stack([points[list(corners)].mean(0) for corners in EYE_CORNERS]), points[list(MOUTH_CORNERS)]


def measure_face(face: Face) -> tuple[Square, np.ndarray]:
    """Its FFHQ crop, and its mesh (478, 3): x and y px, and how far before the axis of turning each point lies, px."""
    square = face_square(*eyes_and_mouth(face.points))
    if face.depths is None:
        raise NothingFoundError("these landmarks have no depth: detect them rather than setting them by hand")
    corners = [index for eye in EYE_CORNERS for index in eye]
    depth = face.depths[corners].mean() - face.depths + EYES_BEFORE_AXIS * square.side
    return square, np.concatenate([face.points, depth[:, None]], axis=1)


def rotate_about_axis(mesh: np.ndarray, axis_x: float, yaw_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Where points (N, 3) go and whether they still face the viewer, (N, 2) and (N,) bool.

    Seen from afar: x' = axis + (x - axis) cos + depth sin, y stays; the rendered heads keep to it within 0.3 px.
    """
    yaw = np.deg2rad(yaw_deg)
    x, depth = mesh[:, 0] - axis_x, mesh[:, 2]
    points = np.stack([axis_x + x * np.cos(yaw) + depth * np.sin(yaw), mesh[:, 1]], axis=1)
    return points, np.abs(np.arctan2(x, depth) + yaw) < np.deg2rad(GRAZING_DEG)
