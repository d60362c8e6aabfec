"""Which points of a face become landmarks: those of the published editor, section 4.1 of Schardong et al. 2024."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.detect.faces import Face
from core.errors import InputError

# Vertices of MediaPipe's mesh in the order of the published editor: oval, outer and inner lips, both eyes with their
# brows, nose, cheeks. Three of its 134 entries came twice; they are left out here.
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
LIPS = (
    *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 146, 91, 181, 84, 17, 314, 405, 321, 375),
    *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 95, 88, 178, 87, 14, 317, 402, 318, 324),
)
RIGHT_EYE = (246, 161, 160, 159, 158, 157, 173, 33, 7, 163, 144, 145, 153, 154, 155, 133)
RIGHT_BROW = (156, 70, 63, 105, 66, 107, 55, 193)
LEFT_EYE = (466, 388, 387, 386, 385, 384, 398, 263, 249, 390, 373, 374, 380, 381, 382, 362)
LEFT_BROW = (383, 300, 293, 334, 296, 336, 285, 417)
NOSE_AND_CHEEKS = (168, 1, 2, 98, 327, 205, 425)
MESH_VERTICES = (*OVAL, *LIPS, *RIGHT_EYE, *RIGHT_BROW, *LEFT_EYE, *LEFT_BROW, *NOSE_AND_CHEEKS)


def landmarks_of(face: Face) -> np.ndarray:
    """(131, 2) float64: the landmarks of a detected face, (x, y) pixels of its picture."""
    return face.points[list(MESH_VERTICES)]


def choose_face(faces: Sequence[Face], name: str, face: int) -> Face:
    """One of the faces found in a picture that messages call `name`; 1 is the largest.

    Raises:
        InputError: fewer faces than `face`.
    """
    if not 1 <= face <= len(faces):
        raise InputError(f"face {face} of {name} was asked for, it shows {len(faces)}: choose 1 to {len(faces)}")
    return faces[face - 1]
